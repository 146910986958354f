"""Hand-made datagrams of each version, with the rows that they must give; and hostile ones, counted."""

from __future__ import annotations

import gc
import json
import struct
import tracemalloc
from ipaddress import ip_address

import pytest

from fakes.tally import Counts
from sekisho.formats.datagrams import datagrams_of
from sekisho.formats.flow_export import Decoder
from sekisho.formats.flow_sources import Limits
from sekisho.model.tables import FLOW, completed

NOW = 1_790_000_000
ROUTER = "192.0.2.1"
A, B = (int(ip_address(text)) for text in ("100.64.0.1", "198.51.100.7"))
FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (22, 4), (21, 4)]
RECORD = struct.pack("!IIHHBBIIII", A, B, 40_000, 443, 6, 0x1B, 10, 5_000, 90_000, 95_000)


def v9(*sets, sequence=0, domain=7, uptime=100_000):
    return struct.pack("!HHIIII", 9, len(sets), uptime, NOW, sequence, domain) + b"".join(sets)


def ipfix(*sets, sequence=0, domain=7):
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), NOW, sequence, domain) + body


def one_set(identifier, body):
    return struct.pack("!HH", identifier, 4 + len(body)) + body


def template(identifier, fields, kind=0):
    return one_set(
        kind,
        struct.pack("!HH", identifier, len(fields)) + b"".join(struct.pack("!HH", *one) for one in fields),
    )


def rows(decoder, *payloads, tally=None, address=ROUTER, at=NOW * 1000):
    batches = decoder.decode(datagrams_of([(one, address, at) for one in payloads]), tally or Counts())
    return [row for batch in batches for row in completed(batch, FLOW).to_pylist()]


def test_v5():
    head = struct.pack("!HHIIIIHH", 5, 1, 100_000, NOW, 250_000_000, 41, 0x0102, 0x4000 | 100)
    record = struct.pack(
        "!IIIHHIIIIHHBBBBHHBBH", A, B, 0, 1, 2, 3, 180, 90_000, 95_000, 1234, 23, 0, 2, 6, 0, 0, 0, 0, 0, 0
    )
    decoder, tally = Decoder(), Counts()
    assert rows(decoder, head + record, tally=tally) == [
        {
            "flowStartMilliseconds": NOW * 1000 + 250 - 10_000,
            "flowEndMilliseconds": NOW * 1000 + 250 - 5_000,
            "ipVersion": 4,
            "sourceIPv4Address": A,
            "destinationIPv4Address": B,
            "sourceIPv6Address": None,
            "destinationIPv6Address": None,
            "sourceTransportPort": 1234,
            "destinationTransportPort": 23,
            "protocolIdentifier": 6,
            "tcpControlBits": 2,
            "packetDeltaCount": 3,
            "octetDeltaCount": 180,
            "samplingPacketInterval": 100,
            "exporter": f"{ROUTER}#258",
            "postNATSourceIPv4Address": None,
            "postNAPTSourceTransportPort": None,
        }
    ]
    later = struct.pack("!HHIIIIHH", 5, 2, 100_000, NOW, 0, 52, 0x0102, 0) + record
    assert len(rows(decoder, later, tally=tally)) == 1
    assert tally.rejects == {"record-truncated": 1}
    assert tally.notes["sequence-lost"] == 10
    assert decoder.state()["sources"][0]["lost"] == 10


def test_v9_waits_for_its_template_and_guesses_nothing():
    decoder, tally = Decoder(), Counts()
    data = one_set(256, RECORD + RECORD + b"\0\0")
    assert rows(decoder, v9(data), tally=tally) == []
    assert tally.rejects == {"template-missing": 1}
    found = rows(decoder, v9(template(256, FIELDS), data, sequence=1), v9(data, sequence=5), tally=tally)
    assert len(found) == 4
    assert {row["flowStartMilliseconds"] for row in found} == {NOW * 1000 - 10_000}
    assert {row["samplingPacketInterval"] for row in found} == {0}
    assert tally.notes["sequence-lost"] == 3
    # Another domain and another exporter have templates of their own.
    assert rows(decoder, v9(data, domain=8), tally=tally) == []
    assert rows(decoder, v9(data), tally=tally, address="192.0.2.2") == []
    assert tally.rejects == {"template-missing": 3}


