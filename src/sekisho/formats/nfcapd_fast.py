"""The twin of `nfcapd.record_starts`, `layouts` and `columns_2`, compiled by numba: flows of any mix in two passes.

The first pass follows the sizes, finds each record's elements and says of which shape its row is; the second writes
each row's fields straight into the columns of its shape. So it makes no difference how the kinds of records are mixed.

Imported only when a reader has come to enough records; it gives the same rows and counts as the NumPy path. Other kinds
of records (exporters, samplers, flows of layout 1) are told and left to that path, and so are files in network order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

from sekisho.formats.nfcapd import COMMON_2, Array, Block
from sekisho.model.tables import MOST_COUNTED

ORDER = "<"
#: What a record without a row was left out for, in the order of `Walk.refused`.
SHORT, UNFIT, TIME, COUNTER = range(4)
_REASONS = 4
_LATEST_BITS = 42  # ms of the epoch: year 2109
_SAMPLED = 2
# A row's shape: IPv6, source address after NAT, source port after NAT.
_SIX, _NAT, _PORT = 1, 2, 4
SHAPES = 8
_GENERIC, _IPV4, _IPV6, _XLATE_IPV4, _XLATE_PORT = 1, 2, 3, 20, 22
_SMALLEST, _HEADER, _SHORTEST = 4, 12, 12 + 52 + 12
# Where a record and its elements begin, as the second pass wants them.
_PLACES = 6
# By an element's type: where its place goes (the last one is not looked at), and how long it must be for its fields.
_KNOWN = 64
_PLACE, _LEAST = np.full(_KNOWN, _PLACES - 1), np.zeros(_KNOWN, np.uint64)
for _place, (_kind, _octets) in enumerate(
    ((_GENERIC, 52), (_IPV4, 12), (_IPV6, 36), (_XLATE_IPV4, 12), (_XLATE_PORT, 8))
):
    _PLACE[_kind], _LEAST[_kind] = _place, _octets

_NUMBERS = (
    ("srcPort", np.uint16),
    ("dstPort", np.uint16),
    ("proto", np.uint8),
    ("tcpFlags", np.uint8),
    ("msecFirst", np.int64),
    ("msecLast", np.int64),
    ("inPackets", np.int64),
    ("inBytes", np.int64),
    ("interval", np.uint32),
    ("place", np.int16),
)


class Walk(NamedTuple):
    """What the records of a block are.

    ``rows``: of each shape, how many; ``refused``: how many were left out, by reason, and ``unfit`` where the first
    without a flow begins; ``missing``: how many the chain of sizes doesn't reach; ``others``: start, kind and size of each
    record that is no flow of layout 2.
    """

    rows: list[int]
    refused: list[int]
    unfit: int
    missing: int
    others: Array


def columns(shape: int, rows: int) -> dict[str, Array]:
    """Return columns of ``rows`` without content, named as nfdump does; IPv6 addresses are n by 16.

    ``place`` is the exporter's, ``interval`` that of its sampler.
    """
    found: dict[str, Array] = {name: np.empty(rows, kind) for name, kind in _NUMBERS}
    for name in ("src6", "dst6") if shape & _SIX else ():
        found[name] = np.empty((rows, 16), np.uint8)
    for name in () if shape & _SIX else ("src4", "dst4"):
        found[name] = np.empty(rows, np.uint32)
    if shape & _NAT:
        found["xlateSrc4"] = np.empty(rows, np.uint32)
    if shape & _PORT:
        found["xlateSrcPort"] = np.empty(rows, np.uint16)
    return found


class Walker:
    """Goes through blocks one after the other; its tables are used again."""

    def __init__(self) -> None:
        self._content = np.empty(0, np.uint8)
        self._places = np.empty((SHAPES, 0, _PLACES), np.uint32)
        self._others = np.empty((0, 3), np.int64)
        self._rows = np.zeros(SHAPES, np.int64)
        self.last = Walk([], [], 0, 0, self._others)

    def walk(self, block: Block) -> Walk:
        """Find the records of a block; its rows can then be had from `fill`."""
        # No chain is longer: each record has its header, each row its two elements.
        most, rows = (min(block.records, block.length // one) for one in (_SMALLEST, _SHORTEST))
        if rows > self._places.shape[1]:
            self._places = np.empty((SHAPES, rows, _PLACES), np.uint32)
        if most > len(self._others):
            self._others = np.empty((most, 3), np.int64)
        self._content = np.frombuffer(block.content, np.uint8, block.length)
        self._rows[:] = 0
        refused = np.zeros(_REASONS, np.int64)
        found, others, unfit = _walk(
            self._content, block.records, self._places, self._others, self._rows, refused
        )
        missing = block.records - int(found)
        self.last = Walk(self._rows.tolist(), refused.tolist(), int(unfit), missing, self._others[:others])
        return self.last

    def fill(self, shape: int, intervals: Array, exporters: Array, out: dict[str, Array], row: int) -> int:
        """Write the rows of a shape into ``out`` from ``row`` on; return how many have an unknown sampling rate.

        ``intervals`` (uint32) and ``exporters`` (int16, their places) are entered with a record's sysid. Counters that
        the collector had multiplied are divided again where the rate is known.
        """
        four, six, port = np.empty(0, np.uint32), np.empty((0, 16), np.uint8), np.empty(0, np.uint16)
        return int(
            _fill(
                self._content, self._places[shape, : self._rows[shape]], intervals, exporters, row,
                *(out[name] for name, _ in _NUMBERS),
                *(out.get(name, four) for name in ("src4", "dst4", "xlateSrc4")),
                *(out.get(name, six) for name in ("src6", "dst6")), out.get("xlateSrcPort", port),
            )
        )  # fmt: skip


@numba.njit(nogil=True)
def _number(flat: Any, at: Any, octets: Any) -> Any:
    """Read a number with its lowest octet first: the compiler makes one load of it."""
    value = np.uint64(flat[at])
    for place in range(1, octets):
        value |= np.uint64(flat[at + np.uint64(place)]) << np.uint64(8 * place)
    return value


@numba.njit(nogil=True)
def _elements(flat: Any, at: Any, size: Any, places: Any) -> None:
    """Write where a record's generic fields, IPv4, IPv6, NAT address and NAT port begin; 0 for what it hasn't."""
    for number in range(_PLACES):
        places[number] = 0
    offset, end = at + np.uint64(_HEADER), at + size
    for _ in range(np.int64(_number(flat, at + np.uint64(4), 2))):
        body = offset + np.uint64(4)
        if body > end:
            return
        header = _number(flat, offset, 4)
        length, kind = header >> np.uint64(16), header & np.uint64(0xFFFF)
        if length < np.uint64(4) or offset + length > end:
            return
        # With a body shorter than its fields an element is as good as not there.
        if kind < np.uint64(_KNOWN) and length >= _LEAST[kind]:
            places[_PLACE[kind]] = body
        offset += length


@numba.njit(nogil=True)
def _fate(flat: Any, at: Any, size: Any, places: Any) -> Any:
    """Return the shape of a record's row, or the reason why it has none, as -1 - reason."""
    if size < np.uint64(_HEADER):
        return -1 - SHORT
    _elements(flat, at, size, places)
    generic = places[0]
    if generic == 0 or (places[1] == 0 and places[2] == 0):
        return -1 - UNFIT
    if (_number(flat, generic, 8) | _number(flat, generic + np.uint64(8), 8)) >> np.uint64(_LATEST_BITS):
        return -1 - TIME
    most = np.uint64(MOST_COUNTED)
    if _number(flat, generic + np.uint64(24), 8) > most or _number(flat, generic + np.uint64(32), 8) > most:
        return -1 - COUNTER
    shape = 0
    if places[1] == 0:
        shape |= _SIX
    if places[3]:
        shape |= _NAT
    if places[4]:
        shape |= _PORT
    return shape


