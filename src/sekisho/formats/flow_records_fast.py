"""The twin of `flow_columns.fill` for records of fixed length, compiled by numba.

A few hundred records at a time go column by column straight from the slots into the columns, so that a record's octets
are still in the nearest cache for its last field; nothing is gathered before, whatever templates are mixed.

Imported only when a decoder is made with ``fast_from``; it writes the same rows as the NumPy path, and leaves to it what is
rare: durations, times in other units, sampling that depends on the record.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from sekisho.formats.elements import NETFLOW_9
from sekisho.formats.flow_columns import END, EXPORTER, INTERVAL, OCTETS, PACKETS, START, VERSION, Heads, Out
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.templates import Layout
from sekisho.model.tables import MOST_COUNTED

# Octets of records that are gone through together: they stay in the first-level cache for all their fields.
_CHUNK = 1 << 15
_LATEST_BITS = 42
# How a time is written: as it stands, in seconds, since the exporter's boot, as the export's, as the other time.
_PLAIN, _SECONDS, _BOOT, _EXPORT, OTHER = range(5)
_RARE = (
    *("duration", "boot", "sampling_size", "sampling_population", "interval", "space"),
    *(f"{which}_{unit}" for which in ("start", "end") for unit in ("us", "ns", "delta")),
)
# The columns that hold a number of the record as it is, in the order of `_fill`'s arguments.
_NUMBERS = (
    ("sourceIPv4Address", "source4", np.uint32),
    ("destinationIPv4Address", "destination4", np.uint32),
    ("postNATSourceIPv4Address", "nat_source4", np.uint32),
    ("sourceTransportPort", "source_port", np.uint16),
    ("destinationTransportPort", "destination_port", np.uint16),
    ("postNAPTSourceTransportPort", "nat_source_port", np.uint16),
    ("protocolIdentifier", "protocol", np.uint8),
    ("tcpControlBits", "flags", np.uint8),
    (PACKETS, "packets", np.int64),
    (OCTETS, "octets", np.int64),
)
_SIXES = (
    ("sourceIPv6Address", "source6", np.uint8),
    ("destinationIPv6Address", "destination6", np.uint8),
)
_WORD = 8
# The octets before a record, none of whose bits are taken: zeros.
NOTHING = (-_WORD, 0)


def suits(layout: Layout, heads: Heads) -> bool:
    """Say whether all that the records of a layout tell can be read here."""
    fields = layout.fields
    if layout.variable or any(role in fields for role in _RARE):
        return False
    if layout.version != NETFLOW_9 and ("start_uptime" in fields or "end_uptime" in fields):
        return False
    asked = [role for role in ("interface", "sampler") if role in fields]
    return not any(len(rules.table(role)[0]) for rules in heads.rules for role in asked)


def fill(flat: Array, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads, out: Out) -> bool:
    """Write the records of the sets at ``begins`` into ``out``; say whether no time and no counter is impossible."""
    places = [place_of(layout, role) if name in out else NOTHING for name, role, _ in (*_NUMBERS, *_SIXES)]
    numbers = [out[name] if name in out else np.empty(0, kind) for name, _, kind in _NUMBERS]
    sixes = [out[name].view(np.uint8) if name in out else np.empty(0, np.uint8) for name, _, _ in _SIXES]
    modes, times = times_of(layout)
    out[VERSION][...] = 6 if len(sixes[0]) else 4
    counted, timed = _fill(
        flat, *(np.ascontiguousarray(one) for one in (begins, counts)), layout.octets,
        np.array([one for one, _ in (*places, *times)], np.int64),
        np.array([mask for _, mask in (*places, *times)], np.uint64), np.array(modes, np.int64),
        *(np.ascontiguousarray(one) for one in (heads.export, heads.uptime, heads.interval, heads.exporter)),
        out[START], out[END], out[INTERVAL], out[EXPORTER], *sixes, *numbers,
    )  # fmt: skip
    return counted < MOST_COUNTED and not timed >> _LATEST_BITS


def times_of(layout: Layout) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """Return how both times are written, and where they stand as `place_of` says."""
    found = [_time(layout, which) for which in ("start", "end")]
    modes = tuple(mode for mode, _ in found)
    return (OTHER, _EXPORT) if modes == (OTHER, OTHER) else modes, [place for _, place in found]


def place_of(layout: Layout, role: str) -> tuple[int, int]:
    """Return where the eight octets begin that a field ends, from its record on, and which of their bits are its own.

    Before every record there are the headers of its set and its message, so these octets are there.
    """
    field = layout.fields.get(role)
    if field is None:
        return NOTHING
    # IPFIX has 16 flag bits (RFC 7125); FLOW keeps the lower octet.
    width = 1 if role == "flags" else min(field.width, _WORD)
    return field.offset + field.width - _WORD, (1 << 8 * width) - 1


def _time(layout: Layout, which: str) -> tuple[int, tuple[int, int]]:
    for mode, unit in ((_PLAIN, "ms"), (_BOOT, "uptime"), (_SECONDS, "s")):
        if f"{which}_{unit}" in layout.fields:
            return mode, place_of(layout, f"{which}_{unit}")
    return OTHER, NOTHING


@numba.njit(nogil=True)
def word(flat: Any, at: Any) -> Any:
    """Read 64 bits in network order: the compiler makes one load and a swap of it."""
    value = np.uint64(flat[at])
    for place in range(1, 8):
        value = value << np.uint64(8) | np.uint64(flat[at + np.uint64(place)])
    return value


@numba.njit(nogil=True)
def column(flat: Any, starts: Any, place: Any, mask: Any, out: Any, row: Any) -> Any:
    """Copy one field of the records at ``starts``; return its values or'ed together. No ``out``: nothing to do."""
    seen = np.uint64(0)
    if not len(out):
        return seen
    cells, away = out[row : row + len(starts)], np.uint64(place)
    for number in range(len(starts)):
        value = word(flat, starts[number] + away) & mask
        cells[number] = value
        seen |= value
    return seen


