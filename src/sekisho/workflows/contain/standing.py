"""Where proposals stand: read from the events of their case, and from the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.case import CaseEvent
from sekisho.model.containment import HOUR, Proposal, Status
from sekisho.model.containment_bounds import Fault, faults
from sekisho.ports.cases import AuditLog
from sekisho.workflows.contain.ledger import EVENT, PROPOSE, Parts, case_of


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal and where it stands; who said so and when."""

    proposal: Proposal
    status: Status
    who: str = ""
    at: int = 0


def standings(case: str, parts: Parts) -> tuple[Standing, ...]:
    """Return a case's proposals in order and where each stands now. :raises DescriptionError: no such case."""
    return standings_of(parts.cases.events(case_of(case, parts).id), parts.now())


def standings_of(events: Sequence[CaseEvent], now: int) -> tuple[Standing, ...]:
    """Return what `standings` does of a life that is at hand."""
    found: dict[str, Standing] = {}
    for event in events:
        if event.kind != EVENT:
            continue
        if "proposal" in event.body:
            one = msgspec.convert(event.body["proposal"], Proposal)
            found[one.id] = Standing(one, Status.PROPOSED, event.who, event.at)
        elif (name := str(event.body.get("rule"))) in found:
            status = Status(str(event.body["status"]))
            found[name] = Standing(found[name].proposal, status, event.who, event.at)
    return tuple(_timed(one, now) for one in found.values())


def known_cases(audit: AuditLog) -> tuple[str, ...]:
    """Return the ids of all cases for which a rule was ever proposed."""
    found: dict[str, None] = {}
    after = 0
    while page := audit.entries(after, 1000):
        found |= {str(one.details.get("case", "")): None for one in page if one.act == PROPOSE}
        after = page[-1].seq
    return tuple(one for one in found if one)


def standing(case: str, rule: str, parts: Parts) -> Standing:
    """Return one proposal. :raises DescriptionError: there is none of that id."""
    for one in standings(case, parts):
        if one.proposal.id == rule:
            return one
    raise DescriptionError(Text(ja="その番号の規則はない", en="there is no such rule"), f"{case}: {rule}")


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
