"""Readers of logs of assignment: what is good comes out, what is bad is counted with its line, what is half waits."""

from __future__ import annotations

import gzip
import importlib
import io
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.tally import Counts
from sekisho.errors import ReadingError
from sekisho.formats.assignment_rows import ASSIGNMENT, CLOSED, FIXED, LEASED, OPEN, RESET, network_text
from sekisho.formats.compression import unpacked
from sekisho.model.tallies import Counting

NOON = 1_700_000_000


def read(name: str, text: str | bytes, **options: Any) -> tuple[list[tuple[Any, ...]], Counting]:
    """Return (account, network, ports, begin, end, state) in seconds, and the counts."""
    unit = importlib.import_module(f"sekisho.readers.assignments.{name}").READER
    assert set(options) <= {*unit.options, "source"}
    tally = Counting()
    content = text.encode() if isinstance(text, str) else text
    rows = []
    for batch in unit.read(unpacked(io.BytesIO(content)), tally, options):
        assert batch.schema == ASSIGNMENT
        batch.validate(full=True)
        rows += [
            (one["account"], network_text(one["network"], one["length"]), one["portBegin"], one["portEnd"],
             one["begin"] // 1000, one["end"] // 1000, one["state"])
            for one in batch.to_pylist()
        ]  # fmt: skip
    assert tally.rows == len(rows)
    return rows, tally


def record(**attributes: str) -> str:
    lines = [f"\t{name.replace('_', '-')} = {value}" for name, value in attributes.items()]
    return "\n".join(["Tue Nov 14 22:13:20 2023", *lines]) + "\n\n"


START = {"Acct_Status_Type": "Start", "Acct_Session_Id": '"a1"', "User_Name": '"line-1"', "NAS_IP_Address": "192.0.2.250",
         "Framed_IP_Address": "198.51.100.7", "Timestamp": str(NOON)}  # fmt: skip


def test_radius_start_stop_delegated_prefix_delay_and_reset() -> None:
    stop = START | {"Acct_Status_Type": "Stop", "Acct_Session_Time": "600", "Acct_Delay_Time": "5",
                    "Delegated_IPv6_Prefix": "2001:db8:0:100::/56", "Timestamp": str(NOON + 605)}  # fmt: skip
    off = {
        "Acct_Status_Type": "Accounting-Off",
        "NAS_IP_Address": "192.0.2.250",
        "Timestamp": str(NOON + 700),
    }
    rows, tally = read("radius_detail", record(**START) + record(**stop) + record(**off))
    assert rows == [
        ("line-1", "198.51.100.7/32", 0, 65535, NOON, 0, OPEN),
        ("line-1", "198.51.100.7/32", 0, 65535, NOON, NOON + 600, CLOSED),
        ("line-1", "2001:db8:0:100::/56", 0, 65535, NOON, NOON + 600, CLOSED),
        ("", "::/0", 0, 65535, NOON + 700, NOON + 700, RESET),
    ]
    assert not tally.counted().rejected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Timestamp": "0"}, "impossible-time"),
        ({"Timestamp": "4294967296"}, "impossible-time"),
        ({"Timestamp": "²"}, "no-time"),
        ({"Timestamp": "9" * 5_000}, "no-time"),
        ({"Timestamp": "x", "Event_Timestamp": "9" * 5_000}, "no-time"),
        ({"Timestamp": "x", "Event_Timestamp": '"Dec 31 9999 23:59:59 UTC"'}, "impossible-time"),
        ({"Timestamp": "x", "Event_Timestamp": '"Jan 1 0001 00:00:00 UTC"'}, "impossible-time"),
        ({"Acct_Delay_Time": "²"}, "impossible-interval"),
        ({"Acct_Session_Time": "9" * 5_000}, "impossible-interval"),
        ({"Acct_Session_Time": "4294967296"}, "impossible-interval"),
        ({"Acct_Session_Time": "1000000000"}, "impossible-interval"),
        ({"Timestamp": "x", "Event_Timestamp": '"Nov 14 2023 22:13:20 JST"'}, "no-time-zone"),
        ({"Timestamp": "x", "Event_Timestamp": '"Foo 14 2023 22:13:20 UTC"'}, "no-time"),
        ({"Framed_IP_Address": "255.255.255.254"}, "no-address"),
        ({"Framed_IP_Address": "198.51.100.700"}, "address"),
        ({"User_Name": '""'}, "no-account"),
        ({"Acct_Session_Id": '""'}, "no-session"),
        ({"Acct_Status_Type": "Failed"}, "no-accounting-record"),
    ],
)
def test_radius_bad_records_are_counted_and_the_others_used(change: dict[str, str], reason: str) -> None:
    rows, tally = read("radius_detail", record(**START) + record(**START | change) + record(**START))
    counted = tally.counted()
    assert counted.rejected == {reason: 1}
    assert counted.examples[reason] == ("line 9",)
    assert len(rows) == 2