def test_the_uptime_may_wrap():
    first, last = 2**32 - 1_000, 500
    record = RECORD[:-8] + struct.pack("!II", first, last)
    (row,) = rows(Decoder(), v9(template(256, FIELDS), one_set(256, record), uptime=1_000))
    assert (row["flowStartMilliseconds"], row["flowEndMilliseconds"]) == (
        NOW * 1000 - 2_000,
        NOW * 1000 - 500,
    )


def test_the_uptime_of_ipfix_may_wrap_as_well():
    round_of_32_bits = 2**32
    boot = NOW * 1000 - 2 * round_of_32_bits - 5_000  # up for two rounds and five seconds
    fields = [(8, 4), (12, 4), (22, 4), (21, 4)]
    uptimes = struct.pack("!II", round_of_32_bits - 1_000, 4_500)
    expected = (NOW * 1000 - 6_000, NOW * 1000 - 500)
    own = ipfix(
        template(256, [*fields, (160, 8)], 2), one_set(256, RECORD[:8] + uptimes + struct.pack("!Q", boot))
    )
    options = one_set(3, struct.pack("!HHHHHHH", 257, 2, 1, 149, 4, 160, 8))
    told = ipfix(
        options,
        one_set(257, struct.pack("!IQ", 7, boot)),
        template(256, fields, 2),
        one_set(256, RECORD[:8] + uptimes),
    )
    for payload in (own, told):
        (row,) = rows(Decoder(), payload)
        assert (row["flowStartMilliseconds"], row["flowEndMilliseconds"]) == expected


def test_sampling_of_v9_by_sampler_by_interface_and_for_all():
    fields = [(8, 4), (12, 4), (48, 1), (10, 2)]
    told = one_set(1, struct.pack("!HHH", 300, 4, 8) + struct.pack("!6H", 1, 4, 48, 1, 34, 4))
    by_interface = one_set(1, struct.pack("!HHH", 301, 4, 4) + struct.pack("!4H", 2, 2, 34, 4))
    for_all = one_set(1, struct.pack("!HHH", 302, 4, 4) + struct.pack("!4H", 1, 4, 34, 4))
    data = one_set(
        256, b"".join(struct.pack("!IIBH", A, B, *one) for one in ((1, 0), (2, 0), (9, 5), (9, 6)))
    )
    decoder = Decoder()
    before = rows(decoder, v9(template(256, fields), told, by_interface, for_all, data))
    assert [row["samplingPacketInterval"] for row in before] == [0, 0, 0, 0]
    after = rows(
        decoder,
        v9(
            one_set(300, struct.pack("!IBIIBI", 0, 1, 100, 0, 2, 200)),
            one_set(301, struct.pack("!HI", 5, 500)),
            one_set(302, struct.pack("!II", 0, 1_000)),
            data,
        ),
    )
    assert [row["samplingPacketInterval"] for row in after] == [100, 200, 500, 1_000]


def test_sampling_of_ipfix_packets_taken_and_passed_over():
    """RFC 5477: 10 packets taken, then 990 passed over, is 1 of 100."""
    options = one_set(3, struct.pack("!HHH", 300, 3, 1) + struct.pack("!6H", 302, 8, 305, 4, 306, 4))
    data = one_set(256, struct.pack("!II", A, B))
    decoder = Decoder()
    sent = ipfix(
        template(256, [(8, 4), (12, 4)], 2), options, one_set(300, struct.pack("!QII", 3, 10, 990)), data
    )
    assert [row["samplingPacketInterval"] for row in rows(decoder, sent)] == [100]
    assert decoder.state()["sources"][0]["sampling"]["rules"] == [["sampler", 3, 100]]


