"""Counts of what happened to an input on its way: how much was good, what was left out, why, and where first."""

from __future__ import annotations

from collections import Counter

import msgspec

_EXAMPLES = 3


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finished tally. ``rejected`` by reason id; ``examples`` where the first ones of each reason stood."""

    rows: int = 0
    rejected: dict[str, int] = {}
    examples: dict[str, tuple[str, ...]] = {}
    notes: dict[str, int] = {}


class Counting:
    """`ports.flows.Tally` in memory; bounded, since reasons are ids of ours and examples are few."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = 0
        self._rejected: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._notes: Counter[str] = Counter()

    def good(self, rows: int) -> None:
        """Rows that came out."""
        self.rows += rows

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        """Something left out."""
        self._rejected[reason] += count
        examples = self._examples.setdefault(reason, [])
        if where and len(examples) < _EXAMPLES:
            examples.append(where)

    def note(self, name: str, count: int = 1) -> None:
        """Something worth counting that lost nothing."""
        self._notes[name] += count

    def counted(self) -> Counted:
        """Return the figures so far."""
        return Counted(
            self.rows,
            dict(self._rejected),
            {reason: tuple(where) for reason, where in self._examples.items() if where},
            dict(self._notes),
        )
