"""Healing is observed, never declared: so many days without a detection on which the line was seen at work.

A day counts only when the line sent something on it and every method that had found the case looked at it; days of a
silent line, or of a watch that did not look, say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sekisho.model.case import Case, CaseEvent, CaseState, Healing
from sekisho.model.case_life import WATCH, Change

HOUR = 3_600_000
DAY = 24 * HOUR


def active_days(case: Case, activity: Iterable[int], now: int) -> int:
    """Return how many whole days since the last detection have an hour of ``activity``.

    :param activity: beginnings of hours (milliseconds) in which the line sent and the case's methods looked
    """
    whole = (now - case.last_seen) // DAY
    return len({day for hour in activity if 0 <= (day := (hour - case.last_seen) // DAY) < whole})


def observe(case: Case, activity: Iterable[int], now: int, days: int, silent_hours: int = 48) -> Healing:
    """Say what the watch can say of a case now.

    :param activity: see `active_days`
    :param days: active days without a detection after which a line counts as healed
    :param silent_hours: a line without activity for so long is silent, and nothing can be said of it
    """
    hours = [hour for hour in activity if hour <= now]
    if now - case.last_seen < DAY:
        return Healing.ACTIVE
    if active_days(case, hours, now) >= max(1, days):
        return Healing.HEALED
    if all(hour < now - silent_hours * HOUR or hour < case.last_seen for hour in hours):
        return Healing.UNKNOWN
    return Healing.QUIET


def healed(case: Case, at: int, days: int) -> Change | None:
    """Return the change of a case that was observed to be healed after ``days`` active days; None when it isn't open."""
    if not case.state.open:
        return None
    told = {"from": case.state.value, "to": CaseState.HEALED.value, "active_days": days}
    event = CaseEvent(case.id, 0, at, WATCH.name, "healing", told)
    new = msgspec.structs.replace(case, state=CaseState.HEALED, healed_at=case.last_seen, updated=at)
    return Change(new, (event,))
