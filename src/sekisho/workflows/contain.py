"""The verbs of containment: propose a rule, write its text for a person, and record what that person did.

Nothing here touches a network. Every act and every refusal is in the audit log; proposals live among the case's events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError
from sekisho.formats.containment_queries import radius_query
from sekisho.formats.endpoint_text import endpoint
from sekisho.language import Text
from sekisho.model.assignment import Assignment
from sekisho.model.case import Case, CaseEvent
from sekisho.model.containment import (
    HOUR,
    TAKES_REMOTES,
    Containing,
    Endpoint,
    Kind,
    Match,
    Proposal,
    Radius,
    Rule,
    Scope,
    Status,
    may_apply,
    may_propose,
)
from sekisho.model.containment_bounds import FAULTS, Fault, faults, too_popular
from sekisho.model.containment_terms import needs_of, undo_of, warnings_of
from sekisho.model.detection import Window
from sekisho.model.identity import Identified, Naming, Person
from sekisho.model.indicator import Service
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar
from sekisho.ports.cases import AuditLog, CaseStore
from sekisho.ports.flows import Query, Tables

PROPOSE, APPLY, UNDO, WRITE = "propose-rule", "apply-rule", "undo-rule", "write-rule"
REFUSED = "refused"
EVENT = "containment"
_TRIES = 5
_DAY = 24 * HOUR
_LONGEST = 500
_MOST_REMOTES = 32
_MOST_PORT = 65_535


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person wants proposed; without ``match.remotes`` the endpoints of the case's known C&C are taken."""

    case: str
    kind: Kind
    match: Match
    hours: float
    reason: str
    days: int = 7


class Parts(msgspec.Struct, frozen=True):
    """What the verbs are married with; ``tables`` gives the flows of a window, or None when none were ever kept."""

    cases: CaseStore
    audit: AuditLog
    tables: Callable[[Window, Purpose], Tables | None]
    settings: Containing
    own: Sequence[str]
    services: Sequence[Service]
    now: Callable[[], int]


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal and where it stands; who said so and when."""

    proposal: Proposal
    status: Status
    who: str = ""
    at: int = 0


def propose(wanted: Wanted, person: Person, parts: Parts) -> Proposal:
    """Check, estimate and record a proposal.

    :raises AuthorisationError: the person may not, or the rule may never be proposed; the refusal is in the audit log
    :raises DescriptionError: there is no such case, or nothing to match
    """
    case = _case(wanted.case, parts)
    if not may_propose(person.role) or not _plain(person.name):
        _refuse(PROPOSE, [("role", str(person.role))], wanted.case, person, parts)
    if not _plain(wanted.reason):
        _refuse(PROPOSE, [("reason", "")], wanted.case, person, parts)
    if not case.state.open:
        _refuse(PROPOSE, [("closed", case.state.value)], wanted.case, person, parts)
    events = parts.cases.events(case.id)
    seen = seen_remotes(events)
    match = _filled(wanted.kind, wanted.match, seen)
    now = parts.now()
    found = faults(
        wanted.kind,
        match,
        wanted.hours,
        parts.settings,
        own=parts.own,
        services=parts.services,
        today=datetime.fromtimestamp(now / 1000, UTC).date(),
    )
    if found:
        _refuse(PROPOSE, found, case.id, person, parts)
    radius = estimate(match, wanted.kind, case, Window(now - wanted.days * _DAY, now), parts.tables)
    if found := too_popular(radius, match, parts.settings):
        _refuse(PROPOSE, found, case.id, person, parts)
    expires = now + int(wanted.hours * HOUR)
    proposal = Proposal(
        _identifier(wanted, person, now, len(events)),
        case.id,
        wanted.kind,
        match,
        now,
        expires,
        person.name,
        radius,
        undo_of(wanted.kind),
        tuple(warnings_of(wanted.kind, match, radius, seen)),
        needs_of(wanted.kind, match, parts.settings),
    )
    details = {"case": case.id, "kind": wanted.kind.value, "scope": match.scope.value, "expires": expires}
    _append(PROPOSE, proposal.id, person, parts, reason=wanted.reason, details=details)
    _record(case.id, person, {"proposal": msgspec.to_builtins(proposal)}, parts)
    return proposal


def standings(case: str, parts: Parts) -> tuple[Standing, ...]:
    """Return a case's proposals in order and where each stands now. :raises DescriptionError: no such case."""
    found: dict[str, Standing] = {}
    for event in parts.cases.events(_case(case, parts).id):
        if event.kind != EVENT:
            continue
        if "proposal" in event.body:
            one = msgspec.convert(event.body["proposal"], Proposal)
            found[one.id] = Standing(one, Status.PROPOSED, event.who, event.at)
        elif (name := str(event.body.get("rule"))) in found:
            status = Status(str(event.body["status"]))
            found[name] = Standing(found[name].proposal, status, event.who, event.at)
    now = parts.now()
    return tuple(_timed(one, now) for one in found.values())


