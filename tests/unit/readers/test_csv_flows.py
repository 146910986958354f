"""Delimited flow files: each preset, a mapping of one's own, and every kind of bad line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.rows import plain, read
from sekisho.errors import ReadingError
from sekisho.readers.csv_flows import READER

NFDUMP = """\
ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in
2023-11-14 22:13:20,2023-11-14 22:13:21,1.500,192.0.2.7,198.51.100.9,40000,23,TCP,...AP.S.,0,0,5,270,0,0,1
2023-11-14 22:13:22,2023-11-14 22:13:22,0.000,2001:db8::1,2001:db8::2,0,8.0,ICMP6,........,0,0,1,90,0,0,1
Summary
flows,bytes,packets,avg_bps,avg_pps,avg_bpp
2,360,6,58357,140,51
"""
NFDUMP_ROWS = [
    (1700000000000, 1700000001500, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1A, 5, 270),
    (1700000002000, 1700000002000, "2001:db8::1", "2001:db8::2", 0, 0, 58, 0, 1, 90),
]
LONG = """\
Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets
2023-11-14 22:13:20.123     00:00:01.500 TCP        192.0.2.7:40000 ->     198.51.100.9:23    ...AP.S.   0        5  270     1
2023-11-14 22:13:22.000     0.000 ICMP6      2001:db8::1.0 ->     2001:db8::2.8.0    ........   0        1    90     1
2023-11-14 22:13:22.000     0.000 UDP  192.0.2.7:5 -> 1.2.3.4:53 ........ 0 1.2 M 90 1
Summary: total flows: 2, total bytes: 360
Time window: 2023-11-14 22:13:20 - 2023-11-14 22:13:22
"""
SILK = """\
            sIP|            dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  sTime| duration|                  eTime|sen|
      192.0.2.7|   198.51.100.9|40000|   23|  6|         5|       270| S PA   |2023/11/14T22:13:20.123|    1.500|2023/11/14T22:13:21.623| S0|
