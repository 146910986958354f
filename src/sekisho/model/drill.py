"""Drills: a scenario's facts come one after the other, in real or fast time, and the team's own facts are measured. Pure.

Time of the drill runs ``speed`` times as fast as the clock on the wall; everything measured is time of the drill.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from sekisho.model.telling import TellingRules
from sekisho.model.timeline import About, Fact, What

_BEGINS = {What.DOWN, What.DEGRADED, What.EQUIPMENT_DOWN, What.OCCURRED}
_ENDS = {What.RESTORED, What.EQUIPMENT_RESTORED}


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing measured, in minutes since the failure (of updates: the longest pause).

    :ivar minutes: None when it was never done; ``limit`` None when nobody set one
    """

    id: str
    minutes: float | None
    limit: float | None

    @property
    def met(self) -> bool | None:
        """Whether it was in time; never done is not in time; None without a limit."""
        if self.limit is None:
            return None
        return self.minutes is not None and self.minutes <= self.limit


#: What a team does in a drill.
TEAM_ACTS = (What.KNOWN, What.TOLD, What.REPORTED)


class Drill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drill that the console keeps.

    :ivar facts: those of the scenario as `played`, in time of the drill
    :ivar team: what the team did, with the time on the wall
    :ivar stopped: when somebody ended it, on the wall; None while it goes on
    """

    id: str
    about: About
    start: datetime
    speed: float
    facts: tuple[Fact, ...]
    team: tuple[Fact, ...] = ()
    stopped: datetime | None = None

    def clock(self, wall: datetime) -> datetime:
        """Return the time of the drill at a moment on the wall; it stands still when the drill is stopped."""
        return self.start + (min(wall, self.stopped or wall) - self.start) * self.speed

    def happened(self, wall: datetime) -> tuple[Fact, ...]:
        """Return what everybody can know by then: the scenario's facts so far and the team's, in time of the drill."""
        at = self.clock(wall)
        own = (msgspec.structs.replace(one, time=min(self.clock(one.time), at)) for one in self.team)
        return tuple(sorted((*(one for one in self.facts if one.time <= at), *own), key=lambda one: one.time))

    def over(self, wall: datetime) -> bool:
        """Say whether the scenario has told all that it has."""
        return all(one.time <= self.clock(wall) for one in self.facts)


def played(scenario: Sequence[Fact], start: datetime) -> tuple[Fact, ...]:
    """Return the scenario's facts moved so that the first one is at ``start``, in the order of time."""
    ordered = sorted(scenario, key=lambda one: one.time)
    return tuple(msgspec.structs.replace(one, time=start + (one.time - ordered[0].time)) for one in ordered)


def measure(
    facts: Sequence[Fact],
    team: Sequence[Fact],
    start: datetime,
    speed: float,
    rules: TellingRules,
    target: int | None,
    wall: datetime | None = None,
) -> tuple[Measure, ...]:
    """Return how long the team took. ``facts`` are as `played`; those of the team have the time on the wall.

    ``wall``: now, on the wall; what is still to come in the scenario is no pause yet. None when it is over.
    """
    begin = min((one.time for one in facts if one.what in _BEGINS), default=start)
    end = max((one.time for one in facts if one.what in _ENDS), default=max(one.time for one in facts))
    if wall is not None:
        end = min(end, start + (wall - start) * speed)
    own: dict[What, list[datetime]] = {}
    for one in team:
        if one.time >= start:
            own.setdefault(one.what, []).append(start + (one.time - start) * speed)
    told = sorted(own.get(What.TOLD, []))
    return (
        Measure("known", _since(begin, own.get(What.KNOWN, [])), None),
        Measure("told", _since(begin, told), float(rules.first_minutes)),
        Measure("updates", _longest_pause(told, end), float(rules.update_minutes)),
        Measure(
            "reported", _since(begin, own.get(What.REPORTED, [])), None if target is None else float(target)
        ),
    )


def _since(begin: datetime, moments: Sequence[datetime]) -> float | None:
    return (min(moments) - begin) / timedelta(minutes=1) if moments else None


def _longest_pause(told: Sequence[datetime], end: datetime) -> float | None:
    """Return the longest pause between two notices, or between the last one and ``end``: the restoration, or now."""
    if not told:
        return None
    during = [one for one in told if one <= end]
    marks = [*during, end] if during else [told[0]]
    pauses = [(later - one) / timedelta(minutes=1) for one, later in pairwise(marks)]
    return max(pauses, default=0.0)
