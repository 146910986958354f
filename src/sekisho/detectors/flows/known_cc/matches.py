"""Collects the rows that touch the list while flows stream by, and counts what was looked at."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.formats.watchlist import Watchlist
from sekisho.model.detection import Coverage
from sekisho.model.indicator import Indicator
from sekisho.model.tables import WATCHED, completed

Integers = NDArray[np.int64]

_SLOTS = 1 << 20
_UNUSED = np.iinfo(np.int64).min
_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)


class Matches:
    """The rows of a window that touch a list, each once, with the entries they touch.

    Feed it every WATCHED batch. The list may be replaced between two batches: entries are kept by value. At most
    ``rows_most`` rows are kept; more are counted in ``overflow``, and the judgement says so.
    """

    def __init__(self, rows_most: int = 2_000_000) -> None:
        self.rows_most = rows_most
        self.indicators: list[Indicator] = []
        self.overflow = 0
        self.kept = 0
        self._offsets: dict[int, tuple[Watchlist, int]] = {}
        self._batches: list[pa.RecordBatch] = []
        self._pairs: list[tuple[Integers, Integers]] = []
        self._lines = _Lines()
        self._rows = 0
        self._sampling = 0
        self._unstated = False

    def feed(self, watchlist: Watchlist, batch: pa.RecordBatch) -> int:
        """Match a batch, keep what touches the list, count the rest; return how many rows touched it."""
        self._count(batch)
        rows, entries = watchlist.match(batch)
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
            chosen = completed(batch.take(pa.array(places)), WATCHED)
            self._batches.append(chosen)
            self._pairs.append((inverse + self.kept, entries + self._offset(watchlist)))
            self.kept += int(places.size)
        return int(places.size)

    def coverage(self) -> Coverage:
        """Return what was looked at so far; without rows it could not judge."""
        if not self._rows:
            return Coverage(note="no-flows", blind=True)
        sampling = 0 if self._unstated and self._sampling <= 1 else self._sampling
        note = "unstated" if self._unstated else "sampled" if sampling > 1 else ""
        return Coverage(len(self._lines), self._rows, sampling, note)

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
        self._lines.add(batch.column("subscriber").to_numpy())
        sampling = batch.column("samplingPacketInterval").to_numpy()
        self._sampling = max(self._sampling, int(sampling.max()))
        self._unstated |= not sampling.all()


class _Lines:
    """Counts distinct lines exactly: a table of the last line seen in each slot spares most rows the sorting."""

    def __init__(self) -> None:
        self._table = np.full(_SLOTS, _UNUSED, np.int64)
        self._known: Integers = np.empty(0, np.int64)

    def add(self, lines: Any) -> None:
        slot = ((lines.view(np.uint64) * _ODD) >> np.uint64(44)).astype(np.intp)
        other = self._table[slot] != lines
        if other.any():
            self._table[slot[other]] = lines[other]
            fresh = np.unique(lines[other])
            at = np.searchsorted(self._known, fresh)
            if self._known.size:
                fresh = fresh[self._known[np.minimum(at, self._known.size - 1)] != fresh]
            if fresh.size:
                self._known = np.union1d(self._known, fresh)

    def __len__(self) -> int:
        return int(self._known.size)