def _walk_loop(flat: Any, records: Any, rows: Any, others: Any, counts: Any, refused: Any) -> Any:
    length, at = np.uint64(flat.size), np.uint64(0)
    found = other = 0
    unfit = np.uint64(0)
    places = np.empty(_PLACES, np.uint64)
    while found < records and at + np.uint64(4) <= length:
        kind, size = _number(flat, at, 2), _number(flat, at + np.uint64(2), 2)
        if size < np.uint64(4) or at + size > length:
            break
        if kind == np.uint64(COMMON_2):
            fate = _fate(flat, at, size, places)
            if fate < 0:
                if fate == -1 - UNFIT and refused[UNFIT] == 0:
                    unfit = at
                refused[-1 - fate] += 1
            else:
                row = rows[fate, counts[fate]]
                row[0], row[1] = at, places[0]
                row[2] = places[2] if fate & _SIX else places[1]
                row[3], row[4] = places[3], places[4]
                counts[fate] += 1
        else:
            others[other, 0], others[other, 1], others[other, 2] = at, kind, size
            other += 1
        at += size
        found += 1
    return found, other, unfit


@numba.njit(nogil=True)
def _six(flat: Any, at: Any, out: Any) -> None:
    """Write an IPv6 address: the file holds it as two numbers, upper half first."""
    for octet in range(8):
        out[octet] = flat[at + np.uint64(7 - octet)]
        out[8 + octet] = flat[at + np.uint64(15 - octet)]