"""
ARGUS = """\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2023/11/14 22:13:20.123456,1.500000,tcp,192.0.2.7,40000,   ->,198.51.100.9,23,FSPA_FSA,0,0,9,498,270,flow=From-Botnet
2023/11/14 22:13:22.000000,0.000000,icmp,192.0.2.7,0x0303,   ->,198.51.100.1,0x0b,URP,0,,1,70,70,
2023/11/14 22:13:22.000000,0.000000,arp,192.0.2.7,,  who,198.51.100.1,,CON,,,2,106,46,
"""
AWS = """\
version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status
2 123456789010 eni-1235b8ca 192.0.2.7 198.51.100.9 40000 23 6 5 270 1700000000 1700000060 ACCEPT OK
2 123456789010 eni-1235b8ca - - - - - - - 1700000000 1700000060 - NODATA
"""


def test_nfdump_csv() -> None:
    assert READER.detect(NFDUMP.encode(), "x")
    batches, tally = read("csv_flows", NFDUMP.encode(), zone="UTC")
    assert plain(batches) == NFDUMP_ROWS
    assert not tally.rejects
    assert tally.notes["footer-lines"] == 3


def test_times_in_another_zone() -> None:
    batches, _ = read("csv_flows", NFDUMP.encode(), utc_offset="+09:00")
    assert plain(batches)[0][0] == 1700000000000 - 9 * 3_600_000


def test_a_time_without_a_zone_is_nobodys_guess() -> None:
    for file in (NFDUMP, LONG, SILK, ARGUS):
        with pytest.raises(ReadingError) as refused:
            read("csv_flows", file.encode())
        assert "--zone Asia/Tokyo" in refused.value.todo.ja
        assert refused.value.where.startswith("line 2: 2023")
    batches, _ = read("csv_flows", NFDUMP.encode(), zone="Asia/Tokyo")
    assert plain(batches)[0][0] == 1700000000000 - 9 * 3_600_000


def test_times_with_a_zone_of_their_own_need_none_told() -> None:
    file = NFDUMP.replace(":20,", ":20+09:00,").replace(":21,", ":21+09:00,").replace(":22,", ":22+09:00,")
    batches, _ = read("csv_flows", file.encode())
    assert plain(batches)[0][0] == 1700000000000 - 9 * 3_600_000


def test_an_hour_that_a_clock_showed_twice_is_rejected() -> None:
    file = NFDUMP.replace("2023-11-14 22", "2023-11-05 01")
    batches, tally = read("csv_flows", file.encode(), zone="America/New_York")
    assert not batches
    assert tally.rejects == {"no-time-zone": 2}


def test_nfdump_long() -> None:
    assert READER.detect(LONG.encode(), "x")
    batches, tally = read("csv_flows", LONG.encode(), zone="UTC")
    assert plain(batches) == [
        (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1A, 5, 270),
        (1700000002000, 1700000002000, "2001:db8::1", "2001:db8::2", 0, 0, 58, 0, 1, 90),
    ]
    assert tally.rejects == {"line": 1}
    assert tally.places == [("line", "line 4", 1)]


def test_silk_rwcut() -> None:
    assert READER.detect(SILK.encode(), "x")
    batches, tally = read("csv_flows", SILK.encode(), zone="UTC")
    assert plain(batches) == [
        (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1A, 5, 270)
    ]
    assert not tally.rejects


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_argus_two_ways(delimiter: str) -> None:
    file = ARGUS.replace(",", delimiter).encode()
    assert READER.detect(file, "x")
    batches, tally = read("csv_flows", file, zone="UTC")
    # Nine packets shared by octets, 270 to 228: five and four.
    assert plain(batches) == [
        (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1B, 5, 270),
        (1700000000123, 1700000001623, "198.51.100.9", "192.0.2.7", 23, 40000, 6, 0x13, 4, 228),
        (1700000002000, 1700000002000, "192.0.2.7", "198.51.100.1", 0, 0, 1, 0, 1, 70),
    ]
    assert tally.rejects == {"not-ip": 1}
    assert tally.notes["packets-shared"] == 1


def test_argus_with_packets_of_the_source() -> None:
    head, row = ARGUS.split("\n")[:2]
    file = head.replace("Label", "SrcPkts") + "\n" + row.replace("flow=From-Botnet", "7") + "\n"
    assert [one[8] for one in plain(read("csv_flows", file.encode(), zone="UTC")[0])] == [7, 2]


@pytest.mark.parametrize("with_header", [True, False])
def test_aws_vpc(with_header: bool) -> None:
    file = AWS if with_header else AWS.split("\n", 1)[1]
    assert READER.detect(file.encode(), "x") is with_header
    batches, tally = read("csv_flows", file.encode(), **({} if with_header else {"preset": "aws-vpc"}))
    assert plain(batches) == [
        (1700000000000, 1700000060000, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0, 5, 270)
    ]
    assert sum(tally.rejects.values()) == 1


OWN = {
    "flowStartMilliseconds": "when", "sourceAddress": "from", "destinationAddress": "to", "protocolIdentifier": "p",
    "packetDeltaCount": "n", "octetDeltaCount": "b", "reversePacketDeltaCount": "rn", "reverseOctetDeltaCount": "rb",
    "samplingPacketInterval": "s",
}  # fmt: skip


def test_own_mapping_with_and_without_header() -> None:
    rows = '1700000000123;"192.0.2.7";198.51.100.9;udp;5;270;1;99;1000\n'
    header = "when;from;to;p;n;b;rn;rb;s\n"
    for file, more in ((header + rows, {}), (rows, {"header": "when,from,to,p,n,b,rn,rb,s"})):
        batches, tally = read("csv_flows", file.encode(), **OWN, **more)
        assert [one[8:] for one in plain(batches)] == [(5, 270), (1, 99)]
        assert batches[0].column("samplingPacketInterval").to_pylist() == [1000, 1000]
        assert not tally.rejects


def test_our_own_names() -> None:
    file = "flowStartMilliseconds,sourceAddress,destinationAddress,protocolIdentifier,packetDeltaCount\n5,1.2.3.4,::1,6,1\n"
    assert READER.detect(file.encode(), "x")
    assert read("csv_flows", file.encode(), zone="UTC")[1].rejects == {"address": 1}


def test_whose_flows_they_are_is_told_by_a_column_or_for_the_whole_file() -> None:
    start = "flowStartMilliseconds,sourceAddress,destinationAddress,protocolIdentifier,packetDeltaCount"
    rows = [f"{1700000000000 + n},192.0.2.7,198.51.100.9,6,5" for n in range(3)]
    named = [f"{row},{name}" for row, name in zip(rows, ("r1", "", "r2"), strict=True)]
    own = "\n".join([f"{start},exporter", *named, ""]).encode()
    other = own.replace(b"exporter", b"ra")
    plain_file = "\n".join([start, *rows, ""]).encode()

    def exporters(content: bytes, **options: str) -> list[str]:
        batches, tally = read("csv_flows", content, **options)
        assert not tally.rejects
        return [name for batch in batches for name in batch["exporter"].to_pylist()]

    assert exporters(own) == ["r1", "csv_flows", "r2"]
    assert exporters(other, exporterColumn="ra", exporter="edge") == ["r1", "edge", "r2"]
    assert exporters(other) == ["csv_flows"] * 3
    assert exporters(plain_file, exporter="edge") == ["edge"] * 3
    with pytest.raises(ReadingError) as refused:
        exporters(own, exporterColumn="nothing")
    assert "nothing?" in refused.value.where
    many = "\n".join([f"{start},exporter", *(f"{rows[0]},r{n}" for n in range((1 << 15) + 1)), ""]).encode()
    batches, tally = read("csv_flows", many)
    assert {name for batch in batches for name in batch["exporter"].unique().to_pylist()} == {"csv_flows"}
    assert tally.notes["exporters-left-out"] == (1 << 15) + 1


def test_bad_lines_cost_only_themselves_and_name_their_line() -> None:
    head, good, *_ = NFDUMP.split("\n")
    bad = [
        good.replace("2023-11-14 22:13:20", "2023-99-14 22:13:20"),
        good.replace("192.0.2.7", "here"),
        good.replace("40000", "66000"),
        good.replace("TCP", "whatever"),
        good.replace("270", "99999999999999999999999"),
        good + ",more",
        good.replace("270", str((1 << 48) + 1)),
    ]
    batches, tally = read("csv_flows", "\n".join([head, good, *bad, "", good]).encode(), zone="UTC")
    assert plain(batches) == [NFDUMP_ROWS[0]] * 2
    assert {reason: where for reason, where, _ in tally.places} == {
        "start": "line 3", "address": "line 4", "port": "line 5", "protocol": "line 6", "octetDeltaCount": "line 7",
        "columns": "line 8", "counter": "line 9",
    }  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        '"...AP.S.',
        '..."AP.S.',
        '"...AP.S."',
        '"...AP".S.',
        '"...AP""S.',
        '..."A,"P.S.',
        '"',
        '""x"',
        'x"y,"z',
    ],
)
def test_a_quote_without_partner_costs_its_own_line_only(odd: str) -> None:
    head, good, *_ = NFDUMP.split("\n")
    lines = [head, *[good] * 3, good.replace("...AP.S.", odd), "", *[good] * 6]
    _, tally = read("csv_flows", ("\n".join(lines) + "\n").encode(), zone="UTC")
    assert tally.rows + sum(tally.rejects.values()) == 10
    assert tally.rows >= 9
    assert {where for _, where, _ in tally.places} <= {"line 5"}


def test_examples_end_but_counting_goes_on() -> None:
    head, good, *_ = NFDUMP.split("\n")
    _, tally = read(
        "csv_flows", ("\n".join([head, *[good.replace("TCP", "x")] * 100]) + "\n").encode(), zone="UTC"
    )
    assert tally.rejects == {"protocol": 100}
    assert [where for _, where, _ in tally.places] == [*(f"line {n}" for n in range(2, 7)), ""]


def test_a_line_without_end() -> None:
    head, good, *_ = NFDUMP.split("\n")
    batches, tally = read("csv_flows", f"{head}\n{'x' * (20 << 20)}\n{good}\n".encode(), zone="UTC")
    assert plain(batches) == NFDUMP_ROWS[:1]
    assert tally.rejects == {"line-too-long": 1}


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"", {}),
        (b"\n\n", {}),
        (b"a,b,c\n1,2,3\n", {}),
        (NFDUMP.encode(), {"preset": "nothing"}),
        (NFDUMP.encode(), {"utc_offset": "Tokyo"}),
        (NFDUMP.encode(), {"delimiter": ",,"}),
        (NFDUMP.encode(), {"sourceAddress": "nowhere"}),
        (b"srcaddr dstaddr start protocol\n", {}),
    ],
)
def test_wrong_file_or_option_says_so(content: bytes, options: dict[str, str]) -> None:
    with pytest.raises(ReadingError) as caught:
        read("csv_flows", content, **options)
    assert caught.value.todo.en
    assert caught.value.todo.ja


GOOD = [one.encode() for one in (NFDUMP, LONG, SILK, ARGUS, AWS)]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_damage_never_crashes(good: bytes, data: st.DataObject) -> None:
    file = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\n", b"\t", b'"', b",", b"9" * 30])
        )
    try:
        batches, _ = read("csv_flows", bytes(file[: data.draw(st.integers(0, len(file)))]), zone="UTC")
    except ReadingError:
        return
    assert len(plain(batches)) <= 20