@pytest.mark.parametrize(
    ("elements", "widths", "start", "end"),
    [
        ((150, 151), "II", NOW - 20, NOW - 10),
        ((152, 153), "QQ", NOW * 1000 - 20_000, NOW * 1000 - 10_000),
        ((154, 155), "QQ", (NOW - 20 + 2_208_988_800) << 32, (NOW - 10 + 2_208_988_800) << 32),
        ((156, 157), "QQ", (NOW - 20 + 2_208_988_800) << 32, (NOW - 10 + 2_208_988_800) << 32),
        ((158, 159), "II", 20_000_000, 10_000_000),
    ],
)
def test_times_of_ipfix(elements, widths, start, end):
    fields = [
        (8, 4),
        (12, 4),
        *((one, 4 if width == "I" else 8) for one, width in zip(elements, widths, strict=True)),
    ]
    record = struct.pack(f"!II{widths}", A, B, start, end)
    (row,) = rows(Decoder(), ipfix(template(256, fields, 2), one_set(256, record)))
    assert row["flowStartMilliseconds"] == NOW * 1000 - 20_000
    assert row["flowEndMilliseconds"] == NOW * 1000 - 10_000


def test_ipfix_variable_length_enterprise_and_reduced_fields():
    fields = struct.pack("!HHHHHHI", 8, 4, 12, 4, 0x8000 | 5, 65535, 35_632) + struct.pack(
        "!6H", 1, 3, 371, 65535, 2, 5
    )
    sent = one_set(2, struct.pack("!HH", 256, 6) + fields)
    first = (
        struct.pack("!II", A, B) + b"\x03abc" + b"\x00\x01\x00" + b"\xff\x01\x2c" + b"x" * 300 + b"\0\0\0\1\0"
    )
    second = struct.pack("!II", B, A) + b"\x00" + b"\x00\x00\x05" + b"\x00" + b"\0\0\0\0\7"
    tally = Counts()
    found = rows(Decoder(), ipfix(sent, one_set(256, first + second)), tally=tally)
    assert [(row["sourceIPv4Address"], row["octetDeltaCount"], row["packetDeltaCount"]) for row in found] == [
        (A, 256, 256),
        (B, 5, 7),
    ]
    assert not tally.rejects
    torn = one_set(256, first + struct.pack("!II", A, B) + b"\xff\xff\xff" + b"\0" * 12)
    tally = Counts()
    assert len(rows(Decoder(), ipfix(sent, torn), tally=tally)) == 1
    assert tally.rejects == {"record-truncated": 1}


def test_both_ways_of_a_record_are_two_rows():
    fields = struct.pack("!8H", 8, 4, 12, 4, 7, 2, 11, 2) + struct.pack("!4H", 2, 4, 1, 4)
    fields += b"".join(struct.pack("!HHI", 0x8000 | one, 4, 29_305) for one in (2, 1))
    sent = one_set(2, struct.pack("!HH", 256, 8) + fields)
    record = struct.pack("!IIHHIIII", A, B, 1000, 443, 5, 500, 7, 9_000)
    there, back = sorted(
        rows(Decoder(), ipfix(sent, one_set(256, record))), key=lambda row: row["packetDeltaCount"]
    )
    assert (there["sourceIPv4Address"], there["destinationTransportPort"], there["octetDeltaCount"]) == (
        A,
        443,
        500,
    )
    assert (back["sourceIPv4Address"], back["sourceTransportPort"], back["octetDeltaCount"]) == (
        B,
        443,
        9_000,
    )


def test_nat_columns_and_events():
    nat = [(8, 4), (12, 4), (2, 4), (225, 4), (227, 2)]
    record = struct.pack("!IIIIH", A, B, 1, 0xC6336401, 1025)
    event = [(323, 8), (8, 4), (12, 4), (225, 4), (230, 1)]
    decoder, tally = Decoder(), Counts()
    found = rows(
        decoder,
        v9(
            template(256, nat),
            one_set(256, record),
            template(257, event),
            one_set(257, struct.pack("!QIIIB", 1, A, B, 9, 4)),
        ),
        tally=tally,
    )
    assert [(row["postNATSourceIPv4Address"], row["postNAPTSourceTransportPort"]) for row in found] == [
        (0xC6336401, 1025)
    ]
    assert tally.notes["event"] == 1
    assert decoder.state()["sources"][0]["events"] == 1


def test_ipv6():
    one, other = ip_address("2001:db8::1").packed, ip_address("2001:db8::2").packed
    (row,) = rows(
        Decoder(),
        ipfix(template(256, [(27, 16), (28, 16), (2, 8)], 2), one_set(256, one + other + b"\0" * 7 + b"\3")),
    )
    assert (row["sourceIPv6Address"], row["destinationIPv6Address"], row["packetDeltaCount"]) == (
        one,
        other,
        3,
    )
    assert row["ipVersion"] == 6
    assert row["sourceIPv4Address"] is None


