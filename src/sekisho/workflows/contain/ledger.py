"""What the verbs of containment are married with, and how they write down what was done and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent
from sekisho.model.containment import Containing
from sekisho.model.containment_bounds import FAULTS, Fault
from sekisho.model.detection import Window
from sekisho.model.identity import ROLE_HINT, Person
from sekisho.model.indicator import Service
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar
from sekisho.ports.cases import AuditLog, CaseStore
from sekisho.ports.flows import Tables

PROPOSE, APPLY, UNDO, WRITE = "propose-rule", "apply-rule", "undo-rule", "write-rule"
REFUSED = "refused"
EVENT = "containment"
_TRIES = 5
_LONGEST = 500


class Parts(msgspec.Struct, frozen=True):
    """What the verbs are married with; ``tables`` gives the flows of a window, or None when none were ever kept."""

    cases: CaseStore
    audit: AuditLog
    tables: Callable[[Window, Purpose], Tables | None]
    settings: Containing
    own: Sequence[str]
    services: Sequence[Service]
    now: Callable[[], int]


def record(case: str, person: Person, body: dict[str, Any], parts: Parts) -> None:
    """Add an event to the case; somebody who changed it in between is no obstacle."""
    for last in range(_TRIES):
        held = case_of(case, parts)
        at = parts.now()
        event = CaseEvent(case, 0, at, person.name, EVENT, body)
        try:
            parts.cases.save(msgspec.structs.replace(held, updated=max(at, held.updated)), [event])
        except ConflictError:
            if last == _TRIES - 1:
                raise
        else:
            return


def case_of(identifier: str, parts: Parts) -> Case:
    """Return a case. :raises DescriptionError: there is none."""
    case = parts.cases.case(identifier)
    if case is None:
        raise DescriptionError(Text(ja="その番号の事案はない", en="there is no such case"), identifier)
    return case


def plain(text: str) -> bool:
    """Say whether a name or reason is one line that says something."""
    return bool(text.strip()) and len(text) <= _LONGEST and text.isprintable()


def append(
    act: str, object_: str, person: Person, parts: Parts, *, reason: str = "", details: Mapping[str, Scalar]
) -> None:
    """Write an entry of the audit log."""
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
    "numbers": Text(
        ja="規則の番号がほかの規則と重なる（空きがない）",
        en="another rule holds its number (none is free)",
    ),
    "status": Text(ja="規則の状態が合わない", en="the rule doesn't stand so that this can be done"),
}


def role_of(person: Person) -> str:
    """Return a person and the role, as a refusal says it."""
    return f"{person.name or '-'} ({person.role.value if person.role else '-'})"


def refuse(act: str, found: Sequence[Fault], object_: str, person: Person, parts: Parts) -> NoReturn:
    """Record a refusal and raise it."""
    why, where = found[0]
    details: dict[str, Scalar] = {"of": act, "why": why, "faults": len(found)}
    append(REFUSED, object_, person, parts, details=details)
    words = FAULTS | REFUSALS
    more = [(words[one], detail) for one, detail in found[1:]]
    todo = ROLE_HINT if why == "role" else Text(
        ja="；".join(f"{one.ja}：{detail}" for one, detail in more),
        en="; ".join(f"{one.en}: {detail}" for one, detail in more),
    )  # fmt: skip
    raise AuthorisationError(words[why], where, todo)
