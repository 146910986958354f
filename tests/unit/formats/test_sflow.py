"""sFlow v5 datagrams made by hand: samples of every kind, headers of every link, and lengths that lie."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from fakes.tally import Counts
from sekisho.formats.datagrams import datagrams_of
from sekisho.formats.flow_export import Decoder
from sekisho.model.tables import FLOW, completed

NOW_MS = 1_790_000_000_123
A, B = (int(ip_address(text)) for text in ("100.64.0.1", "198.51.100.7"))
A6, B6 = (ip_address(text).packed for text in ("2001:db8::1", "2001:db8::2"))
MACS = bytes(12)
TCP = struct.pack("!HHIIBBHHH", 40_000, 23, 0, 0, 0x50, 2, 0, 0, 0)
SECRET = b"a payload octet never leaves"


def ipv4(payload=TCP + SECRET, protocol=6, fragment=0):
    return (
        struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), 0, fragment, 64, protocol, 0, A, B) + payload
    )


def ipv6(payload=TCP, following=6):
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + A6 + B6 + payload


def raw(header, frame=1_000, protocol=1):
    padded = header + bytes(-len(header) % 4)
    return record(1, struct.pack("!IIII", protocol, frame, 4, len(header)) + padded)


def record(kind, body):
    return struct.pack("!II", kind, len(body)) + body


def sample(*records, rate=512, expanded=False, count=None):
    many = len(records) if count is None else count
    if expanded:
        head = struct.pack("!11I", 1, 0, 3, rate, 9, 0, 0, 1, 0, 2, many)
    else:
        head = struct.pack("!8I", 1, 3, rate, 9, 0, 1, 2, many)
    return record(3 if expanded else 1, head + b"".join(records))


def datagram(*samples, sequence=1, count=None, agent=b"\0\0\0\1\xc0\0\2\1"):
    many = len(samples) if count is None else count
    return struct.pack("!I", 5) + agent + struct.pack("!IIII", 0, sequence, 1_000, many) + b"".join(samples)


def decoded(*payloads, decoder=None):
    tally = Counts()
    items = [(payload, "192.0.2.1", NOW_MS) for payload in payloads]
    batches = (decoder or Decoder()).decode(datagrams_of(items), tally)
    return [row for batch in batches for row in completed(batch, FLOW).to_pylist()], tally, batches


FRAMES = {
    "plain": MACS + b"\x08\0" + ipv4(),
    "vlan": MACS + b"\x81\0\0\5\x08\0" + ipv4(),
    "two tags": MACS + b"\x88\xa8\0\5\x81\0\0\6\x08\0" + ipv4(),
    "eight tags": MACS + b"\x81\0\0\5" * 8 + b"\x08\0" + ipv4(),
    "oldest tag": MACS + b"\x92\0\0\5\x08\0" + ipv4(),
    "pppoe": MACS + b"\x88\x64\x11\0\0\1\0\x80\0\x21" + ipv4(),
    "mpls": MACS + b"\x88\x47" + struct.pack("!II", 0x10040, 0x20140) + ipv4(),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("expanded", [False, True])
def test_a_row_for_each_sample(name, expanded):
    (row,), tally, batches = decoded(datagram(sample(raw(FRAMES[name]), expanded=expanded)))
    assert row == {
        "flowStartMilliseconds": NOW_MS,
        "flowEndMilliseconds": NOW_MS,
        "ipVersion": 4,
        "sourceIPv4Address": A,
        "destinationIPv4Address": B,
        "sourceIPv6Address": None,
        "destinationIPv6Address": None,
        "sourceTransportPort": 40_000,
        "destinationTransportPort": 23,
        "protocolIdentifier": 6,
        "tcpControlBits": 2,
        "packetDeltaCount": 1,
        "octetDeltaCount": 1_000,
        "samplingPacketInterval": 512,
        "exporter": "192.0.2.1#0",
        "postNATSourceIPv4Address": None,
        "postNAPTSourceTransportPort": None,
    }
    assert not tally.rejects
    for batch in batches:
        for column in batch.columns:
            assert not any(buffer and SECRET in buffer.to_pybytes() for buffer in column.buffers())


def test_ipv6_with_extension_headers_and_fragments():
    chain = bytes([44, 0]) + bytes(6) + bytes([6, 0, 0, 1]) + bytes(4) + TCP
    later = bytes([6, 0, 0, 0x99]) + bytes(4) + TCP
    frames = [MACS + b"\x86\xdd" + ipv6(chain, 0), MACS + b"\x86\xdd" + ipv6(later, 44), ipv6()]
    found, tally, _ = decoded(
        datagram(sample(raw(frames[0])), sample(raw(frames[1])), sample(raw(frames[2], protocol=12)))
    )
    assert [(row["sourceIPv6Address"], row["protocolIdentifier"]) for row in found] == [(A6, 6)] * 3
    assert [row["destinationTransportPort"] for row in found] == [23, 0, 23]
    assert not tally.rejects


def test_later_fragments_and_other_protocols_have_no_ports():
    frames = [ipv4(fragment=5), ipv4(protocol=1), ipv4(payload=b"")]
    found, _, _ = decoded(datagram(*(sample(raw(MACS + b"\x08\0" + one)) for one in frames)))
    assert [(row["sourceTransportPort"], row["tcpControlBits"]) for row in found] == [(0, 0)] * 3


def test_sampled_addresses_serve_when_there_is_no_header():
    four = record(3, struct.pack("!IIIIIIII", 99, 17, A, B, 53, 5353, 0, 0))
    six = record(4, struct.pack("!II", 88, 6) + A6 + B6 + struct.pack("!IIII", 1, 2, 0x12, 0))
    other = record(1001, bytes(16))
    found, tally, _ = decoded(
        datagram(sample(other, four), sample(six), sample(raw(MACS + b"\x08\0" + ipv4()), four))
    )
    assert sorted(
        (row["ipVersion"], row["octetDeltaCount"], row["destinationTransportPort"]) for row in found
    ) == [
        (4, 99, 5353),
        (4, 1_000, 23),
        (6, 88, 2),
    ]
    assert not tally.rejects


def test_what_is_no_flow_is_counted():
    counters = record(2, bytes(40))
    arp = sample(raw(MACS + b"\x08\x06" + bytes(28)))
    found, tally, _ = decoded(
        datagram(counters, arp, sample(record(1001, bytes(16))), record(4_097, bytes(8)))
    )
    assert found == []
    assert tally.notes["counter-sample"] == 1
    assert tally.rejects == {"not-ip": 1, "sample-without-packet": 1, "sample-kind": 1}


def test_lost_datagrams_are_counted():
    decoder = Decoder()
    one = sample(raw(MACS + b"\x08\0" + ipv4()))
    decoded(datagram(one, sequence=1), datagram(one, sequence=5), decoder=decoder)
    assert decoder.state()["sources"][0]["lost"] == 3


LYING = {
    "header-truncated": datagram()[:20],
    "sample-truncated": datagram(sample(raw(MACS + b"\x08\0" + ipv4())), count=2),
    "record-truncated": datagram(sample(raw(MACS + b"\x08\0" + ipv4()), count=9)),
    "too-many-samples": datagram(*[record(2, b"")] * 1_025),
    "sample-without-packet": datagram(sample(raw((MACS + b"\x08\0" + ipv4())[:30]))),
}


@pytest.mark.parametrize("reason", LYING)
def test_lies_are_counted(reason):
    _, tally, _ = decoded(LYING[reason])
    assert tally.rejects == {reason: 1}


def test_an_agent_of_an_unknown_kind_is_refused():
    _, tally, _ = decoded(datagram(agent=b"\0\0\0\7" + bytes(4)))
    assert tally.rejects == {"header-truncated": 1}
    found, tally, _ = decoded(datagram(sample(raw(MACS + b"\x08\0" + ipv4())), agent=b"\0\0\0\2" + A6))
    assert len(found) == 1
