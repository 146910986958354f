"""Accidents by fiscal year: one's own beside what the ministry published; gaps stay gaps. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.affected import affected
from sekisho.model.incident import Standing
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About

_FISCAL_MONTH = 4
#: Size bands of the published statistics that are known: the lower ends. The bands between are one's own.
BANDS = (0, 500, 5_000, 30_000)


class PublishedYear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was published of a fiscal year; None for a gap."""

    year: int
    confidence: str
    total: int | None = None
    serious: int | None = None
    simple: int | None = None


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The series, and why there are gaps."""

    years: tuple[PublishedYear, ...]
    gaps: Text


class Year(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fiscal year.

    :ivar own: accidents on record; ``undecided`` those of which nobody knows yet whether they are serious
    :ivar periodic: those that belong in the periodic report
    :ivar causes: by the operator's own words, "" for not said; ``services`` by kind; ``sizes`` by `BANDS`, -1 unknown
    """

    year: int
    published: PublishedYear | None
    own: int = 0
    serious: int = 0
    undecided: int = 0
    periodic: int = 0
    causes: Mapping[str, int] = {}
    services: Mapping[str, int] = {}
    sizes: Mapping[int, int] = {}


def fiscal_year(day: date) -> int:
    """Return the fiscal year, which begins in April."""
    return day.year if day.month >= _FISCAL_MONTH else day.year - 1


def statistics(every: Iterable[tuple[About, Ruling]], published: Published) -> tuple[Year, ...]:
    """Return the years from the first to the last of either, those without anything too."""
    by_year: dict[int, list[tuple[About, Ruling]]] = {}
    for about, ruling in every:
        by_year.setdefault(fiscal_year(japan_day(ruling.incident.occurred)), []).append((about, ruling))
    told = {one.year: one for one in published.years}
    known = {*by_year, *told}
    if not known:
        return ()
    return tuple(_year(one, by_year.get(one, []), told.get(one)) for one in range(min(known), max(known) + 1))


def _year(year: int, cases: list[tuple[About, Ruling]], published: PublishedYear | None) -> Year:
    standings = Counter(ruling.serious for _, ruling in cases)
    services: Counter[str] = Counter()
    for _, ruling in cases:
        services.update({one.service.value for one in ruling.incident.effects})
    return Year(
        year,
        published,
        len(cases),
        standings[Standing.YES],
        standings[Standing.UNDECIDED],
        sum(ruling.periodic.standing is Standing.YES for _, ruling in cases),
        dict(Counter(about.report.cause_class for about, _ in cases)),
        dict(sorted(services.items())),
        dict(sorted(Counter(band(ruling) for _, ruling in cases).items())),
    )


def band(ruling: Ruling) -> int:
    """Return the lower end of the size band of the users hit; -1 when the least and the most lie in different ones."""
    one = ruling.incident
    if not one.effects:
        return 0 if one.unhurt else -1
    least, most = 0, 0
    for service in {effect.service for effect in one.effects}:
        course = affected(
            [effect for effect in one.effects if effect.service is service], one.as_of, apart=one.areas_apart
        )
        if course.users[1] is None:
            return BANDS[-1] if course.users[0] >= BANDS[-1] else -1
        least, most = max(least, course.users[0]), max(most, course.users[1])
    return _floor(least) if _floor(least) == _floor(most) else -1


def _floor(users: int) -> int:
    return max(one for one in BANDS if one <= users)
