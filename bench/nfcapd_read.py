"""nfcapd files to columns: our reader beside ``nfdump -o fmt``, the route that Python users have today.

The files are nfcapd's own: synthetic flows of `bench.flows` are sent to it over loopback as NetFlow v9 (one template,
and mixed templates), and nfdump packs one of them again (LZ4, LZO). The peer writes ten fields as text, and Python splits the
lines and turns the counters into numbers (no addresses, no times: that flatters the peer). Other lines compare with
nfdump's text alone and with nfdump reading the file and printing nothing. ``limit`` is reading the file's octets into memory. CPU-seconds of one core, best of several
runs, alternating. ``agree`` is true when flows, packets and octets are nfdump's. With the extra ``fast`` ours is the compiled
twin, which a reader goes over to after four million records; compiling it (two CPU-seconds) is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.compute as pc

from bench import flows
from bench._collectors import Trouble, _free_port, _send, _version, _wait_for, install, totals
from sekisho.readers.nfcapd import Nfcapd

TEXT = ("-q", "-N", "-o", "fmt:%ts %td %pr %sa %sp %da %dp %flg %pkt %byt")
NOTHING = ("-q", "-o", "fmt:%sa", "port 0 and proto 200")
UNIT = "M records/cpu-s"
READER = Nfcapd(fast_from=0)


class Counts:
    """What the reader said of the file."""

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()

    def good(self, rows: int) -> None: ...

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:  # noqa: ARG002 - the port
        self.rejects[reason] += count

    def note(self, name: str, count: int = 1) -> None: ...


def warm(path: Path) -> None:
    """Let the twin be compiled, where there is one: that is not reading."""
    with path.open("rb") as source:
        for _ in READER.read(source, Counts(), {}):
            return


def collected(count: int, folder: Path, *, mixed: bool) -> Path:
    """Return the file that nfcapd wrote of ``count`` flows sent to it."""
    datagrams = flows.v9(flows.columns(count), mixed=mixed)
    folder.mkdir()
    port = _free_port()
    command = ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", str(folder), "-t", "86000", "-B", "200000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        if _send(datagrams, port, process):
            raise Trouble("datagrams were dropped on the way to nfcapd")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    return max(folder.glob("nfcapd.2*"), key=lambda path: path.stat().st_size)


def ours(path: Path) -> tuple[float, tuple[int, int, int]]:
    """Return CPU-seconds and what was counted."""
    counts = Counts()
    sums = [0, 0, 0]
    began = time.process_time()
    with path.open("rb") as source:
        for batch in READER.read(source, counts, {}):
            sums[0] += batch.num_rows
            sums[1] += pc.sum(batch.column("packetDeltaCount")).as_py()
            sums[2] += pc.sum(batch.column("octetDeltaCount")).as_py()
    seconds = time.process_time() - began
    return seconds, (sums[0], sums[1], sums[2]) if not counts.rejects else (-1, -1, -1)


def peer(path: Path, *more: str) -> float:
    """Return CPU-seconds of nfdump."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["nfdump", "-r", str(path), *more]
    if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
        raise Trouble(f"{' '.join(command)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parsed(path: Path) -> float:
    """Return CPU-seconds of nfdump writing text and Python making fields and counters of it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    process = subprocess.Popen(["nfdump", "-r", path, *TEXT], stdout=subprocess.PIPE, text=True)
    rows = []
    for line in process.stdout or ():
        words = line.split()
        rows.append((*words[:-2], int(words[-2]), int(words[-1])))
    if process.wait() or not rows:
        raise Trouble("nfdump gave no text")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return child + time.process_time() - began


def octets_read(path: Path) -> float:
    """Return CPU-seconds of reading the file's octets."""
    room = bytearray(1 << 20)
    began = time.process_time()
    with path.open("rb", buffering=0) as source:
        while source.readinto(room):
            pass
    return time.process_time() - began


def compared(what: str, path: Path, rounds: int, sample: Path) -> Iterator[dict[str, object]]:
    """Yield the lines of one file; the slow peer reads ``sample``, which holds the same kind of records."""
    with tempfile.TemporaryDirectory() as alone:
        shutil.copy(path, alone)
        truth = totals(Path(alone))
        shutil.copy(sample, Path(alone) / path.name)
        few = totals(Path(alone))[0]
    best: dict[str, float] = {}
    counted = (0, 0, 0)
    for _ in range(rounds):
        seconds, counted = ours(path)
        runs: dict[str, Callable[[], float]] = {
            "parsed": lambda: parsed(sample) * truth[0] / few,
            "text": lambda: peer(sample, *TEXT) * truth[0] / few,
            "nothing": lambda: peer(path, *NOTHING),
            "limit": lambda: octets_read(path),
        }
        best["ours"] = min(best.get("ours", 1e9), seconds)
        for name, run in runs.items():
            best[name] = min(best.get(name, 1e9), run())
    rate = {name: truth[0] / 1e6 / max(value, 1e-6) for name, value in best.items()}
    names = {
        "parsed": "nfdump -o fmt, ten fields, split by Python",
        "text": "nfdump -o fmt, ten fields, text alone",
        "nothing": "nfdump, filter that nothing meets",
    }
    for name, words in names.items():
        yield {
            "bench": "nfcapd-read",
            "target": what,
            "unit": UNIT,
            "ours": round(rate["ours"], 3),
            "peer": round(rate[name], 3),
            "peer_name": f"{words} ({_version('nfdump')})",
            "ratio": round(rate["ours"] / rate[name], 2),
            "limit": round(rate["limit"], 1),
            "limit_name": "reading the file's octets",
            "agree": counted == truth,
            "records": truth[0],
            "octets": path.stat().st_size,
            "load": round(os.getloadavg()[0], 2),
            "command": f"bench/nfcapd_read.py; nfdump -r FILE {' '.join(NOTHING if name == 'nothing' else TEXT)}",
        }


def lines(quick: bool) -> Iterator[dict[str, object]]:
    """Yield the lines of each kind of file."""
    count, rounds = (300_000, 3) if quick else (5_000_000, 5)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        plain = collected(count, folder / "plain", mixed=False)
        few = collected(min(count, 300_000), folder / "few", mixed=False)
        warm(few)
        yield from compared("one template, stored plain", plain, rounds, few)
        for what, option, source in (("LZ4", "-y", plain), ("LZO", "-z", few)):
            packed = folder / f"nfcapd.{option[1:]}"
            subprocess.run(["nfdump", "-r", source, option, "-w", packed], capture_output=True, check=True)
            warm(packed)
            yield from compared(f"one template, {what}", packed, rounds, few)
        mixed = collected(min(count, 2_000_000), folder / "mixed", mixed=True)
        yield from compared("mixed templates, stored plain", mixed, rounds, few)


def main() -> int:
    """Print one line per comparison; return 1 when somebody disagrees, 2 when the bench can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer records, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    agreed = True
    try:
        install("nfcapd", "nfdump")
        for line in lines(options.quick):
            agreed = agreed and bool(line["agree"])
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                shown = f"{line['ours']:>8} {line['peer']:>8} {UNIT}  ratio {line['ratio']:>6}  agree {line['agree']}"
                print(f"{line['target']:<46} {shown}  {line['peer_name']}", flush=True)
    except Trouble as trouble:
        print(json.dumps({"bench": "nfcapd-read", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
