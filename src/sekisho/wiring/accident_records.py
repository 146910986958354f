"""The accidents on record in a data folder, judged now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.model.accident_record import AccidentRecord
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About
from sekisho.wiring.console import Console

Broken = Callable[[AccidentRecord, DescriptionError], None]


def accidents_of(folder: Path, broken: Broken) -> Iterator[tuple[About, Ruling]]:
    """Yield every accident with its verdict; one that can't be judged is told to ``broken`` with the reason.

    :raises DescriptionError: there is no database yet
    """
    with Console(folder) as console:
        desk, after = console.accidents, ""
        while page := desk.find(after=after, limit=100):
            for one in page:
                try:
                    told = one.told()
                    ruling = desk.judged(told, console.now())
                except DescriptionError as error:
                    broken(one, error)
                    continue
                yield told.about, ruling
            after = page[-1].place