def test_radius_zones_and_a_half_record() -> None:
    event = START | {"Timestamp": "x", "Event_Timestamp": '"Nov 14 2023 22:13:20 UTC"'}
    local = START | {"Timestamp": "x", "Event_Timestamp": '"Nov 15 2023 07:13:20 JST"'}
    rows, tally = read(
        "radius_detail", record(**event) + record(**local) + record(**START)[:-9], zone="Asia/Tokyo"
    )
    assert [row[4] for row in rows] == [NOON, NOON]
    assert tally.counted().notes == {"half-record-left-for-next-run": 1}
    assert not tally.counted().rejected
    # An hour that comes twice when the clocks go back is nobody's.
    twice = START | {"Timestamp": "x", "Event_Timestamp": '"Nov 5 2023 01:30:00 EST"'}
    assert read("radius_detail", record(**twice), zone="America/New_York")[1].counted().rejected == {
        "no-time-zone": 1
    }
    with pytest.raises(ReadingError):
        read("radius_detail", record(**START), zone="Nowhere/Land")


def test_csv_rejects_by_line_and_uses_the_rest() -> None:
    text = (
        "network,account,begin,end\n"
        "192.0.2.1,a,2023-11-14T22:13:20Z,2023-11-14T23:13:20+00:00\n"
        "192.0.2.2,b,1700000000,1700003600\n"
        "192.0.2.3,c,1700000000000,\n"
        "192.0.2.4,d,2023-11-14T22:13:20,\n"
        "192.0.2.5,e,0,1700000000\n"
        "192.0.2.6,f,1700003600,1700000000\n"
        "192.0.2.7,,1700000000,\n"
        "192.0.2.1/24,g,1700000000,\n"
        "192.0.2.300,h,1700000000,\n"
        "2001:db8::/56,i,1700000000,4294967296\n"
        "192.0.2.9,j\n"
        "192.0.2.8,k,1700000000,17000"
    )
    rows, tally = read("csv_assignments", text)
    assert rows == [
        ("a", "192.0.2.1/32", 0, 65535, NOON, NOON + 3600, CLOSED),
        ("b", "192.0.2.2/32", 0, 65535, NOON, NOON + 3600, CLOSED),
        ("c", "192.0.2.3/32", 0, 65535, NOON, 0, FIXED),
    ]
    counted = tally.counted()
    assert counted.rejected == {
        "no-time-zone": 1, "impossible-time": 2, "ends-before-begin": 1, "no-account": 1, "host-bits": 1,
        "network": 1, "columns": 1,
    }  # fmt: skip
    assert counted.examples["no-time-zone"] == ("line 5",)
    assert counted.examples["columns"] == ("line 12",)
    assert counted.notes == {"half-line-left-for-next-run": 1}
    rows, _ = read("csv_assignments", text, zone="Asia/Tokyo")
    assert ("d", "192.0.2.4/32", 0, 65535, NOON - 9 * 3600, 0, FIXED) in rows


def test_csv_headings_are_mapped_and_wrong_ones_refused() -> None:
    text = "ip;user;von;bis\n192.0.2.1;a;1700000000;1700000010\n"
    mapping = {"network": "ip", "account": "user", "begin": "von", "end": "bis", "delimiter": ";"}
    assert read("csv_assignments", text, **mapping)[0] == [
        ("a", "192.0.2.1/32", 0, 65535, NOON, NOON + 10, CLOSED)
    ]
    for wrong in (mapping | {"begin": "start"}, {"delimiter": ";"}):
        with pytest.raises(ReadingError):
            read("csv_assignments", text, **wrong)


