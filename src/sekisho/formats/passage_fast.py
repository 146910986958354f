"""Decoder, privacy door and list for plain IPv4 flows in one pass, compiled by numba.

Some hundred records at a time go from their datagrams through the door to packed columns (`packed_rows`), and their
remote ends are looked up in the list, while all of it lies in the nearest cache; rows of nobody's lines are left out on
the way. Each step does what its own module says: `flow_records_fast`, `pseudonyms4_fast`, `watchlist_fast`.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba import types

from sekisho.formats.flow_columns import Heads
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.flow_records_fast import (
    OTHER,
    column,
    given,
    instant,
    place_of,
    starts_of,
    times_of,
    word,
)
from sekisho.formats.templates import Layout
from sekisho.model.tables import RECEIVES, SENDS

# Octets of records that are gone through together: they and their rows stay in the first-level cache.
_CHUNK = 1 << 15
_BITS = 32
#: The columns, in the order of `_pass`'s arguments, and what they hold.
COLUMNS = (
    ("sourceTransportPort", np.uint16),
    ("destinationTransportPort", np.uint16),
    ("protocolIdentifier", np.uint8),
    ("tcpControlBits", np.uint8),
    ("packetDeltaCount", np.uint32),
    ("octetDeltaCount", np.uint32),
    ("flowStartMilliseconds", np.uint32),
    ("flowEndMilliseconds", np.uint32),
    ("samplingPacketInterval", np.uint32),
    ("exporter", np.int16),
    ("sourceIPv4Address", np.uint32),
    ("destinationIPv4Address", np.uint32),
    ("subscriber", np.uint32),
    ("subscriberSide", np.uint8),
)
_ROLES = (
    "source_port",
    "destination_port",
    "protocol",
    "flags",
    "packets",
    "octets",
    "source4",
    "destination4",
)
# As long as a layout is in use: each block needs it again.
_plans: WeakKeyDictionary[Layout, tuple[Array, Array, Array]] = WeakKeyDictionary()


def passed(
    flat: Array, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads, base: int,
    table: tuple[Array, Array], bits: Array, out: dict[str, Array], row: int, found: Array, many: int,
) -> tuple[int, int] | None:  # fmt: skip
    """Write the rows of watched lines into ``out`` from ``row`` on, and which of them may be on the list into ``found``.

    ``table`` is the door's (pages, pseudonyms), ``bits`` the list's; ``many`` were found before. Returns the row behind
    the last one and how many are found by now; None when a value of any record doesn't fit a packed row, or can't be:
    nothing counts then.
    """
    end, many, seen = _pass(
        flat, *(np.ascontiguousarray(one) for one in (begins, counts)), layout.octets, *_plan(layout),
        *(np.ascontiguousarray(one) for one in (heads.export, heads.uptime, heads.interval, heads.exporter)),
        base, *table, bits, row, *(out[name] for name, _ in COLUMNS), found, many,
    )  # fmt: skip
    return None if seen >> _BITS else (end, many)


def _plan(layout: Layout) -> tuple[Array, Array, Array]:
    """Return where the fields of a layout's records stand, which bits are theirs, and how times are written."""
    found = _plans.get(layout)
    if found is None:
        modes, times = times_of(layout)
        places = [*(place_of(layout, role) for role in _ROLES), *times]
        found = _plans[layout] = (
            np.array([one for one, _ in places], np.int64),
            np.array([mask for _, mask in places], np.uint64),
            np.array(modes, np.int64),
        )
    return found


@numba.njit(nogil=True)
def _times(
    flat: Any, at: Any, places: Any, masks: Any, modes: Any, counts: Any, export: Any, uptime: Any, base: Any,
    start: Any, end: Any, row: Any,
) -> Any:  # fmt: skip
    """Write both times of the records of some sets; return them or'ed together: beyond 32 bits, one doesn't fit."""
    seen = np.uint64(0)
    number = 0
    for which in range(len(counts)):
        now, boot = export[which], uptime[which]
        for _ in range(counts[which]):
            one = instant(
                modes[0], np.int64(word(flat, at[number] + np.uint64(places[0])) & masks[0]), now, boot
            )
            other = instant(
                modes[1], np.int64(word(flat, at[number] + np.uint64(places[1])) & masks[1]), now, boot
            )
            if modes[0] == OTHER:
                one = other
            if modes[1] == OTHER:
                other = one
            one, other = np.uint64(one - base), np.uint64(other - base)
            start[row + number], end[row + number] = one, other
            seen |= one | other
            number += 1
    return seen


@numba.njit(nogil=True)
def _names(addresses: Any, pages: Any, table: Any, out: Any) -> None:
    """Look addresses up: nobody's all look at the first entry, which is zero and stays in the nearest cache.

    Nothing else is in this loop, so that many entries are on their way from memory at once.
    """
    for number in range(len(addresses)):
        address = addresses[number]
        page = pages[address >> 16]
        out[number] = table[page + (address & 0xFFFF) if page else np.uint32(0)]


