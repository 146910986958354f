"""Collects the rows that touch the list while flows stream by, and counts what was looked at."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.formats.packed_rows import intervals, numbers, unpacked
from sekisho.formats.watchlist import Watchlist
from sekisho.model.detection import Coverage
from sekisho.model.indicator import Indicator
from sekisho.model.tables import SENDS, WATCHED, completed

Integers = NDArray[np.int64]

_LEAST_BITS = 16
_UNUSED = np.iinfo(np.int64).min
_ODD = np.uint64(0x9E37_79B9_7F4A_7C15), np.uint64(0xC2B2_AE3D_27D4_EB4F)


class Matches:
    """The rows of a window that touch a list, each once, with the entries they touch.

    Feed it every WATCHED batch. The list may be replaced between two batches: entries are kept by value. At most
    ``rows_most`` rows are kept; more are counted in ``overflow``, and the judgement says so.
    """

    def __init__(self, rows_most: int = 1_000_000) -> None:
        self.rows_most = rows_most
        self.indicators: list[Indicator] = []
        self.overflow = 0
        self.kept = 0
        self._offsets: dict[int, tuple[Watchlist, int]] = {}
        self._batches: list[pa.RecordBatch] = []
        self._pairs: list[tuple[Integers, Integers]] = []
        self._lines = _Lines()
        self._seen: int | None = None
        self._rows = 0
        self._sampling = 0
        self._unstated = False
        self._sent = False

    def feed(self, watchlist: Watchlist, batch: pa.RecordBatch, among: Integers | None = None) -> int:
        """Match a batch, keep what touches the list, count the rest; return how many rows touched it.

        The batch may be packed (`packed_rows`), and ``among`` be the rows that alone may touch the list.
        """
        self._count(batch)
        rows, entries = watchlist.match_among(batch, among)
        return self.keep(watchlist, batch, rows, entries)

    def keep(self, watchlist: Watchlist, batch: pa.RecordBatch, rows: Integers, entries: Integers) -> int:
        """Keep rows that were matched elsewhere (`Watchlist.match` gives the pairs); return how many."""
        if not rows.size:
            return 0
        places, inverse = np.unique(rows, return_inverse=True)
        room = self.rows_most - self.kept
        if places.size > room:
            self.overflow += int(places.size) - room
            within = inverse < room
            places, inverse, entries = places[:room], inverse[within], entries[within]
        if places.size:
            chosen = completed(unpacked(batch.take(pa.array(places))), WATCHED)
            self._batches.append(chosen)
            self._pairs.append((inverse + self.kept, entries + self._offset(watchlist)))
            self.kept += int(places.size)
        return int(places.size)

    def copy(self) -> Matches:
        """Return what was collected so far; it stays as it is while this one goes on (batches are shared)."""
        made = Matches(self.rows_most)
        made.__dict__.update(self.__dict__)
        made.indicators, made._offsets = list(self.indicators), dict(self._offsets)
        made._batches, made._pairs = list(self._batches), list(self._pairs)
        made._seen = len(self._lines)
        return made

    def coverage(self) -> Coverage:
        """Return what was looked at so far; without rows it could not judge."""
        if not self._rows:
            return Coverage(note="no-flows", blind=True)
        sampling = 0 if self._unstated and self._sampling <= 1 else self._sampling
        lines = len(self._lines) if self._seen is None else self._seen
        if not self._sent:
            return Coverage(lines, self._rows, sampling, "inbound-only", blind=True)
        note = "unstated" if self._unstated else "sampled" if sampling > 1 else ""
        return Coverage(lines, self._rows, sampling, note)

    def table(self) -> pa.Table:
        """Return the kept rows."""
        return pa.Table.from_batches(self._batches, schema=WATCHED)

    def pairs(self) -> tuple[Integers, Integers]:
        """Return the pairs of kept rows and positions in ``indicators``."""
        if not self._pairs:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows, entries = zip(*self._pairs, strict=True)
        return np.concatenate(rows), np.concatenate(entries)

    def _offset(self, watchlist: Watchlist) -> int:
        # The list itself is kept beside its offset, so that its id can't be given to another one.
        if id(watchlist) not in self._offsets:
            self._offsets[id(watchlist)] = watchlist, len(self.indicators)
            self.indicators += cast("tuple[Indicator, ...]", watchlist.indicators)
        return self._offsets[id(watchlist)][1]

    def _count(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        self._rows += batch.num_rows
        self._lines.add(numbers(batch, "subscriber"))
        sampling = intervals(batch)
        self._sampling = max(self._sampling, int(sampling.max()))
        self._unstated |= not sampling.all()
        if not self._sent:
            self._sent = bool((batch.column("subscriberSide").to_numpy() == SENDS).any())


class _Lines:
    """Counts distinct lines exactly: two hash tables of known lines spare nearly all rows the sorting."""

    def __init__(self) -> None:
        self._known: Integers = np.empty(0, np.int64)
        self._bits = _LEAST_BITS
        self._tables = self._empty()

    def add(self, lines: Integers) -> None:
        unknown = lines
        for which, table in enumerate(self._tables):
            unknown = unknown[table[self._slots(unknown, which)] != unknown]
            if not unknown.size:
                return
        fresh = np.unique(unknown)
        if self._known.size:
            at = np.minimum(np.searchsorted(self._known, fresh), self._known.size - 1)
            fresh = fresh[self._known[at] != fresh]
        if not fresh.size:
            return
        self._known = np.insert(self._known, np.searchsorted(self._known, fresh), fresh)
        if self._known.size > 1 << (self._bits - 2):
            self._bits = int(self._known.size).bit_length() + 2
            self._tables, fresh = self._empty(), self._known
        self._insert(fresh)

    def _insert(self, lines: Integers) -> None:
        """Put lines where a slot is free; those that find none are looked up by sorting."""
        for which, table in enumerate(self._tables):
            slots = self._slots(lines, which)
            free = table[slots] == _UNUSED
            table[slots[free]] = lines[free]
            lines = lines[table[slots] != lines]

    def _slots(self, lines: Integers, which: int) -> NDArray[np.intp]:
        mixed: NDArray[np.uint64] = lines.view(np.uint64) * _ODD[which]
        return (mixed >> np.uint64(64 - self._bits)).astype(np.intp)

    def _empty(self) -> tuple[Integers, Integers]:
        return np.full(1 << self._bits, _UNUSED, np.int64), np.full(1 << self._bits, _UNUSED, np.int64)

    def __len__(self) -> int:
        return int(self._known.size)
