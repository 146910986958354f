"""Fixtures: each test of the contract runs on each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.engines import ENGINES, Clock, Longest
from sekisho.ports.flows import RecordStore

Make = Callable[..., RecordStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Make]:
    made: list[RecordStore] = []

    def build(longest: Longest | None = None) -> RecordStore:
        made.append(ENGINES[request.param](tmp_path / "store", clock, longest or {}))
        return made[-1]

    yield build
    for one in made:
        if hasattr(one, "close"):
            one.close()


@pytest.fixture
def store(make: Make) -> RecordStore:
    return make()