def known_cases(audit: AuditLog) -> tuple[str, ...]:
    """Return the ids of all cases for which a rule was ever proposed."""
    found: dict[str, None] = {}
    after = 0
    while page := audit.entries(after, 1000):
        found |= {str(one.details.get("case", "")): None for one in page if one.act == PROPOSE}
        after = page[-1].seq
    return tuple(one for one in found if one)


def say_applied(case: str, rule: str, person: Person, parts: Parts, reason: str) -> Standing:
    """Record that a person applied a rule.

    :raises AuthorisationError: the person may not, it has expired, or its ground is gone; the refusal is in the log
    """
    return _said(APPLY, Status.APPLIED, {Status.PROPOSED}, case, rule, person, parts, reason)


def say_undone(case: str, rule: str, person: Person, parts: Parts, reason: str) -> Standing:
    """Record that a person took a rule back; also long after its expiry. :raises AuthorisationError: as above."""
    applied = {Status.APPLIED, Status.OVERDUE}
    return _said(UNDO, Status.UNDONE, applied, case, rule, person, parts, reason)


def standing(case: str, rule: str, parts: Parts) -> Standing:
    """Return one proposal. :raises DescriptionError: there is none of that id."""
    for one in standings(case, parts):
        if one.proposal.id == rule:
            return one
    raise DescriptionError(Text(ja="その番号の規則はない", en="there is no such rule"), f"{case}: {rule}")


def seen_remotes(events: Sequence[CaseEvent]) -> tuple[Endpoint, ...]:
    """Return the endpoints of known C&C that a case's sightings name, those taken out again left out."""
    sightings: dict[str, Mapping[str, Any]] = {}
    for event in events:
        sightings |= {str(one["id"]): one for one in event.body.get("adds", ())}
        for name in event.body.get("drops", ()):
            sightings.pop(name, None)
    return tuple(
        dict.fromkeys(
            endpoint(text)
            for one in sightings.values()
            if one.get("method") == "known_cc"
            for text in one.get("remotes", ())
        )
    )


def estimate(
    match: Match, kind: Kind, case: Case, window: Window, tables: Callable[[Window, Purpose], Tables | None]
) -> Radius:
    """Return whom the rule would have touched in ``window``; what can't be measured is said, never zero."""
    if kind in {Kind.RPZ, Kind.MODSECURITY}:
        return Radius(window.begin, window.end, note="not-in-flows")
    purpose = Purpose.CC_DETECTION if match.remotes else Purpose.ATTACK_DETECTION
    bound = tables(window, purpose)
    if bound is None:
        return Radius(window.begin, window.end, note="no-flows")
    text, merge, parameters = radius_query(match, kind, case.subscriber, window)
    row = bound.ask(Query("radius", text, merge, parameters)).to_pylist()[0]
    if not row["rows"]:
        return Radius(window.begin, window.end, note="no-flows")
    return Radius(
        window.begin,
        window.end,
        measured=True,
        lines=int(row["lines"]),
        flows=int(row["flows"]),
        octets=int(row["octets"]),
        own_flows=int(row["own"]),
        watched=int(row["watched"]),
        sampling=0 if row["unstated"] else int(row["sampling"]),
    )


def _filled(kind: Kind, match: Match, seen: tuple[Endpoint, ...]) -> Match:
    if kind in TAKES_REMOTES and not (match.remotes or match.hole or match.names):
        if not seen:
            raise DescriptionError(
                Text(
                    ja="この事案には既知のC&Cの相手先がない", en="this case names no endpoint of a known C&C"
                ),
                todo=Text(ja="--remote か --hole を渡す", en="give --remote or --hole"),
            )
        return msgspec.structs.replace(match, remotes=seen[:_MOST_REMOTES])
    return match


def _said(
    act: str,
    status: Status,
    before: set[Status],
    case: str,
    rule: str,
    person: Person,
    parts: Parts,
    reason: str,
) -> Standing:
    one = standing(case, rule, parts)
    if not may_apply(person.role) or not _plain(person.name):
        _refuse(act, [("role", str(person.role))], rule, person, parts)
    if not _plain(reason):
        _refuse(act, [("reason", "")], rule, person, parts)
    if one.status not in before:
        _refuse(act, [("status", one.status.value)], rule, person, parts)
    if act == APPLY and (found := still_refused(one.proposal, parts)):
        _refuse(act, found, rule, person, parts)
    details = {"case": case, "kind": one.proposal.kind.value}
    _append(act, rule, person, parts, reason=reason, details=details)
    _record(case, person, {"rule": rule, "status": status.value, "reason": reason}, parts)
    return standing(case, rule, parts)


