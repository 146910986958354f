"""EVE: flow and netflow events among others; bad lines and torn files are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.rows import plain, read
from sekisho.errors import ReadingError
from sekisho.readers.suricata_eve import READER

FLOW: dict[str, Any] = {
    "timestamp": "2023-11-14T23:20:00.000001+0100", "flow_id": 1, "event_type": "flow", "src_ip": "192.0.2.7",
    "src_port": 40000, "dest_ip": "198.51.100.9", "dest_port": 23, "proto": "TCP",
    "flow": {
        "pkts_toserver": 5, "pkts_toclient": 4, "bytes_toserver": 340, "bytes_toclient": 284,
        "start": "2023-11-14T23:13:20.123456+0100", "end": "2023-11-14T23:13:21.623456+0100", "age": 1,
    },
    "tcp": {"tcp_flags": "1f", "tcp_flags_ts": "1b", "tcp_flags_tc": "13", "syn": True},
}  # fmt: skip
SIX = FLOW | {
    "src_ip": "2001:db8::1", "dest_ip": "2001:db8::2", "proto": "IPv6-ICMP", "src_port": 3, "dest_port": 4,
    "flow": FLOW["flow"] | {"pkts_toclient": 0, "bytes_toclient": 0},
}  # fmt: skip
SIX.pop("tcp")
NETFLOW = {name: FLOW[name] for name in ("timestamp", "src_ip", "src_port", "dest_ip", "dest_port", "proto")} | {
    "event_type": "netflow",
    "netflow": {
        "pkts": 2, "bytes": 99, "start": "2023-11-14T22:13:22.000000+0000", "end": "2023-11-14T22:13:23.000000+0000",
    },
    "tcp": {"tcp_flags": "02"},
}  # fmt: skip
DNS = {"timestamp": FLOW["timestamp"], "event_type": "dns", "dns": {"rrname": 'a"event_type":"flow"'}}
ROWS = [
    (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1B, 5, 340),
    (1700000000123, 1700000001623, "198.51.100.9", "192.0.2.7", 23, 40000, 6, 0x13, 4, 284),
    (1700000000123, 1700000001623, "2001:db8::1", "2001:db8::2", 0, 0, 58, 0, 5, 340),
    (1700000002000, 1700000003000, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 2, 2, 99),
]


def lines(*events: Any, gaps: bool = False) -> bytes:
    return "".join(json.dumps(one, separators=None if gaps else (",", ":")) + "\n" for one in events).encode()


@pytest.mark.parametrize("gaps", [False, True])
def test_events(gaps: bool) -> None:
    file = lines(DNS, FLOW, SIX, DNS, NETFLOW, gaps=gaps)
    assert READER.detect(file, "eve.json")
    batches, tally = read("suricata_eve", file)
    assert plain(batches) == ROWS
    assert not tally.rejects
    assert tally.notes == {"other-events": 2}


def test_an_event_inside_an_event_is_not_one() -> None:
    inner = {"timestamp": FLOW["timestamp"], "event_type": "alert", "of": {"event_type": "flow"}}
    batches, tally = read("suricata_eve", lines(inner, FLOW))
    assert len(plain(batches)) == 2
    assert tally.notes == {"other-events": 1}


def test_bad_lines_cost_only_themselves() -> None:
    file = lines(
        FLOW,
        FLOW | {"src_ip": "nowhere"},
        FLOW | {"dest_port": 99999},
        FLOW | {"flow": 7},
        FLOW | {"src_port": "x"},
    )
    file += b"nonsense\n\n" + lines(SIX)[:-20] + b"\n" + lines(FLOW | {"proto": "??"}, SIX, NETFLOW)
    batches, tally = read("suricata_eve", file)
    assert plain(batches) == ROWS
    assert tally.rejects == {"address": 1, "port": 1, "start": 1, "sport": 1, "proto": 1, "line": 2}
    assert ("address", "line 2", 1) in tally.places


def test_torn_last_line() -> None:
    batches, tally = read("suricata_eve", lines(FLOW, SIX, NETFLOW)[:-30])
    assert plain(batches) == ROWS[:3]
    assert tally.rejects == {"line": 1}


@pytest.mark.parametrize("content", [b"", b"\n", b"hello\n", b"\0\1\2\n" * 9])
def test_wrong_file_says_so(content: bytes) -> None:
    with pytest.raises(ReadingError):
        read("suricata_eve", content)


GOOD = lines(DNS, FLOW, SIX, NETFLOW)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_crashes(data: st.DataObject) -> None:
    file = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\n", b'"', b"9" * 30])
        )
    try:
        batches, _ = read("suricata_eve", bytes(file[: data.draw(st.integers(0, len(file)))]))
    except ReadingError:
        return
    assert len(plain(batches)) <= 4
