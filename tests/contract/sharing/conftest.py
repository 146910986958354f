"""A hub for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.sharing import Ring, opened_ring


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    with opened_ring(tmp_path / "hub") as made:
        yield made
