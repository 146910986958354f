"""One prefix length of the index: intervals swept into pieces without overlap, and the search in them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sekisho.errors import ReadingError
from sekisho.formats.assignment_rows import ALL_PORTS
from sekisho.formats.assignment_settling import FOREVER, Intervals
from sekisho.language import Text

Array = npt.NDArray[Any]
NOBODY, AMBIGUOUS = -1, -2
_HALF = 64
# A sum of squares tells that all accounts are one; beyond this many at once it might wrap, and two are assumed.
_MOST_AT_ONCE = 64
_LONG_AGO = 86_400_000


class Level:
    """All networks of one length and family. ``four``: IPv4."""

    def __init__(self, every: Intervals, which: Array, length: int, four: bool, skew: int) -> None:
        self.four = four
        self._length = length
        keys = self._keys(every.high[which], every.low[which])
        self._networks, network = np.unique(keys, return_inverse=True)
        times = (every.begin[which] - skew, every.end[which] + skew)
        who = (every.account[which], every.open[which])
        first, last = every.first[which].astype(np.int64), every.last[which].astype(np.int64)
        self._blocks = bool(((first > 0) | (last < ALL_PORTS)).any())
        self._plain = (network, *times, *who)
        if not self._blocks:
            self._by_port = Pieces(*self._plain)
            del self._plain
            return
        network = network.astype(np.int64)
        edges = np.concatenate([network << 17 | first, network << 17 | (last + 1), network << 17])
        self._segments = np.unique(edges)
        begin = np.searchsorted(self._segments, network << 17 | first)
        count = np.searchsorted(self._segments, network << 17 | (last + 1)) - begin
        row = np.repeat(np.arange(len(network)), count)
        inner = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        self._by_port = Pieces(begin[row] + inner, *(one[row] for one in (*times, *who)))

    @cached_property
    def _by_network(self) -> Pieces:
        """The pieces when ports do not count: for addresses without blocks, and for questions without a port."""
        return Pieces(*self._plain)

    def find(self, high: Array, low: Array, port: Array, moment: Array) -> tuple[Array, Array]:
        """Return account (or NOBODY, AMBIGUOUS) and whether the end is assumed."""
        keys = self._keys(high, low)
        network = np.searchsorted(self._networks, keys)
        known = network < len(self._networks)
        known &= self._networks[np.where(known, network, 0)] == keys
        if not self._blocks:
            return self._by_port.find(network, known, moment)
        segment = (
            np.searchsorted(self._segments, network.astype(np.int64) << 17 | port.astype(np.int64), "right")
            - 1
        )
        account, is_open = self._by_port.find(segment, known & (port > 0), moment)
        unknown = np.flatnonzero(known & (port == 0))
        if len(unknown):
            account[unknown], is_open[unknown] = self._by_network.find(
                network[unknown], np.ones(len(unknown), bool), moment[unknown]
            )
        return account, is_open

    def _keys(self, high: Array, low: Array) -> Array:
        """Return what tells networks of this level apart, sortable."""
        if self.four:
            return ((low & np.uint64(0xFFFFFFFF)) >> np.uint64(128 - self._length)).astype(np.uint32)
        if self._length <= _HALF:
            return high >> np.uint64(_HALF - self._length) if self._length else np.zeros_like(high)
        kept = low >> np.uint64(128 - self._length) << np.uint64(128 - self._length)
        both = np.empty((len(high), 2), ">u8")
        both[:, 0], both[:, 1] = high, kept
        return both.view("S16").ravel()


class Pieces:
    """Pieces of time by segment, without overlap: each one account's, or AMBIGUOUS."""

    def __init__(self, segment: Array, begin: Array, end: Array, account: Array, is_open: Array) -> None:
        # What has always been, or never ends, needs no bits: its edge lies just outside of all others.
        always, never = begin <= _LONG_AGO, end >= FOREVER
        edges = np.concatenate([begin[~always], end[~never]])
        self._base = int(edges.min(initial=FOREVER)) - 2 if len(edges) else 0
        self._last = int(edges.max(initial=0)) + 1 if len(edges) else 2
        begin = np.where(always, self._base, begin)
        end = np.where(never, self._last + 1, end)
        self._span = self._last - self._base + 2
        self._bits = np.uint64(self._span.bit_length())
        if int(segment.max(initial=0)) >> (64 - int(self._bits)):
            raise ReadingError(
                Text(ja="一度に引くには割当が多すぎる", en="too many assignments for one look-up"),
                f"{int(segment.max()) + 1:,}; {self._span // 86_400_000} d",
                Text(ja="期間を狭める", en="ask about a shorter time"),
            )
        self._sweep(segment, begin, end, account.astype(np.int64), is_open)

    def _sweep(self, segment: Array, begin: Array, end: Array, account: Array, is_open: Array) -> None:
        keys = np.concatenate([self._key(segment, begin), self._key(segment, end)])
        order = np.argsort(keys, kind="quicksort")
        keys = keys[order]
        rows = len(begin)
        final = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        sign = np.where(order < rows, 1, -1)
        order %= max(rows, 1)
        count = np.cumsum(sign)[final]
        total = np.cumsum(sign * account[order])[final]
        squares = np.cumsum(sign * (account * account)[order])[final]
        opened = np.cumsum(sign * is_open[order])[final] > 0 if is_open.any() else np.zeros(len(count), bool)
        one = (count > 0) & (count <= _MOST_AT_ONCE)
        one &= count * squares == total * total
        value = np.where(one, total // np.maximum(count, 1), np.where(count > 0, AMBIGUOUS, NOBODY))
        keys = keys[final]
        # Neighbours that say the same are one piece.
        new = np.append(True, (value[1:] != value[:-1]) | (opened[1:] != opened[:-1]))[: len(keys)]
        self._keys, self._value = keys[new], value[new].astype(np.int32)
        self._open = opened[new]

    def find(self, segment: Array, known: Array, moment: Array) -> tuple[Array, Array]:
        """Return account (NOBODY, AMBIGUOUS) and whether the end is assumed, for questions about ``known`` segments."""
        account = np.full(len(segment), NOBODY, np.int32)
        at = slice(None) if known.all() else np.flatnonzero(known)
        keys = self._key(segment[at], np.clip(moment[at], self._base, self._last))
        place = np.searchsorted(self._keys, keys, "right") - 1
        # Before the first piece of a segment stands the end of the segment before it: nobody.
        account[at] = np.where(place >= 0, self._value[place], NOBODY) if len(self._value) else NOBODY
        is_open = np.zeros(len(segment), bool)
        if len(self._value):
            is_open[at] = (place >= 0) & self._open[place]
        return account, is_open

    def _key(self, segment: Array, moment: Array) -> Array:
        return segment.astype(np.uint64) << self._bits | (moment - self._base).astype(np.uint64)
