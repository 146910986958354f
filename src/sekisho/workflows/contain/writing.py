"""The text of a rule: who may have it, and what it needs besides."""

from __future__ import annotations

from sekisho.model.assignment import Assignment
from sekisho.model.containment import Rule, Scope, Status, may_apply, may_propose
from sekisho.model.containment_numbers import first_number
from sekisho.model.identity import Identified, Naming, Person
from sekisho.workflows.contain.ledger import WRITE, Parts, append, plain, refuse, role_of
from sekisho.workflows.contain.numbering import held
from sekisho.workflows.contain.standing import Standing, standing, still_refused

_MOST_PORT = 65_535
_IN_FORCE = frozenset({Status.APPLIED, Status.OVERDUE})
_USED = _IN_FORCE | {Status.UNDONE}


def writable(case: str, rule: str, person: Person, parts: Parts) -> Standing:
    """Return a proposal whose text this person may have now, before anybody is looked up for it.

    :raises AuthorisationError: expired, its ground is gone, or its number is another rule's by now; it is in the audit log
    """
    one = standing(case, rule, parts)
    proposal = one.proposal
    line = proposal.match.scope is Scope.LINE
    allowed = may_apply(person.role) if line else may_propose(person.role)
    if not allowed or not plain(person.name):
        refuse(WRITE, [("role", role_of(person))], rule, person, parts)
    if one.status is Status.LAPSED:
        refuse(WRITE, [("status", one.status.value)], rule, person, parts)
    # A text that takes a rule back is needed all the more when its ground is gone.
    if one.status in _USED:
        return one
    if found := still_refused(proposal, parts):
        refuse(WRITE, found, rule, person, parts)
    number = first_number(proposal.kind, rule)
    if number and held(proposal.kind, parts.audit, parts.now()).live.get(number, rule) != rule:
        refuse(WRITE, [("numbers", str(number))], rule, person, parts)
    return one


def only_undone(one: Standing, parts: Parts) -> bool:
    """Say whether the rule must not be loaded any more: its time is over, or it was taken back."""
    return one.status in {Status.OVERDUE, Status.UNDONE} or one.proposal.expires <= parts.now()


def undoes(one: Standing) -> bool:
    """Say whether the rule is in force, so that its text is needed to take it back, also when its case is over."""
    return one.status in _IN_FORCE


def ready(case: str, rule: str, person: Person, parts: Parts, identified: Identified | None = None) -> Rule:
    """Return a proposal with what its text needs; that the text was asked for is in the audit log before.

    :param identified: who the line is; needed by rules of one line only, and the only place where its address comes in
    :raises AuthorisationError: as `writable`; or the line can't be told or shares its address
    """
    one = writable(case, rule, person, parts)
    proposal = one.proposal
    scope = proposal.match.scope
    lines, user = (tuple(parts.own) if scope is Scope.CUSTOMERS else ()), ""
    if scope is Scope.LINE:
        if identified is None or identified.outcome is not Naming.FOUND or identified.case != case:
            why = identified.outcome.value if identified else ""
            refuse(WRITE, [("not-identified", why)], rule, person, parts)
        if any(_shared(it) for answer in identified.answers for it in answer.candidates):
            refuse(WRITE, [("shared-address", "")], rule, person, parts)
        lines, user = (identified.address,), identified.account
    append(WRITE, rule, person, parts, details={"case": case, "kind": proposal.kind.value})
    least = 1 if one.status in _USED else 0
    seconds = max(least, (proposal.expires - parts.now()) // 1000)
    return Rule(proposal, seconds, parts.settings, lines, user)


def _shared(one: Assignment) -> bool:
    """Say whether others have the same address at the same time, behind other ports."""
    return one.port_begin > 0 or one.port_end < _MOST_PORT
