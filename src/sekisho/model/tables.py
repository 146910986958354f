"""The tables of the watch: the one list of columns, with IPFIX names and types (RFC 7012, IANA IPFIX registry).

Every reader gives batches of `FLOW`; every store keeps them; every detector asks them. A batch may leave
out columns of the other address family or of NAT when they are null throughout (`OPTIONAL`); `completed` puts them
back. One row is one direction: a reader of two-way records (Zeek, Suricata) gives two rows (RFC 5103).

What is not a column never reaches the disk: payload, DNS names, SNI, URLs (第四次とりまとめ 2021-11: the
necessary minimum).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

# Milliseconds of the Unix epoch as bigint: no engine disagrees about that.
_MILLISECONDS = pa.int64()
_ADDRESS6 = pa.binary(16)

FLOW = pa.schema(
    [
        pa.field("flowStartMilliseconds", _MILLISECONDS, nullable=False),  # IE 152
        pa.field("flowEndMilliseconds", _MILLISECONDS, nullable=False),  # IE 153
        pa.field("ipVersion", pa.uint8(), nullable=False),  # IE 60: 4 or 6
        pa.field("sourceIPv4Address", pa.uint32()),  # IE 8, host order
        pa.field("destinationIPv4Address", pa.uint32()),  # IE 12
        pa.field("sourceIPv6Address", _ADDRESS6),  # IE 27
        pa.field("destinationIPv6Address", _ADDRESS6),  # IE 28
        pa.field("sourceTransportPort", pa.uint16(), nullable=False),  # IE 7; 0 when the protocol has none
        pa.field("destinationTransportPort", pa.uint16(), nullable=False),  # IE 11
        pa.field("protocolIdentifier", pa.uint8(), nullable=False),  # IE 4
        pa.field("tcpControlBits", pa.uint8(), nullable=False),  # IE 6, lower octet; 0 also when not exported
        pa.field(
            "packetDeltaCount", pa.int64(), nullable=False
        ),  # IE 2, as exported (not scaled by sampling)
        pa.field("octetDeltaCount", pa.int64(), nullable=False),  # IE 1, as exported
        pa.field(
            "samplingPacketInterval", pa.uint32(), nullable=False
        ),  # IE 305: 1 of n; 1 unsampled; 0 unknown
        pa.field(
            "exporter", pa.dictionary(pa.int16(), pa.utf8()), nullable=False
        ),  # address#domain, or file name
        pa.field("postNATSourceIPv4Address", pa.uint32()),  # IE 225
        pa.field("postNAPTSourceTransportPort", pa.uint16()),  # IE 227
    ]
)
OPTIONAL = frozenset(field.name for field in FLOW if field.nullable)

# FLOW behind the privacy door: the customer side's address is replaced by its pseudonym in place (same column, same
# prefix), and `subscriber` names the watched line. Only this table is ever stored.
WATCHED = FLOW.append(pa.field("subscriber", pa.int64(), nullable=False)).append(
    # Which side the line is: 1 source (it sends), 2 destination (it receives).
    pa.field("subscriberSide", pa.uint8(), nullable=False)
)

SENDS, RECEIVES = 1, 2
# Packets or octets of one flow: years of the fastest line. A counter beyond it is a lie, and its row is left out.
MOST_COUNTED = 1 << 48
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def completed(batch: pa.RecordBatch, schema: pa.Schema = FLOW) -> pa.RecordBatch:
    """Return ``batch`` with every column of ``schema``, in its order; left-out optional columns are null.

    :raises KeyError: when a column that must be there is missing
    """
    if batch.schema.equals(schema):
        return batch
    have = set(batch.schema.names)
    columns = []
    for field in schema:
        if field.name in have:
            column = batch.column(field.name)
            columns.append(column if column.type == field.type else column.cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(batch.num_rows, field.type))
        else:
            raise KeyError(field.name)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def batch_of(columns: Mapping[str, Any], exporter: str = "") -> pa.RecordBatch:
    """Return a FLOW batch of NumPy arrays or Arrow arrays by column name, without copying numbers.

    ``exporter`` fills that column when it is not among ``columns``. Columns come out in the order of `WATCHED`.
    """
    rows = len(next(iter(columns.values())))
    fields, arrays = [], []
    for field in WATCHED:
        if field.name in columns:
            value = columns[field.name]
            arrays.append(value if isinstance(value, pa.Array) else pa.array(value, type=field.type))
        elif field.name == "exporter":
            arrays.append(pa.DictionaryArray.from_arrays(_zeros16(rows), pa.array([exporter], pa.utf8())))
        else:
            continue
        fields.append(field)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _zeros16(rows: int) -> pa.Array:
    return pa.Array.from_buffers(pa.int16(), rows, [None, pa.py_buffer(bytes(2 * rows))])