@numba.njit(nogil=True)
def instant(mode: Any, value: Any, now: Any, boot: Any) -> Any:
    """Return the milliseconds of the epoch of a time as it was sent."""
    if mode == _BOOT:  # a signed difference to the header's, so a 49-day wrap does no harm
        return now + np.int64(np.int32(np.uint32(value) - boot))
    if mode == _SECONDS:
        return value * 1000
    return now if mode == _EXPORT else value


@numba.njit(nogil=True)
def _moments(modes: Any, counts: Any, export: Any, uptime: Any, start: Any, end: Any, row: Any) -> Any:
    """Make both times of the records of some sets what FLOW holds; return all of them or'ed together."""
    seen = np.uint64(0)
    for number in range(len(counts)):
        now, boot = export[number], uptime[number]
        for index in range(row, row + counts[number]):
            one = instant(modes[0], start[index], now, boot)
            other = instant(modes[1], end[index], now, boot)
            start[index] = other if modes[0] == OTHER else one
            end[index] = one if modes[1] == OTHER else other
            seen |= np.uint64(start[index]) | np.uint64(end[index])
        row += counts[number]
    return seen


@numba.njit(nogil=True)
def _six(flat: Any, starts: Any, place: Any, out: Any, row: Any) -> None:
    """Copy an address of 16 octets of the records at ``starts``; the last 8 of them are at ``place``."""
    if not len(out):
        return
    to = np.uint64(row * 16)
    for number in range(len(starts)):
        at = starts[number] + np.uint64(place - 8)
        for octet in range(16):
            out[to + np.uint64(octet)] = flat[at + np.uint64(octet)]
        to += np.uint64(16)


@numba.njit(nogil=True)
def starts_of(begins: Any, counts: Any, octets: Any, out: Any) -> None:
    """Write where each record begins."""
    row = 0
    for number in range(len(begins)):
        at = np.uint64(begins[number])
        for _ in range(counts[number]):
            out[row] = at
            at += np.uint64(octets)
            row += 1


def _loop(
    flat: Any, begins: Any, counts: Any, octets: Any, places: Any, masks: Any, modes: Any, export: Any,
    uptime: Any, interval: Any, exporter: Any, start: Any, end: Any, intervals: Any, exporters: Any,
    source6: Any, destination6: Any, source4: Any, destination4: Any, nat4: Any, source_port: Any,
    destination_port: Any, nat_port: Any, protocol: Any, flags: Any, packets: Any, volume: Any,
) -> Any:  # fmt: skip
    counted = timed = np.uint64(0)
    row = first = 0
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
        column(flat, at, places[0], masks[0], source4, row)
        column(flat, at, places[1], masks[1], destination4, row)
        column(flat, at, places[2], masks[2], nat4, row)
        column(flat, at, places[3], masks[3], source_port, row)
        column(flat, at, places[4], masks[4], destination_port, row)
        column(flat, at, places[5], masks[5], nat_port, row)
        column(flat, at, places[6], masks[6], protocol, row)
        column(flat, at, places[7], masks[7], flags, row)
        counted |= column(flat, at, places[8], masks[8], packets, row)
        counted |= column(flat, at, places[9], masks[9], volume, row)
        _six(flat, at, places[10], source6, row)
        _six(flat, at, places[11], destination6, row)
        now, boot = export[first:last], uptime[first:last]
        column(flat, at, places[12], masks[12], start, row)
        column(flat, at, places[13], masks[13], end, row)
        timed |= _moments(modes, counts[first:last], now, boot, start, end, row)
        row += rows
        first = last
    return counted, timed


def given(kind: Any) -> Any:
    """Return the type of an array of ``kind`` that is only read."""
    return types.Array(kind, 1, "C", readonly=True)


_PAIR: Any = types.UniTuple
_SIGNATURE = _PAIR(types.uint64, 2)(
    *(given(types.uint8), given(types.int64), given(types.int64), types.int64),
    *(given(types.int64), given(types.uint64), given(types.int64)),
    *(given(types.int64), given(types.uint32), given(types.uint32), given(types.int16)),
    *(types.int64[::1], types.int64[::1], types.uint32[::1], types.int16[::1]),
    *(types.uint8[::1], types.uint8[::1]),
    *(types.uint32[::1],) * 3,
    *(types.uint16[::1],) * 3,
    *(types.uint8[::1],) * 2,
    *(types.int64[::1],) * 2,
)
# Compiled when this is imported, for mapped slots as well: nothing has to be compiled while datagrams come in.
_fill: Any = numba.njit(_SIGNATURE, nogil=True)(_loop)
