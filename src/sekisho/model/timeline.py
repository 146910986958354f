"""The facts of an accident in the order of time, and what they come to at a moment: an `Incident`. Pure.

A fact says who told it. What is known at a moment is what the facts up to it say: later ones are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import msgspec

from sekisho.model.incident import QUESTIONS, Effect, Equipment, Incident, Service, Threat

#: The area of a fact that names none: then all facts of the service speak of the same users.
EVERYWHERE = "*"
LEAKS = ("secrecy", "user-information", "facility-information")


class What(StrEnum):
    """Kinds of facts; ``told`` is a notice to users, ``reported`` a report to the ministry.

    ``users`` is how many were hit by the whole outage and revises what was said before; ``users-now`` is how many are
    hit from that moment on. ``withdrawn`` takes back another fact of the same record.
    """

    OCCURRED = "occurred"
    KNOWN = "known"
    DOWN = "down"
    DEGRADED = "degraded"
    USERS = "users"
    USERS_NOW = "users-now"
    RESTORED = "restored"
    EQUIPMENT_DOWN = "equipment-down"
    EQUIPMENT_RESTORED = "equipment-restored"
    TOLD = "told"
    REPORTED = "reported"
    NOTE = "note"
    WITHDRAWN = "withdrawn"


class Fact(msgspec.Struct, frozen=True):
    """One fact: when, what, of which service and area, from which source.

    :ivar line: where it stands in its file, for messages
    :ivar users_most: None when nobody knows
    :ivar withdraws: for withdrawn: which fact, counted from 1 in the order they were kept
    :ivar equipment: for equipment-…: what it is; ``all_traffic`` whether all traffic over it stopped
    """

    time: datetime
    what: What
    line: str = ""
    service: Service | None = None
    area: str = ""
    users_least: int | None = None
    users_most: int | None = None
    source: str = ""
    note: str = ""
    equipment: str = ""
    all_traffic: bool | None = None
    unusable: bool | None = None
    withdraws: int = 0


class Details(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What only people know, for the documents; an empty text is "not said yet".

    ``cause_class``: the operator's own words, like equipment, human, external; codes of forms come from a mapping file.
    ``reported_at`` and ``submitted`` are written as they are to stand there, before somebody signs.
    """

    operator: str = ""
    contact: str = ""
    place: str = ""
    overview: str = ""
    cause: str = ""
    cause_class: str = ""
    equipment: str = ""
    measures: str = ""
    outlook: str = ""
    emergency: str = ""
    substitutes: str = ""
    other: str = ""
    reported_at: str = ""
    wholesale: str = ""
    addressee: str = ""
    submitted: str = ""
    address: str = ""
    representative: str = ""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of the whole accident and not of a moment; see `Incident` and `Effect`.

    ``fault`` is true unless somebody says otherwise: doubt falls on the side of reporting. ``leaks``, ``stopped_business``,
    ``threat`` and ``other_equipment`` are None until somebody answers: that nobody asked is not "no".

    ``target_minutes``: the operator's own target for the first report, for which the law has no number.

    ``monthly_users`` and ``subscribers``: service → number. ``due``: trigger of a duty → the operator's own last day.
    """

    id: str = "accident"
    title: str = ""
    fault: bool | Literal["unknown"] = True
    other_equipment: bool | None = None
    additional: bool = False
    leaks: tuple[str, ...] | None = None
    stopped_business: bool | None = None
    wholesale_cause: bool = False
    threat: Threat | None = None
    unhurt: bool = False
    areas_apart: bool = False
    designated: bool | None = None
    leaked_users: int | None = None
    handed_abroad: bool | None = None
    facility: str = ""
    minor: bool = False
    significant: bool | None = None
    target_minutes: int | None = None
    monthly_users: dict[Service, int] = {}
    subscribers: dict[Service, int] = {}
    due: dict[str, date] = {}
    report: Details = Details()

    @property
    def answers(self) -> tuple[object | None, ...]:
        """What was answered to `QUESTIONS`, in their order; None for nothing."""
        return self.leaks, self.stopped_business, self.threat


class TimelineError(ValueError):
    """Facts that contradict themselves: ``reason`` is an id, ``line`` where it stands, ``hint`` what there is instead."""

    def __init__(self, reason: str, line: str, hint: str = "") -> None:
        """Keep all three."""
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.hint = hint


def in_force(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """Return the facts without those taken back, and without what takes them back, in the same order.

    :raises TimelineError: something is taken back that is no fact
    """
    gone = set()
    for one in facts:
        if one.what is What.WITHDRAWN:
            known = 1 <= one.withdraws <= len(facts)
            if not known or facts[one.withdraws - 1].what is What.WITHDRAWN:
                raise TimelineError("nothing-to-withdraw", one.line)
            gone.add(one.withdraws)
    return tuple(
        one for number, one in enumerate(facts, 1) if number not in gone and one.what is not What.WITHDRAWN
    )


def incident(about: About, facts: Sequence[Fact], as_of: datetime) -> Incident:
    """Return the accident as the facts up to ``as_of`` tell it.

    Where nobody says when it was known, the clocks start when it occurred: the earlier, safer day.

    :raises TimelineError: no fact is that old; restored, or users told, of what never failed
    """
    ordered = sorted((one for one in facts if one.time <= as_of), key=lambda one: one.time)
    if not ordered:
        first = min(facts, key=lambda one: one.time, default=None)
        raise TimelineError("nothing-known-yet", first.line if first else "")
    effects = tuple(_effects(about, ordered))
    equipment = tuple(_equipment(ordered))
    # By the facts and not by the effects: what was restored at the moment it failed leaves none.
    begins = [one.time for one in ordered if one.what in {What.DOWN, What.DEGRADED, What.EQUIPMENT_DOWN}]
    occurred = next((one.time for one in ordered if one.what is What.OCCURRED), None)
    if occurred and begins and min(begins) < occurred:
        late = next(one for one in ordered if one.what is What.OCCURRED)
        raise TimelineError("failed-before-it-occurred", late.line)
    assumed = occurred is None and not begins
    occurred = occurred or min(begins, default=ordered[0].time)
    known = next((one for one in ordered if one.what is What.KNOWN), None)
    if known and known.time < occurred:
        raise TimelineError("known-before-it-occurred", known.line)
    shared = ("id", "title", "wholesale_cause", "threat", "unhurt", "areas_apart",
              "designated", "leaked_users", "handed_abroad", "facility", "minor")  # fmt: skip
    return Incident(
        occurred=occurred,
        occurred_assumed=assumed,
        known=known.time if known else occurred,
        known_assumed=known is None,
        as_of=as_of,
        effects=effects,
        equipment=equipment,
        leaks=about.leaks or (),
        stopped_business=bool(about.stopped_business),
        unasked=tuple(name for name, answer in zip(QUESTIONS, about.answers, strict=True) if answer is None),
        **{name: getattr(about, name) for name in shared},
    )


_NAMED = 5
_At = tuple[Service, str]


def _effects(about: About, facts: Sequence[Fact]) -> Iterator[Effect]:
    every: list[list[Effect]] = []
    latest: dict[_At, list[Effect]] = {}
    for fact in facts:
        if fact.what in {What.DOWN, What.DEGRADED}:
            at = _at(fact)
            if not _running(latest.get(at)):
                latest[at] = []
                every.append(latest[at])
            _hit(about, fact, latest[at])
        elif fact.what in {What.USERS, What.USERS_NOW}:
            outage = latest.get(_at(fact))
            # A count of the whole may be made when all is over; a number of now may not.
            if not outage or (fact.what is What.USERS_NOW and not _running(outage)):
                raise TimelineError("users-of-what-is-not-down", fact.line)
            _revise(fact, outage)
        elif fact.what is What.RESTORED:
            hit = [at for at, outage in latest.items() if _running(outage) and _means(fact, at)]
            if not hit:
                # Another area than the one that is down, by a hair of its name perhaps: which ones are down is the advice.
                down = [place or EVERYWHERE for (service, place), outage in latest.items()
                        if service is fact.service and _running(outage)]  # fmt: skip
                reason = "restored-elsewhere" if down else "restored-before-failed"
                raise TimelineError(reason, fact.line, ", ".join(down[:_NAMED]))
            for at in hit:
                _cut(latest[at], fact.time)
    for outage in every:
        yield from outage


def _at(fact: Fact) -> _At:
    if fact.service is None:
        raise TimelineError("service-missing", fact.line)
    return fact.service, fact.area or EVERYWHERE


def _running(outage: Sequence[Effect] | None) -> bool:
    return bool(outage) and outage[-1].end is None  # type: ignore[index]


def _cut(outage: list[Effect], end: datetime) -> Effect:
    """End the running span, which is dropped when it would be empty; return it as it was."""
    last = outage.pop()
    if last.begin < end:
        outage.append(msgspec.structs.replace(last, end=end))
    return last


def _revise(fact: Fact, outage: list[Effect]) -> None:
    if fact.what is What.USERS:
        outage[:] = [_counted(one, fact) for one in outage]
        return
    before = _cut(outage, fact.time)
    outage.append(_counted(msgspec.structs.replace(before, begin=fact.time, continues=bool(outage)), fact))


def _means(fact: Fact, at: tuple[Service, str]) -> bool:
    return (fact.service is None or fact.service is at[0]) and (not fact.area or fact.area == at[1])


def _hit(about: About, fact: Fact, outage: list[Effect]) -> None:
    service, area = _at(fact)
    before = _cut(outage, fact.time) if outage else None
    fault = None if about.fault == "unknown" else about.fault
    fresh = Effect(
        service, fact.time, None, before.users_least if before else 0, before.users_most if before else None,
        area, fact.what is What.DEGRADED, about.monthly_users.get(service), fault, fact.unusable,
        about.other_equipment, about.additional, about.subscribers.get(service), bool(outage),
    )  # fmt: skip
    outage.append(_counted(fresh, fact))


def _counted(effect: Effect, fact: Fact) -> Effect:
    if fact.users_least is None and fact.users_most is None:
        return effect
    least = fact.users_least or 0
    if fact.users_most is not None and fact.users_most < least:
        raise TimelineError("most-below-least", fact.line)
    return msgspec.structs.replace(effect, users_least=least, users_most=fact.users_most)


def _equipment(facts: Sequence[Fact]) -> Iterator[Equipment]:
    running: dict[str, Equipment] = {}
    for fact in facts:
        if fact.what is What.EQUIPMENT_DOWN:
            name = fact.equipment or fact.area
            if not name:
                raise TimelineError("equipment-missing", fact.line)
            begin = running[name].begin if name in running else fact.time
            running[name] = Equipment(name, begin, None, fact.all_traffic)
        elif fact.what is What.EQUIPMENT_RESTORED:
            name = fact.equipment or fact.area
            if name not in running:
                raise TimelineError("restored-before-failed", fact.line)
            yield msgspec.structs.replace(running.pop(name), end=fact.time)
    yield from running.values()
