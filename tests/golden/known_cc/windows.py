"""Writes the windows and lists of the cases of known_cc; then ``./run golden known_cc`` writes what comes out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fakes.watched import START, answered, flow, window
from sekisho.model.tables import ACK, PSH, RECEIVES, RST, SYN, WATCHED

HERE = Path(__file__).parent
CC, SIX, HAJIME, BLOCK = "203.0.113.7", "2001:db8:cc::7", "198.51.100.200", "198.51.100.9"
LIST = (
    "address,port,protocol,malware,confidence,valid_from,valid_until\n"
    f"{CC},48101,tcp,Mirai,90,,\n{SIX},443,tcp,Mozi,,,\n{HAJIME},,udp,Hajime,60,,\n198.51.100.0/25,,,,,,\n"
)
Rows = list[dict[str, Any]]


def ordinary() -> Rows:
    """Return what innocent lines do."""
    rows = [row for line in (100, 101, 102) for row in answered(line, "192.0.2.80", 443, at=line / 10)]
    return [*rows, flow(103, "192.0.2.53", 53, protocol=17, flags=0), flow(101, "192.0.2.99", 23, at=5)]


def scanned() -> Rows:
    """Return what a C&C does to lines that are not infected: scans, refused, answered and dropped; forged SYNs' echo."""
    return [
        flow(200, CC, 48101, side=RECEIVES),
        flow(201, CC, 40001, side=RECEIVES, own_port=23),
        flow(201, CC, 40001, own_port=23, flags=RST | ACK, at=0.1),
        flow(202, CC, 48101, side=RECEIVES, flags=SYN | ACK),
        flow(203, HAJIME, 6881, side=RECEIVES, own_port=6881, protocol=17, flags=0),
    ]


def infected() -> Rows:
    """Return lines that talk with listed C&C, each in its own way."""
    return [
        *answered(1, CC, 48101, at=60),
        *answered(1, CC, 48101, at=660, own_port=40_007),
        flow(2, CC, 48101, at=30, packets=3),
        flow(3, HAJIME, 30301, protocol=17, flags=0, octets=180, at=12),
        flow(3, HAJIME, 30301, protocol=17, flags=0, octets=900, at=12.1, side=RECEIVES),
        *answered(4, BLOCK, 8080, at=90),
        *answered(5, SIX, 443, at=120),
        flow(6, CC, 48101, flags=SYN | ACK | PSH, packets=40, octets=9_000, lasts=600, at=200),
    ]


def sampled() -> Rows:
    """Return the same at 1:1000: single packets."""
    return [
        flow(1, CC, 48101, flags=ACK, sampling=1000, at=60),
        flow(1, CC, 48101, flags=ACK | PSH, sampling=1000, at=61, side=RECEIVES, octets=1_200),
        flow(2, CC, 48101, sampling=1000, at=30),
        flow(3, HAJIME, 30301, protocol=17, flags=0, sampling=1000, at=12),
        flow(200, CC, 48101, sampling=1000, side=RECEIVES),
    ]


def write(name: str, rows: Rows, list_text: str) -> None:
    case = HERE / name
    case.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, WATCHED), case / "window.parquet", compression="zstd")
    (case / "list.csv").write_text(list_text, encoding="utf-8")
    look = {"window": [window().begin, window().end]}
    (case / "look.json").write_text(json.dumps(look) + "\n", encoding="utf-8")


def main() -> None:
    """Write all cases."""
    header = LIST.splitlines()[0] + "\n"
    write("found", ordinary() + scanned() + infected(), LIST)
    write("found-sampled", [row | {"samplingPacketInterval": 1000} for row in ordinary()] + sampled(), LIST)
    write("nothing", ordinary() + scanned(), LIST)
    write("undecided-list-empty", ordinary() + infected(), header)
    write("undecided-list-expired", infected(), f"{header}{CC},48101,tcp,Mirai,90,,{START // 1000 - 1}\n")
    write("undecided-no-flows", [], LIST)


if __name__ == "__main__":
    main()
