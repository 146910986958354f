"""Captures: every link type, byte order and resolution; cut, torn, lying and wrong files are counted."""

from __future__ import annotations

import dataclasses
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import capture
from fakes.capture import Seen, ng_block, ng_interface, ng_packet, ng_section, pcap
from fakes.rows import plain, read
from sekisho.errors import ReadingError
from sekisho.readers.pcap import READER

FOUR, SIX = Seen(), Seen(source="2001:db8::1", destination="2001:db8::2", protocol=17, payload=9)
BOTH = [FOUR, dataclasses.replace(FOUR, time=FOUR.time + 1_500_000, flags=0x10), SIX]
ROWS = capture.metered(BOTH, 15_000_000, 1_800_000_000)


@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_classic(order: str, nano: bool) -> None:
    file = pcap([(one.time, one.ethernet()) for one in BOTH], order=order, nano=nano)
    assert READER.detect(file, "x")
    batches, tally = read("pcap", file)
    assert plain(batches) == ROWS
    assert not tally.rejects
    assert tally.notes == {"packets": 3}


@pytest.mark.parametrize(
    ("link", "before"),
    [
        (101, b""),
        (12, b""),
        (0, b"\x02\0\0\0"),
        (108, b"\0\0\0\x02"),
        (113, bytes(14) + b"\x08\x00"),
        (276, b"\x08\x00" + bytes(18)),
        (104, b"\x0f\0\x08\0"),
        (1, bytes(12) + b"\x81\x00\x00\x05\x08\x00"),
        (1, bytes(12) + b"\x81\x00\x00\x05" * 8 + b"\x08\x00"),
        (1, bytes(12) + b"\x92\x00\x00\x05\x08\x00"),
        (1, bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
        (1, bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x2a\x00\x21"),
        (1, bytes(12) + b"\x88\x47\x00\x01\x00\x40\x00\x02\x01\x40"),
    ],
)
def test_link_layers(link: int, before: bytes) -> None:
    batches, tally = read("pcap", pcap([(FOUR.time, before + FOUR.ip())], link=link))
    assert plain(batches) == capture.metered([FOUR], 1, 1)
    assert not tally.rejects


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks"),
    [
        (None, 1_700_000_000_123_456),
        (9, 1_700_000_000_123_456_789),
        (3, 1_700_000_000_123),
        (0x80 | 10, (1_700_000_000 << 10) + 126),
    ],
)
def test_pcapng_resolutions(order: str, resolution: int | None, ticks: int) -> None:
    file = ng_section(order) + ng_interface(order, 1, resolution) + ng_packet(order, ticks, FOUR.ethernet())
    batches, tally = read("pcap", file)
    assert plain(batches)[0][:2] == (1_700_000_000_123, 1_700_000_000_123)
    assert not tally.rejects


def test_pcapng_sections_interfaces_and_odd_blocks() -> None:
    little = ng_section("<") + ng_interface("<", 101) + ng_interface("<", 1, offset=3)
    little += (
        ng_block("<", 4, b"names")
        + ng_packet("<", FOUR.time, FOUR.ip())
        + ng_packet("<", SIX.time, SIX.ethernet(), 1)
    )
    big = (
        ng_section(">")
        + ng_interface(">", 113)
        + ng_packet(">", FOUR.time, bytes(14) + b"\x08\0" + FOUR.ip())
    )
    odd = ng_packet(">", 1, b"x", 9) + ng_block(">", 3, struct.pack(">I", 4) + b"abcd")
    batches, tally = read("pcap", little + big + odd)
    rows = plain(batches)
    assert [(row[2], row[8]) for row in rows] == [("192.0.2.7", 2), ("2001:db8::1", 1)]
    assert rows[1][0] == SIX.time // 1000 + 3000
    assert tally.rejects == {"packet-without-interface": 1, "packet-without-time": 1}


def test_extension_headers_and_fragments() -> None:
    udp = dataclasses.replace(SIX, sport=53, dport=5353)
    hops = bytes([60, 0, 0, 0, 0, 0, 0, 0]) + bytes([51, 1]) + bytes(14) + bytes([17, 4]) + bytes(22)
    packets = [
        (udp.time, b"\0" * 12 + b"\x86\xdd" + udp.ip(hops, 0)),
        (udp.time, dataclasses.replace(FOUR, fragment=100).ethernet()),
        (udp.time, dataclasses.replace(SIX, fragment=100).ethernet()),
    ]
    batches, tally = read("pcap", pcap(packets))
    assert [row[4:7] for row in plain(batches)] == [(0, 0, 6), (0, 0, 17), (53, 5353, 17)]
    assert tally.notes["fragments"] == 2


def test_packets_cut_by_the_snap_length() -> None:
    for snap, reason in ((14 + 19, "cut-before-addresses"), (10, "cut-before-addresses")):
        batches, tally = read("pcap", pcap([(1, FOUR.ethernet())], snap=snap))
        assert not batches
        assert tally.rejects == {reason: 1}
    big = dataclasses.replace(FOUR, payload=1000)
    for snap, ports, flags in ((14 + 22, (0, 0), 0), (14 + 24, (40000, 23), 0), (14 + 34, (40000, 23), 2)):
        batches, tally = read("pcap", pcap([(1, big.ethernet())], snap=snap))
        row = plain(batches)[0]
        assert (row[4:6], row[7], row[9]) == (ports, flags, 1040)
        assert not tally.rejects


def test_what_is_not_ip_is_counted() -> None:
    arp, bad = bytes(12) + b"\x08\x06" + bytes(46), bytes(12) + b"\x08\x00" + b"\x43" + bytes(40)
    wrong = bytes(12) + b"\x08\x00" + b"\x65" + bytes(40)
    _, tally = read("pcap", pcap([(1, arp), (2, bad), (3, wrong), (4, FOUR.ethernet())]))
    assert tally.rejects == {"not-ip": 1, "ip-header": 2}
    assert read("pcap", pcap([(1, arp)], link=127))[1].rejects == {"link-type-127": 1}


def test_lying_ip_lengths() -> None:
    whole = bytearray(FOUR.ethernet())
    whole[16:18] = b"\xff\xff"
    none = bytearray(FOUR.ethernet())
    none[16:18] = b"\0\0"
    batches, tally = read("pcap", pcap([(1, bytes(whole)), (1, bytes(none))]))
    assert plain(batches)[0][8:] == (2, 80)
    assert tally.notes["ip-length-lies"] == tally.notes["ip-length-zero"] == 1


def test_torn_and_lying_files() -> None:
    file = pcap([(1, FOUR.ethernet()), (2, FOUR.ethernet())])
    batches, tally = read("pcap", file[:-5])
    assert plain(batches)[0][8] == 1
    assert tally.rejects == {"packet-torn": 1}
    lying = file + struct.pack("<IIII", 1, 1, 0xFFFFFFF0, 60) + b"abc"
    batches, tally = read("pcap", lying)
    assert plain(batches)[0][8] == 2
    assert tally.rejects == {"packet-length": 1}
    ng = ng_section("<") + ng_interface("<", 1) + ng_packet("<", 1, FOUR.ethernet())
    assert read("pcap", ng[:-3])[1].rejects == {"packet-torn": 1}
    assert read("pcap", ng + struct.pack("<II", 6, 0) + bytes(8))[1].rejects == {"packet-length": 1}


def test_flow_table_has_an_end() -> None:
    packets = [(1, dataclasses.replace(FOUR, sport=port).ethernet()) for port in range(300)]
    batches, tally = read("pcap", pcap(packets), most_open=100)
    assert len(plain(batches)) == 300
    assert tally.notes["flow-table-full"] == 200


@pytest.mark.parametrize(
    "content", [b"", b"\xd4\xc3\xb2\xa1", b"\xd4\xc3\xb2\xa1" + bytes(19), b"no capture" * 10]
)
def test_wrong_file_says_so(content: bytes) -> None:
    with pytest.raises(ReadingError):
        read("pcap", content)


@pytest.mark.parametrize(
    "options", [{"idle": "soon"}, {"active": -1}, {"most_open": 0}, {"idle": float("nan")}]
)
def test_wrong_option_says_so(options: dict[str, object]) -> None:
    with pytest.raises(ReadingError):
        read("pcap", pcap([]), **options)


GOOD = [
    pcap([(one.time, one.ethernet(b"\x81\x00\x00\x05")) for one in BOTH * 2]),
    ng_section("<")
    + ng_interface("<", 1, 9)
    + b"".join(ng_packet("<", one.time * 1000, one.ethernet()) for one in BOTH),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_damage_never_crashes(good: bytes, data: st.DataObject) -> None:
    file = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        batches, _ = read("pcap", bytes(file[: data.draw(st.integers(0, len(file)))]))
    except ReadingError:
        return
    assert len(plain(batches)) <= 12
