"""Questions of every day over 10 M flows (or ``--blocks`` times as many): the ten destinations with most bytes, and bytes per five minutes.

Sekisho answers from its record store (four shards, compacted to Parquet; ``journals`` before that), through the same
door as a detector: purpose, label, SQL. nfdump reads files that nfcapd wrote of the same NetFlow v9 datagrams, one per
five minutes (as its rotation makes them): ``-s dstip/bytes`` over all, and for the series one run per file with a filter
on the port. CPU-seconds of all threads, best of several runs, alternating. ``agree``: the same ten, the same bytes.
``limit`` is reading the columns of the question from memory. Sizes are octets a flow on the disk; nfcapd keeps more
fields (interfaces, AS numbers, masks) than the allow-list lets Sekisho keep.

nfdump is installed by apt when it is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import numpy as np

from bench import flows
from bench.flow_match import ROWS, Trouble, cpu, prepare, stored, timed
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.tables import batch_of
from sekisho.ports.flows import Query
from sekisho.stores.records_duckdb import DuckRecords

BIN = 300_000
PORT = 443
WINDOW = Window(flows.NOON - 3_600_000, flows.NOON + 1)
LABEL = Label((Purpose.DEMONSTRATION,), LegalBasis.NOT_COMMUNICATION, Stage.RAW_FLOW, flows.NOON + 86_400_000)
TOP = Query(
    "top",
    'SELECT "destinationIPv4Address" AS "to", CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" FROM "FLOW" '
    'GROUP BY "destinationIPv4Address"',
    'SELECT CAST("to" AS BIGINT) AS "to", CAST(SUM("octets") AS BIGINT) AS "octets" FROM "PART" GROUP BY "to" '
    'ORDER BY "octets" DESC, "to" LIMIT 10',
    whole_lines=False,
)
SERIES = Query(
    "series",
    'SELECT "flowStartMilliseconds" - MOD("flowStartMilliseconds", $bin) AS "at", '
    'CAST(SUM("octetDeltaCount") AS BIGINT) AS "octets" FROM "FLOW" WHERE "destinationTransportPort" = $port '
    'GROUP BY "flowStartMilliseconds" - MOD("flowStartMilliseconds", $bin)',
    'SELECT "at", CAST(SUM("octets") AS BIGINT) AS "octets" FROM "PART" GROUP BY "at" ORDER BY "at"',
    parameters={"bin": BIN, "port": PORT},
    whole_lines=False,
)
Answer = list[tuple[int, int]]
# What it is called, the question, how the peer is asked, how its answer is named as ours, the columns it needs.
Case = tuple[str, Query, Callable[[], tuple[float, Answer]], Callable[[Answer], Answer], tuple[str, ...]]


class Ours:
    """The record store with all flows in it."""

    def __init__(self, folder: Path) -> None:
        self.door = Pseudonyms(bytes(range(32)), [ip_network("100.64.0.0/10")])
        self.door.subscriber("100.64.0.1")  # its table is made on the first question
        self.store = DuckRecords(folder / "records", lambda: flows.NOON)
        self.rows, self.keeping = 0, 0.0

    def keep(self, cols: flows.Columns) -> None:
        """Append one block of flows."""
        rows = len(cols["sourceIPv4Address"])
        whole = cols | {"samplingPacketInterval": np.ones(rows, np.uint32)}
        begin = time.process_time()
        for at in range(0, rows, ROWS):
            batch = batch_of({name: values[at : at + ROWS] for name, values in whole.items()}, "192.0.2.9#1")
            self.store.append("bench", iter([self.door.watch(batch)[0]]), LABEL)
        self.keeping += time.process_time() - begin
        self.rows += rows

    def ask(self, query: Query) -> Answer:
        """Return an answer of two columns."""
        found = self.store.tables("bench", WINDOW, Purpose.DEMONSTRATION).ask(query).to_pydict()
        return list(zip(*found.values(), strict=True))

    def octets(self) -> float:
        """Return octets a flow on the disk."""
        return float(self.store.state()["datasets"]["bench"]["octets"] / self.rows)


class Peer:
    """nfdump over one file per five minutes (of each block)."""

    def __init__(self, folder: Path) -> None:
        self.files: list[tuple[int, Path]] = []
        self.folder, self.all = folder, folder / "rotated"
        self.all.mkdir()
        self.rows = 0

    def keep(self, cols: flows.Columns) -> None:
        """Have nfcapd collect one block of flows."""
        bins = cols["flowStartMilliseconds"] // BIN * BIN
        for begin in np.unique(bins).tolist():
            some = {name: values[bins == begin] for name, values in cols.items()}
            number = len(self.files)
            found = stored(some, self.folder, f"bin{number}")
            # The name is its order only: what is asked for lies in the records.
            self.files.append((begin, found.rename(self.all / f"nfcapd.2026{number + 1000:08}")))
        self.rows += len(bins)

    def top(self) -> tuple[float, Answer]:
        """Return CPU-seconds and the ten."""
        seconds, text = cpu("nfdump", "-q", "-o", "csv", "-R", self.all, "-s", "dstip/bytes", "-n", "10")
        rows = csv.DictReader(line for line in text.splitlines() if line.count(",") > 8)
        return seconds, [(int(IPv4Address(row["val"])), int(row["byt"])) for row in rows]

    def series(self) -> tuple[float, Answer]:
        """Return CPU-seconds and the bytes of each five minutes."""
        total, found = 0.0, Counter[int]()
        for begin, file in self.files:
            seconds, text = cpu(
                "nfdump", "-q", "-o", "csv", "-r", file, "-s", "proto/bytes", "-n", "0", f"dst port {PORT}"
            )
            rows = csv.DictReader(line for line in text.splitlines() if line.count(",") > 8)
            total += seconds
            found[begin] += sum(int(row["byt"]) for row in rows)
        return total, list(found.items())

    def octets(self, folder: Path) -> tuple[float, float]:
        """Return octets a flow on the disk: as nfcapd writes, and packed with LZ4."""
        raw = sum(file.stat().st_size for _, file in self.files)
        packed = folder / "packed"
        cpu("nfdump", "-q", "-y", "-R", self.all, "-w", packed)
        return raw / self.rows, packed.stat().st_size / self.rows


def memory_limit(cols: flows.Columns, names: tuple[str, ...]) -> float:
    """Return M flows per CPU-second at which these columns can be read from memory."""
    views = [np.ascontiguousarray(cols[name]).view(np.uint8).view(np.uint64) for name in names]
    best = min(timed(lambda: [np.bitwise_or.reduce(view) for view in views]) for _ in range(5))
    return len(cols[names[0]]) / best / 1e6


def measured(mine: Ours, case: Case, n: int, rounds: int) -> dict[str, object]:
    """Return the figures of one question: both, alternating, and whether they agree."""
    _, query, ask_peer, named, _ = case
    own, other, ok = [], [], True
    for _ in range(rounds):
        begin = time.process_time()
        answer = mine.ask(query)
        own.append(time.process_time() - begin)
        seconds, theirs = ask_peer()
        other.append(seconds)
        ok = ok and len(answer) > 1 and sorted(answer) == sorted(named(theirs))
    return {
        "ours": round(n / min(own) / 1e6, 1),
        "peer": round(n / min(other) / 1e6, 2),
        "ratio": round(min(other) / min(own), 1),
        "agree": ok,
    }


def lines(block: int, blocks: int, rounds: int, version: str, folder: Path) -> Iterator[dict[str, object]]:
    """Yield a line for each question and state of the store."""
    peer, mine = Peer(folder), Ours(folder)
    for number in range(blocks):
        cols = flows.columns(block, seed=1 + number)
        peer.keep(cols)
        mine.keep(cols)
    n = mine.rows
    sizes: dict[str, float] = {"journals": round(mine.octets(), 1)}
    raw, packed = peer.octets(folder)
    sizes |= {"nfcapd": round(raw, 1), "nfcapd lz4": round(packed, 1)}

    def seen(answer: Answer) -> Answer:
        """Give nfdump's customers the names that the store knows them by."""
        return [(mine.door.subscriber(str(IPv4Address(to))) or to, octets) for to, octets in answer]

    cases: list[Case] = [
        ("top 10 destinations", TOP, peer.top, seen, ("destinationIPv4Address", "octetDeltaCount")),
        (
            "bytes to port 443 per 5 minutes",
            SERIES,
            peer.series,
            list,
            ("flowStartMilliseconds", "destinationTransportPort", "octetDeltaCount"),
        ),
    ]
    for state in ("journals", "Parquet"):
        compacting = 0.0
        if state == "Parquet":
            compacting = timed(lambda: mine.store.compact("bench"))
            sizes["Parquet"] = round(mine.octets(), 1)
        for case in cases:
            yield {
                "bench": "flow-topn",
                "unit": "M flows/cpu-s",
                "case": f"{case[0]}, {state}",
                "flows": n,
                **measured(mine, case, n, rounds),
                "peer_name": f"nfdump {version}",
                "limit": round(memory_limit(cols, case[-1]), 0),
                "limit_name": "reading the columns from memory",
                "octets_a_flow": dict(sizes),
                "door_and_journal": round(n / mine.keeping / 1e6, 1),
                "compacting": round(n / compacting / 1e6, 2) if compacting else None,
                "load": round(os.getloadavg()[0], 2),
                "command": "bench/flow_topn.py",
            }
    mine.store.close()


def main() -> int:
    """Print one line per case; 1 when somebody disagrees, 2 when it can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 M flows, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--blocks", type=int, default=1, help="so many times 10 M flows in one store")
    options = parser.parse_args()
    agreed = True
    block, rounds = (1_000_000, 3) if options.quick else (10_000_000, 4)
    try:
        version = prepare()
        with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as name:
            for line in lines(block, options.blocks, rounds, version, Path(name)):
                agreed = agreed and bool(line["agree"])
                if options.json:
                    print(json.dumps(line, ensure_ascii=False), flush=True)
                else:
                    print(f"{line['case']:<42} {line['ours']:>6} {line['unit']}  nfdump {line['peer']:>6}  ratio {line['ratio']:>5}  agree {line['agree']}  {line['octets_a_flow']}", flush=True)  # fmt: skip
    except Trouble as trouble:
        print(json.dumps({"bench": "flow-topn", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