def test_static_prefixes_take_the_last_line_too() -> None:
    rows, tally = read("static_prefixes", "network,account\n203.0.113.0/29,corp-1\n2001:db8:ff00::/40,corp-2")
    assert [(row[0], row[1], row[6]) for row in rows] == [
        ("corp-1", "203.0.113.0/29", FIXED), ("corp-2", "2001:db8:ff00::/40", FIXED),
    ]  # fmt: skip
    assert not tally.counted().rejected


def test_cgn_blocks_as_intervals_and_ports_that_overflow() -> None:
    head = "network,port_begin,port_end,inside,begin,end\n"
    good = "198.51.100.1,1024,2047,100.64.0.9,1700000000,1700000100\n"
    bad = [
        "198.51.100.1,65536,65599,100.64.0.9,1700000000,1700000100\n",
        "198.51.100.1,4294968320,4294969343,100.64.0.9,1700000000,1700000100\n",
        "198.51.100.1,2047,1024,100.64.0.9,1700000000,1700000100\n",
        "198.51.100.1,-1,1024,100.64.0.9,1700000000,1700000100\n",
    ]
    rows, tally = read("cgn_blocks", head + good + "".join(bad) + good)
    assert rows == [("inside:100.64.0.9", "198.51.100.1/32", 1024, 2047, NOON, NOON + 100, CLOSED)] * 2
    assert tally.counted().rejected == {"port-out-of-range": 4}
    inner = read("cgn_blocks", head + good.replace("100.64.0.9", "nobody"))[1].counted()
    assert inner.rejected == {"inside": 1}


def test_cgn_patterns_are_data(tmp_path: Any) -> None:
    file = tmp_path / "patterns.toml"
    file.write_text(
        "[[pattern]]\nevent = 'allocated'\n"
        r"match = '^(?P<time>\S+) \S+ give (?P<inside>\S+) (?P<outside>\S+) (?P<port_begin>\d+)\+(?P<size>\d+)$'"
        "\n[[pattern]]\nevent = 'released'\n"
        r"match = '^(?P<time>\S+) \S+ take (?P<inside>\S+) (?P<outside>\S+) (?P<port_begin>\d+)\+(?P<size>\d+)$'"
    )
    text = (
        "2023-11-14T22:13:20Z nat give 100.64.0.9 198.51.100.1 1024+64\n"
        "2023-11-14T22:13:25Z nat says hello\n"
        "2023-11-14T22:13:30Z nat take 100.64.0.9 198.51.100.1 1024+64\n"
        "2023-11-14T22:13:30 nat take 100.64.0.9 198.51.100.1 1024+64\n"
        "2023-11-14T22:13:30Z nat give 100.64.0.9 198.51.100.1 99999999999+64\n"
        f"2023-11-14T22:13:30Z nat give 100.64.0.9 198.51.100.1 1024+{'9' * 5_000}\n"
        "2023-11-14T22:13:40Z nat gi"
    )
    rows, tally = read("cgn_text", text, patterns=str(file))
    assert [(row[0], row[2], row[3], row[4], row[5]) for row in rows] == [
        ("inside:100.64.0.9", 1024, 1087, NOON, 0), ("inside:100.64.0.9", 1024, 1087, 0, NOON + 10),
    ]  # fmt: skip
    counted = tally.counted()
    assert counted.rejected == {"no-time-zone": 1, "port-out-of-range": 2}
    assert counted.notes == {"other-lines": 1, "half-line-left-for-next-run": 1}
    with pytest.raises(ReadingError):
        read("cgn_text", text)


POOL = """[[pool]]
inside = "100.64.0.0/29"
outside = "198.51.100.0/31"
ports_per_line = 16128
order = "ORDER"
begin = 2023-11-14T22:13:20Z
"""


@pytest.mark.parametrize(
    ("order", "third"),
    [("address-first", ("198.51.100.0/32", 33280)), ("block-first", ("198.51.100.0/32", 17152))],
)
def test_deterministic_cgn_is_computed(order: str, third: tuple[str, int]) -> None:
    text = POOL.replace("100.64.0.0/29", "100.64.0.0/30").replace("ORDER", order)
    rows, _ = read("cgn_deterministic", text)
    assert len({(row[1], row[2]) for row in rows}) == 4
    assert (rows[2][1], rows[2][2]) == third
    assert rows[2][0] == "inside:100.64.0.2"


