"""Minimum data: readers are fed names, URLs, SNI and payload, and none of it comes out, is stored, detected or logged.

Conditions 1 and 3 of the legal page. Every reader of the group must have a rich input here; what a marker's octets
would look like in a table, in a file, in what is counted and in what is said is looked for.
"""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes import nfcapd_file
from fakes.capture import Seen, pcap
from fakes.tally import Counts
from sekisho import plugins
from sekisho.catalogues.handling import read_handling
from sekisho.formats.datagrams import datagrams_of
from sekisho.formats.flow_export import Decoder
from sekisho.model.purpose import Stage
from sekisho.model.tables import FLOW, WATCHED
from sekisho.stores.database import SqlCases, open_sqlite
from sekisho.wiring.held import held
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.watch import DATASET, Watch

NAME, SNI, URL = "qname-marker", "sni-marker.example", "/url-marker?token=cookie-marker"
PAYLOAD = "payload-marker-0123456789"
MARKERS = [NAME, "sni-marker", "url-marker", "cookie-marker", "payload-marker"]
LINE = "192.0.2.7"
DNS = (
    struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
    + bytes([len(NAME)])
    + NAME.encode()
    + b"\x07example\0\0\1\0\1"
)
HELLO = b"\x16\x03\x01\x00\x80\x01\x00\x00\x7c\x03\x03" + bytes(32) + b"\x00\x00\x00\x16" + SNI.encode()
HTTP = f"GET {URL} HTTP/1.1\r\nHost: {SNI}\r\nCookie: cookie-marker\r\n\r\n{PAYLOAD}".encode()
RICH = {"dns": NAME, "sni": SNI, "url": URL, "http_host": SNI, "payload": PAYLOAD, "user_agent": PAYLOAD}


def packet(payload: bytes, dport: int, protocol: int) -> tuple[int, bytes]:
    one = Seen(source=LINE, dport=dport, protocol=protocol, payload=len(payload))
    return one.time, one.ethernet()[: -len(payload)] + payload


def suricata() -> bytes:
    flow = {
        "timestamp": "2023-11-14T22:13:20.000000+0000", "event_type": "flow", "src_ip": LINE, "src_port": 40000,
        "dest_ip": "198.51.100.9", "dest_port": 80, "proto": "TCP", "app_proto": "http", "host": SNI,
        "flow": {
            "pkts_toserver": 5, "pkts_toclient": 4, "bytes_toserver": 300, "bytes_toclient": 200,
            "start": "2023-11-14T22:13:20.000000+0000", "end": "2023-11-14T22:13:21.000000+0000", "tag": PAYLOAD,
        },
        "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
        "http": {"hostname": SNI, "url": URL, "http_user_agent": PAYLOAD}, "tls": {"sni": SNI},
        "payload": base64.b64encode(PAYLOAD.encode()).decode(), "payload_printable": PAYLOAD,
    }  # fmt: skip
    others = [
        flow | {"event_type": kind, "dns": {"rrname": NAME}, "fileinfo": {"filename": URL}}
        for kind in ("dns", "http", "tls", "fileinfo", "alert")
    ]
    lines = [json.dumps(one) for one in (flow, *others)]
    return "\n".join(
        [*lines, f'{{"event_type": "flow", "src_ip": "{NAME}", "http": "{URL}"', json.dumps(flow)[:-40], ""]
    ).encode()


def zeek() -> bytes:
    fields = {
        "ts": "1700000000.0", "uid": "C1", "id.orig_h": LINE, "id.orig_p": "40000", "id.resp_h": "198.51.100.9",
        "id.resp_p": "80", "proto": "tcp", "service": PAYLOAD, "duration": "1.5", "orig_bytes": "10",
        "resp_bytes": "20", "conn_state": "SF", "history": "ShADadFf", "orig_pkts": "5", "orig_ip_bytes": "270",
        "resp_pkts": "4", "resp_ip_bytes": "228", "label": PAYLOAD, "query": NAME, "server_name": SNI, "uri": URL,
    }  # fmt: skip
    head = ["#separator \\x09", "#unset_field\t-", "#path\tconn", "\t".join(["#fields", *fields])]
    bad = dict.fromkeys(fields, PAYLOAD)
    rows = ["\t".join(one.values()) for one in (fields, bad)]
    return "\n".join([*head, *rows, PAYLOAD, ""]).encode()


def own_columns() -> dict[str, Any]:
    return {
        "flowStartMilliseconds": 1700000000123, "flowEndMilliseconds": 1700000001623, "ipVersion": 4,
        "sourceIPv4Address": int(ip_address(LINE)), "destinationIPv4Address": int(ip_address("198.51.100.9")),
        "sourceTransportPort": 40000, "destinationTransportPort": 80, "protocolIdentifier": 6, "tcpControlBits": 27,
        "packetDeltaCount": 5, "octetDeltaCount": 270, "samplingPacketInterval": 10, "exporter": "192.0.2.1#0",
    }  # fmt: skip


