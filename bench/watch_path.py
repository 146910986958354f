"""The whole way of a flow, live: receive, spool, decode, privacy door, list match and journal, beside nfcapd.

Each collector is sent the same datagrams over loopback by the same sender at the same rate: ours as the two processes
of production (receiver; decoder with door, match against 100,000 addresses, and the record store's journal forced to
the disk), nfcapd as it is (raw files, nothing else), and then ``nfdump`` with the same list as a filter over nfcapd's
files. CPU-seconds of all processes of a side, from the first datagram to the last row on the disk; the time to start
and to compile the list is left out on our side, nfdump's reading of the list is in on its side (``list_cpu`` says how
much it is). Ours receives by a packet ring, or with ``--sockets`` by sockets, as nfcapd does: ``receives`` says which it
was in the end, and ``sender_cpu`` is what sending to each side cost in microseconds a datagram (receiving begins in
the sender's system calls on loopback). Drops of both are stated, ours over all rotations of spool and journal. ``memory`` is the resident set of
both our processes at a quarter of the run and at its end, in MB. ``stages`` are M records per CPU-second of each.

``agree``: nobody lost a datagram, both hold the same number of flows, and the same number of rows touch the list.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.util
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Any

import numpy as np

from bench import flows
from sekisho.formats.datagrams import Datagrams
from sekisho.formats.flow_export import Decoder
from sekisho.formats.passage import Passage
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.formats.watchlist import Watchlist
from sekisho.model.indicator import Indicator
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.ports.flows import Once
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.stores.spool import Position, Spool, Spooled
from sekisho.wires.slots import _Header, _Vector
from sekisho.workflows.receive import Receiving, last_told, receive, waiting_blocks

SPAWN = multiprocessing.get_context("spawn")
BUFFER = 200_000_000
KINDS = {
    "v9": flows.v9,
    "v9 mixed templates": lambda cols: flows.v9(cols, mixed=True),
    "ipfix": flows.ipfix,
    "v5": flows.v5,
}
_TICKS = os.sysconf("SC_CLK_TCK")
_AT_ONCE = 64
_ROWS_TO_KEEP = 1_000_000  # as `sekisho watch`


class Trouble(Exception):
    """The bench can't be run here."""


class Silent:
    """A tally that only counts."""

    def __init__(self) -> None:
        self.rejects = 0

    def good(self, rows: int) -> None: ...

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:  # noqa: ARG002 - a Tally's
        self.rejects += count

    def note(self, name: str, count: int = 1) -> None: ...


@dataclass
class Sent:
    """What the sender sent: datagrams and the flows and list hits in them."""

    datagrams: int
    rows: int
    hits: int
    seconds: float
    cpu: float = 0.0


class Sender:
    """Sends the same block of datagrams again and again at a rate, many in one system call."""

    def __init__(self, kind: str, count: int, cycles: int, rate: int) -> None:
        cols = flows.columns(count)
        self.block: Datagrams = KINDS[kind](cols)
        listed = addresses()
        hit = np.isin(cols["sourceIPv4Address"], listed) | np.isin(cols["destinationIPv4Address"], listed)
        self.hits, self.rows, self.cycles, self.rate = int(hit.sum()), count, cycles, rate
        amount = len(self.block)
        self._vectors = (_Vector * amount)()
        self._headers = (_Header * amount)()
        base, stride = self.block.octets.ctypes.data, self.block.octets.strides[0]
        for number, length in enumerate(self.block.length.tolist()):
            self._vectors[number].base, self._vectors[number].octets = base + number * stride, length
            message = self._headers[number].message
            message.vectors, message.vector_count = ctypes.addressof(self._vectors[number]), 1
        self._call = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]

    def send(self, port: int) -> Sent:
        """Send all cycles."""
        amount, size, begins = len(self.block), ctypes.sizeof(_Header), ctypes.addressof(self._headers)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", port))
            sent, total, begin, spent = 0, amount * self.cycles, time.monotonic(), time.process_time()
            while sent < total:
                due = int((time.monotonic() - begin) * self.rate) - sent
                if due <= 0:
                    time.sleep(0.0005)
                    continue
                at = sent % amount
                done = self._call(out.fileno(), begins + at * size, min(due, amount - at, _AT_ONCE), 0)
                if done <= 0:
                    raise Trouble(f"sendmmsg: {os.strerror(ctypes.get_errno())}")
                sent += done
        took, cpu = time.monotonic() - begin, time.process_time() - spent
        return Sent(sent, self.rows * self.cycles, self.hits * self.cycles, took, cpu)


