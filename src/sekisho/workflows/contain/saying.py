"""Saying what was done: a person applied a rule, or took it back."""

from __future__ import annotations

from sekisho.model.containment import Status, may_apply
from sekisho.model.identity import Person
from sekisho.workflows.contain.ledger import APPLY, UNDO, Parts, append, plain, record, refuse, role_of
from sekisho.workflows.contain.standing import Standing, standing, still_refused


def say_applied(case: str, rule: str, person: Person, parts: Parts, reason: str) -> Standing:
    """Record that a person applied a rule.

    :raises AuthorisationError: the person may not, it has expired, or its ground is gone; the refusal is in the log
    """
    return _said(APPLY, Status.APPLIED, {Status.PROPOSED}, case, rule, person, parts, reason)


def say_undone(case: str, rule: str, person: Person, parts: Parts, reason: str) -> Standing:
    """Record that a person took a rule back; also long after its expiry. :raises AuthorisationError: as above."""
    applied = {Status.APPLIED, Status.OVERDUE}
    return _said(UNDO, Status.UNDONE, applied, case, rule, person, parts, reason)


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
    if not may_apply(person.role) or not plain(person.name):
        refuse(act, [("role", role_of(person))], rule, person, parts)
    if not plain(reason):
        refuse(act, [("reason", "")], rule, person, parts)
    if one.status not in before:
        refuse(act, [("status", one.status.value)], rule, person, parts)
    if act == APPLY and (found := still_refused(one.proposal, parts)):
        refuse(act, found, rule, person, parts)
    details = {"case": case, "kind": one.proposal.kind.value}
    append(act, rule, person, parts, reason=reason, details=details)
    record(case, person, {"rule": rule, "status": status.value, "reason": reason}, parts)
    return standing(case, rule, parts)