def ready(case: str, rule: str, person: Person, parts: Parts, identified: Identified | None = None) -> Rule:
    """Return a proposal with what its text needs; that the text was asked for is in the audit log before.

    :param identified: who the line is; needed by rules of one line only, and the only place where its address comes in
    :raises AuthorisationError: expired or undone, its ground is gone, the line can't be told or shares its address
    """
    one = standing(case, rule, parts)
    proposal = one.proposal
    scope = proposal.match.scope
    allowed = may_apply(person.role) if scope is Scope.LINE else may_propose(person.role)
    if not allowed or not _plain(person.name):
        _refuse(WRITE, [("role", str(person.role))], rule, person, parts)
    if one.status is Status.LAPSED:
        _refuse(WRITE, [("status", one.status.value)], rule, person, parts)
    # A text that takes a rule back is needed all the more when its ground is gone.
    used = one.status in {Status.APPLIED, Status.OVERDUE, Status.UNDONE}
    if not used and (found := still_refused(proposal, parts)):
        _refuse(WRITE, found, rule, person, parts)
    lines, user = (tuple(parts.own) if scope is Scope.CUSTOMERS else ()), ""
    if scope is Scope.LINE:
        if identified is None or identified.outcome is not Naming.FOUND or identified.case != case:
            why = identified.outcome.value if identified else ""
            _refuse(WRITE, [("not-identified", why)], rule, person, parts)
        if any(_shared(it) for answer in identified.answers for it in answer.candidates):
            _refuse(WRITE, [("shared-address", "")], rule, person, parts)
        lines, user = (identified.address,), identified.account
    _append(WRITE, rule, person, parts, details={"case": case, "kind": proposal.kind.value})
    seconds = max(1 if used else 0, (proposal.expires - parts.now()) // 1000)
    return Rule(proposal, seconds, parts.settings, lines, user)


def _shared(one: Assignment) -> bool:
    """Say whether others have the same address at the same time, behind other ports."""
    return one.port_begin > 0 or one.port_end < _MOST_PORT


def still_refused(proposal: Proposal, parts: Parts) -> list[Fault]:
    """Return why a proposal may not be used any more: its ground was withdrawn, or something is protected now."""
    now = parts.now()
    return faults(
        proposal.kind,
        proposal.match,
        (proposal.expires - proposal.made) / HOUR,
        parts.settings,
        own=parts.own,
        services=parts.services,
        today=datetime.fromtimestamp(now / 1000, UTC).date(),
    )


def _timed(one: Standing, now: int) -> Standing:
    over = now >= one.proposal.expires
    late = {Status.PROPOSED: Status.LAPSED, Status.APPLIED: Status.OVERDUE}
    return msgspec.structs.replace(one, status=late.get(one.status, one.status)) if over else one


def _record(case: str, person: Person, body: dict[str, Any], parts: Parts) -> None:
    """Add an event to the case; somebody who changed it in between is no obstacle."""
    for last in range(_TRIES):
        held = _case(case, parts)
        at = parts.now()
        event = CaseEvent(case, 0, at, person.name, EVENT, body)
        try:
            parts.cases.save(msgspec.structs.replace(held, updated=max(at, held.updated)), [event])
        except ConflictError:
            if last == _TRIES - 1:
                raise
        else:
            return


def _case(identifier: str, parts: Parts) -> Case:
    case = parts.cases.case(identifier)
    if case is None:
        raise DescriptionError(Text(ja="その番号の事案はない", en="there is no such case"), identifier)
    return case


def _identifier(wanted: Wanted, person: Person, now: int, events: int) -> str:
    said = msgspec.json.encode((wanted, person, now, events), order="sorted")
    return f"r-{hashlib.sha256(said).hexdigest()[:10]}"


def _plain(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST and text.isprintable()


def _append(
    act: str, object_: str, person: Person, parts: Parts, *, reason: str = "", details: Mapping[str, Scalar]
) -> None:
    role = person.role.value if person.role else ""
    said = dict(details) | ({"via": person.via} if person.via else {})
    parts.audit.append(person.name, role, act, object_, at=parts.now(), reason=reason, details=said)


REFUSALS = {
    "not-identified": Text(
        ja="回線の契約者を再識別していない", en="the line's subscriber was not re-identified for this rule"
    ),
    "shared-address": Text(
        ja="アドレスを他の契約者と共有しているので、回線だけを止められない",
        en="others share the address, so the line alone can't be stopped by it",
    ),
    "role": Text(ja="この人の役割ではできない", en="this person's role may not do that"),
    "reason": Text(ja="理由がない（500字まで、一行）", en="there is no reason (one line, up to 500 signs)"),
    "closed": Text(ja="事案が終わっている", en="the case is no longer open"),
    "status": Text(ja="規則の状態が合わない", en="the rule doesn't stand so that this can be done"),
}


def _refuse(act: str, found: Sequence[Fault], object_: str, person: Person, parts: Parts) -> NoReturn:
    why, where = found[0]
    details: dict[str, Scalar] = {"of": act, "why": why, "faults": len(found)}
    _append(REFUSED, object_, person, parts, details=details)
    said = [f"{(FAULTS | REFUSALS)[one].en}: {detail}" for one, detail in found[1:]]
    raise AuthorisationError((FAULTS | REFUSALS)[why], "; ".join([where, *said]))
