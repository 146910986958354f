"""The verbs of containment: propose a rule, write its text for a person, and record what that person did.

Nothing here touches a network. Every act and every refusal is in the audit log; proposals live among the case's events.
"""

from __future__ import annotations

from sekisho.workflows.contain.ledger import Parts
from sekisho.workflows.contain.proposing import Wanted, estimate, propose, seen_remotes
from sekisho.workflows.contain.saying import say_applied, say_undone
from sekisho.workflows.contain.standing import (
    Standing,
    known_cases,
    standing,
    standings,
    standings_of,
    still_refused,
)
from sekisho.workflows.contain.writing import only_undone, ready, undoes, writable

__all__ = [
    "Parts",
    "Standing",
    "Wanted",
    "estimate",
    "known_cases",
    "only_undone",
    "propose",
    "ready",
    "say_applied",
    "say_undone",
    "seen_remotes",
    "standing",
    "standings",
    "standings_of",
    "still_refused",
    "undoes",
    "writable",
]
