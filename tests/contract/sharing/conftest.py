"""A hub for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.pattern import copied
from fakes.sharing import Ring, opened_ring


@pytest.fixture(scope="module", autouse=True)
def _databases() -> Iterator[None]:
    """What it costs to make a database is paid once."""
    with copied():
        yield


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    with opened_ring(tmp_path / "hub") as made:
        yield made
