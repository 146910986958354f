"""List match: which of 10 M flows touch a list of 100,000 addresses, beside ``nfdump 'ip in […]'``.

Same flows for all: nfdump reads them from its own file, Sekisho from Arrow batches in memory. From nfdump's time its
own time for reading without a filter and for building the list are taken off, so only matching is compared;
``whole_ratio`` leaves reading in on both sides (nfdump its file, Sekisho a raw Arrow file). Both sides of every flow
are compared, as nfdump does; ``one side`` is what a watched batch needs, where the customer's side is known. Two
lists: one whose addresses lie apart from the usual hosts, one amid them (more false passes in the first table).
CPU-seconds, best of several runs, alternating. ``agree``: the same flows hit. ``limit`` is reading both addresses
from memory.

nfdump is installed by apt when it is missing. SiLK is not in Debian and not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench import flows
from sekisho.formats.datagrams import Datagrams
from sekisho.formats.watchlist import Watchlist
from sekisho.model.indicator import Indicator
from sekisho.model.tables import batch_of

ROWS = 1 << 18
KEY = ("sourceIPv4Address", "destinationIPv4Address", "sourceTransportPort", "destinationTransportPort")
PEER = ("nfdump", "nfcapd")
# What is added up over the blocks.
ADDED = ("flows", "hits", "seconds", "peer_seconds", "whole_seconds", "peer_whole_seconds")


class Trouble(Exception):
    """The bench can't be run here."""


