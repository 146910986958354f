"""The twin of `lzo`, compiled by numba: the same octets of the same blocks, and an error for the same ones."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from sekisho.formats.lzo import LzoError

_DAMAGED = -1


def lzo_unpacked(packed: bytes, largest: int) -> bytes:
    """Return the plain octets of one LZO1X block.

    :raises LzoError: the block is torn or damaged, or would be longer than ``largest``
    """
    room = np.empty(largest, np.uint8)
    length = int(_unpack(np.frombuffer(packed, np.uint8), room))
    if length == _DAMAGED:
        raise LzoError("the block is damaged, or longer than it may be")
    return room[:length].tobytes()


@numba.njit(nogil=True)
def _extended(packed: Any, at: Any, least: Any) -> Any:
    """Read a length that is written as zero octets of 255 each and a last one; return it and where it ends, or -1."""
    total = np.int64(least)
    while at < len(packed):
        value = np.int64(packed[at])
        at += 1
        if value:
            return total + value, at
        total += 255
    return np.int64(_DAMAGED), at


@numba.njit(nogil=True)
def _literals(packed: Any, at: Any, count: Any, out: Any, end: Any) -> Any:
    """Copy ``count`` octets; return False where there aren't so many, or no room."""
    if at + count > len(packed) or end + count > len(out):
        return False
    for place in range(count):
        out[end + place] = packed[at + place]
    return True


@numba.njit(nogil=True)
def _match(packed: Any, code: Any, before: Any, at: Any) -> Any:
    """Return length, distance, literals behind it and where the instruction ends; a distance of 0 is the end."""
    failed = (np.int64(_DAMAGED), np.int64(0), np.int64(0), at)
    if code >= 64 or code < 16:  # one more octet  # noqa: PLR2004 - instruction classes, see `lzo`
        if at >= len(packed):
            return failed
        more = np.int64(packed[at])
        if code >= 64:  # noqa: PLR2004 - 01LDDDSS and 1LLDDDSS
            return (code >> 5) + 1, (more << 3) + ((code >> 2) & 7) + 1, code & 3, at + 1
        if before == 4:  # noqa: PLR2004 - after a long run of literals
            return np.int64(3), (more << 2) + (code >> 2) + 2049, code & 3, at + 1
        return np.int64(2), (more << 2) + (code >> 2) + 1, code & 3, at + 1
    bits = np.int64(31 if code >= 32 else 7)  # noqa: PLR2004 - 001LLLLL, else 0001HLLL
    length = (code & bits) + 2
    if not code & bits:
        length, at = _extended(packed, at, bits + 2)
    if length < 0 or at + 2 > len(packed):
        return failed
    low = np.int64(packed[at]) | np.int64(packed[at + 1]) << 8
    if code >= 32:  # noqa: PLR2004 - as above
        return length, (low >> 2) + 1, low & 3, at + 2
    distance = (low >> 2) + ((code & 8) << 11)
    return length, distance + 16384 if distance else np.int64(0), low & 3 if distance else np.int64(0), at + 2


@numba.njit(nogil=True)
def _first(packed: Any, out: Any) -> Any:
    """Take what the first octet says, which has its own coding; return where the input and the output stand."""
    if len(packed) == 0 or packed[0] <= 17:  # noqa: PLR2004 - the first octet's own coding
        return np.int64(0), np.int64(0)
    count = np.int64(packed[0]) - 17
    return (
        (1 + count, count) if _literals(packed, np.int64(1), count, out, 0) else (np.int64(_DAMAGED), count)
    )


@numba.njit(nogil=True)
def _run(packed: Any, code: Any, at: Any) -> Any:
    """Return how many literals an instruction is followed by, and where they begin."""
    return _extended(packed, at, 18) if code == 0 else (code + 3, at)


def _loop(packed: Any, out: Any) -> Any:
    at, end = _first(packed, out)
    before = min(np.int64(4), end)
    while 0 <= at < len(packed):
        code = np.int64(packed[at])
        at += 1
        if code < 16 and before == 0:  # noqa: PLR2004 - a run of literals
            count, at = _run(packed, code, at)
            before = np.int64(4)
        else:
            length, distance, before, at = _match(packed, code, before, at)
            if distance == 0 and length >= 0:
                return end
            if length < 0 or distance > end or end + length > len(out):
                return _DAMAGED
            for place in range(end, end + length):  # one by one: a match may reach into what it writes
                out[place] = out[place - distance]
            end += length
            count = before
        if count < 0 or not _literals(packed, at, count, out, end):
            return _DAMAGED
        at, end = at + count, end + count
    return _DAMAGED


# Compiled when this is imported.
_unpack: Any = numba.njit(
    types.int64(types.Array(types.uint8, 1, "C", readonly=True), types.uint8[::1]), nogil=True
)(_loop)
