"""What members see of published indicators: on how many of their lines, by the day. No line, no time finer than a day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

_DAY = 86_400_000
#: A member says it of the days that are over, this many of them back at most.
DAYS_BACK = 7
#: A day is open for so long after it began: three days after it is over nobody can change its figure any more.
_OPEN_DAYS = 4


class LineCount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On how many lines of a member an indicator was seen on one day; said again it replaces what was said.

    :ivar indicator: id under which the hub published it
    :ivar day: ISO date in UTC
    :ivar at: when the hub was told (milliseconds)
    """

    member: str
    indicator: str
    day: str
    lines: int
    at: int


class SeenLines(msgspec.Struct, frozen=True):
    """A figure of several groups of members together, rounded: lines on which an indicator was seen, summed by day."""

    indicator: str
    lines: int


def day_of(milliseconds: int) -> str:
    """Return the day (UTC) of a moment.

    >>> day_of(1_795_000_000_000)
    '2026-11-18'
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def begin_of(day: str) -> int:
    """Return the first moment of a day. :raises ValueError: it isn't written as 2026-11-18, the one way to write a day."""
    found = date.fromisoformat(day)
    if found.isoformat() != day:
        raise ValueError(day)
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1000


def closed_at(day: str) -> int:
    """Return when a day's figure is fixed: what is told from then on has no part in it."""
    return begin_of(day) + _OPEN_DAYS * _DAY


def closed_days(now: int) -> tuple[str, str]:
    """Return the first and the last of the newest `DAYS_BACK` days whose figures are fixed.

    >>> closed_days(begin_of("2026-11-18"))
    ('2026-11-08', '2026-11-14')
    """
    last = now - _OPEN_DAYS * _DAY
    return day_of(last - (DAYS_BACK - 1) * _DAY), day_of(last)


def days_due(now: int, settled: int, since: int) -> tuple[str, ...]:
    """Return the days that can be told: over for ``settled`` milliseconds, from ``since`` on, `DAYS_BACK` at most; oldest first.

    >>> days_due(begin_of("2026-11-18") + 7_200_000, 3_600_000, begin_of("2026-11-16") + 1)
    ('2026-11-17',)
    """
    last = (now - settled) // _DAY - 1
    first = max(-(-since // _DAY), last - DAYS_BACK + 1)
    return tuple(day_of(day * _DAY) for day in range(first, last + 1))
