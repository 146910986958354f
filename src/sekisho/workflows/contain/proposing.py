"""Proposing: a rule is checked against everything that it may never be, its reach is estimated, and it is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.containment_queries import radius_query
from sekisho.formats.endpoint_text import endpoint
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent
from sekisho.model.containment import (
    HOUR,
    TAKES_REMOTES,
    Endpoint,
    Kind,
    Match,
    Proposal,
    Radius,
    may_propose,
)
from sekisho.model.containment_bounds import faults, too_popular
from sekisho.model.containment_terms import needs_of, undo_of, warnings_of
from sekisho.model.detection import Window
from sekisho.model.identity import Person
from sekisho.model.purpose import Purpose
from sekisho.ports.flows import Query, Tables
from sekisho.workflows.contain.ledger import PROPOSE, Parts, append, case_of, plain, record, refuse, role_of
from sekisho.workflows.contain.numbering import chosen, held

_DAY = 24 * HOUR
_MOST_REMOTES = 32


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person wants proposed; without ``match.remotes`` the endpoints of the case's known C&C are taken."""

    case: str
    kind: Kind
    match: Match
    hours: float
    reason: str
    days: int = 7


def propose(wanted: Wanted, person: Person, parts: Parts) -> Proposal:
    """Check, estimate and record a proposal.

    :raises AuthorisationError: the person may not, or the rule may never be proposed; the refusal is in the audit log
    :raises DescriptionError: there is no such case, or nothing to match
    """
    case = _open_case(wanted, person, parts)
    events = parts.cases.events(case.id)
    seen = seen_remotes(events)
    match = _filled(wanted.kind, wanted.match, seen)
    now = parts.now()
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    found = faults(
        wanted.kind, match, wanted.hours, parts.settings, own=parts.own, services=parts.services, today=today
    )
    if found:
        refuse(PROPOSE, found, case.id, person, parts)
    radius = estimate(match, wanted.kind, case, Window(now - wanted.days * _DAY, now), parts.tables)
    if found := too_popular(radius, match, parts.settings):
        refuse(PROPOSE, found, case.id, person, parts)
    known = held(wanted.kind, parts.audit, now)
    name = chosen(wanted.kind, known, lambda draw: _identifier(wanted, person, now, len(events), draw))
    if not name:
        refuse(PROPOSE, [("numbers", wanted.kind.value)], case.id, person, parts)
    expires = now + int(wanted.hours * HOUR)
    proposal = Proposal(
        name,
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
    append(PROPOSE, proposal.id, person, parts, reason=wanted.reason, details=details)
    record(case.id, person, {"proposal": msgspec.to_builtins(proposal)}, parts)
    return proposal


def _open_case(wanted: Wanted, person: Person, parts: Parts) -> Case:
    """Return the case when this person may propose a rule for it."""
    case = case_of(wanted.case, parts)
    if not may_propose(person.role) or not plain(person.name):
        refuse(PROPOSE, [("role", role_of(person))], wanted.case, person, parts)
    if not plain(wanted.reason):
        refuse(PROPOSE, [("reason", "")], wanted.case, person, parts)
    if not case.state.open:
        refuse(PROPOSE, [("closed", case.state.value)], wanted.case, person, parts)
    return case


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
    note = "damaged" if bound.damaged() else ""
    if not row["rows"]:
        return Radius(window.begin, window.end, note=note or "no-flows")
    return Radius(
        window.begin,
        window.end,
        measured=True,
        note=note,
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


def _identifier(wanted: Wanted, person: Person, now: int, events: int, draw: int) -> str:
    said = msgspec.json.encode((wanted, person, now, events, draw), order="sorted")
    return f"r-{hashlib.sha256(said).hexdigest()[:10]}"
