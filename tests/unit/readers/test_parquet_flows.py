"""Columnar files: FLOW's own columns, other types and names; what does not fit is counted."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.rows import plain, read
from fakes.tally import Counts
from sekisho.errors import ReadingError
from sekisho.formats.compression import unpacked
from sekisho.model.tables import FLOW
from sekisho.readers.parquet_flows import READER

FOUR: dict[str, Any] = {
    "flowStartMilliseconds": 1700000000123, "flowEndMilliseconds": 1700000001623, "ipVersion": 4,
    "sourceIPv4Address": int(IPv4Address("192.0.2.7")), "destinationIPv4Address": int(IPv4Address("198.51.100.9")),
    "sourceTransportPort": 40000, "destinationTransportPort": 23, "protocolIdentifier": 6, "tcpControlBits": 27,
    "packetDeltaCount": 5, "octetDeltaCount": 270, "samplingPacketInterval": 10, "exporter": "192.0.2.1#0",
    "postNATSourceIPv4Address": 5, "postNAPTSourceTransportPort": 6,
}  # fmt: skip
SIX = FOUR | {
    "ipVersion": 6, "sourceIPv4Address": None, "destinationIPv4Address": None, "postNATSourceIPv4Address": None,
    "sourceIPv6Address": IPv6Address("2001:db8::1").packed, "destinationIPv6Address": IPv6Address("2001:db8::2").packed,
}  # fmt: skip
ROWS = [
    (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 27, 5, 270),
    (1700000000123, 1700000001623, "2001:db8::1", "2001:db8::2", 40000, 23, 6, 27, 5, 270),
]
TABLE = pa.Table.from_pylist([FOUR, SIX], FLOW)


def parquet(table: pa.Table, **more: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **more)
    return sink.getvalue()


def arrow(table: pa.Table, stream: bool = False) -> bytes:
    sink = io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as out:
        out.write_table(table, max_chunksize=1)
    return sink.getvalue()


FORMS = {
    "parquet": parquet(TABLE, row_group_size=1),
    "file": arrow(TABLE),
    "stream": arrow(TABLE, stream=True),
}


@pytest.mark.parametrize("form", FORMS)
def test_own_columns(form: str) -> None:
    assert READER.detect(FORMS[form][:65536], "x")
    batches, tally = read("parquet_flows", FORMS[form])
    assert plain(batches) == ROWS
    assert not tally.rejects
    assert {row["exporter"] for batch in batches for row in batch.to_pylist()} == {"192.0.2.1#0"}
    assert batches[0].column("postNATSourceIPv4Address").to_pylist() == [5]


def test_other_names_and_types() -> None:
    table = pa.table(
        {
            "t": pa.array([datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)] * 2, pa.timestamp("us", "UTC")),
            "a": ["192.0.2.7", "2001:db8::1"], "b": ["198.51.100.9", "2001:db8::2"],
            "p": pa.array([6, 17], pa.int64()), "sourceTransportPort": pa.array([1.0, 2.0]),
            "n": pa.array(["5", "6"]), "o": pa.array([270, 271], pa.uint64()), "secret": ["GET /", "x"],
        }
    )  # fmt: skip
    names = {
        "flowStartMilliseconds": "t", "sourceAddress": "a", "destinationAddress": "b", "protocolIdentifier": "p",
        "packetDeltaCount": "n", "octetDeltaCount": "o",
    }  # fmt: skip
    batches, tally = read("parquet_flows", parquet(table), **names, exporter="x.parquet")
    assert plain(batches) == [
        (1700000000123, 1700000000123, "192.0.2.7", "198.51.100.9", 1, 0, 6, 0, 5, 270),
        (1700000000123, 1700000000123, "2001:db8::1", "2001:db8::2", 2, 0, 17, 0, 6, 271),
    ]
    assert not tally.rejects
    assert batches[0].column("exporter").to_pylist() == ["x.parquet"]
    assert "secret" not in batches[0].schema.names


def test_rows_that_do_not_fit_are_left_out() -> None:
    wide = pa.schema(
        [pa.field(one.name, pa.int64() if pa.types.is_integer(one.type) else one.type) for one in FLOW]
    )
    bad = [
        {"sourceTransportPort": 70000},
        {"packetDeltaCount": -1},
        {"octetDeltaCount": (1 << 48) + 1},
        {"flowStartMilliseconds": 1 << 50},
        {"sourceIPv4Address": None},
        {"sourceIPv4Address": 1 << 40},
        {"protocolIdentifier": None},
        {"destinationIPv4Address": None, "destinationIPv6Address": bytes(16)},
    ]
    table = pa.Table.from_pylist([FOUR, *(FOUR | one for one in bad), SIX], wide)
    batches, tally = read("parquet_flows", parquet(table))
    assert plain(batches) == ROWS
    assert tally.rejects == {
        "sourceTransportPort": 1, "packetDeltaCount": 1, "octetDeltaCount": 1, "flowStartMilliseconds": 1, "address": 3,
        "protocolIdentifier": 1,
    }  # fmt: skip


def test_the_version_chooses_the_family() -> None:
    both = FOUR | {name: SIX[name] for name in ("sourceIPv6Address", "destinationIPv6Address")}
    zero = both | {"ipVersion": 6, "sourceIPv4Address": 0, "destinationIPv4Address": 0}
    table = pa.Table.from_pylist([both, zero, both | {"ipVersion": 5}, SIX | {"ipVersion": 4}], FLOW)
    batches, tally = read("parquet_flows", parquet(table))
    assert plain(batches) == ROWS
    assert tally.rejects == {"ipVersion": 1, "address": 1}
    named = table.slice(0, 2).rename_columns(["v" if name == "ipVersion" else name for name in FLOW.names])
    assert plain(read("parquet_flows", parquet(named), ipVersion="v")[0]) == ROWS
    # Nobody states it: what is not null is taken, IPv4 first.
    plainly = pa.Table.from_pylist([FOUR, SIX], FLOW).drop_columns(["ipVersion"])
    assert plain(read("parquet_flows", parquet(plainly))[0]) == ROWS


def test_missing_columns_are_named() -> None:
    with pytest.raises(ReadingError) as caught:
        read(
            "parquet_flows",
            parquet(TABLE.drop_columns(["octetDeltaCount", "sourceIPv4Address", "sourceIPv6Address"])),
        )
    assert "octetDeltaCount" in caught.value.where
    assert "sourceIPv4Address" in caught.value.where


def test_pseudonymised_files_are_refused() -> None:
    with pytest.raises(ReadingError):
        read("parquet_flows", parquet(TABLE.append_column("subscriber", pa.array([1, 2], pa.int64()))))


def test_through_gzip() -> None:
    tally = Counts()
    stream = unpacked(io.BytesIO(gzip.compress(FORMS["parquet"])))
    assert plain(READER.read(stream, tally, {})) == ROWS


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"hello" * 20, FORMS["parquet"][:-5]]
)
def test_wrong_or_torn_file_says_so(content: bytes) -> None:
    with pytest.raises(ReadingError):
        read("parquet_flows", content)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_damage_never_crashes(form: str, data: st.DataObject) -> None:
    file = bytearray(FORMS[form])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at] = data.draw(st.integers(0, 255))
    try:
        batches, _ = read("parquet_flows", bytes(file[: data.draw(st.integers(len(file) - 20, len(file)))]))
    except ReadingError:
        return
    assert len(plain(batches)) <= 4
