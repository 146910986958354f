"""conn.log: TSV and JSON say the same; odd headers, bad lines and torn files are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.rows import plain, read
from sekisho.errors import ReadingError
from sekisho.readers.zeek_conn import READER

FIELDS = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "service",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "label",
]
CONNECTIONS: list[dict[str, Any]] = [
    {
        "ts": 1700000000.123456, "uid": "C1", "id.orig_h": "192.0.2.7", "id.orig_p": 40000, "id.resp_h": "198.51.100.9",
        "id.resp_p": 23, "proto": "tcp", "duration": 1.5, "orig_bytes": 10, "resp_bytes": 20, "conn_state": "SF",
        "history": "ShADadFf", "orig_pkts": 5, "orig_ip_bytes": 270, "resp_pkts": 4, "resp_ip_bytes": 228,
        "label": "Malicious é",
    },
    {
        "ts": 1700000001.5, "uid": "C2", "id.orig_h": "2001:db8::1", "id.orig_p": 5353, "id.resp_h": "ff02::fb",
        "id.resp_p": 5353, "proto": "udp", "conn_state": "S0", "history": "D", "orig_pkts": 1, "orig_ip_bytes": 90,
        "resp_pkts": 0, "resp_ip_bytes": 0,
    },
    {
        "ts": 1700000002, "uid": "C3", "id.orig_h": "192.0.2.7", "id.orig_p": 8, "id.resp_h": "198.51.100.1",
        "id.resp_p": 0, "proto": "icmp", "duration": 0.25, "conn_state": "OTH", "orig_pkts": 2, "orig_ip_bytes": 168,
        "resp_pkts": 2, "resp_ip_bytes": 168,
    },
    {
        "ts": 1700000003.25, "uid": "C4", "id.orig_h": "192.0.2.8", "id.orig_p": 1, "id.resp_h": "198.51.100.1",
        "id.resp_p": 81, "proto": "tcp", "conn_state": "REJ", "orig_pkts": 1, "orig_ip_bytes": 40,
        "resp_pkts": 1, "resp_ip_bytes": 40,
    },
]  # fmt: skip
ROWS = sorted(
    [
        (1700000000123, 1700000001623, "192.0.2.7", "198.51.100.9", 40000, 23, 6, 0x1B, 5, 270),
        (1700000000123, 1700000001623, "198.51.100.9", "192.0.2.7", 23, 40000, 6, 0x1B, 4, 228),
        (1700000001500, 1700000001500, "2001:db8::1", "ff02::fb", 5353, 5353, 17, 0, 1, 90),
        (1700000002000, 1700000002250, "192.0.2.7", "198.51.100.1", 0, 0, 1, 0, 2, 168),
        (1700000002000, 1700000002250, "198.51.100.1", "192.0.2.7", 0, 0, 1, 0, 2, 168),
        (1700000003250, 1700000003250, "192.0.2.8", "198.51.100.1", 1, 81, 6, 2, 1, 40),
        (1700000003250, 1700000003250, "198.51.100.1", "192.0.2.8", 81, 1, 6, 0x14, 1, 40),
    ]
)


def tsv(
    connections: list[dict[str, Any]], fields: list[str] = FIELDS, separator: str = "\t", unset: str = "-"
) -> str:
    head = [
        f"#separator \\x{ord(separator):02x}",
        separator.join(["#empty_field", "(empty)"]),
        separator.join(["#unset_field", unset]),
        separator.join(["#path", "conn"]),
        separator.join(["#fields", *fields]),
        separator.join(["#types", *["string"] * len(fields)]),
    ]
    rows = [separator.join(str(one.get(name, unset)) for name in fields) for one in connections]
    return "\n".join([*head, *rows, separator.join(["#close", "2023-11-14-22-13-20"]), ""])


def as_json(connections: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in connections)


@pytest.mark.parametrize("separator", ["\t", "|"])
@pytest.mark.parametrize("unset", ["-", "?"])
def test_tsv(separator: str, unset: str) -> None:
    file = tsv(CONNECTIONS, separator=separator, unset=unset).encode()
    assert READER.detect(file, "conn.log")
    batches, tally = read("zeek_conn", file)
    assert plain(batches) == ROWS
    assert not tally.rejects


def test_columns_in_another_order_and_two_logs_in_one() -> None:
    file = tsv(CONNECTIONS[:1], list(reversed(FIELDS))) + tsv(CONNECTIONS[1:])
    batches, tally = read("zeek_conn", file.encode())
    assert plain(batches) == ROWS
    assert not tally.rejects


def test_json() -> None:
    file = as_json(CONNECTIONS).encode()
    assert READER.detect(file, "conn.json")
    batches, tally = read("zeek_conn", file)
    assert plain(batches) == ROWS
    assert not tally.rejects


def test_json_with_times_as_text_and_bad_lines() -> None:
    iso = [CONNECTIONS[0] | {"ts": "2023-11-14T22:13:20.123456Z"}, *CONNECTIONS[1:]]
    file = as_json(iso) + '{"ts": 1, "id.orig_h": \n[]\nnonsense\n\n{"ts":1}\n'
    batches, tally = read("zeek_conn", file.encode())
    assert plain(batches) == ROWS
    assert tally.rejects["json"] == 1
    assert tally.rejects["line"] == 2
    assert ("json", "line 5", 1) in tally.places
    assert sum(tally.rejects.values()) == 4


def test_bad_rows_cost_only_themselves_and_name_their_line() -> None:
    lines = tsv(CONNECTIONS).split("\n")
    good = lines[6]
    bad = [
        good.replace("1700000000.123456", "yesterday"),
        good.replace("192.0.2.7", "192.0.2.777"),
        good.replace("40000", "70000"),
        good.replace("\ttcp\t", "\tnoproto\t"),
        good.replace("\t270\t", "\t-5\t"),
        "\t".join(good.split("\t")[:5]),
    ]
    file = "\n".join([*lines[:6], *bad, *lines[6:]])
    batches, tally = read("zeek_conn", file.encode())
    assert plain(batches) == ROWS
    assert tally.rejects == {"ts": 1, "address": 1, "port": 1, "proto": 1, "orig_ip_bytes": 1, "columns": 1}
    assert {reason: where for reason, where, _ in tally.places} == {
        "ts": "line 7", "address": "line 8", "port": "line 9", "proto": "line 10", "orig_ip_bytes": "line 11",
        "columns": "line 12",
    }  # fmt: skip


def test_a_log_without_packet_counts() -> None:
    fields = [name for name in FIELDS if "pkts" not in name and "ip_bytes" not in name]
    batches, tally = read("zeek_conn", tsv(CONNECTIONS[:2], fields).encode())
    assert [row[8:] for row in plain(batches)] == [(1, 10), (1, 20), (1, 0)]
    assert tally.notes == {"packets-unknown": 2, "octets-of-payload-only": 2}


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_a_log_whose_packet_counts_are_never_set(form: str) -> None:
    bare = [
        {name: value for name, value in one.items() if "pkts" not in name and "ip_bytes" not in name}
        for one in CONNECTIONS[:2]
    ]
    batches, tally = read("zeek_conn", (tsv(bare) if form == "tsv" else as_json(bare)).encode())
    assert [row[8:] for row in plain(batches)] == [(1, 10), (1, 20), (1, 0)]
    assert tally.notes == {"packets-unknown": 2, "octets-of-payload-only": 2}


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"hello\nworld\n", b"#fields\tts\tuid\n1\t2\n", b"\0\1\2" * 99]
)
def test_wrong_file_says_so(content: bytes) -> None:
    with pytest.raises(ReadingError):
        read("zeek_conn", content)


GOOD = [tsv(CONNECTIONS).encode(), as_json(CONNECTIONS).encode()]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOOD), st.data())
def test_damage_never_crashes(good: bytes, data: st.DataObject) -> None:
    file = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\n", b"\t", b"9" * 30])
        )
    try:
        batches, _ = read("zeek_conn", bytes(file[: data.draw(st.integers(0, len(file)))]))
    except ReadingError:
        return
    assert len(plain(batches)) <= 40