def prepare() -> str:
    """Install the peer when it is missing; return its version."""
    if any(shutil.which(tool) is None for tool in PEER):
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "nfdump"], capture_output=True, check=False)  # fmt: skip
    if any(shutil.which(tool) is None for tool in PEER):
        raise Trouble("nfdump is missing and can't be installed here")
    said = subprocess.run(["nfdump", "-V"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).split("Version:")[-1].strip()


def cpu(*command: str | Path) -> tuple[float, str]:
    """Run a program; return its CPU-seconds and output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Trouble(f"{command[0]}: {done.stderr.strip()[-400:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def timed(work: Callable[[], object]) -> float:
    """Return the CPU-seconds of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def stored(cols: flows.Columns, folder: Path, name: str) -> Path:
    """Return an nfcapd file with these flows, sent to nfcapd over loopback slowly enough that none is lost."""
    datagrams = flows.v9(cols)
    for rate in (20_000, 8_000, 3_000):
        out = folder / f"{name}-{rate}"
        out.mkdir()
        found = _collected(datagrams, out, rate)
        info = cpu("nfdump", "-r", found, "-I")[1]
        if f"Flows: {len(cols['sourceIPv4Address'])}" in info.splitlines():
            return found
    raise Trouble(f"nfcapd lost flows even at 3,000 datagrams/s: {info}")


def _collected(datagrams: Datagrams, out: Path, rate: int) -> Path:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", str(out), "-t", "3600", "-B", "200000000"]
    collector = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", port))
            begin = time.monotonic()
            for row, octets in enumerate(datagrams.length.tolist()):
                sender.send(datagrams.octets[row, :octets])
                if row % 32 == 31 and (ahead := (row + 1) / rate - (time.monotonic() - begin)) > 0:
                    time.sleep(ahead)
        time.sleep(1)
    finally:
        collector.terminate()
        collector.wait(30)
    (found,) = [path for path in out.iterdir() if path.name.startswith("nfcapd.2")]
    return found


def batches(cols: flows.Columns, *, sided: bool) -> list[pa.RecordBatch]:
    """Return the flows as batches; ``sided`` adds which side is the customer's."""
    line = (cols["sourceIPv4Address"] >> 22) == (0x64400000 >> 22)
    more = {
        "subscriber": cols["flowEndMilliseconds"],
        "subscriberSide": np.where(line, 1, 2).astype(np.uint8),
    }
    whole = cols | {"samplingPacketInterval": np.ones(len(line), np.uint32)} | (more if sided else {})
    return [
        batch_of({name: values[at : at + ROWS] for name, values in whole.items()}, "bench")
        for at in range(0, len(line), ROWS)
    ]


def hits(watchlist: Watchlist, parts: list[pa.RecordBatch]) -> np.ndarray:
    """Return the rows that touch the list, over all batches."""
    found = [np.unique(watchlist.match(batch)[0]) + at * ROWS for at, batch in enumerate(parts)]
    return np.concatenate(found)


def peer_hits(text: str) -> Counter[tuple[str, ...]]:
    """Return what nfdump printed, as counted keys."""
    rows = (tuple(line.split()) for line in text.splitlines())
    return Counter(row for row in rows if len(row) == len(KEY) and row[0][0].isdigit())


def our_hits(cols: flows.Columns, rows: np.ndarray) -> Counter[tuple[str, ...]]:
    """Return the same keys of our rows."""
    parts = [cols[name][rows].tolist() for name in KEY]
    texts = [[str(IPv4Address(one)) for one in part] for part in parts[:2]] + [
        [str(one) for one in part] for part in parts[2:]
    ]
    return Counter(zip(*texts, strict=True))


def memory_limit() -> float:
    """Return M flows per CPU-second at which both addresses can be read from memory."""
    block = np.ones(32 << 20, np.uint64)
    best = min(timed(lambda: np.bitwise_or.reduce(block)) for _ in range(5))
    return float(block.size / best / 1e6)


class Peer:
    """nfdump over one file with one list."""

    def __init__(self, file: Path, tiny: Path, addresses: np.ndarray, folder: Path) -> None:
        self.rule = folder / "rule"
        self.rule.write_text("ip in [ " + " ".join(str(IPv4Address(int(one))) for one in addresses) + " ]\n")
        self.command = ("nfdump", "-q", "-o", "fmt:%sa %da %sp %dp", "-f", self.rule, "-r")
        self.file, self.tiny = file, tiny
        self.seconds: list[float] = []
        self.idle = min(cpu(*self.command, tiny)[0] for _ in range(3))
        self.found: Counter[tuple[str, ...]] = Counter()

    def read(self) -> float:
        """Return the CPU-seconds of reading everything and printing nothing."""
        return cpu("nfdump", "-q", "-o", "fmt:%sa", "-r", self.file, "port 0 and proto 200")[0]

    def run(self) -> None:
        """Match once."""
        seconds, text = cpu(*self.command, self.file)
        self.seconds.append(seconds)
        self.found = peer_hits(text)


def compare(
    cols: flows.Columns, file: Path, tiny: Path, folder: Path, rounds: int, version: str
) -> Iterator[dict[str, object]]:
    """Yield the lines of both lists over one block."""
    n = len(cols["sourceIPv4Address"])
    limit = memory_limit()
    random = np.random.default_rng(11)
    amid = np.unique(random.integers(0x01000000, 0x60000000, flows.LISTED, np.uint32))
    both, one = batches(cols, sided=False), batches(cols, sided=True)
    journal = folder / "journal.arrow"
    with pa.OSFile(str(journal), "wb") as sink, pa.ipc.new_file(sink, both[0].schema) as writer:
        for batch in both:
            writer.write_batch(batch)
    for name, addresses in (("apart", flows.listed()), ("amid", amid)):
        entries = [Indicator(f"{IPv4Address(int(one))}/32") for one in addresses]
        lists = {"NumPy": Watchlist(entries), "numba": Watchlist(entries, fast=True)}
        hits(lists["numba"], both[:1])
        hits(lists["numba"], one[:1])
        peer = Peer(file, tiny, addresses, folder)
        runs: dict[tuple[str, str], list[float]] = {}
        whole: list[float] = []
        reading = min(peer.read() for _ in range(2))
        for _ in range(rounds):
            peer.run()
            for kind, watchlist in lists.items():
                runs.setdefault((kind, "both sides"), []).append(timed(partial(hits, watchlist, both)))
                runs.setdefault((kind, "one side"), []).append(timed(partial(hits, watchlist, one)))
            whole.append(timed(partial(from_file, lists["NumPy"], journal)))
        matching = max(min(peer.seconds) - reading - peer.idle, 1e-9)
        for (kind, sides), seconds in runs.items():
            ours = our_hits(cols, hits(lists[kind], both if sides == "both sides" else one))
            yield {
                "bench": "flow-match",
                "unit": "M flows/cpu-s",
                "case": f"list {name}, {sides}, {kind}",
                "flows": n,
                "hits": ours.total(),
                "peer_name": f"nfdump {version} -f 'ip in […]', reading taken off",
                "seconds": min(seconds),
                "peer_seconds": matching,
                "whole_seconds": min(whole),
                "peer_whole_seconds": min(peer.seconds) - peer.idle,
                "limit": round(limit, 0),
                "limit_name": "reading both addresses from memory",
                "agree": ours == peer.found and ours.total() > 0,
                "load": round(os.getloadavg()[0], 2),
                "command": "bench/flow_match.py",
            }


def summed(blocks: int, quick: bool, folder: Path, version: str) -> Iterator[dict[str, object]]:
    """Yield the lines over all blocks: seconds and hits are added up, and every block must agree."""
    before: dict[object, dict[str, Any]] = {}
    for number in range(blocks):
        cols = flows.columns(1_000_000 if quick else 10_000_000, seed=1 + number)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            block = Path(name)
            file = stored(cols, block, "all")
            tiny = stored({key: values[:100] for key, values in cols.items()}, block, "tiny")
            for line in compare(cols, file, tiny, block, 3 if quick else 4, version):
                total = before.setdefault(line["case"], dict.fromkeys(ADDED, 0) | {"agree": True})
                for key in ADDED:
                    total[key] += line[key]
                total["agree"] = total["agree"] and line["agree"]
                if number == blocks - 1:
                    yield line | total | rates(total)


def rates(total: Mapping[str, float]) -> dict[str, object]:
    """Return flows a CPU-second of both, and their ratios, from what was added up."""
    return {
        "ours": round(total["flows"] / total["seconds"] / 1e6, 1),
        "peer": round(total["flows"] / total["peer_seconds"] / 1e6, 2),
        "ratio": round(total["peer_seconds"] / total["seconds"], 1),
        "whole_ratio": round(total["peer_whole_seconds"] / total["whole_seconds"], 1),
    }


def from_file(watchlist: Watchlist, journal: Path) -> int:
    """Match what a raw Arrow file holds."""
    with pa.OSFile(str(journal), "rb") as source, pa.ipc.open_file(source) as reader:
        return sum(len(watchlist.match(reader.get_batch(at))[0]) for at in range(reader.num_record_batches))


def main() -> int:
    """Print one line per case; 1 when somebody disagrees, 2 when it can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 M flows, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--blocks", type=int, default=1, help="so many times 10 M flows, one after the other")
    options = parser.parse_args()
    agreed = True
    try:
        version = prepare()
        with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as name:
            for line in summed(options.blocks, options.quick, Path(name), version):
                agreed = agreed and bool(line["agree"])
                if options.json:
                    print(json.dumps(line, ensure_ascii=False), flush=True)
                else:
                    print(f"{line['case']:<36} {line['ours']:>7} {line['unit']}  nfdump {line['peer']:>6}  ratio {line['ratio']:>6}  agree {line['agree']}", flush=True)  # fmt: skip
    except Trouble as trouble:
        print(json.dumps({"bench": "flow-match", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
