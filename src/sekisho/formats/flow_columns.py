"""From records to columns of FLOW: values, times of every kind, sampling; and batches without a null.

Rows of one shape (address family, with or without NAT fields) make one batch, and columns that a shape doesn't have
are left out: so no validity bitmap is ever needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sekisho.formats.elements import NETFLOW_9
from sekisho.formats.flow_records import Array, Records
from sekisho.formats.sampling import UNKNOWN, Rules
from sekisho.formats.templates import Field, Layout
from sekisho.model.tables import MOST_COUNTED

START, END = "flowStartMilliseconds", "flowEndMilliseconds"
PACKETS, OCTETS = "packetDeltaCount", "octetDeltaCount"
INTERVAL, EXPORTER, VERSION = "samplingPacketInterval", "exporter", "ipVersion"
_SECONDS_1900_TO_1970 = 2_208_988_800
_ERA = 1 << 32  # RFC 7011 section 6.1.10: NTP era 1 begins in 2036
_LATEST = 1 << 42  # ms of the epoch: year 2109; a time beyond it is a lie
IPV4, IPV6 = 4, 6

#: Columns in the order of FLOW: NumPy type, Arrow type, whether every row has it.
_COLUMNS: dict[str, tuple[str, pa.DataType, bool]] = {
    START: ("i8", pa.int64(), True),
    END: ("i8", pa.int64(), True),
    VERSION: ("u1", pa.uint8(), True),
    "sourceIPv4Address": ("u4", pa.uint32(), False),
    "destinationIPv4Address": ("u4", pa.uint32(), False),
    "sourceIPv6Address": ("V16", pa.binary(16), False),
    "destinationIPv6Address": ("V16", pa.binary(16), False),
    "sourceTransportPort": ("u2", pa.uint16(), True),
    "destinationTransportPort": ("u2", pa.uint16(), True),
    "protocolIdentifier": ("u1", pa.uint8(), True),
    "tcpControlBits": ("u1", pa.uint8(), True),
    PACKETS: ("i8", pa.int64(), True),
    OCTETS: ("i8", pa.int64(), True),
    INTERVAL: ("u4", pa.uint32(), True),
    EXPORTER: ("i2", pa.dictionary(pa.int16(), pa.utf8()), True),
    "postNATSourceIPv4Address": ("u4", pa.uint32(), False),
    "postNAPTSourceTransportPort": ("u2", pa.uint16(), False),
}
#: Roles that are copied as they are.
_PLAIN = {
    "sourceIPv4Address": "source4",
    "destinationIPv4Address": "destination4",
    "sourceIPv6Address": "source6",
    "destinationIPv6Address": "destination6",
    "sourceTransportPort": "source_port",
    "destinationTransportPort": "destination_port",
    "protocolIdentifier": "protocol",
    "postNATSourceIPv4Address": "nat_source4",
    "postNAPTSourceTransportPort": "nat_source_port",
}
_ADDRESSES = {
    IPV4: ("sourceIPv4Address", "destinationIPv4Address"),
    IPV6: ("sourceIPv6Address", "destinationIPv6Address"),
}
_NAT = ("postNATSourceIPv4Address", "postNAPTSourceTransportPort")
_SWAPPED = {
    "sourceIPv4Address": "destinationIPv4Address",
    "sourceIPv6Address": "destinationIPv6Address",
    "sourceTransportPort": "destinationTransportPort",
}
_SWAPPED |= {value: key for key, value in _SWAPPED.items()}
Out = dict[str, Array]
#: Writes rows; True when it made sure that all of them are possible (see `_possible`).
Fill = Callable[[Out], bool | None]
#: Called with a stable id and how often.
Count = Callable[[str, int], None]


class Shape(NamedTuple):
    """Which columns a batch has: address family and the NAT columns that are there."""

    family: int
    nat: tuple[str, ...]

    def names(self) -> list[str]:
        """Return the columns in the order of FLOW."""
        wanted = {*_ADDRESSES[self.family], *self.nat}
        return [name for name, (_, _, always) in _COLUMNS.items() if always or name in wanted]


@dataclass(frozen=True, slots=True)
class Heads:
    """What the records of each set take from outside: arrays with one value a set.

    ``export`` ms of the epoch; ``uptime`` uint32 ms since the exporter's boot at that time (v5, v9); ``boot`` ms of the
    epoch, -1 unknown (IPFIX); ``interval`` sampling of the set's template; ``exporter`` code of its source; ``rule``
    index into ``rules``.
    """

    export: Array
    uptime: Array
    boot: Array
    interval: Array
    exporter: Array
    rule: Array
    rules: list[Rules]

    def take(self, which: Array | slice) -> Heads:
        """Return the heads of some sets."""
        return Heads(
            self.export[which],
            self.uptime[which],
            self.boot[which],
            self.interval[which],
            self.exporter[which],
            self.rule[which],
            self.rules,
        )


class Pending:
    """Rows that were counted but not yet copied, by shape: so every column is allocated once, at its full length."""

    def __init__(self) -> None:
        self._pieces: dict[Shape, list[tuple[int, Fill]]] = {}

    def add(self, shape: Shape, rows: int, fill: Fill) -> None:
        """Plan ``rows`` of ``shape``: ``fill`` gets the slices to write into."""
        if rows:
            self._pieces.setdefault(shape, []).append((rows, fill))

    def add_ready(self, shape: Shape, columns: Out) -> None:
        """Plan rows that are already columns."""

        def fill(out: Out) -> None:
            for name, column in out.items():
                column[:] = columns[name]

        self.add(shape, len(columns[START]), fill)

    def batches(self, exporters: list[str], count: Count) -> list[pa.RecordBatch]:
        """Write all that was planned; rows with an impossible time or counter are left out and counted."""
        names = pa.array(exporters, pa.utf8())
        found = []
        for shape, pieces in self._pieces.items():
            rows = sum(many for many, _ in pieces)
            out = empty(shape, rows)
            at, sure = 0, True
            for many, fill in pieces:
                sure &= bool(fill({name: column[at : at + many] for name, column in out.items()}))
                at += many
            if not sure:
                out = _possible(out, count)
            if len(out[START]):
                found.append(_batch(out, names))
        return found


def empty(shape: Shape, rows: int) -> Out:
    """Return columns of ``rows`` without content."""
    return {name: np.empty(rows, _COLUMNS[name][0]) for name in shape.names()}


def _possible(out: Out, count: Count) -> Out:
    # Seen as unsigned a counter of 2^63 or more is what it was, not negative.
    counted = [out[name].view(np.uint64) for name in (PACKETS, OCTETS)]
    if counted[0].size and max(column.max() for column in counted) > MOST_COUNTED:
        good = np.maximum(*counted) <= MOST_COUNTED
        count("counter-too-great", int(len(good) - np.count_nonzero(good)))
        out = {name: column[good] for name, column in out.items()}
    start, end = out[START], out[END]
    if not start.size or (min(start.min(), end.min()) >= 0 and max(start.max(), end.max()) < _LATEST):
        return out
    good = (start >= 0) & (end >= 0) & (start < _LATEST) & (end < _LATEST)
    count("time-out-of-range", int(len(good) - np.count_nonzero(good)))
    return {name: column[good] for name, column in out.items()}


def _batch(out: Out, exporters: pa.Array) -> pa.RecordBatch:
    fields, arrays = [], []
    for name, column in out.items():
        kind, arrow, always = _COLUMNS[name]
        if kind == "V16":
            array = pa.Array.from_buffers(arrow, len(column), [None, pa.py_buffer(column)])
        elif name == EXPORTER:
            array = pa.DictionaryArray.from_arrays(pa.array(column), exporters)
        else:
            array = pa.array(column)
        fields.append(pa.field(name, arrow, nullable=not always))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def shape_of(layout: Layout, family: int) -> Shape:
    """Return the shape of a layout's rows of one family."""
    return Shape(family, tuple(name for name in _NAT if _PLAIN[name] in layout.fields))


