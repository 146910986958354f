"""Finds the sets in many messages at once: the walk that NetFlow v9 and IPFIX share (RFC 3954, RFC 7011 section 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from sekisho.formats.datagrams import Octets
from sekisho.formats.flow_records import Array, Offsets

HEADER = 4
#: Sets of one message that are read at most: the walk takes a step for each.
MOST_SETS = 2_048
_SIXTEEN_BITS = 1 << 16
# A table over keys that are spread wider than so many times their number costs more than sorting them.
_SPREAD = 16


class Framing(Protocol):
    """The compiled twin of what is here (`message_sets_fast`)."""

    @property
    def REASONS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Why a walk ends early."""
        ...

    @property
    def pairs(self) -> Callable[[Array, Offsets], Offsets]:
        """Return 16-bit numbers at offsets of a line of octets."""
        ...

    @property
    def quads(self) -> Callable[[Array, Offsets], Offsets]:
        """Return 32-bit numbers at offsets of a line of octets."""
        ...

    @property
    def sets(self) -> Callable[[Array, Offsets, Offsets], tuple[tuple[Offsets, ...], Array]]:
        """Return the sets of messages between their begins and ends, and why the walk through each ended."""
        ...


class Block:
    """The slots of a block as one line of octets, with big-endian numbers anywhere in it; ``twin`` reads them sooner."""

    __slots__ = ("_pairs", "_quads", "flat", "octets", "twin", "width")

    def __init__(self, octets: Octets, twin: Framing | None = None) -> None:
        self.octets = octets
        self.twin = twin
        self.width = octets.shape[1]
        self.flat = octets.reshape(-1)
        many = len(self.flat)
        self._pairs = self._windows(">u2", many - 1)
        self._quads = self._windows(">u4", many - 3)

    def _windows(self, kind: str, many: int) -> Array:
        return np.ndarray((max(many, 0),), kind, self.flat if many > 0 else None, 0, (1,))

    def pair(self, at: Array) -> Offsets:
        """Return the 16-bit numbers at these offsets."""
        if self.twin is not None:
            return self.twin.pairs(self.flat, at)
        return self._pairs[at].astype(np.int64)

    def quad(self, at: Array) -> Offsets:
        """Return the 32-bit numbers at these offsets."""
        if self.twin is not None:
            return self.twin.quads(self.flat, at)
        return self._quads[at].astype(np.int64)


class Sets(NamedTuple):
    """Sets in the order of their place: index of the message, id, and where the body begins and ends in the block."""

    message: Offsets
    identifier: Offsets
    begin: Offsets
    end: Offsets

    def take(self, which: Array) -> Sets:
        """Return some of them."""
        return Sets(*(column[which] for column in self))


#: Called with a reason and the indexes of the messages concerned.
Faults = Callable[[str, Array], None]


def sets_of(block: Block, begins: Offsets, ends: Offsets, fault: Faults) -> Sets:
    """Find the sets between ``begins`` (behind the messages' headers) and ``ends``; all messages go forward in step.

    A set whose length lies ends its message; what stood before it is kept. Up to three octets behind the last set
    are padding.
    """
    if block.twin is not None:
        columns, why = block.twin.sets(block.flat, begins, ends)
        for number, reason in enumerate(block.twin.REASONS, 1):
            if (which := np.flatnonzero(why == number)).size:
                fault(reason, which)
        return Sets(*columns)
    alive = np.arange(len(begins), dtype=np.int64)
    at, stop = begins, ends
    rounds: list[Sets] = []
    for _ in range(MOST_SETS):
        some = at + HEADER <= stop
        if not some.all():
            alive, at, stop = alive[some], at[some], stop[some]
        if not len(alive):
            break
        identifier, length = block.pair(at), block.pair(at + 2)
        end = at + length
        good = (length >= HEADER) & (end <= stop)
        if not good.all():
            _blame(fault, alive, identifier, length, good)
            alive, at, stop, identifier, end = (one[good] for one in (alive, at, stop, identifier, end))
        rounds.append(Sets(alive, identifier, at + HEADER, end))
        at = end
    else:
        fault("too-many-sets", alive[at + HEADER <= stop])
    if len(rounds) == 1:
        return rounds[0]
    if not rounds:
        return Sets(alive, alive, alive, alive)
    every = Sets(*(np.concatenate(columns) for columns in zip(*rounds, strict=True)))
    return every.take(ordered(every.message, len(begins)))


def ordered(keys: Array, bound: int) -> Offsets:
    """Return the order of keys from 0 up to ``bound``, those alike as they come: NumPy sorts 16 bits by their digits."""
    narrow = keys.astype(np.uint16) if bound <= _SIXTEEN_BITS else keys
    order: Offsets = np.argsort(narrow, kind="stable")
    return order


def distinct(keys: Offsets) -> tuple[Offsets, Offsets]:
    """Return the different keys in order and, for each key, which of them it is; not sorted where they lie near together."""
    if not len(keys):
        return keys, keys
    low, high = int(keys.min()), int(keys.max())
    if low == high:
        return keys[:1], np.zeros(len(keys), np.int64)
    if high - low >= _SPREAD * len(keys):
        found, place = np.unique(keys, return_inverse=True)
        return found, place
    at = keys - low
    there = np.zeros(high - low + 1, np.bool_)
    there[at] = True
    found = np.flatnonzero(there)
    table = np.empty(len(there), np.int64)
    table[found] = np.arange(len(found))
    return found + low, table[at]


def _blame(fault: Faults, alive: Array, identifier: Array, length: Array, good: Array) -> None:
    # Zeros where a set should begin: more padding than allowed, nothing lost.
    zeros = (identifier == 0) & (length == 0)
    for reason, which in (
        ("set-length", (length < HEADER) & ~zeros),
        ("set-truncated", ~good & (length >= HEADER)),
        ("padding-too-long", zeros),
    ):
        if which.any():
            fault(reason, alive[which])
