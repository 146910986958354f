"""The twins of `message_sets` compiled by numba: numbers out of datagrams, and the walk from set to set.

A message is gone through from its first set to its last while its octets are in the nearest cache, instead of one step
in all messages at once.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.flow_records_fast import given
from sekisho.formats.message_sets import HEADER, MOST_SETS

#: Why a walk ended before its message did, by `_walk`'s numbers: it begins with 1.
REASONS = ("set-length", "set-truncated", "padding-too-long", "too-many-sets")
_LENGTH, _TRUNCATED, _PADDING, _MANY = range(1, 5)
# Sets of a message that room is made for at first; a walk that finds more is walked again.
_USUAL = 4


def pairs(flat: Array, at: Offsets) -> Offsets:
    """Return the big-endian 16-bit numbers at these offsets of a line of octets."""
    out = np.empty(len(at), np.int64)
    _pairs(flat, np.ascontiguousarray(at), out)
    return out


def quads(flat: Array, at: Offsets) -> Offsets:
    """Return the big-endian 32-bit numbers at these offsets of a line of octets."""
    out = np.empty(len(at), np.int64)
    _quads(flat, np.ascontiguousarray(at), out)
    return out


def sets(flat: Array, begins: Offsets, ends: Offsets) -> tuple[tuple[Offsets, ...], Array]:
    """Return the sets of messages (message, id, begin and end of the body), and for each message why its walk ended.

    The reason is 0 where it came to the message's end, else a place in `REASONS` counted from 1.
    """
    many = _USUAL * len(begins)
    while True:
        columns = tuple(np.empty(many, np.int64) for _ in range(4))
        why = np.zeros(len(begins), np.uint8)
        found = _walk(flat, np.ascontiguousarray(begins), np.ascontiguousarray(ends), *columns, why)
        if found <= many:
            return tuple(one[:found] for one in columns), why
        many = found


def _each_pair(flat: Any, at: Any, out: Any) -> None:
    end = np.uint64(max(len(flat) - 1, 0))
    for number in range(len(at)):
        place = np.uint64(at[number])
        if place >= end:
            raise IndexError
        out[number] = np.int64(flat[place]) << 8 | np.int64(flat[place + np.uint64(1)])


def _each_quad(flat: Any, at: Any, out: Any) -> None:
    end = np.uint64(max(len(flat) - 3, 0))
    for number in range(len(at)):
        place = np.uint64(at[number])
        if place >= end:
            raise IndexError
        high = np.int64(flat[place]) << 24 | np.int64(flat[place + np.uint64(1)]) << 16
        low = np.int64(flat[place + np.uint64(2)]) << 8 | np.int64(flat[place + np.uint64(3)])
        out[number] = high | low


def _each_set(
    flat: Any, begins: Any, ends: Any, message: Any, identifier: Any, begin: Any, end: Any, why: Any
) -> Any:
    """Write the sets as far as there is room; return how many there are."""
    found = 0
    for number in range(len(begins)):
        at, stop = begins[number], ends[number]
        steps = 0
        while at + HEADER <= stop:
            if steps == MOST_SETS:
                why[number] = _MANY
                break
            steps += 1
            place = np.uint64(at)
            name = np.int64(flat[place]) << 8 | np.int64(flat[place + np.uint64(1)])
            length = np.int64(flat[place + np.uint64(2)]) << 8 | np.int64(flat[place + np.uint64(3)])
            if length < HEADER:
                why[number] = _LENGTH if name | length else _PADDING
                break
            if at + length > stop:
                why[number] = _TRUNCATED
                break
            if found < len(message):
                message[found], identifier[found] = number, name
                begin[found], end[found] = at + HEADER, at + length
            found += 1
            at += length
    return found


# Compiled when this is imported, for mapped slots as well: nothing has to be compiled while datagrams come in.
_NUMBERS: Any = types.void(given(types.uint8), given(types.int64), types.int64[::1])
_pairs: Any = numba.njit(_NUMBERS, nogil=True)(_each_pair)
_quads: Any = numba.njit(_NUMBERS, nogil=True)(_each_quad)
_walk: Any = numba.njit(
    types.int64(
        given(types.uint8), given(types.int64), given(types.int64), *(types.int64[::1],) * 4, types.uint8[::1]
    ),
    nogil=True,
)(_each_set)