def families(layout: Layout) -> tuple[int, ...]:
    """Return the address families that a layout has."""
    four = (IPV4,) if layout.has("source4", "destination4") else ()
    return (*four, IPV6) if layout.has("source6", "destination6") else four


def plain(layout: Layout) -> bool:
    """Whether each record is exactly one row, of a family that is known before it is read."""
    return len(families(layout)) == 1 and not layout.has("reverse_packets")


def number(records: Records, field: Field) -> Array:
    """Return an unsigned integer field of any width from 1 to 8 (reduced-size encoding, RFC 7011 section 6.2)."""
    if field.width in (1, 2, 4, 8):
        return records.window(field, f">u{field.width}")
    total = np.zeros(records.shape, np.uint64)
    for place in range(field.width):
        one = records.window(Field(field.anchor, field.offset + place, 1), "u1")
        total = (total << np.uint64(8)) | one
    return total


def fill(layout: Layout, records: Records, heads: Heads, out: Out) -> None:
    """Write all columns of ``out`` (1-D, as long as there are records) from records of one layout."""
    cells = {name: column.reshape(records.shape) for name, column in out.items()}
    for name, role in _PLAIN.items():
        if name in cells:
            field = layout.fields.get(role)
            if field is None:
                cells[name][...] = 0
            elif field.width == 16:  # noqa: PLR2004 (an IPv6 address)
                cells[name][...] = records.window(field, "V16")
            else:
                cells[name][...] = number(records, field)
    _count(layout, records, "packets", cells[PACKETS])
    _count(layout, records, "octets", cells[OCTETS])
    flags = layout.fields.get("flags")
    # IPFIX has 16 flag bits (RFC 7125); FLOW keeps the lower octet.
    cells["tcpControlBits"][...] = 0 if flags is None else records.window(lowest(flags), "u1")
    if VERSION in cells:
        cells[VERSION][...] = IPV6 if "sourceIPv6Address" in cells else IPV4
    _times(layout, records, heads, cells)
    _sampling(layout, records, heads, cells[INTERVAL])
    cells[EXPORTER][...] = records.spread(heads.exporter)


