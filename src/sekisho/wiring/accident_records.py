"""The accidents on record in a data folder, judged now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.model.accident_record import AccidentRecord
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About
from sekisho.wiring.console import Console

_PAGE = 1_000
Broken = Callable[[AccidentRecord, DescriptionError], None]


def accidents_of(folder: Path, broken: Broken) -> Iterator[tuple[About, Ruling]]:
    """Yield every accident with its verdict; one that can't be judged is told to ``broken`` with the reason.

    :raises DescriptionError: there is no database yet
    """
    with Console(folder) as console:
        yield from judged_accidents(console, broken)


def judged_accidents(console: Console, broken: Broken) -> Iterator[tuple[About, Ruling]]:
    """Yield every accident of a console, as `accidents_of`."""
    desk, after = console.accidents, ""
    while page := desk.find(after=after, limit=_PAGE):
        for one in page:
            try:
                told = one.told()
                ruling = desk.judged(told, console.now())
            except DescriptionError as error:
                broken(one, error)
                continue
            yield told.about, ruling
        if len(page) < _PAGE:
            return
        after = page[-1].place