@numba.njit(nogil=True)
def _sides(one: Any, two: Any, sends: Any, receives: Any, line: Any, side: Any, away: Any) -> Any:
    """Put pseudonyms in place, say whose line it is and which end is away; return how many rows have a line."""
    watched = 0
    for number in range(len(one)):
        # All is read before anything is chosen: so the choice is no branch, which half of the rows would guess wrong.
        first, second, source, destination = sends[number], receives[number], one[number], two[number]
        name = first or second
        source, destination = first or source, second or destination
        one[number], two[number], line[number] = source, destination, name
        side[number] = SENDS if first else (RECEIVES if second else 0)
        away[number] = destination if first else source
        watched += 1 if name else 0
    return watched


@numba.njit(nogil=True)
def _look(away: Any, bits: Any, marks: Any) -> None:
    """Say of each remote end whether it lies in a marked /24 network."""
    for number in range(len(away)):
        address = away[number]
        marks[number] = (bits[address >> 11] >> ((address >> 8) & 7)) & 1


@numba.njit(nogil=True)
def _note(marks: Any, side: Any, row: Any, found: Any, many: Any) -> Any:
    """Note the rows that are marked, by where they will stand; return how many there are by now."""
    to = row
    for number in range(len(marks)):
        # Written always and kept only on a hit: no branch to guess wrong.
        found[many] = to
        watched = np.int64(side[number] != 0)
        many += np.int64(marks[number]) & watched
        to += watched
    return many


@numba.njit(nogil=True)
def _kept(values: Any, side: Any, row: Any, rows: Any) -> None:
    """Close the gaps that rows of nobody's lines leave."""
    to = row
    for at in range(row, row + rows):
        values[to] = values[at]
        to += np.int64(side[at] != 0)


@numba.njit(nogil=True)
def _through(
    one: Any,
    two: Any,
    line: Any,
    side: Any,
    pages: Any,
    table: Any,
    bits: Any,
    row: Any,
    found: Any,
    many: Any,
) -> Any:
    """Take both ends of some rows through the door and look at the list; return how many have a line, and are noted."""
    rows = len(one)
    sends, receives = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
    away, marks = np.empty(rows, np.uint32), np.empty(rows, np.uint8)
    _names(one, pages, table, sends)
    _names(two, pages, table, receives)
    kept = _sides(one, two, sends, receives, line, side, away)
    if len(bits):
        _look(away, bits, marks)
        many = _note(marks, side, row, found, many)
    return kept, many


def _loop(
    flat: Any, begins: Any, counts: Any, octets: Any, places: Any, masks: Any, modes: Any, export: Any, uptime: Any,
    interval: Any, exporter: Any, base: Any, pages: Any, table: Any, bits: Any, row: Any, source_port: Any,
    destination_port: Any, protocol: Any, flags: Any, packets: Any, volume: Any, start: Any, end: Any, intervals: Any,
    exporters: Any, source: Any, destination: Any, line: Any, side: Any, found: Any, many: Any,
) -> Any:  # fmt: skip
    seen = np.uint64(0)
    first = 0
    while first < len(begins):
        last, rows = first, 0
        while last < len(begins) and (last == first or (rows + counts[last]) * octets <= _CHUNK):
            for index in range(row + rows, row + rows + counts[last]):
                intervals[index] = interval[last]
                exporters[index] = exporter[last]
            rows += counts[last]
            last += 1
        at = np.empty(rows, np.uint64)
        starts_of(begins[first:last], counts[first:last], octets, at)
        column(flat, at, places[0], masks[0], source_port, row)
        column(flat, at, places[1], masks[1], destination_port, row)
        column(flat, at, places[2], masks[2], protocol, row)
        column(flat, at, places[3], masks[3], flags, row)
        seen |= column(flat, at, places[4], masks[4], packets, row)
        seen |= column(flat, at, places[5], masks[5], volume, row)
        seen |= _times(
            flat, at, places[8:], masks[8:], modes, counts[first:last], export[first:last], uptime[first:last],
            base, start, end, row,
        )  # fmt: skip
        here = slice(row, row + rows)
        one, two = source[here], destination[here]
        column(flat, at, places[6], masks[6], source, row)
        column(flat, at, places[7], masks[7], destination, row)
        kept, many = _through(one, two, line[here], side[here], pages, table, bits, row, found, many)
        if kept < rows:
            for narrow in (source_port, destination_port):
                _kept(narrow, side, row, rows)
            for octet in (protocol, flags):
                _kept(octet, side, row, rows)
            for number in (packets, volume, start, end, intervals, source, destination, line):
                _kept(number, side, row, rows)
            _kept(exporters, side, row, rows)
            _kept(side, side, row, rows)
        row += kept
        first = last
    return row, many, seen


_TUPLE: Any = types.Tuple
# Compiled when this is imported, for mapped slots as well: nothing has to be compiled while datagrams come in.
_pass: Any = numba.njit(
    _TUPLE((types.int64, types.int64, types.uint64))(
        *(given(types.uint8), given(types.int64), given(types.int64), types.int64),
        *(given(types.int64), given(types.uint64), given(types.int64)),
        *(given(types.int64), given(types.uint32), given(types.uint32), given(types.int16)),
        *(types.int64, given(types.uint32), given(types.uint32), given(types.uint8), types.int64),
        *(types.uint16[::1],) * 2,
        *(types.uint8[::1],) * 2,
        *(types.uint32[::1],) * 5,
        types.int16[::1],
        *(types.uint32[::1],) * 3,
        types.uint8[::1],
        types.int64[::1],
        types.int64,
    ),
    nogil=True,
)(_loop)