def lowest(field: Field) -> Field:
    """Return the last octet of a field."""
    return Field(field.anchor, field.offset + field.width - 1, 1)


def _count(layout: Layout, records: Records, role: str, cell: Array) -> None:
    field = layout.fields.get(role)
    if field is None:
        cell[...] = 0
    else:
        # The same bits: a count of 2^63 or more comes out negative and is caught in `_possible`.
        np.copyto(cell, number(records, field), casting="unsafe")


def _times(layout: Layout, records: Records, heads: Heads, cells: Out) -> None:
    start, end = cells[START], cells[END]
    has_start = _time(layout, records, heads, "start", start)
    has_end = _time(layout, records, heads, "end", end)
    duration = layout.fields.get("duration")
    length = number(records, duration).astype(np.int64) if duration is not None else 0
    if not has_start and not has_end:
        end[...] = records.spread(heads.export)
        has_end = True
    if not has_start:
        np.subtract(end, length, out=start)
    elif not has_end:
        np.add(start, length, out=end)


def _time(layout: Layout, records: Records, heads: Heads, which: str, cell: Array) -> bool:
    """Write one of the two times; return False when the layout has none of that kind."""
    fields = layout.fields
    if (field := fields.get(f"{which}_ms")) is not None:
        np.copyto(cell, number(records, field), casting="unsafe")
    elif (field := fields.get(f"{which}_uptime")) is not None and layout.version == NETFLOW_9:
        _since_boot(records, field, heads, cell)
    elif field is not None:
        np.copyto(cell, records.window(field, ">u4"), casting="unsafe")
        boot = fields.get("boot")
        if boot is not None:
            since = number(records, boot).astype(np.uint64)
            # A boot in the far future must not wrap round into a possible time.
            _add_boot(cell, np.where(since < _LATEST, since.astype(np.int64), -_LATEST), records, heads)
        else:
            _since_known_boot(records, heads, cell)
    elif (field := fields.get(f"{which}_us") or fields.get(f"{which}_ns")) is not None:
        stamp = records.window(field, ">u8").astype(np.uint64)
        seconds = (stamp >> np.uint64(32)).astype(np.int64)
        seconds += np.where(seconds < _ERA // 2, _ERA, 0) - _SECONDS_1900_TO_1970
        cell[...] = seconds * 1000 + (
            ((stamp & np.uint64(_ERA - 1)) * np.uint64(1000)) >> np.uint64(32)
        ).astype(np.int64)
    elif (field := fields.get(f"{which}_s")) is not None:
        np.copyto(cell, number(records, field), casting="unsafe")
        np.multiply(cell, 1000, out=cell)
    elif (field := fields.get(f"{which}_delta")) is not None:
        # Microseconds before the message's export time (RFC 5102, elements 158 and 159), rounded down.
        cell[...] = (records.spread(heads.export * 1000) - number(records, field).astype(np.int64)) // 1000
    else:
        return False
    return True


def _since_boot(records: Records, field: Field, heads: Heads, cell: Array) -> None:
    """Turn sysUpTime ms into the epoch's: a signed difference to the header's, so a 49-day wrap does no harm."""
    difference = records.window(field, ">u4").astype(np.uint32)
    difference -= records.spread(heads.uptime)
    np.add(difference.view(np.int32), records.spread(heads.export), out=cell)


def _since_known_boot(records: Records, heads: Heads, cell: Array) -> None:
    """Add the exporter's boot time from its options; unknown: the export time stands for the flow's."""
    boot = records.spread(heads.boot)
    _add_boot(cell, boot, records, heads)
    unknown = boot < 0
    if unknown.any():
        np.copyto(cell, records.spread(heads.export), where=unknown)


def _add_boot(cell: Array, boot: Array, records: Records, heads: Heads) -> None:
    """Add a boot time (negative: none) to uptimes, and as many rounds of 32 bits (49.7 days each) as bring it to the export."""
    cell += boot
    turns = (records.spread(heads.export) - cell + _ERA // 2) // _ERA
    if turns.max(initial=0) > 0:
        cell += np.where(boot >= 0, np.maximum(turns, 0) * _ERA, 0)


def _sampling(layout: Layout, records: Records, heads: Heads, cell: Array) -> None:
    """Write the interval: the record's own, else its sampler's or interface's, else that of its source."""
    fields = layout.fields
    if layout.has("sampling_size", "sampling_population"):
        size = number(records, fields["sampling_size"]).astype(np.int64)
        population = number(records, fields["sampling_population"]).astype(np.int64)
        cell[...] = np.where(size > 0, population // np.maximum(size, 1), UNKNOWN)
        return
    if (field := fields.get("interval")) is not None:
        interval = number(records, field).astype(np.int64)
        if (gap := fields.get("space")) is not None:
            whole = interval + number(records, gap).astype(np.int64)
            interval = np.where(interval > 0, whole // np.maximum(interval, 1), UNKNOWN)
        cell[...] = np.minimum(interval, _ERA - 1)
        return
    cell[...] = records.spread(heads.interval)
    for role in ("interface", "sampler"):
        field = fields.get(role)
        if field is not None:
            _by_rule(role, number(records, field).astype(np.uint64), records, heads, cell)


def _by_rule(role: str, value: Array, records: Records, heads: Heads, cell: Array) -> None:
    """Write the interval of each record's sampler or interface: one search over the rules of all sources together."""
    tables = [rules.table(role) for rules in heads.rules]
    if not any(len(numbers) for numbers, _ in tables):
        return
    keys = np.concatenate([numbers + np.uint64(index << 32) for index, (numbers, _) in enumerate(tables)])
    intervals = np.concatenate([column for _, column in tables])
    wanted = value + (records.spread(heads.rule).astype(np.uint64) << np.uint64(32))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    np.copyto(cell, intervals[place], where=(keys[place] == wanted) & (value < _ERA))


def two_way(layout: Layout, records: Records, heads: Heads, count: Count) -> list[tuple[Shape, Out]]:
    """Return the rows of records that are not `plain`: both families in one layout, or both ways in one record.

    A record's family is its ipVersion, else IPv6 when both IPv4 addresses are 0. The way back has the forward way's
    times and its own counts; it is a row when packets went back (RFC 5103).
    """
    which = families(layout)
    rows = int(np.prod(records.shape))
    forward = {family: empty(shape_of(layout, family), rows) for family in which}
    for out in forward.values():
        fill(layout, records, heads, out)
    family_of = _family_of(layout, records, forward)
    found: list[tuple[Shape, Out]] = []
    for family, out in forward.items():
        mine = np.flatnonzero(family_of == family)
        kept = {name: column[mine] for name, column in out.items()}
        back = _way_back(layout, records, kept, mine)
        if back is not None:
            some, rows_back = back
            # Nothing went forward: the record tells only of the way back.
            used = (kept[PACKETS] != 0) | ~some
            kept = {name: column[used] for name, column in kept.items()}
            found.append((Shape(family, ()), rows_back))
        found.append((shape_of(layout, family), kept))
    if lost := int(np.count_nonzero(~np.isin(family_of, which))):
        count("ip-version", lost)
    return found


def _family_of(layout: Layout, records: Records, forward: dict[int, Out]) -> Array:
    if len(forward) == 1:
        return np.full(int(np.prod(records.shape)), next(iter(forward)), np.uint8)
    if (field := layout.fields.get("version")) is not None:
        return records.window(field, "u1").reshape(-1)
    four = forward[IPV4]
    none = (four["sourceIPv4Address"] == 0) & (four["destinationIPv4Address"] == 0)
    return np.where(none, np.uint8(IPV6), np.uint8(IPV4))


def _way_back(layout: Layout, records: Records, forward: Out, mine: Array) -> tuple[Array, Out] | None:
    if "reverse_packets" not in layout.fields:
        return None
    packets = number(records, layout.fields["reverse_packets"]).reshape(-1)[mine]
    some = packets != 0
    back = {name: forward[_SWAPPED.get(name, name)][some] for name in forward if name not in _NAT}
    back[PACKETS] = packets[some].astype(np.uint64).view(np.int64)
    for name, role in ((OCTETS, "reverse_octets"), ("tcpControlBits", "reverse_flags")):
        field = layout.fields.get(role)
        if field is None:
            back[name] = np.zeros(len(back[PACKETS]), back[name].dtype)
        elif name == OCTETS:
            back[name] = number(records, field).reshape(-1)[mine][some].astype(np.uint64).view(np.int64)
        else:
            back[name] = records.window(lowest(field), "u1").reshape(-1)[mine][some]
    return some, back
