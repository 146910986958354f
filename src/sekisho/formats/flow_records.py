"""Records of one layout inside a block of datagrams, as arrays: field by field, never record by record.

Three ways, by what the records allow: `Grid` (as many records at the same place in neighbouring slots: strided views,
nothing is copied), `Gathered` (any mix: one gather of whole records) and `Walked` (variable-length fields: a walk over
all sets in step gives every record's anchors, then one gather a field).
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from sekisho.formats.datagrams import Octets
from sekisho.formats.templates import Field, Layout

Array: TypeAlias = npt.NDArray[Any]
Offsets: TypeAlias = npt.NDArray[np.int64]
#: Variable-length records of one set that are read at most: the walk takes a step for each.
MOST_STEPS = 4_096
_LONG_FORM = 255  # RFC 7011 section 7: then two more octets hold the length


class Records(Protocol):
    """Records whose fields can be had as arrays of one ``shape``."""

    shape: tuple[int, ...]

    def window(self, field: Field, kind: str) -> Array:
        """Return a field of all records as NumPy type ``kind`` (big endian, of the field's width)."""
        ...

    def spread(self, per_set: Array) -> Array:
        """Return values that belong to sets so that they can be broadcast to the records."""
        ...


class Grid:
    """``rows`` neighbouring slots, each with ``columns`` records of ``octets`` that begin at ``offset`` in the slot."""

    __slots__ = ("_block", "_offset", "_strides", "shape")

    def __init__(self, block: Octets, offset: int, columns: int, octets: int) -> None:
        self._block = block
        self._offset = offset
        self._strides = (block.strides[0], octets)
        self.shape: tuple[int, ...] = (len(block), columns)

    def window(self, field: Field, kind: str) -> Array:
        """Return a strided view."""
        return np.ndarray(self.shape, kind, self._block, self._offset + field.offset, self._strides)

    def spread(self, per_set: Array) -> Array:
        """Return a column vector."""
        return _lone(per_set)[:, None]


class Gathered:
    """Records that begin at ``starts`` (offsets in ``flat``), copied together; ``counts``: records of each set."""

    __slots__ = ("_counts", "_kept", "_octets", "shape")

    def __init__(self, flat: Octets, starts: Offsets, counts: Array, octets: int) -> None:
        windows = np.ndarray((len(flat) - octets + 1,), f"V{octets}", flat, 0, (1,))
        self._kept = windows[starts]
        self._counts = counts
        self._octets = octets
        self.shape: tuple[int, ...] = (len(starts),)

    def window(self, field: Field, kind: str) -> Array:
        """Return a strided view of the copy."""
        return np.ndarray(self.shape, kind, self._kept, field.offset, (self._octets,))

    def spread(self, per_set: Array) -> Array:
        """Repeat each value as often as its set has records."""
        lone = _lone(per_set)
        return lone if len(lone) == 1 else np.repeat(per_set, self._counts)


class Walked:
    """Records with ``anchors``: offsets in ``flat`` of the record's begin and behind each variable-length field."""

    __slots__ = ("_anchors", "_flat", "_owners", "shape")

    def __init__(self, flat: Octets, anchors: list[Offsets], owners: Offsets) -> None:
        self._flat = flat
        self._anchors = anchors
        self._owners = owners
        self.shape: tuple[int, ...] = (len(owners),)

    def window(self, field: Field, kind: str) -> Array:
        """Gather the field."""
        many = len(self._flat) - field.width + 1
        windows = np.ndarray((many,), kind, self._flat, 0, (1,))
        return windows[self._anchors[field.anchor] + field.offset]

    def spread(self, per_set: Array) -> Array:
        """Take the value of each record's set."""
        lone = _lone(per_set)
        return lone if len(lone) == 1 else per_set[self._owners]


def _lone(per_set: Array) -> Array:
    """Return one value for all when they are equal: most sets of a block have one exporter, interval and time."""
    return per_set[:1] if (per_set == per_set[0]).all() else per_set


def walk(flat: Octets, layout: Layout, begins: Offsets, ends: Offsets) -> tuple[Walked, Array, int, int]:
    """Find the records of variable length between ``begins`` and ``ends``; all sets go forward in step.

    Returns the records, how many each set has, how many were torn (a length that leads out of its set; the rest of
    that set is lost) and how many sets have more records than `MOST_STEPS`.
    """
    owners = np.arange(len(begins), dtype=np.int64)
    at = begins.copy()
    rounds: list[list[Offsets]] = []
    owned: list[Offsets] = []
    torn = 0
    for _ in range(MOST_STEPS):
        alive = at[owners] + layout.octets <= ends[owners]
        owners = owners[alive]
        if not len(owners):
            break
        anchors, good = _step(flat, layout.spans, at[owners], ends[owners])
        torn += int(len(owners) - np.count_nonzero(good))
        owners = owners[good]
        anchors = [anchor[good] for anchor in anchors]
        at[owners] = anchors.pop()
        rounds.append(anchors)
        owned.append(owners)
    overlong = int(np.count_nonzero(at[owners] + layout.octets <= ends[owners])) if len(owners) else 0
    if not owned:
        nothing = np.empty(0, np.int64)
        return Walked(flat, [nothing] * len(layout.spans), nothing), np.zeros(len(begins), np.int64), torn, 0
    whole = [np.concatenate([one[number] for one in rounds]) for number in range(len(layout.spans))]
    belongs = np.concatenate(owned)
    return Walked(flat, whole, belongs), np.bincount(belongs, minlength=len(begins)), torn, overlong


def _step(flat: Octets, spans: tuple[int, ...], at: Offsets, ends: Offsets) -> tuple[list[Offsets], Array]:
    """Return the anchors of one record a set and, last, where it ends; and which of them stay inside their set."""
    anchors = [at]
    good = np.ones(len(at), bool)
    last = len(flat) - 1
    for span in spans[:-1]:
        at = at + span
        head = flat[np.minimum(at, last)].astype(np.int64)
        long = head == _LONG_FORM
        if long.any():
            wide = flat[np.minimum(at + 1, last)].astype(np.int64) << 8 | flat[np.minimum(at + 2, last)]
            head = np.where(long, wide + 2, head)
        at = at + 1 + head
        good &= at <= ends
        anchors.append(at)
    at = at + spans[-1]
    good &= at <= ends
    anchors.append(at)
    return anchors, good
