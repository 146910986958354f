"""Which detections are new: windows overlap and are looked at again, and one doing is counted and told once."""

from __future__ import annotations

from collections import deque

import msgspec

from sekisho.model.detection import Detection, Grade, same

_RANK = {Grade.WATCH: 0, Grade.LIKELY: 1, Grade.CONFIRMED: 2}
_MOST_LINES = 100_000


class Found:
    """Counts doings, keeps the latest few to show, and gives each once to whoever asks for the new ones.

    One thread adds; another may read and take at the same time.

    Args:
        shown: how many of the latest are kept with their evidence.
        most: lines, by method, that are remembered at most; beyond, the oldest may be counted twice.
    """

    def __init__(self, shown: int, most: int = _MOST_LINES) -> None:
        self.count = 0
        self.latest: tuple[Detection, ...] = ()
        self._shown = shown
        self._most = most
        self._known: dict[tuple[str, int], tuple[Detection, ...]] = {}
        self._untold: deque[Detection] = deque()

    def add(self, one: Detection) -> None:
        """Take a detection in; of two windows' views of one doing the one that saw more stays."""
        key = (one.method, one.subscriber)
        mine = self._known.pop(key, ())
        others = [other for other in mine if other.id == one.id or same(other, one)]
        best = max((_RANK[other.grade] for other in others), default=-1)
        if _RANK[one.grade] > best:  # never seen, or surer than before
            self.count += not others
            self._untold.append(one)
        if any(other.rows > one.rows for other in others) and _RANK[one.grade] <= best:
            self._known[key] = mine
            return
        gone = {other.id for other in others}
        bare = msgspec.structs.replace(one, evidence=())
        self._known[key] = (*(other for other in mine if other.id not in gone), bare)
        self.latest = (*(other for other in self.latest if other.id not in gone), one)[-self._shown :]
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def forget(self, before: int) -> None:
        """Remember no longer what ended before a moment: no window that is still looked at can show it again."""
        for key, mine in tuple(self._known.items()):
            kept = tuple(one for one in mine if one.end >= before)
            if not kept:
                del self._known[key]
            elif len(kept) < len(mine):
                self._known[key] = kept

    def new(self) -> tuple[Detection, ...]:
        """Return what was not given before: doings never seen, and those that are surer than they were."""
        told = []
        while self._untold:
            told.append(self._untold.popleft())
        return tuple(told)