def _fill_loop(
    flat: Any, rows: Any, intervals: Any, exporters: Any, row: Any, source_port: Any, destination_port: Any,
    protocol: Any, tcp_flags: Any, start: Any, end: Any, packets: Any, octets: Any, interval: Any, place: Any,
    source4: Any, destination4: Any, nat4: Any, source6: Any, destination6: Any, nat_port: Any,
) -> Any:  # fmt: skip
    unknown = 0
    for number in range(len(rows)):
        at, generic, address = (
            np.uint64(rows[number, 0]),
            np.uint64(rows[number, 1]),
            np.uint64(rows[number, 2]),
        )
        first, last = _number(flat, generic, 8), _number(flat, generic + np.uint64(8), 8)
        start[row] = first
        end[row] = max(first, last)
        source_port[row] = _number(flat, generic + np.uint64(40), 2)
        destination_port[row] = _number(flat, generic + np.uint64(42), 2)
        protocol[row] = flat[generic + np.uint64(44)]
        tcp_flags[row] = flat[generic + np.uint64(45)]
        sysid = _number(flat, at + np.uint64(8), 2)
        sent, volume = _number(flat, generic + np.uint64(24), 8), _number(flat, generic + np.uint64(32), 8)
        rate = np.uint64(0)
        if flat[at + np.uint64(10)] & _SAMPLED:
            rate = np.uint64(intervals[sysid])
            if rate and sent % rate == 0:
                sent, volume = sent // rate, volume // rate
            else:
                rate = np.uint64(0)
                unknown += 1
        packets[row], octets[row], interval[row], place[row] = sent, volume, rate, exporters[sysid]
        if len(source6):
            _six(flat, address, source6[row])
            _six(flat, address + np.uint64(16), destination6[row])
        else:
            source4[row] = _number(flat, address, 4)
            destination4[row] = _number(flat, address + np.uint64(4), 4)
        if len(nat4):
            nat4[row] = _number(flat, np.uint64(rows[number, 3]), 4)
        if len(nat_port):
            nat_port[row] = _number(flat, np.uint64(rows[number, 4]), 2)
        row += 1
    return unknown


_TUPLE: Any = types.Tuple
_OCTETS = types.Array(types.uint8, 1, "C", readonly=True)
# Compiled when this is imported.
_walk: Any = numba.njit(
    _TUPLE((types.int64, types.int64, types.uint64))(
        _OCTETS, types.int64, types.uint32[:, :, ::1], types.int64[:, ::1], types.int64[::1], types.int64[::1]
    ),
    nogil=True,
)(_walk_loop)  # fmt: skip
_fill: Any = numba.njit(
    types.int64(
        _OCTETS, types.uint32[:, ::1], types.uint32[::1], types.int16[::1], types.int64,
        *(types.uint16[::1],) * 2, *(types.uint8[::1],) * 2, *(types.int64[::1],) * 4,
        types.uint32[::1], types.int16[::1], *(types.uint32[::1],) * 3, *(types.uint8[:, ::1],) * 2,
        types.uint16[::1],
    ),
    nogil=True,
)(_fill_loop)  # fmt: skip