def addresses() -> np.ndarray:
    """Return the list: 100,000 addresses amid the usual hosts, as a real one is; a few of them are usual hosts."""
    drawn = np.random.default_rng(11).integers(0x01000000, 0x60000000, flows.LISTED, np.uint32)
    return np.unique(np.concatenate((drawn[: flows.LISTED // 2], flows.listed()[: flows.LISTED // 2])))


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def receiving_process(receiving: Receiving, stop: Any, into: Any) -> None:
    """Be our receiver; tell CPU-seconds and figures at the end."""
    begun = []

    def told(_: object) -> None:
        if not begun:  # listening: what came before is start-up
            begun.append(time.process_time())

    end = receive(receiving, stop.is_set, told)
    figures = {}
    for one in end.counts:
        figures[one.name] = figures.get(one.name, 0) + one.count
    without = not receiving.ring or any("packet ring" in note.en for note in end.notes)
    receives = "sockets" if without else "packet ring"
    into.put({"cpu": time.process_time() - begun[0], "receives": receives, **figures})


def watching_process(receiving: Receiving, folder: str, stop: Any, into: Any) -> None:
    """Be our decoder: through the door, against the list, into the journal; tell what each cost."""
    fast = importlib.util.find_spec("numba") is not None  # as `sekisho watch`, once some flows came
    fast_from = 0 if fast else None
    decoder, tally = Decoder(fast_from=fast_from), Silent()
    door = Pseudonyms(bytes(range(32)), [ip_network("100.64.0.0/10")], fast_from=fast_from)
    watchlist = Watchlist([Indicator(f"{IPv4Address(int(one))}/32") for one in addresses()], fast=fast)
    _warm(door, watchlist, fast_from)
    store = DuckRecords(Path(folder), lambda: flows.NOON)
    label = Label(
        (Purpose.DEMONSTRATION,), LegalBasis.NOT_COMMUNICATION, Stage.RAW_FLOW, flows.NOON + 86_400_000
    )
    cost = dict.fromkeys(("spool", "decode + door", "match", "journal"), 0.0)
    seen = {"rows": 0, "hits": 0, "outside": 0, "kept": 0}
    waiting: list[Any] = []
    begin = mark = time.process_time()
    into.put("ready")

    def spent(name: str) -> None:
        nonlocal mark
        now = time.process_time()
        cost[name] += now - mark
        mark = now

    def keep(end: Position) -> None:
        seen["kept"] += store.append("bench", iter(waiting), label, Once(end.spool, end.ordinal))
        waiting.clear()
        spent("journal")

    passage = Passage(decoder, door)
    for spool, block in _all_blocks(receiving, stop):
        spent("spool")
        for rows, among, read, kept in passage.take(block.datagrams, watchlist, tally):
            spent("decode + door")
            hits = watchlist.match_among(rows, among)[0]
            spent("match")
            seen["rows"] += sum(read.values())
            seen["outside"] += sum(read.values()) - sum(kept.values())
            seen["hits"] += len(np.unique(hits))
            waiting.append(rows)
        spent("decode + door")
        if sum(one.num_rows for one in waiting) >= _ROWS_TO_KEEP:
            keep(block.end)
            spool.done(block.end)
            spent("spool")
    if waiting:
        keep(block.end)
    into.put({"cpu": time.process_time() - begin, "cost": cost, "rejects": tally.rejects, **seen})


def resident(process: int) -> float:
    """Return the resident set of a process in MB, without the pages of files it shares."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def ours(sender: Sender, folder: Path, *, ring: bool) -> dict[str, Any]:
    """Run our two processes under the sender; return their figures."""
    own = importlib.import_module("bench.watch_path")  # by its name, so that another process finds it
    port = free_port()
    receiving = Receiving(
        name=f"bench-{os.getpid()}",
        listens=(("127.0.0.1", port),),
        buffer_octets=BUFFER // 2,
        most_octets=2 << 30,
        ring=ring,
    )
    stops, results = (SPAWN.Event(), SPAWN.Event()), (SPAWN.Queue(), SPAWN.Queue())
    hears = SPAWN.Process(target=own.receiving_process, args=(receiving, stops[0], results[0]))
    watches = SPAWN.Process(target=own.watching_process, args=(receiving, str(folder), stops[1], results[1]))
    hears.start()
    watches.start()
    try:
        if results[1].get(timeout=60) != "ready":
            raise Trouble("the decoder did not start")
        end = time.monotonic() + 30
        while (told := last_told(receiving.place())) is None or told.process != hears.pid:
            if time.monotonic() > end:
                raise Trouble("the receiver did not start")
            time.sleep(0.05)
        memory: list[float] = []
        quarter, sender.cycles = sender.cycles, max(1, sender.cycles // 4)
        sent = sender.send(port)
        memory.append(resident(hears.pid or 0) + resident(watches.pid or 0))
        sender.cycles = quarter - sender.cycles
        rest = sender.send(port)
        sender.cycles = quarter
        memory.append(resident(hears.pid or 0) + resident(watches.pid or 0))
        time.sleep(0.5)
        stops[0].set()
        heard = results[0].get(timeout=60)
        stops[1].set()
        watched = results[1].get(timeout=120)
    finally:
        for stop, process in zip(stops, (hears, watches), strict=True):
            stop.set()
            process.join(20)
            process.kill()
        shutil.rmtree(receiving.place().folder, ignore_errors=True)
    total = Sent(
        sent.datagrams + rest.datagrams, sent.rows + rest.rows, sent.hits + rest.hits, 0, sent.cpu + rest.cpu
    )
    return {"sent": total, "memory": memory, "heard": heard, "watched": watched}


def _warm(door: Pseudonyms, watchlist: Watchlist, fast_from: int | None) -> None:
    """Let the twins be compiled, when they are: that is part of the start."""
    for batch in Decoder(fast_from=fast_from).decode(flows.v9(flows.columns(64)), Silent()):
        watchlist.match(door.watch(batch)[0])
    for _ in Passage(Decoder(fast_from=fast_from), door).take(
        flows.v9(flows.columns(64)), watchlist, Silent()
    ):
        pass


def _all_blocks(receiving: Receiving, stop: Any) -> Iterator[tuple[Spool, Spooled]]:
    """Yield the blocks until told to stop, and then what is left."""
    end = None
    for spool, block in waiting_blocks(receiving.place(), stop.is_set):
        end = block.end
        yield spool, block
    yield from waiting_blocks(receiving.place(), lambda: False, end, follow=False)


def ticks(process: int) -> float:
    """Return the CPU-seconds of a process that runs, all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peer(sender: Sender, folder: Path, rule: Path, empty: Path) -> dict[str, Any]:
    """Run nfcapd under the sender, then nfdump with the list; return their figures."""
    port = free_port()
    command = [
        "nfcapd",
        "-b",
        "127.0.0.1",
        "-p",
        str(port),
        "-w",
        str(folder),
        "-t",
        "3600",
        "-B",
        str(BUFFER // 2),  # newer ones take no more than 100 MB
    ]
    collector = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    if collector.poll() is not None:
        raise Trouble(f"nfcapd did not start: {' '.join(command)}")
    try:
        sent = sender.send(port)
        time.sleep(1)
    except BaseException:
        collector.kill()
        raise
    else:
        collector.terminate()
        _, _, usage = os.wait4(collector.pid, 0)
        collector.returncode = 0
    files = sorted(path for path in folder.iterdir() if path.name.startswith("nfcapd.2"))
    info = [run("nfdump", "-I", "-r", str(file))[1] for file in files]
    rows = sum(
        int(line.split()[1]) for text in info for line in text.splitlines() if line.startswith("Flows:")
    )
    filtered = ["nfdump", "-q", "-o", "fmt:%sa %da", "-f", str(rule)]
    seconds, text = run(*filtered, "-R", str(folder))
    return {
        "sent": sent,
        "collect": usage.ru_utime + usage.ru_stime,
        "filter": seconds,
        "rows": rows,
        "hits": sum("." in line for line in text.splitlines()),
        "list": run(*filtered, "-r", str(empty))[0] if empty.exists() else 0.0,
    }


def run(*command: str) -> tuple[float, str]:
    """Run a program; return its CPU-seconds and output."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        out.seek(0)
        if status:
            raise Trouble(f"{command[0]} ended with {status}")
        return usage.ru_utime + usage.ru_stime, out.read()


def compare(
    kind: str, count: int, cycles: int, rate: int, rounds: int, version: str, *, ring: bool
) -> dict[str, object]:
    """Alternate both sides; the best of each counts."""
    sender = Sender(kind, count, cycles, rate)
    mine, others = [], []
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as name:
        rule = Path(name) / "rule"
        rule.write_text("ip in [ " + " ".join(str(IPv4Address(int(one))) for one in addresses()) + " ]\n")
        for number in range(rounds):
            for name_of, into in (("ours", mine), ("peer", others)):
                folder = Path(name) / f"{name_of}-{number}"
                folder.mkdir()
                into.append(
                    ours(sender, folder, ring=ring)
                    if into is mine
                    else peer(sender, folder, rule, Path(name) / "none")
                )
                shutil.rmtree(folder)
    return line_of(kind, mine, others, rate, version)


def line_of(
    kind: str, mine: list[dict[str, Any]], others: list[dict[str, Any]], rate: int, version: str
) -> dict[str, object]:
    """Return the line of a case."""
    best = max(mine, key=lambda one: one["watched"]["rows"] / _cpu(one))
    fastest = max(others, key=lambda one: one["rows"] / one["collect"])
    both = max(others, key=lambda one: one["rows"] / (one["collect"] + one["filter"]))
    rows, cpu = best["watched"]["rows"], _cpu(best)
    own = rows / cpu / 1e6
    collect = fastest["rows"] / fastest["collect"] / 1e6
    filtered = both["rows"] / (both["collect"] + both["filter"]) / 1e6
    sent = best["sent"]
    stages = {
        name: round(rows / max(spent, 1e-9) / 1e6, 1) for name, spent in best["watched"]["cost"].items()
    }
    lost = [one["sent"].datagrams - one["heard"].get("spooled", 0) for one in mine]
    per = sent.rows / sent.datagrams
    peer_lost = [round((one["sent"].rows - one["rows"]) / per) for one in others]
    whole = not any(lost) and not any(peer_lost)
    return {
        "bench": "watch-path",
        "unit": "M records/cpu-s",
        "case": f"{kind}, {rate // 1000} k datagrams/s",
        "rows": rows,
        "ours": round(own, 2),
        "peer": round(collect, 2),
        "peer_name": f"nfcapd {version}, collecting only",
        "ratio": round(own / collect, 2),
        "peer_with_list": round(filtered, 2),
        "ratio_with_list": round(own / filtered, 2),
        "stages": {"receive + spool": round(rows / best["heard"]["cpu"] / 1e6, 1), **stages},
        "receives": best["heard"]["receives"],
        "sender_cpu": [round(1e6 * one["sent"].cpu / one["sent"].datagrams, 2) for one in (best, fastest)],
        "lost_datagrams": max(lost),
        "lost_in_kernel": max(one["heard"].get("drops", 0) for one in mine),
        "spool_full": max(one["heard"].get("spool-full", 0) for one in mine),
        "peer_lost_datagrams": max(peer_lost),
        "memory": [round(one) for one in best["memory"]],
        "hits": best["watched"]["hits"],
        "agree": all(one["watched"]["rows"] == one["sent"].rows for one in mine if not any(lost))
        and all(one["watched"]["hits"] == one["sent"].hits for one in mine if not any(lost))
        and all(one["hits"] == one["sent"].hits for one in others if not any(peer_lost))
        and whole,
        "runs": len(mine),
        "load": round(os.getloadavg()[0], 2),
        "command": "bench/watch_path.py",
    }


def _cpu(one: dict[str, Any]) -> float:
    return float(one["heard"]["cpu"] + one["watched"]["cpu"])


def prepare() -> str:
    """Install the peer when it is missing; return its version."""
    for tool in ("nfcapd", "nfdump"):
        if shutil.which(tool) is None:
            subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "nfdump"], capture_output=True, check=False)  # fmt: skip
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is missing and can't be installed here")
    said = subprocess.run(["nfdump", "-V"], capture_output=True, text=True, check=False)
    return (said.stdout + said.stderr).split("Version:")[-1].split()[0].strip()


def lines(quick: bool, rate: int, kinds: Sequence[str], *, ring: bool) -> Iterator[dict[str, object]]:
    """Yield a line per kind of stream."""
    version = prepare()
    for kind in kinds or (("v9",) if quick else tuple(KINDS)):
        if quick:
            yield compare(kind, 1_000_000, 8, rate, 1, version, ring=ring)
        else:
            yield compare(kind, 2_000_000, 10, rate, 3, version, ring=ring)


def main() -> int:
    """Print one line per case; 1 when somebody disagrees or loses, 2 when it can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one stream, within 60 s")
    parser.add_argument(
        "--kind", action="append", choices=tuple(KINDS), default=[], help="only such a stream"
    )
    parser.add_argument("--sockets", action="store_true", help="receive by sockets, without a packet ring")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rate", type=int, default=40_000, help="datagrams a second")
    options = parser.parse_args()
    agreed = True
    try:
        for line in lines(options.quick, options.rate, options.kind, ring=not options.sockets):
            agreed = agreed and bool(line["agree"])
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                print(f"{line['case']:<40} {line['ours']:>6} {line['unit']}  nfcapd {line['peer']:>6}  ratio {line['ratio']:>5}  with list {line['ratio_with_list']:>6}  lost {line['lost_datagrams']}/{line['peer_lost_datagrams']}  agree {line['agree']}", flush=True)  # fmt: skip
    except Trouble as trouble:
        print(json.dumps({"bench": "watch-path", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
