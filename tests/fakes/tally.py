"""A Tally that remembers everything it was told."""

from __future__ import annotations

from collections import Counter


class Counts:
    """``rows`` that were good, ``rejects`` and ``notes`` by id, and ``places``: where each reject stood, at most 100."""

    def __init__(self) -> None:
        self.rows = 0
        self.rejects: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.places: list[tuple[str, str, int]] = []

    def good(self, rows: int) -> None:
        self.rows += rows

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:
        self.rejects[reason] += count
        if len(self.places) < 100:
            self.places.append((reason, where, count))

    def note(self, name: str, count: int = 1) -> None:
        self.notes[name] += count
