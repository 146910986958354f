"""The periodic accident report (電気通信事業報告規則7条の3): whether an accident belongs in it, which form, by when. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.affected import affected
from sekisho.model.incident import Effect, Incident, Standing

_FISCAL_MONTH = 4


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to report: its form, for failures of ``facilities``; none for all others."""

    id: str
    form: str
    title: Text
    facilities: tuple[str, ...] = ()


class PeriodicRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The periodic report of a span of dates of the accident.

    :ivar months: length of a period; ``due_months`` after its end
    :ivar items: ``equipment``, ``other-equipment``, ``facility-information``
    :ivar users: from so many users, **or** from so many ``hours``
    """

    id: str
    months: int
    due_months: int
    serious_too: bool
    items: tuple[str, ...]
    users: int
    hours: float
    article: str
    source: str
    confidence: str
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Say whether an accident of that day is reported by it."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class Periodic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the periodic report asks of this accident. ``last`` is the period's last day, ``due`` the report's.

    ``reason``: users, hours, facility-information; below, no-failure, minor, serious-excluded; users-unknown,
    still-running, not-weighed, other-equipment-unknown, services-together, outages-apart, serious-undecided, nothing-known.
    """

    standing: Standing
    reason: str
    rules: PeriodicRules
    track: Track | None
    first: date
    last: date
    due: date


def periodic_rules(day: date, every: Iterable[PeriodicRules]) -> PeriodicRules:
    """Return the one set of that day.

    :raises ValueError: none or several: the data are broken
    """
    found = [one for one in every if one.holds(day)]
    if len(found) != 1:
        raise ValueError(f"{day}: {len(found)} sets of periodic rules")
    return found[0]


def periodic(
    incident: Incident, serious: Standing, rules: PeriodicRules, tracks: Iterable[Track]
) -> Periodic:
    """Say whether the accident belongs in the report, and in which."""
    first, last, due = period(japan_day(incident.occurred), rules)
    answer, reason = _belongs(incident, rules)
    if answer is not Standing.NO and not rules.serious_too:
        if serious is Standing.YES:
            answer, reason = Standing.NO, "serious-excluded"
        elif serious is Standing.UNDECIDED:
            answer, reason = Standing.UNDECIDED, "serious-undecided"
    if incident.minor and answer is not Standing.NO:
        answer, reason = Standing.NO, "minor"
    every = tuple(tracks)
    track = next((one for one in every if incident.facility in one.facilities), None)
    track = track or next((one for one in every if not one.facilities), None)
    return Periodic(answer, reason, rules, None if answer is Standing.NO else track, first, last, due)


def period(day: date, rules: PeriodicRules) -> tuple[date, date, date]:
    """Return the period's first and last day and the last day of the report; periods count from April."""
    ahead = (day.month - _FISCAL_MONTH) % 12 % rules.months
    first = _month(day, -ahead)
    end = _month(first, rules.months)
    one = timedelta(days=1)
    return first, end - one, _month(end, rules.due_months) - one


def _month(day: date, add: int) -> date:
    months = day.year * 12 + day.month - 1 + add
    return date(months // 12, months % 12 + 1, 1)


def _belongs(incident: Incident, rules: PeriodicRules) -> tuple[Standing, str]:
    if "facility-information" in incident.leaks and "facility-information" in rules.items:
        return Standing.YES, "facility-information"
    asked = []
    for item in ("equipment", "other-equipment"):
        every = [one for one in incident.effects if item == _item(one) in rules.items]
        services = sorted({one.service for one in every})
        asked += [
            _reached([one for one in every if one.service is service], incident, rules)
            for service in services
        ]
        # A failure is one, whatever services it hits; whether they have the same users nobody knows.
        if len(services) > 1 and _reached(every, incident, rules)[0] is not Standing.NO:
            asked.append((Standing.UNDECIDED, "services-together"))
    for answer in (Standing.YES, Standing.UNDECIDED):
        for one in asked:
            if one[0] is answer:
                return one
    if incident.effects and not asked:
        return Standing.NO, "no-failure"
    if asked or incident.unhurt:
        return Standing.NO, "below"
    return Standing.UNDECIDED, "nothing-known"


def _item(effect: Effect) -> str:
    weighed = not effect.degraded_only or effect.unusable is not False
    # What was no failure of 電気通信設備 may have been one of other equipment, until somebody says that it was not.
    if effect.other_equipment or (effect.fault is False and effect.other_equipment is None and weighed):
        return "other-equipment"
    return "equipment" if effect.fault is not False and weighed else ""


def _reached(effects: list[Effect], incident: Incident, rules: PeriodicRules) -> tuple[Standing, str]:
    doubtful = any(
        (one.fault is None and not one.other_equipment) or (one.degraded_only and one.unusable is None)
        for one in effects
    )
    unasked = any(one.fault is False and one.other_equipment is None for one in effects)
    known = [msgspec.structs.replace(one, fault=True, degraded_only=False) for one in effects]
    course = affected(known, incident.as_of, apart=incident.areas_apart)
    if course.users[0] >= rules.users or course.hours >= rules.hours:
        reason = "users" if course.users[0] >= rules.users else "hours"
        if unasked:
            return Standing.UNDECIDED, "other-equipment-unknown"
        return (Standing.UNDECIDED, "not-weighed") if doubtful else (Standing.YES, reason)
    if course.users[1] is None or course.users[1] >= rules.users:
        return Standing.UNDECIDED, "users-unknown"
    if course.running:
        return Standing.UNDECIDED, "still-running"
    # Whether outages with a restoration between them are one failure no source says.
    together = len(course.runs) > 1 and sum(one.hours for one in course.runs) >= rules.hours
    return (Standing.UNDECIDED, "outages-apart") if together else (Standing.NO, "below")