@pytest.mark.parametrize(
    "change",
    [("/29", "/28"),
        ("100.64.0.0/29", "0.0.0.0/0"), ("ORDER", "random"), ("16128", "0"), ("22:13:20Z", "22:13:20"), ("[[pool]]", "[[pool]"), ("pool]]", "pond]]")],
)  # fmt: skip
def test_deterministic_cgn_refuses_what_it_can_not_know(change: tuple[str, str]) -> None:
    with pytest.raises(ReadingError):
        read("cgn_deterministic", POOL.replace(*change).replace("ORDER", "address-first"))


def test_leases_of_isc_dhcpd() -> None:
    text = """# The format of this file is documented in the dhcpd.leases(5) manual page.
lease 192.0.2.10 {
  starts 2 2023/11/14 22:13:20;
  ends 2 2023/11/14 23:13:20;
  binding state active;
  hardware ethernet 02:00:00:00:00:01;
  uid "\\001\\002\\000";
}
lease 192.0.2.11 {
  starts epoch 1700000000; # local
  ends never;
  binding state active;
  hardware ethernet 02:00:00:00:00:02;
}
lease 192.0.2.10 {
  starts 2 2023/11/14 22:13:20;
  ends 2 2023/11/14 22:23:20;
  binding state free;
  hardware ethernet 02:00:00:00:00:01;
  uid "\\001\\002\\000";
}
lease 192.0.2.12 {
  starts 4 1970/01/01 00:00:10;
  ends 2 2023/11/14 22:23:20;
  binding state active;
  hardware ethernet 02:00:00:00:00:03;
}
ia-pd "\\001\\000\\000\\000\\000\\003\\000\\001" {
  cltt 2 2023/11/14 22:13:20;
  iaprefix 2001:db8:0:100::/56 {
    binding state active;
    ends 2 2023/11/14 23:13:20;
  }
}
lease 192.0.2.13 {
  starts 2 2023/11/14 22:"""
    rows, tally = read("dhcpd_leases", text)
    assert rows == [
        ("uid:01:02:00", "192.0.2.10/32", 0, 65535, NOON, NOON + 3600, LEASED),
        ("hardware:02:00:00:00:00:02", "192.0.2.11/32", 0, 65535, NOON, 4294967295, LEASED),
        ("uid:01:02:00", "192.0.2.10/32", 0, 65535, NOON, NOON + 600, CLOSED),
        ("duid:00:03:00:01", "2001:db8:0:100::/56", 0, 65535, NOON, NOON + 3600, LEASED),
    ]
    assert tally.counted().rejected == {"impossible-time": 1}
    assert tally.counted().examples["impossible-time"] == ("line 22",)
    assert tally.counted().notes == {"half-record-left-for-next-run": 1}


