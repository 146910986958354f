"""Accidents by fiscal year, for their page and for programs that ask the same."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from sekisho.model.accident_statistics import Published, Year, statistics
from sekisho.model.incident import Standing

if TYPE_CHECKING:
    from sekisho.wiring.console import Console


class CountedAccidents(msgspec.Struct, frozen=True):
    """The years of either series; ``broken`` are ids of accidents that can't be judged, and are in no count.

    ``periods`` are the first days of the periods for whose report accidents are on record.
    """

    years: tuple[Year, ...]
    published: Published
    broken: tuple[str, ...]
    periods: tuple[date, ...]


def statistics_of(console: Console) -> CountedAccidents:
    """Count the accidents on record beside the published ones."""
    from sekisho.catalogues.accidents import published_accidents
    from sekisho.wiring.accident_records import judged_accidents

    broken: list[str] = []
    published = published_accidents()
    every = list(judged_accidents(console, lambda one, _: broken.append(one.id)))
    first = {ruling.periodic.first for _, ruling in every if ruling.periodic.standing is not Standing.NO}
    return CountedAccidents(statistics(every, published), published, tuple(broken), tuple(sorted(first)))
