"""Users affected over time, as an interval: how many at least and at most, for how long, in which reading.

Two readings are possible of "so many users for so many hours" when users come back one after the other: at every moment
of those hours (the narrow one), or all that were ever hit in an
unbroken outage, from its first failure to its last restoration (the wide one).
The sources do not settle it, so only what both say is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from sekisho.model.incident import Effect
from sekisho.model.timeline import EVERYWHERE

_HOUR = timedelta(hours=1)


class Run(msgspec.Struct, frozen=True):
    """An unbroken time in which somebody had lost the service; ``users`` as in `Affected`, of this time alone."""

    begin: datetime
    end: datetime
    running: bool
    users: tuple[int, int | None]

    @property
    def hours(self) -> float:
        """Return its length so far in hours."""
        return (self.end - self.begin) / _HOUR


class Affected(msgspec.Struct, frozen=True):
    """The users of one service over time.

    :ivar steps: (from, until, users known to be hit); until the moment of knowledge for what still goes on
    :ivar running: no end is known
    :ivar users: ever hit, at least and at most (None: nobody knows)
    :ivar runs: its unbroken times, in order; an outage that was over before the next one began is a time of its own
    """

    begin: datetime
    end: datetime
    running: bool
    users: tuple[int, int | None]
    steps: tuple[tuple[datetime, datetime, int], ...]
    runs: tuple[Run, ...]

    @property
    def hours(self) -> float:
        """Return the hours of the longest unbroken time, until now for what goes on."""
        return max(one.hours for one in self.runs)

    def longest(self, users: int) -> tuple[float, datetime | None]:
        """Return for how many hours on end at least so many users were hit, and since when they are now."""
        best, since = 0.0, None
        for begin, end, known in self.steps:
            if known < users:
                since = None
                continue
            since = since or begin
            best = max(best, (end - since) / _HOUR)
        return best, since if self.running else None

    def user_hours(self) -> float:
        """Return the least number of user-hours lost."""
        return sum(known * ((end - begin) / _HOUR) for begin, end, known in self.steps)


def affected(effects: Sequence[Effect], as_of: datetime, *, apart: bool) -> Affected:
    """Put the effects of one service, or of the services of one class, together; there must be one.

    ``apart``: named areas hold different users, so what is known of them adds up.
    """
    begin = min(one.begin for one in effects)
    running = any(one.end is None for one in effects)
    spans = sorted(
        ((one.begin, one.end or max(as_of, one.begin), one) for one in effects), key=lambda span: span[0]
    )
    marks = sorted({*(first for first, _, _ in spans), *(last for _, last, _ in spans)})
    steps, now, following = [], [], 0
    for first, last in pairwise(marks):
        while following < len(spans) and spans[following][0] <= first:
            now.append(spans[following])
            following += 1
        now = [span for span in now if span[1] > first]
        steps.append((first, last, _least([one for _, _, one in now if _certain(one)], apart=apart)))
    least = _least([one for one in effects if _certain(one)], apart=apart)
    return Affected(
        begin, marks[-1], running, (least, _most(effects)), tuple(steps), tuple(_runs(spans, apart=apart))
    )


def _runs(spans: Sequence[tuple[datetime, datetime, Effect]], *, apart: bool) -> Iterator[Run]:
    parts: list[list[tuple[datetime, datetime, Effect]]] = []
    end = spans[0][0]
    for span in spans:
        if not parts or span[0] > end:
            parts.append([])
        parts[-1].append(span)
        end = max(end, span[1])
    for part in parts:
        effects = [one for _, _, one in part]
        least = _least([one for one in effects if _certain(one)], apart=apart)
        until, running = max(last for _, last, _ in part), any(one.end is None for one in effects)
        yield Run(part[0][0], until, running, (least, _most(effects)))


def counts(effect: Effect) -> bool:
    """Say whether 58条2項1号 may count the effect at all."""
    weighed = not effect.degraded_only or effect.unusable is not False
    return effect.fault is not False and not effect.additional and weighed


def _certain(effect: Effect) -> bool:
    return effect.fault is True and (not effect.degraded_only or effect.unusable is True)


def _least(effects: Sequence[Effect], *, apart: bool) -> int:
    """Return who is hit for certain: areas overlap unless somebody says that they are apart."""
    by_area: dict[str, int] = {}
    for one in effects:
        by_area[one.area] = max(by_area.get(one.area, 0), one.users_least)
    unnamed = max(by_area.pop("", 0), by_area.pop(EVERYWHERE, 0))
    named = sum(by_area.values()) if apart else max(by_area.values(), default=0)
    return max(unnamed, named)


def _most(effects: Sequence[Effect]) -> int | None:
    """Return who may have been hit: everybody apart, but what continues an outage counts only what it adds."""
    total = 0
    peaks: dict[tuple[str, str], int] = {}
    for one in sorted(effects, key=lambda effect: effect.begin):
        if one.users_most is None:
            return None
        at = (one.service, one.area)
        peak = peaks.get(at, 0) if one.continues else 0
        total += max(0, one.users_most - peak)
        peaks[at] = max(peak, one.users_most)
    return total