def parquet() -> bytes:
    row = own_columns()
    schema = pa.schema([field for field in FLOW if field.name in row])
    table = pa.Table.from_pylist([row], schema)
    for name, value in RICH.items():
        table = table.append_column(name, pa.array([value]))
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"note": PAYLOAD}), sink)
    return sink.getvalue()


def csv() -> bytes:
    row = {
        "flowStartMilliseconds": "1700000000123", "sourceAddress": LINE, "destinationAddress": "198.51.100.9",
        "sourceTransportPort": "40000", "destinationTransportPort": "80", "protocolIdentifier": "6",
        "packetDeltaCount": "5", "octetDeltaCount": "270", **RICH,
    }  # fmt: skip
    lines = [",".join(row), ",".join(row.values()), ",".join([PAYLOAD] * len(row)), f"{PAYLOAD},{URL}"]
    return ("\n".join(lines) + "\n").encode()


def nfcapd() -> bytes:
    flow = nfcapd_file.Flow(source=LINE, extra=(HTTP + DNS).ljust(200, b"\0"))
    return nfcapd_file.file([nfcapd_file.block([nfcapd_file.record(flow)])])


INPUTS = {
    "csv_flows": ("flows.csv", csv),
    "nfcapd": ("nfcapd.202311142210", nfcapd),
    "parquet_flows": ("flows.parquet", parquet),
    "pcap": ("trace.pcap", lambda: pcap([packet(DNS, 53, 17), packet(HELLO, 443, 6), packet(HTTP, 80, 6)])),
    "suricata_eve": ("eve.json", suricata),
    "zeek_conn": ("conn.log", zeek),
}


def forms(marker: str) -> Iterator[bytes]:
    """The ways in which a marker could hide: as it is, in UTF-16, in hex, in Base64 at each offset."""
    octets = marker.encode()
    yield octets
    yield marker.encode("utf-16-le")
    yield octets.hex().encode()
    for shift in range(3):
        yield base64.b64encode(bytes(shift) + octets)[4:-4]


FORMS = [form for marker in MARKERS for form in forms(marker)]


def leaks(content: bytes) -> list[bytes]:
    return [form for form in FORMS if form in content]


def as_octets(batches: list[pa.RecordBatch]) -> bytes:
    """All buffers, all texts: Arrow's own stream, not compressed."""
    sink = io.BytesIO()
    for batch in batches:
        with pa.ipc.new_stream(sink, batch.schema) as out:
            out.write_batch(batch)
    return sink.getvalue() + repr([batch.to_pylist() for batch in batches]).encode()


def test_no_reader_is_forgotten() -> None:
    assert set(INPUTS) == set(plugins.names("readers"))


@pytest.mark.parametrize("name", list(INPUTS))
def test_the_input_is_rich(name: str) -> None:
    content = INPUTS[name][1]()
    if name == "parquet_flows":
        content = repr(pq.read_table(io.BytesIO(content)).to_pylist()).encode()
    assert len({marker for marker in MARKERS if marker.encode() in content}) >= 4


@pytest.mark.parametrize("name", list(INPUTS))
def test_nothing_but_the_columns_comes_out_of_a_reader(name: str) -> None:
    file, make = INPUTS[name]
    reader, content, tally = plugins.unit("readers", name), make(), Counts()
    assert reader.detect(content[:65536], file)
    batches = list(reader.read(io.BytesIO(content), tally, {}))
    assert tally.rows > 0
    for batch in batches:
        assert set(batch.schema.names) <= set(FLOW.names)
        assert not batch.schema.metadata
        assert not any(field.metadata for field in batch.schema)
    assert leaks(as_octets(batches)) == []
    assert leaks(repr((tally.rejects, tally.notes, tally.places)).encode()) == []


def ipfix() -> bytes:
    """A template with names and payload beside the flow: httpRequestHost 460, httpRequestTarget 461, 313, private ones."""
    fields = [
        (8, 4),
        (12, 4),
        (7, 2),
        (11, 2),
        (4, 1),
        (2, 4),
        (1, 4),
        (460, 65535),
        (461, 65535),
        (313, 65535),
    ]
    body = struct.pack("!HH", 256, len(fields) + 1) + b"".join(struct.pack("!HH", *one) for one in fields)
    body += struct.pack("!HHI", 0x8000 | 110, 65535, 29305)
    record = struct.pack(
        "!IIHHBII", int(ip_address(LINE)), int(ip_address("198.51.100.9")), 40000, 80, 6, 5, 270
    )
    for text in (SNI.encode(), URL.encode(), HTTP, DNS):
        record += bytes([len(text)]) + text if len(text) < 255 else struct.pack("!BH", 255, len(text)) + text
    sets = struct.pack("!HH", 2, 4 + len(body)) + body + struct.pack("!HH", 256, 4 + len(record)) + record
    return struct.pack("!HHIII", 10, 16 + len(sets), 1_790_000_000, 0, 7) + sets