@pytest.mark.parametrize("moment", ["Jan 1 0001 00:00:00", "Dec 31 9999 23:59:59"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_radius_at_the_edges_of_the_calendar(moment: str, zone: str) -> None:
    odd = START | {"Timestamp": "x", "Event_Timestamp": f'"{moment}"'}
    rows, tally = read("radius_detail", record(**odd) + record(**START), zone=zone)
    assert len(rows) == 1
    assert tally.counted().rejected == {"impossible-time": 1}


@pytest.mark.parametrize(
    "odd", ["4 2026/13/20 00:00:00", "4 2026/02/30 00:00:00", "4 2026/02/03 25:00:00", "4 0000/01/01 00:00:00",
            "epoch " + "9" * 5_000, "epoch ²"]
)  # fmt: skip
def test_impossible_times_of_isc_dhcpd_cost_their_declaration_only(odd: str) -> None:
    form = "lease 192.0.2.{} {{\n  starts {};\n  ends never;\n  binding state active;\n  hardware ethernet 02:00:00:00:00:01;\n}}\n"
    good = "epoch 1700000000"
    rows, tally = read("dhcpd_leases", form.format(1, good) + form.format(2, odd) + form.format(3, good))
    assert [row[1] for row in rows] == ["192.0.2.1/32", "192.0.2.3/32"]
    assert tally.counted().rejected == {"impossible-time": 1}


def test_an_address_that_a_client_of_dhcpd6_gave_back_is_nobodys_though_its_promise_goes_on() -> None:
    text = (
        'ia-na "\\007\\000\\000^\\000\\001" {{\n  cltt 2 2023/11/14 22:{minute}:20;\n  iaaddr 2001:db8::1f7 {{\n'
        "    binding state {state};\n    preferred-life 375;\n    max-life 600;\n    ends 2 2023/11/14 22:23:20;\n  }}\n}}\n\n"
    )
    gone = read(
        "dhcpd_leases", text.format(minute=13, state="active") + text.format(minute=15, state="released")
    )[0]
    assert [row[4:] for row in gone] == [(NOON, NOON + 600, LEASED), (NOON + 120, NOON + 120, CLOSED)]
    over = read("dhcpd_leases", text.format(minute=13, state="expired"))[0]
    assert [row[4:] for row in over] == [(NOON, NOON + 600, CLOSED)]


def test_leases_of_kea() -> None:
    head = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
    text = head + (
        "192.0.2.20,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,1,0,0,,0,\n"
        "192.0.2.21,02:00:00:00:00:02,,3600,1700003600,1,0,0,,0,\n"
        "192.0.2.20,02:00:00:00:00:01,01:02:00:00:00:00:01,0,1700000000,1,0,0,,0,\n"
        "192.0.2.22,02:00:00:00:00:03,,3600,3600,1,0,0,,0,\n"
        "192.0.2.23,,,3600,1700003600,1,0,0,,1,\n"
        "192.0.2.24,02:00:00:00:00:0"
    )
    rows, tally = read("kea_leases", text)
    assert rows == [
        ("01:02:00:00:00:00:01", "192.0.2.20/32", 0, 65535, NOON, NOON + 3600, LEASED),
        ("02:00:00:00:00:02", "192.0.2.21/32", 0, 65535, NOON, NOON + 3600, LEASED),
    ]
    assert tally.counted().rejected == {"impossible-time": 1}
    assert tally.counted().notes == {"lease-gone": 2, "half-line-left-for-next-run": 1}


class _Endless(io.RawIOBase):
    """A stream that makes its content as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._held:
            self._held = next(self._pieces, b"")
        taken, self._held = self._held[: len(buffer)], self._held[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def test_a_large_stream_needs_little_memory() -> None:
    lines = b"".join(b"192.0.2.%d,a%d,1700000000,1700000100\n" % (n % 250, n) for n in range(50_000))
    pieces = iter([b"network,account,begin,end\n", *([lines] * 50)])  # 100 MB
    unit = importlib.import_module("sekisho.readers.assignments.csv_assignments").READER
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = Counts()
    count = sum(batch.num_rows for batch in unit.read(io.BufferedReader(_Endless(pieces)), tally, {}))
    assert count == 2_500_000
    # 190 MB however long the stream; who kept the batches of this one would need 386.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 290_000


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    pieces = iter([record(**START).encode(), *([b"x" * 1_000_000] * 60), b"\n\n", record(**START).encode()])
    unit = importlib.import_module("sekisho.readers.assignments.radius_detail").READER
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = Counting()
    rows = [
        one
        for batch in unit.read(io.BufferedReader(_Endless(pieces)), tally, {})
        for one in batch.to_pylist()
    ]
    assert len(rows) == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_compressed_and_each_known_by_its_head() -> None:
    samples = {
        "radius_detail": record(**START),
        "csv_assignments": "network,account,begin\n192.0.2.1,a,1700000000\n",
        "static_prefixes": "network,account\n192.0.2.1,a\n",
        "cgn_blocks": "network,port_begin,port_end,inside,begin\n192.0.2.1,1,2,100.64.0.1,1700000000\n",
        "kea_leases": "address,duid,valid_lifetime,expire,state\n2001:db8::1,00:01,60,1700000000,0\n",
        "dhcpd_leases": "lease 192.0.2.10 {\n  starts 2 2023/11/14 22:13:20;\n  ends 2 2023/11/14 23:13:20;\n  binding state active;\n  hardware ethernet 02:00:00:00:00:01;\n}\n",
        "cgn_deterministic": POOL.replace("ORDER", "block-first"),
    }
    units = {name: importlib.import_module(f"sekisho.readers.assignments.{name}").READER for name in samples}
    for name, text in samples.items():
        suffix = ".toml" if name == "cgn_deterministic" else ".log"
        assert [one for one, unit in units.items() if unit.detect(text.encode(), "x" + suffix)] == [name]
        rows, _ = read(name, gzip.compress(text.encode()))
        assert rows
