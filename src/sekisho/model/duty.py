"""What the law asks after an accident, and by when: first reports, detailed reports, threats, leaks.

電気通信事業法28条, 施行規則57条, 58条, 58条の2; the rules are data (``catalogues/duties_jp.toml``). Pure. "速やかに" has
no number of hours in the law, so none is made up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.incident import Incident, Standing, Threat

#: What a duty may follow from; the rules must have each of them.
TRIGGERS = ("stopped-business", "secrecy", "user-information", "serious", "wholesale", "threat")


class DutyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One duty to report.

    :ivar clock: ``occurred`` or ``known``: the moment whose day is day 0 of the ``days`` to the detailed report
    :ivar days_confidence: how sure the way of counting the days is
    :ivar read_from: the text was read as in force from that day; forms and days of an earlier one are not confirmed
    """

    trigger: str
    title: Text
    article: str
    form: str
    clock: str
    days: int
    first: Text
    source: str
    confidence: str
    read_from: date
    valid_from: date | None = None
    valid_to: date | None = None
    remark: Text | None = None
    days_confidence: str = "C"

    def holds(self, day: date) -> bool:
        """Say whether the duty exists for an accident of that day."""
        return _holds(day, self.valid_from, self.valid_to)


class ThreatEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event of 58条の2; ``also`` names a further fact asked for; ``nature`` counts natural disasters too.

    ``alone``: the event needs none of the other conditions (satellites, submarine cables).
    """

    id: str
    title: Text
    also: str = ""
    nature: bool = False
    alone: bool = False


class ThreatRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The events and conditions of 58条の2 for a span of dates; no events before there was such a duty."""

    id: str
    article: str
    source: str
    confidence: str
    carrier_users: int
    prefectures: int
    events: tuple[ThreatEvent, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Say whether a threat of that day is judged by it."""
        return _holds(day, self.valid_from, self.valid_to)


class LeakLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """特定利用者情報: data of more than so many users."""

    users: int


class DutyRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    duties: tuple[DutyRule, ...]
    threats: tuple[ThreatRules, ...]
    user_information: LeakLimit


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A duty of this accident.

    :ivar standing: `UNDECIDED` when it isn't known yet whether it applies
    :ivar reason: why; ids like those of `sekisho.model.accident.Judgement`
    :ivar started: the moment that starts the clock; ``due`` the last day of the detailed report (Japan)
    :ivar by_operator: ``due`` was set by the operator
    :ivar due_confidence: how sure ``due`` is: never surer than the way of counting, unless the operator set it
    :ivar confirmed: the rule was read as in force on that day
    """

    rule: DutyRule
    standing: Standing
    reason: str
    started: datetime
    due: date
    by_operator: bool
    confirmed: bool
    due_confidence: str = "C"


def duties(
    incident: Incident, serious: Standing, rules: DutyRules, own_dates: Mapping[str, date] | None = None
) -> tuple[Duty, ...]:
    """Return the duties that apply or may apply; those that surely don't are left out.

    ``own_dates``: trigger → last day, where the operator counts otherwise.
    """
    day = japan_day(incident.occurred)
    found = []
    for rule in rules.duties:
        if not rule.holds(day):
            continue
        answer, reason = _applies(rule.trigger, incident, serious, rules, day)
        if answer is Standing.NO:
            continue
        started = incident.known if rule.clock == "known" else incident.occurred
        own = (own_dates or {}).get(rule.trigger)
        due = own or japan_day(started) + timedelta(days=rule.days)
        sure = rule.confidence if own else max(rule.confidence, rule.days_confidence)
        found.append(Duty(rule, answer, reason, started, due, own is not None, rule.read_from <= day, sure))
    return tuple(found)


def unasked(incident: Incident, serious: Standing, rules: DutyRules) -> tuple[str, ...]:
    """Return the questions that nobody has answered and on which a duty to report without delay may hang."""
    events = threat_rules(japan_day(incident.occurred), rules.threats).events
    idle = serious is Standing.YES or not events
    return tuple(one for one in incident.unasked if not (one == "threat" and idle))


def threat_rules(day: date, every: Iterable[ThreatRules]) -> ThreatRules:
    """Return the one set of that day.

    :raises ValueError: none or several: the data are broken
    """
    found = [one for one in every if one.holds(day)]
    if len(found) != 1:
        raise ValueError(f"{day}: {len(found)} sets of threats")
    return found[0]


def judge_threat(threat: Threat, rules: ThreatRules) -> tuple[Standing, str]:
    """Judge おそれがある事態; the reason is the event's id, or the fact that is missing or speaks against it."""
    best = (Standing.NO, "no-event")
    if threat.events is None:
        return (Standing.UNDECIDED, "events") if rules.events else best
    order = {Standing.YES: 0, Standing.UNDECIDED: 1, Standing.NO: 2}
    known = {one.id: one for one in rules.events}
    for name in threat.events:
        if name in known:
            answer = _event(threat, known[name], rules)
            best = min(best, answer, key=lambda one: order[one[0]]) if best[1] != "no-event" else answer
    return best


def _event(threat: Threat, event: ThreatEvent, rules: ThreatRules) -> tuple[Standing, str]:
    if event.alone:
        return Standing.YES, event.id
    users = None if threat.carrier_users is None else threat.carrier_users >= rules.carrier_users
    span = None if threat.prefectures is None else threat.prefectures >= rules.prefectures
    natural = True if event.nature else _not(threat.natural_disaster)
    asked: list[tuple[str, bool | None]] = [
        ("carrier-users", users),
        ("prefectures", span),
        ("terminal-side", _not(threat.terminal_side)),
        ("function", threat.has_function),
        ("expected", _not(threat.expected)),
        ("natural-disaster", natural),
    ]
    if event.also:
        asked.append((event.also, threat.not_noticed))
    for name, met in asked:
        if met is False:
            return Standing.NO, name
    missing = next((name for name, met in asked if met is None), None)
    return (Standing.UNDECIDED, missing) if missing else (Standing.YES, event.id)


def _applies(
    trigger: str, incident: Incident, serious: Standing, rules: DutyRules, day: date
) -> tuple[Standing, str]:
    if trigger == "stopped-business":
        return _said(stated=incident.stopped_business)
    if trigger == "secrecy":
        return _said(stated="secrecy" in incident.leaks)
    if trigger == "user-information":
        return _user_information(incident, rules.user_information.users)
    if trigger in {"serious", "wholesale"}:
        mine = incident.wholesale_cause == (trigger == "wholesale")
        return (serious, "judged") if mine else (Standing.NO, "other-form")
    if incident.threat is None or serious is Standing.YES:
        return Standing.NO, "serious" if incident.threat else "not-stated"
    return judge_threat(incident.threat, threat_rules(day, rules.threats))


def _said(*, stated: bool) -> tuple[Standing, str]:
    return (Standing.YES, "stated") if stated else (Standing.NO, "not-stated")


def _user_information(incident: Incident, limit: int) -> tuple[Standing, str]:
    if "user-information" not in incident.leaks or incident.designated is False:
        return Standing.NO, "not-stated"
    many = None if incident.leaked_users is None else incident.leaked_users > limit
    wide = True if many or incident.handed_abroad else None
    if many is False and incident.handed_abroad is False:
        return Standing.NO, "few"
    if incident.designated and wide:
        return Standing.YES, "stated"
    return Standing.UNDECIDED, "designation-unknown" if wide else "extent-unknown"


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _holds(day: date, first: date | None, end: date | None) -> bool:
    return (first is None or first <= day) and (end is None or day < end)
