"""nfcapd files: both layouts, byte orders, compressions; damage is counted and never fatal."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import nfcapd_file as made
from fakes.nfcapd_file import Flow
from fakes.rows import plain, read
from sekisho.errors import ReadingError
from sekisho.readers.nfcapd import READER

FOUR = Flow()
SIX = Flow(source="2001:db8::7", destination="2001:db8:1::9", octets=1 << 40, sysid=2)
NAT = Flow(source="100.64.1.2", nat=("203.0.113.5", 1024))
MIXED = [FOUR, SIX, FOUR, NAT, SIX, dataclasses.replace(FOUR, extra=b"GET / HTTP/1.1\r\n!!"), FOUR]


def content(flows: list[Flow], order: str = "<", kind: str = "none") -> bytes:
    records = [made.exporter(1, "192.0.2.1", 7, order), *(made.record(one, order) for one in flows)]
    names = made.block([b"names...."], order, kind, block_type=4)
    return made.file([made.block(records, order, kind), names], order, kind)


@pytest.mark.parametrize("kind", made.CODES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_layout_2(order: str, kind: str) -> None:
    file = content(MIXED, order, kind)
    assert READER.detect(file[:65536], "x")
    batches, tally = read("nfcapd", file)
    assert plain(batches) == sorted(one.row() for one in MIXED)
    assert not tally.rejects


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_layout_1(order: str, wide: bool) -> None:
    flows = [FOUR, dataclasses.replace(SIX, octets=77), FOUR]
    file = made.old_file(
        [made.block([made.old_record(one, order, wide) for one in flows], order, block_type=2)], order
    )
    assert READER.detect(file[:65536], "x")
    batches, tally = read("nfcapd", file)
    assert plain(batches) == sorted(one.row() for one in flows)
    assert not tally.rejects


def test_a_block_stored_plain_in_a_compressed_file() -> None:
    file = made.file([made.block([made.record(FOUR)], kind="lz4", flags=1)], kind="lz4")
    assert len(plain(read("nfcapd", file)[0])) == 1


def test_exporter_and_nat() -> None:
    batches, _ = read("nfcapd", content([FOUR, NAT, SIX]), exporter="file.nf")
    rows = {
        row["sourceTransportPort"]: row
        for batch in batches
        for row in batch.to_pylist()
        if row["ipVersion"] == 4
    }
    assert rows[40000]["exporter"] == "192.0.2.1#7"
    nat = next(
        row for batch in batches for row in batch.to_pylist() if row.get("postNAPTSourceTransportPort")
    )
    assert (nat["postNATSourceIPv4Address"], nat["postNAPTSourceTransportPort"]) == (0xCB007105, 1024)
    unknown = next(row for batch in batches for row in batch.to_pylist() if row["ipVersion"] == 6)
    assert unknown["exporter"] == "file.nf"
    assert unknown["samplingPacketInterval"] == 0


def test_counters_scaled_by_the_collector_are_brought_back() -> None:
    flow = Flow(packets=3000, octets=180_000, sampled=True)
    other = Flow(packets=5, octets=300, sampled=True, sysid=3)
    file = made.file([made.block([made.sampler(1, 1000), made.record(flow), made.record(other)])])
    batches, tally = read("nfcapd", file)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(r["packetDeltaCount"], r["octetDeltaCount"], r["samplingPacketInterval"]) for r in rows] == [
        (3, 180, 1000),
        (5, 300, 0),
    ]
    assert tally.notes["scaled-by-unknown-sampling"] == 1


def test_data_that_look_like_a_record_header() -> None:
    # Source port 11 before destination port 104 is what a record of type 11 and 104 octets begins with.
    flows = [
        dataclasses.replace(FOUR, sport=11, dport=104),
        SIX,
        dataclasses.replace(FOUR, sport=10, dport=84),
    ] * 50
    batches, tally = read("nfcapd", content(flows))
    assert plain(batches) == sorted(one.row() for one in flows)
    assert not tally.rejects


def test_records_at_odd_octets() -> None:
    flows = [dataclasses.replace(FOUR, extra=b"x" * n) for n in (1, 2, 3, 5, 0)]
    batches, tally = read("nfcapd", content(flows))
    assert plain(batches) == sorted(one.row() for one in flows)
    assert not tally.rejects


def test_torn_file_gives_what_came_before() -> None:
    first, second = made.block([made.record(FOUR)] * 3), made.block([made.record(FOUR)] * 4)
    file = made.file([first, second])
    batches, tally = read("nfcapd", file[: 40 + len(first) + 12 + 200])
    assert len(plain(batches)) == 3 + 200 // len(made.record(FOUR))
    # Each record has one fate: read, or lost with the rest of the block.
    assert tally.rejects == {"block-torn": 4 - 200 // len(made.record(FOUR))}
    batches, tally = read("nfcapd", file[: 40 + len(first) + 5])
    assert len(plain(batches)) == 3
    assert tally.rejects["block-torn"] == 1


@pytest.mark.parametrize("kind", made.CODES)
def test_a_file_whose_collector_was_killed_is_read(kind: str) -> None:
    file = bytearray(content(MIXED, "<", kind))
    file[36:40] = bytes(4)  # no block is counted before the file is closed
    batches, tally = read("nfcapd", bytes(file))
    assert plain(batches) == sorted(one.row() for one in MIXED)
    assert not tally.rejects
    torn = read("nfcapd", bytes(file) + b"\1\2\3")[1]
    assert torn.rejects == {"block-torn": 1}


def test_lying_lengths() -> None:
    whole = made.record(FOUR)
    long = whole[:2] + b"\xff\xff" + whole[4:]
    zero = whole[:2] + b"\0\0" + whole[4:]
    for bad in (long, zero):
        batches, tally = read("nfcapd", made.file([made.block([whole, bad, whole]), made.block([whole])]))
        assert len(plain(batches)) == 2
        assert tally.rejects["record-length"] == 2
    endless = bytearray(made.block([whole, zero]))
    endless[:4] = (
        b"\xff\xff\xff\x7f"  # so many records: a chain that stands still must not be followed so long
    )
    assert read("nfcapd", made.file([bytes(endless)]))[1].rejects == {"record-length": (1 << 31) - 2}
    bare = made.file([made.block([b"\x0b\0\x0c\0\0\0\0\0\0\0\0\0", b"\x0b\0\x04\0"])])
    assert read("nfcapd", bare)[1].rejects == {"record-without-flow": 1, "record-length": 1}


def test_times_beyond_the_century_are_refused() -> None:
    batches, tally = read("nfcapd", content([FOUR, dataclasses.replace(FOUR, first=1 << 60)]))
    assert len(plain(batches)) == 1
    assert tally.rejects["time"] == 1


def test_impossible_counters_are_refused() -> None:
    lies = [dataclasses.replace(FOUR, octets=1 << 63), dataclasses.replace(FOUR, packets=(1 << 64) - 1)]
    batches, tally = read("nfcapd", content([FOUR, *lies]))
    assert plain(batches) == [FOUR.row()]
    assert tally.rejects == {"counter": 2}


@pytest.mark.parametrize(
    "bad", [b"", b"\x0c", b"hello world, this is no flow file at all.....", b"\x0c\xa5\x02\x00"]
)
def test_wrong_file_says_so(bad: bytes) -> None:
    with pytest.raises(ReadingError):
        read("nfcapd", bad)


def test_unknown_layout_names_the_way_out() -> None:
    file = made.file([], layout=3)
    assert READER.detect(file, "x")
    with pytest.raises(ReadingError) as caught:
        read("nfcapd", file)
    assert "nfdump -r" in caught.value.todo.en
    assert "csv_flows" in caught.value.todo.ja


GOOD = {kind: content([*MIXED, *MIXED], kind=kind) for kind in ("none", "lz4", "bz2", "zstd")}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_damage_never_crashes(kind: str, data: st.DataObject) -> None:
    file = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        batches, _ = read("nfcapd", bytes(file[: data.draw(st.integers(0, len(file)))]))
    except ReadingError:
        return
    assert len(plain(batches)) <= 14
