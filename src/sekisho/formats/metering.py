"""Packets to flows, one direction each, with idle and active time-outs (RFC 5470 section 5; RFC 7011 terms).

The meter's clock is the latest time seen so far, as in a live meter, and goes on by the idle time-out when the
capture's time steps back by more than the active time-out (captures put together). So a packet that is a little
late changes nothing, and the result does not depend on how a file is cut into blocks.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_ODD = np.uint64(0x9E3779B97F4A7C15)


class MeterClock:
    """Turns packets' times (µs, in the order of the capture) into the meter's time, which never goes back."""

    def __init__(self, idle: int, active: int) -> None:
        """Take the time-outs in µs."""
        self._idle = idle
        self._active = active
        self._latest = self._before = self.now = 0
        self.stepped_back = 0
        self._begun = False

    def times(self, seen: Array) -> Array:
        """Return the meter's time of each packet."""
        if not len(seen):
            return seen
        if not self._begun:
            self._latest = self._before = int(seen[0])
            self._begun = True
        before = np.concatenate([[self._before], seen[:-1]])
        steps = np.flatnonzero(seen - before < -self._active)
        latest = np.empty_like(seen)
        edges = [0, *steps.tolist(), len(seen)]
        for begin, end in itertools.pairwise(edges):
            if begin < end:
                np.maximum.accumulate(seen[begin:end], out=latest[begin:end])
        first = int(steps[0]) if len(steps) else len(seen)
        np.maximum(latest[:first], self._latest, out=latest[:first])
        advance = np.diff(latest, prepend=self._latest)
        advance[steps] = self._idle + 1
        # A longer pause than this ends every flow anyway; so sums can't overflow.
        times: Array = self.now + np.cumsum(np.minimum(advance, self._idle + self._active + 1))
        self.stepped_back += len(steps)
        self._latest, self._before, self.now = int(latest[-1]), int(seen[-1]), int(times[-1])
        return times


@dataclass(slots=True)
class Flows:
    """Flows as arrays with one value each: key words, meter's time and capture's time (µs), counts, TCP flags."""

    keys: Array
    begun: Array
    latest: Array
    start: Array
    end: Array
    packets: Array
    octets: Array
    flags: Array

    def __len__(self) -> int:
        return len(self.begun)

    def take(self, which: Array) -> Flows:
        """Return some of the flows, or all in another order."""
        return Flows(*(getattr(self, one.name)[which] for one in fields(self)))

    def joined(self, other: Flows) -> Flows:
        """Return these and then the others."""
        return Flows(
            *(np.concatenate([getattr(self, one.name), getattr(other, one.name)]) for one in fields(self))
        )


def single(keys: Array, times: Array, seen: Array, octets: Array, flags: Array) -> Flows:
    """Return packets as flows of one packet each."""
    return Flows(keys, times, times, seen, seen, np.ones(len(times), np.int64), octets, flags)


class Meter:
    """Keeps the open flows of one address family; time-outs in µs, at most ``most`` open flows."""

    def __init__(self, idle: int, active: int, most: int) -> None:
        """Take the time-outs in µs and how many flows may be open."""
        self._idle = idle
        self._active = active
        self._most = most
        self._open: Flows | None = None
        self.pushed_out = 0

    def add(self, packets: Flows, now: int) -> Flows:
        """Meter packets (in the order of the capture); return the flows that ended up to ``now``."""
        rows = packets if self._open is None else self._open.joined(packets)
        rows, changes = _by_key(rows)
        last_of_key = np.append(changes[1:], True)
        heads = changes.copy()
        heads[1:] |= rows.begun[1:] - rows.latest[:-1] > self._idle
        first = _split(rows, np.flatnonzero(heads), self._active)
        flows = _summed(rows, first)
        still = last_of_key[np.append(first[1:], len(rows)) - 1] & (now - flows.latest <= self._idle)
        if int(still.sum()) > self._most:
            oldest = np.flatnonzero(still)
            oldest = oldest[np.argsort(flows.latest[oldest], kind="stable")[: len(oldest) - self._most]]
            still[oldest] = False
            self.pushed_out += len(oldest)
        self._open = flows.take(still)
        return flows.take(~still)

    def rest(self) -> Flows | None:
        """Return the flows that are still open: the capture is at its end."""
        found, self._open = self._open, None
        return found


def _by_key(rows: Flows) -> tuple[Flows, Array]:
    """Return rows of the same key together, in their order otherwise, and where a key begins."""
    mixed = np.zeros(len(rows), np.uint64)
    for word in range(rows.keys.shape[1]):
        mixed = (mixed ^ rows.keys[:, word]) * _ODD
        mixed ^= mixed >> np.uint64(29)
    bits = np.uint64(max(1, int(len(rows) - 1).bit_length()))
    low = (np.uint64(1) << bits) - np.uint64(1)
    # The row's number in the low bits: a fast unstable sort keeps the order all the same.
    tagged = np.sort(mixed & ~low | np.arange(len(rows), dtype=np.uint64))
    ordered = rows.take((tagged & low).astype(np.int64))
    changes = _changes(ordered.keys)
    if (changes[1:] & (tagged[1:] >> bits == tagged[:-1] >> bits)).any():
        # Two keys with the same upper bits may lie mixed: sort by the keys themselves.
        ordered = rows.take(np.lexsort(rows.keys.T))
        changes = _changes(ordered.keys)
    return ordered, changes


def _changes(keys: Array) -> Array:
    changes = np.ones(len(keys), bool)
    changes[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return changes


def _split(rows: Flows, first: Array, active: int) -> Array:
    """Return where flows begin when those longer than the active time-out are cut, again and again."""
    found = [first]
    end = np.append(first[1:], len(rows))
    while True:
        long = rows.latest[end - 1] - rows.begun[first] > active
        first, end = first[long], end[long]
        if not len(first):
            return np.sort(np.concatenate(found))
        # Binary search for the first packet beyond the time-out, in all of them at once.
        limit = rows.begun[first] + active
        low, high = first + 1, end - 1
        while (low < high).any():
            middle = (low + high) // 2
            beyond = rows.begun[middle] > limit
            high = np.where(beyond, middle, high)
            low = np.where(beyond, low, np.minimum(middle + 1, high))
        first = low
        found.append(first)


def _summed(rows: Flows, first: Array) -> Flows:
    last = np.append(first[1:], len(rows)) - 1
    return Flows(
        rows.keys[first],
        rows.begun[first],
        rows.latest[last],
        np.minimum.reduceat(rows.start, first),
        np.maximum.reduceat(rows.end, first),
        np.add.reduceat(rows.packets, first),
        np.add.reduceat(rows.octets, first),
        np.bitwise_or.reduceat(rows.flags, first),
    )
