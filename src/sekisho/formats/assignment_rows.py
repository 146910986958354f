"""Statements of logs about assignments, as columns: what one record said about who has which address.

A reader keeps no state between records: each record of a log becomes a row (one per address or prefix) that says what
it knows, and names the session that it belongs to. `formats.assignment_settling` puts the statements of one session
together, whatever order and file they came in. So a Stop that arrives a day late, a record that comes twice and a file
of any size need no memory in the reader.

Addresses are 16 octets in network order, IPv4 ones as IPv4-mapped (RFC 4291 section 2.5.5.2), lengths count in that space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.model.assignment import Assignment

Array = npt.NDArray[Any]

#: Session still runs, as far as this record knows; closed for good; promised until ``end``; the scope lost all sessions;
#: the begin or the end of a pair that no session id ties; held until somebody says otherwise.
OPEN, CLOSED, LEASED, RESET, BEGINS, ENDS, FIXED = range(7)
#: Lengths of IPv4 prefixes count from here.
MAPPED = 96
ALL_PORTS = 65_535
#: Before 2001 no log of interest was written; 2106-02-07 is where 32 bits of seconds end.
EARLIEST, LATEST = 978_307_200_000, 4_294_967_295_000
#: An account that begins so is an inside address of a CGN, and is looked up once more.
INSIDE = "inside:"

ASSIGNMENT = pa.schema(
    [
        pa.field("network", pa.binary(16), nullable=False),
        pa.field("length", pa.uint8(), nullable=False),
        pa.field("portBegin", pa.uint16(), nullable=False),
        pa.field("portEnd", pa.uint16(), nullable=False),
        pa.field("begin", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("seen", pa.int64(), nullable=False),
        pa.field("state", pa.uint8(), nullable=False),
        pa.field("account", pa.string(), nullable=False),
        pa.field("session", pa.int64(), nullable=False),
        pa.field("scope", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
    ]
)
_MAPPED_OCTETS = bytes(10) + b"\xff\xff"
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def name_number(*parts: str) -> int:
    """Return 64 bits (signed) that stand for a name: a NAS and a session id, a server, an account."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def mixed(*columns: Array | int) -> Array:
    """Return 64 bits (int64) for each row of ``columns`` together (splitmix64's finaliser over a running sum)."""
    state = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            values = np.asarray(column)
            state = state * np.uint64(0x9E3779B97F4A7C15) + values.astype(np.int64).view(np.uint64)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(_MIX[0])
            state = (state ^ (state >> np.uint64(27))) * np.uint64(_MIX[1])
            state = state ^ (state >> np.uint64(31))
    return state.view(np.int64)


def octets_of(network: IPv4Network | IPv6Network | IPv4Address | IPv6Address) -> tuple[bytes, int]:
    """Return the 16 octets and the length of a network or address."""
    if isinstance(network, IPv4Address):
        return _MAPPED_OCTETS + network.packed, 128
    if isinstance(network, IPv6Address):
        return network.packed, 128
    if isinstance(network, IPv4Network):
        return _MAPPED_OCTETS + network.network_address.packed, network.prefixlen + MAPPED
    return network.network_address.packed, network.prefixlen


def network_text(octets: bytes, length: int) -> str:
    """Return CIDR text."""
    if length >= MAPPED and octets[:12] == _MAPPED_OCTETS:
        return f"{IPv4Address(octets[12:])}/{length - MAPPED}"
    return f"{IPv6Address(octets)}/{length}"


def batch_of_columns(columns: Mapping[str, Any]) -> pa.RecordBatch:
    """Return a batch of ASSIGNMENT; ``network`` is an array of uint8 (n by 16), the rest arrays or lists."""
    octets = np.ascontiguousarray(columns["network"], np.uint8)
    arrays = []
    for field in ASSIGNMENT:
        if field.name == "network":
            data = pa.py_buffer(octets)
            arrays.append(pa.Array.from_buffers(pa.binary(16), len(octets), [None, data]))
        else:
            values = columns[field.name]
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(
        [
            one if one.type == field.type else one.cast(field.type)
            for one, field in zip(arrays, ASSIGNMENT, strict=True)
        ],
        schema=ASSIGNMENT,
    )


class Rows:
    """Collects statements of one file, row by row, for readers whose logs are not tables.

    ``source`` names the file; ``scope`` is the number of what is reset as a whole (a NAS, a server).
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._rows: list[tuple[Any, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self, account: str, network: tuple[bytes, int], state: int, times: tuple[int, int, int], *,
        session: int, scope: int, line: int, ports: tuple[int, int] = (0, ALL_PORTS),
    ) -> None:  # fmt: skip
        """Add what one record said; ``times`` are begin, end (0: not known) and when it was seen."""
        self._rows.append((*network, *ports, *times, state, account, session, scope, line))

    def batch(self) -> pa.RecordBatch:
        """Return what was collected as a batch, and begin anew."""
        rows, self._rows = self._rows, []
        network, length, first, last, begin, end, seen, state, account, session, scope, line = (
            zip(*rows, strict=True) if rows else ((),) * 12
        )
        octets = np.frombuffer(b"".join(network), np.uint8).reshape(-1, 16)
        return batch_of_columns(
            {
                "network": octets, "length": length, "portBegin": first, "portEnd": last, "begin": begin, "end": end,
                "seen": seen, "state": state, "account": account, "session": session, "scope": scope,
                "source": [self._source] * len(rows), "line": line,
            }
        )  # fmt: skip


def rows_of(assignments: Sequence[Assignment]) -> pa.RecordBatch:
    """Return assignments as statements: closed ones, or open ones that hold until somebody says otherwise.

    :raises ValueError: a network, a port or an interval that can't be
    """
    rows = Rows("")
    columns = []
    for one in assignments:
        if not 0 <= one.port_begin <= one.port_end <= ALL_PORTS or (one.end and one.end < one.begin):
            raise ValueError(f"{one.network}: ports {one.port_begin}-{one.port_end}, {one.begin}-{one.end}")
        network = octets_of(ip_network(one.network))
        source, _, place = one.source.rpartition(":")
        line = int(place) if place.isdigit() else 0
        columns.append(source if place.isdigit() else one.source)
        scope = name_number(columns[-1])
        session = name_number(
            one.network, one.account, f"{one.port_begin}-{one.port_end}", str(one.begin), str(scope)
        )
        rows.add(
            one.account, network, CLOSED if one.end else FIXED, (one.begin, one.end, one.end or one.begin),
            session=session, scope=scope, line=line, ports=(one.port_begin, one.port_end),
        )  # fmt: skip
    batch = rows.batch()
    return batch.set_column(
        ASSIGNMENT.get_field_index("source"), ASSIGNMENT.field("source"), pa.array(columns, pa.string())
    )
