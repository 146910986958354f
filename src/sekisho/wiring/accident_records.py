"""The accidents on record in a data folder, judged now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About
from sekisho.wiring.console import Console


def accidents_of(folder: Path) -> Iterator[tuple[About, Ruling]]:
    """Yield every accident with its verdict. :raises DescriptionError: there is no database yet."""
    with Console(folder) as console:
        desk, after = console.accidents, ""
        while page := desk.find(after=after, limit=100):
            for one in page:
                told = one.told()
                yield told.about, desk.judged(told, console.now())
            after = page[-1].place