def test_a_changed_and_a_withdrawn_template():
    decoder, tally = Decoder(), Counts()
    rows(decoder, ipfix(template(256, [(8, 4), (12, 4)], 2)))
    turned = ipfix(
        one_set(256, struct.pack("!II", A, B)),
        template(256, [(12, 4), (8, 4)], 2),
        one_set(256, struct.pack("!II", A, B)),
        one_set(2, struct.pack("!HH", 256, 0)),
        one_set(256, struct.pack("!II", A, B)),
    )
    assert [row["sourceIPv4Address"] for row in rows(decoder, turned, tally=tally)] == [A, B]
    assert tally.rejects == {"template-missing": 1}
    assert tally.notes["template-changed"] == tally.notes["template-withdrawn"] == 1


def test_templates_outlive_a_restart():
    decoder = Decoder()
    rows(decoder, v9(template(256, FIELDS)), ipfix(template(256, [(8, 4), (12, 4)], 2)))
    kept = json.loads(json.dumps(decoder.templates()))
    again = Decoder()
    assert again.restore(kept) == 2
    assert len(rows(again, v9(one_set(256, RECORD)), ipfix(one_set(256, RECORD[:8])))) == 2
    for wrong in ({}, {"schema": 9}, {"schema": 1, "sources": [{}]}, {"schema": 1, "sources": 3}):
        with pytest.raises(ValueError, match=r"."):
            Decoder().restore(wrong)
    kept["sources"][0]["templates"][0]["fields"] = "0008"
    assert Decoder().restore(kept) == 1


LYING = {
    "version-unknown": [struct.pack("!HH", 255, 1) + bytes(40)],
    "header-truncated": [
        b"",
        b"\0",
        b"\0\5",
        struct.pack("!HH", 9, 1) + bytes(5),
        struct.pack("!I", 5) + bytes(24),
    ],
    "message-length": [
        struct.pack("!HHIII", 10, 4_000, NOW, 0, 0) + bytes(8),
        struct.pack("!HHIII", 10, 3, NOW, 0, 0),
    ],
    "set-length": [v9(struct.pack("!HH", 256, 3))],
    "set-truncated": [v9(struct.pack("!HH", 256, 500) + bytes(20))],
    "set-reserved": [v9(one_set(17, bytes(8)))],
    "template-truncated": [v9(one_set(0, struct.pack("!HHHH", 256, 65_535, 8, 4)))],
    "template-id": [v9(template(255, [(8, 4)]))],
    "template-empty": [v9(template(256, [(8, 0)]))],
    "template-too-long": [v9(template(256, [(8, 65_535), (9, 65_535)]))],
    "template-too-wide": [v9(template(256, [(8, 1)] * 513))],
    "template-scope": [ipfix(one_set(3, struct.pack("!HHHHH", 256, 1, 2, 8, 4)))],
    "template-length": [v9(one_set(1, struct.pack("!HHH", 256, 3, 4) + bytes(8)))],
    "field-zero-length": [v9(template(256, [(8, 4), (12, 4), (2, 0)]))],
    "field-length": [v9(template(256, [(8, 4), (12, 4), (2, 9)]))],
    "no-address": [v9(template(256, [(2, 4)]), one_set(256, bytes(4)))],
    "set-without-record": [v9(template(256, FIELDS), one_set(256, bytes(5)))],
    "time-out-of-range": [ipfix(template(256, [(8, 4), (12, 4), (152, 8)], 2), one_set(256, b"\xff" * 16))],
    "counter-too-great": [v9(template(256, [(8, 4), (12, 4), (1, 8)]), one_set(256, b"\xff" * 16))],
    "ip-version": [
        v9(template(256, [(8, 4), (12, 4), (27, 16), (28, 16), (60, 1)]), one_set(256, b"\5" * 41))
    ],
    "padding-too-long": [v9(bytes(8))],
}


