"""One line of a class (so many hours and so many users) held against the course of an accident. Pure.

Where the sources don't say how to count, the answer is undecided: users who come back bit by bit, outages with a short
restoration between them, what nobody has weighed yet (whether it was a failure, whether use was as good as impossible).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from sekisho.model.affected import Affected, Run
from sekisho.model.incident import Effect, Standing

#: What a person may still have to weigh of an effect → the reason when everything else is reached.
DOUBTS = {"fault": "fault-unknown", "unusable": "unusable-unknown"}


class Outcome(msgspec.Struct, frozen=True):
    """What a line says: ``becomes`` when it turns serious if nothing changes, ``earliest`` when it could before that.

    ``doubts``: of `DOUBTS`, those on which it hangs as well.
    """

    line: tuple[float, int]
    standing: Standing
    reason: str
    becomes: datetime | None = None
    earliest: datetime | None = None
    doubts: tuple[str, ...] = ()


def doubts_of(effects: Sequence[Effect]) -> tuple[str, ...]:
    """Return what nobody has weighed yet of effects that may count."""
    found = {
        "fault": any(one.fault is None for one in effects),
        "unusable": any(one.degraded_only and one.unusable is None for one in effects),
    }
    return tuple(name for name, doubtful in found.items() if doubtful)


def weighed(effects: Sequence[Effect]) -> list[Effect]:
    """Return the effects as they are if every doubt falls on the side of counting."""
    return [msgspec.structs.replace(one, fault=True, degraded_only=False) for one in effects]


def outcome(line: tuple[float, int], whole: Affected, certain: Affected, doubts: tuple[str, ...]) -> Outcome:
    """Return what a line says; ``whole`` is the course with all doubts counted, ``certain`` the one without."""
    found = _of(line, whole)
    if not doubts or found.standing is Standing.NO:
        return found
    sure = _of(line, certain)
    if sure.standing is Standing.YES or (sure.becomes and sure.becomes == found.becomes):
        return sure
    moments = [one for one in (found.becomes, found.earliest, sure.earliest) if one]
    reason, left = found.reason, doubts
    if found.standing is Standing.YES:
        reason, left = DOUBTS[doubts[0]], doubts[1:]
    return Outcome(line, Standing.UNDECIDED, reason, sure.becomes, min(moments, default=None), left)


def _of(line: tuple[float, int], course: Affected) -> Outcome:
    wanted_hours, wanted_users = line
    long, since = course.longest(wanted_users)
    if long >= wanted_hours:
        return Outcome(line, Standing.YES, "reached")
    apart = _together(course.runs, wanted_hours, wanted_users)
    may = [one for one in course.runs if one.running or one.hours >= wanted_hours]
    enough = [one for one in may if _perhaps(one, wanted_users)]
    if not enough:
        if apart:
            return Outcome(line, Standing.UNDECIDED, "outages-apart")
        return Outcome(line, Standing.NO, "too-few" if may else "too-short")
    lasting = timedelta(hours=wanted_hours)
    narrow = since + lasting if since else None
    # Both readings: a run in which enough were hit has done its hours, though not all of them for so long.
    if any(one.hours >= wanted_hours and one.users[0] >= wanted_users for one in enough):
        return Outcome(line, Standing.UNDECIDED, "readings-differ", narrow)
    now = next((one for one in enough if one.running), None)
    wide = now.begin + lasting if now else None
    before = [one for one in course.runs if not one.running and _perhaps(one, wanted_users)]
    earliest = wide - timedelta(hours=sum(one.hours for one in before)) if wide else None
    if now and now.users[0] >= wanted_users:
        becomes = min(one for one in (narrow, wide) if one)
        reason = (
            "outages-apart" if apart else "still-running" if narrow == wide else "running-readings-differ"
        )
        return Outcome(line, Standing.UNDECIDED, reason, becomes, earliest if before and not apart else None)
    if any(one.hours >= wanted_hours for one in enough):
        return Outcome(line, Standing.UNDECIDED, "users-unknown")
    return Outcome(line, Standing.UNDECIDED, "running-and-users-unknown", None, earliest)


def _perhaps(one: Run, users: int) -> bool:
    return one.users[1] is None or one.users[1] >= users


def _together(runs: Sequence[Run], hours: float, users: int) -> bool:
    """Say whether separate outages reach the line if they add up, in time or in users: no source says that they don't.

    A restoration shorter than the outages on both sides of it may have been none.
    """
    if len(runs) == 1:
        return False
    hit = [one for one in runs if _perhaps(one, users)]
    time = sum(one.hours for one in hit)
    for first, second in pairwise(hit):
        gap = (second.begin - first.end) / timedelta(hours=1)
        time += gap if gap < min(first.hours, second.hours) else 0
    lasting = [one.users[1] for one in runs if one.hours >= hours]
    return time >= hours or (len(lasting) > 1 and sum(one or 0 for one in lasting) >= users)
