"""Which numbers of rules are held, read from the audit log: it knows every proposal, also those of deleted cases."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sekisho.model.audit import AuditEntry
from sekisho.model.containment import Kind
from sekisho.model.containment_numbers import RANGES, first_number
from sekisho.ports.cases import AuditLog
from sekisho.workflows.contain.ledger import APPLY, PROPOSE, UNDO

_PAGE = 1000
_TRIES = 100


class Held(msgspec.Struct, frozen=True):
    """By number, the first proposal that may be loaded now; and every number that ever was one.

    The second are avoided as long as others are left: the text that took a rule back may still be loaded somewhere.
    """

    live: dict[int, str]
    ever: frozenset[int]


def held(kind: Kind, audit: AuditLog, now: int) -> Held:
    """Return the numbers of a kind that are held."""
    expires: dict[str, int] = {}
    applied: set[str] = set()
    undone: set[str] = set()
    after = 0
    page: tuple[AuditEntry, ...]
    while kind in RANGES and (page := tuple(audit.entries(after, _PAGE))):
        for one in page:
            if one.act == PROPOSE and one.details.get("kind") == kind.value:
                expires[one.object] = int(one.details.get("expires") or 0)
            elif one.act == APPLY:
                applied.add(one.object)
            elif one.act == UNDO:
                undone.add(one.object)
        after = page[-1].seq
    live: dict[int, str] = {}
    for name, end in expires.items():
        if name not in undone and (name in applied or now < end):
            live.setdefault(first_number(kind, name), name)
    return Held(live, frozenset(first_number(kind, name) for name in expires))


def chosen(kind: Kind, known: Held, draw: Callable[[int], str]) -> str:
    """Return the first id of ``draw`` (0, 1, 2 …) whose numbers nobody ever had, else nobody has now; "" when none."""
    freed = ""
    for count in range(_TRIES):
        name = draw(count)
        number = first_number(kind, name)
        if number not in known.ever:
            return name
        if number not in known.live:
            freed = freed or name
    return freed