def sflow() -> bytes:
    """Flow samples whose raw headers run on into the payload, and a record with a URL (sFlow extended_url)."""
    out = b""
    for one in (packet(DNS, 53, 17), packet(HELLO, 443, 6), packet(HTTP, 80, 6)):
        header = one[1] + bytes(-len(one[1]) % 4)
        raw = struct.pack("!IIII", 1, 1000, 4, len(one[1])) + header
        url = struct.pack("!II", 1, len(URL)) + URL.encode().ljust(-(-len(URL) // 4) * 4, b"\0")
        records = struct.pack("!II", 1, len(raw)) + raw + struct.pack("!II", 1009, len(url)) + url
        body = struct.pack("!8I", 1, 3, 512, 9, 0, 1, 2, 2) + records
        out += struct.pack("!II", 1, len(body)) + body
    return struct.pack("!I", 5) + b"\0\0\0\1\xc0\0\2\1" + struct.pack("!IIII", 0, 1, 1000, 3) + out


@pytest.mark.parametrize("make", [ipfix, sflow])
def test_nothing_but_the_columns_comes_out_of_the_decoder(make: Any) -> None:
    decoder, tally = Decoder(), Counts()
    batches = list(decoder.decode(datagrams_of([(make(), "192.0.2.1", 1_790_000_000_000)]), tally))
    assert sum(batch.num_rows for batch in batches) > 0
    assert all(set(batch.schema.names) <= set(FLOW.names) for batch in batches)
    assert leaks(as_octets(batches)) == []
    assert leaks(json.dumps([decoder.state(), decoder.templates()], default=repr).encode()) == []
    assert leaks(repr((tally.rejects, tally.notes, tally.places)).encode()) == []


def sekisho(*words: object) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "sekisho", *map(str, words)], capture_output=True, check=False, timeout=120,
        env={**os.environ, "SEKISHO_LANG": "en"},
    )  # fmt: skip
    assert done.returncode in {0, 1, 3}, done.stderr
    return done.stdout + done.stderr


def test_nothing_reaches_the_store_the_detections_the_cases_or_what_is_said(tmp_path: Path) -> None:
    data, files = tmp_path / "data", []
    (tmp_path / "in").mkdir()
    data.mkdir()
    # Addresses kept for documentation are nobody's C&C, but in data that are nobody's communication.
    (data / "watch.toml").write_text('basis = "not-communication"\ncustomers = ["192.0.2.0/24"]\n')
    for name, make in INPUTS.values():
        files.append(tmp_path / "in" / name)
        files[-1].write_bytes(make())
    (tmp_path / "list.txt").write_text(
        "198.51.100.9:80\n198.51.100.9:23\n198.51.100.9:443\n198.51.100.9:53\n"
    )
    said = sekisho("ingest", *files, "--data", data, "--json")
    assert [one["outcome"] for one in json.loads(said)] == ["taken"] * len(files)
    said += sekisho("detect", "--list", tmp_path / "list.txt", "--data", data, "--json")
    with Watch(data) as watch:
        detectors, _ = watch.detectors(("known_cc",), [tmp_path / "list.txt"], any_time=True)
        window = watch.window(None, None)
        looks = list(watch.detect(detectors, window, past=0, step=window.end - window.begin))
        found = [one for look in looks for one in look.detections]
        assert found, "something must have been detected, or nothing was proved"
        watch.remember(found)
        watch.store.compact(DATASET)
        (line,) = {one.subscriber for one in found}
        said += repr(held(Holdings(watch), line, "x")).encode()
        database = open_sqlite(data / "cases.db")
        _fold(SqlCases(database), found)
        database.close()
    stored = b""
    for path in data.rglob("*"):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            assert set(table.column_names) <= set(WATCHED.names)
            stored += as_octets(table.to_batches())
        elif path.is_file():
            stored += path.read_bytes()
    assert b"known_cc" in stored
    assert leaks(stored) == []
    assert leaks(said) == []


def _fold(cases: SqlCases, found: list[Any]) -> None:
    from sekisho.model.case_folding import fold_line

    for change in fold_line((), found, window=86_400_000, at=1_790_000_000_000):
        cases.save(change.case, change.events)


def test_no_basis_of_a_stage_lets_content_in_now() -> None:
    words = ("payload", "dns", "sni", "url", "host", "http", "user_agent", "domain", "qname")
    for stage, rule in read_handling().items():
        assert not [name for name in rule.columns if any(word in name.lower() for word in words)], stage
    assert read_handling()[Stage.SPOOL].columns == ()
