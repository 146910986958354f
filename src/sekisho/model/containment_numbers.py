"""The numbers by which ModSecurity and Suricata know a rule: drawn from the rule's own id, so always the same.

Two ids may draw the same numbers. Which are held is looked up before an id is given (`workflows.contain.numbering`).
"""

from __future__ import annotations

import hashlib

from sekisho.model.containment import Kind

#: So many numbers each proposal has for its rules.
EACH = 10
#: First and last number of the range that each equipment leaves to its owner.
RANGES = {Kind.MODSECURITY: (10_000, 99_999), Kind.SURICATA: (1_000_000, 1_999_999)}


def first_number(kind: Kind, identifier: str) -> int:
    """Return the first of the `EACH` numbers of a proposal; 0 when its kind has none."""
    if kind not in RANGES:
        return 0
    first, last = RANGES[kind]
    drawn = int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:8])
    return first + drawn % ((last + 1 - first) // EACH) * EACH