@pytest.mark.parametrize("reason", LYING)
def test_what_lies_is_counted_by_its_reason(reason):
    for payload in LYING[reason]:
        decoder, tally = Decoder(), Counts()
        rows(decoder, payload, tally=tally)
        assert tally.rejects == {reason: 1}
        # And what comes behind it is read as ever.
        assert len(rows(decoder, v9(template(256, FIELDS), one_set(256, RECORD)))) == 1


def test_forged_senders_and_template_floods_stay_bounded():
    limits = Limits(sources=50, templates_per_source=20, templates=100)
    decoder, tally = Decoder(limits), Counts()
    rows(decoder, v9(template(256, FIELDS)), at=NOW * 1000)
    gc.disable()  # memory must not wait for the collector of circles
    tracemalloc.start()
    sizes = []
    for turn in range(20):
        for number in range(5):
            many = [template(256 + one, [(8, 4), (12, 4), (one, 1)]) for one in range(150)]
            rows(decoder, v9(*many), tally=tally, address=f"198.51.100.{turn}.{number}", at=NOW * 1000 + turn)
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    gc.enable()
    kept = decoder.templates()["sources"]
    assert len(kept) == 50
    assert sum(len(one["templates"]) for one in kept) <= 100
    assert tally.rejects["too-many-sources"] == 51
    assert tally.rejects["template-dropped"] > 5_000
    assert sizes[-1] < sizes[10] * 1.2
    # Long silent sources make room.
    assert (
        len(
            rows(
                decoder,
                v9(template(256, FIELDS), one_set(256, RECORD)),
                tally=tally,
                address="x",
                at=NOW * 1001,
            )
        )
        == 1
    )
    assert tally.notes["source-forgotten"] == 1


def test_65_thousand_templates_of_one_exporter():
    decoder, tally = Decoder(), Counts()
    every = [template(number, [(8, 4), (12, 4), (number, 1)]) for number in range(256, 65_536)]
    items = [v9(*every[at : at + 1_000]) for at in range(0, len(every), 1_000)]
    rows(decoder, *items, tally=tally)
    assert len(decoder.templates()["sources"][0]["templates"]) == 1_024
    assert tally.notes["template-learnt"] == 65_280
    assert tally.rejects["template-dropped"] == 65_280 - 1_024
    assert len(rows(decoder, v9(one_set(65_535, RECORD[:9])))) == 1


def test_many_exporters_in_one_block():
    decoder, tally = Decoder(), Counts()
    items = []
    for turn in range(3):
        for number in range(200):
            sets = [template(256, FIELDS)] * (turn == 0) + [one_set(256, RECORD * (1 + number % 5))]
            items.append((v9(*sets, sequence=turn, domain=number % 3), f"192.0.2.{number}", NOW * 1000))
    batches = decoder.decode(datagrams_of(items), tally)
    assert sum(batch.num_rows for batch in batches) == 3 * 600
    assert len({name for batch in batches for name in batch.column("exporter").to_pylist()}) == 200
    assert not tally.rejects
    assert "sequence-lost" not in tally.notes


def test_sequence_gaps_by_each_versions_rule():
    """IPFIX counts data records; a datagram that comes late takes back nothing and moves nothing."""
    decoder, tally = Decoder(), Counts()
    data = one_set(256, RECORD[:8] * 4)
    rows(
        decoder,
        ipfix(template(256, [(8, 4), (12, 4)], 2), sequence=10),
        ipfix(data, sequence=10),
        tally=tally,
    )
    rows(decoder, ipfix(data, sequence=14), ipfix(data, sequence=22), ipfix(data, sequence=18), tally=tally)
    rows(decoder, ipfix(data, sequence=26), tally=tally)
    (state,) = decoder.state()["sources"]
    assert (state["lost"], state["late"], state["resets"]) == (4, 4, 0)
    rows(decoder, ipfix(data, sequence=100_000), ipfix(data, sequence=0), tally=tally)
    assert decoder.state()["sources"][0]["resets"] == 1
    # Without the template nobody knows how many records a datagram held: no gap is claimed behind it.
    rows(decoder, ipfix(one_set(999, data), sequence=4), ipfix(data, sequence=400), tally=tally)
    assert decoder.state()["sources"][0]["lost"] == tally.notes["sequence-lost"]
