"""Captures to flows: our meter beside ``nfpcapd -r`` and ``softflowd -r``.

The captures are made here: TCP and UDP packets of synthetic flows over ten minutes of capture time, once cut to 96
octets (as for flow metering), once whole (64 to 1,500 octets). All three meter with the same time-outs; nfpcapd
writes its file, softflowd exports NetFlow v9 to a socket of ours that nobody reads. ``limit`` is reading the file's
octets. CPU-seconds of one core, best of several runs, alternating. ``agree`` is true when packets and octets are what
nfpcapd counted and what the capture was made of.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from bench import flows
from bench._collectors import Trouble, totals
from sekisho.readers.pcap import READER

UNIT = "M packets/cpu-s"
IDLE, ACTIVE = 15, 1800
_CUT = 96


class Counts:
    """What the reader said of the file."""

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()

    def good(self, rows: int) -> None: ...

    def reject(self, reason: str, where: str = "", count: int = 1) -> None:  # noqa: ARG002 - the port
        self.rejects[reason] += count

    def note(self, name: str, count: int = 1) -> None: ...


def capture(path: Path, count: int, *, whole: bool) -> tuple[int, int]:
    """Write a capture; return packets and octets (of IP)."""
    generator = np.random.default_rng(3)
    columns = flows.columns(max(1000, count // 10))
    flow = generator.integers(0, len(columns["octetDeltaCount"]), count)
    # Each flow lasts for some packets that lie near each other.
    order = np.sort(generator.random(count))
    flow = np.sort(flow + generator.normal(0, 300, count)).astype(np.int64) % len(columns["octetDeltaCount"])
    length = np.where(generator.random(count) < 0.5, 60, generator.integers(64, 1500, count)).astype(np.int64)
    kept = length if whole else np.minimum(length, _CUT)
    heads = np.zeros((count, 16 + 54), np.uint8)
    time_us = 1_790_000_000_000_000 + (order * 600e6).astype(np.int64)

    def put(at: int, kind: str, values: object) -> None:
        size = np.dtype(kind).itemsize
        heads[:, at : at + size] = (
            np.broadcast_to(np.asarray(values), count).astype(kind).view(np.uint8).reshape(count, size)
        )

    tcp = columns["protocolIdentifier"][flow] == 6
    for at, kind, values in (
        (0, "<u4", time_us // 1_000_000), (4, "<u4", time_us % 1_000_000), (8, "<u4", kept), (12, "<u4", length),
        (28, ">u2", 0x0800), (30, "u1", 0x45), (32, ">u2", length - 14), (38, "u1", 64),
        (39, "u1", np.where(tcp, 6, 17)), (42, ">u4", columns["sourceIPv4Address"][flow]),
        (46, ">u4", columns["destinationIPv4Address"][flow]), (50, ">u2", columns["sourceTransportPort"][flow]),
        (52, ">u2", columns["destinationTransportPort"][flow]),
        (54, ">u4", np.where(tcp, 1, (length - 34) << 16)), (62, "u1", 0x50), (63, "u1", np.where(tcp, 0x18, 0)),
    ):  # fmt: skip
        put(at, kind, values)
    filler = bytes(1500)
    with path.open("wb", buffering=1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535 if whole else _CUT, 1))
        for row, octets in enumerate(kept.tolist()):
            out.write(heads[row])
            out.write(filler[: octets - 54])
    return count, int((length - 14).sum())


def ours(path: Path) -> tuple[float, tuple[int, int, int]]:
    """Return CPU-seconds, and flows, packets and octets."""
    counts, sums = Counts(), [0, 0, 0]
    began = time.process_time()
    with path.open("rb") as source:
        for batch in READER.read(source, counts, {"idle": IDLE, "active": ACTIVE}):
            sums[0] += batch.num_rows
            sums[1] += pc.sum(batch.column("packetDeltaCount")).as_py()
            sums[2] += pc.sum(batch.column("octetDeltaCount")).as_py()
    seconds = time.process_time() - began
    return seconds, (sums[0], sums[1], sums[2]) if not counts.rejects else (-1, -1, -1)


def cpu(*command: str, folder: Path | None = None) -> float:
    """Return CPU-seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, cwd=folder)
    if done.returncode:
        raise Trouble(f"{' '.join(command)}: {done.stderr[-300:]!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def nfpcapd(path: Path) -> tuple[float, tuple[int, int, int]]:
    """Return CPU-seconds of nfpcapd, and what nfdump counts in its files."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        seconds = cpu("nfpcapd", "-r", str(path), "-w", folder, "-t", "86000", "-e", f"{ACTIVE},{IDLE}")
        return seconds, totals(Path(folder))


def softflowd(path: Path) -> float:
    """Return CPU-seconds of softflowd, which exports to a socket that nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, tempfile.TemporaryDirectory() as folder:
        sink.bind(("127.0.0.1", 0))
        names = ("tcp", "tcp.rst", "tcp.fin", "udp", "icmp", "general")
        timeouts = [word for name in names for word in ("-t", f"{name}={IDLE}")]
        # softflowd cuts long paths off, and waits for ever on its control socket after a file.
        return cpu(
            "softflowd", "-d", "-r", path.name, "-v", "9", "-m", "1000000", "-n", f"127.0.0.1:{sink.getsockname()[1]}",
            "-p", f"{folder}/pid", "-c", "none", *timeouts, "-t", f"maxlife={ACTIVE}", folder=path.parent,
        )  # fmt: skip


def octets_read(path: Path) -> float:
    """Return CPU-seconds of reading the file's octets."""
    room = bytearray(1 << 20)
    began = time.process_time()
    with path.open("rb", buffering=0) as source:
        while source.readinto(room):
            pass
    return time.process_time() - began


def lines(quick: bool) -> Iterator[dict[str, object]]:
    """Yield two lines of each capture."""
    count, rounds = (300_000, 3) if quick else (3_000_000, 5)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        for whole in (False, True):
            path = Path(folder) / "made.pcap"
            made = capture(path, count, whole=whole)
            best = {"ours": 1e9, "nfpcapd": 1e9, "softflowd": 1e9, "limit": 1e9}
            agree, found = True, 0
            for _ in range(rounds):
                seconds, counted = ours(path)
                theirs, truth = nfpcapd(path)
                runs = {
                    "ours": seconds,
                    "nfpcapd": theirs,
                    "softflowd": softflowd(path),
                    "limit": octets_read(path),
                }
                best = {name: min(best[name], value) for name, value in runs.items()}
                agree = agree and counted[1:] == truth[1:] == made
                found = counted[0]
            rate = {name: count / 1e6 / max(value, 1e-6) for name, value in best.items()}
            for peer in ("nfpcapd", "softflowd"):
                yield {
                    "bench": "pcap-decode",
                    "target": "whole packets" if whole else f"packets cut to {_CUT} octets",
                    "unit": UNIT,
                    "ours": round(rate["ours"], 3),
                    "peer": round(rate[peer], 3),
                    "peer_name": f"{peer} -r",
                    "ratio": round(rate["ours"] / rate[peer], 2),
                    "limit": round(rate["limit"], 1),
                    "limit_name": "reading the file's octets",
                    "agree": agree,
                    "packets": count,
                    "flows": found,
                    "octets": path.stat().st_size,
                    "load": round(os.getloadavg()[0], 2),
                    "command": f"bench/pcap_decode.py; {peer} -r FILE",
                }


def prepare() -> None:
    """Check for the peers; install them when it can be."""
    for tool, package in (("nfpcapd", "nfdump"), ("nfdump", "nfdump"), ("softflowd", "softflowd")):
        if shutil.which(tool) is None and os.geteuid() == 0:
            command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
            subprocess.run(command, capture_output=True, check=False)
        if shutil.which(tool) is None:
            raise Trouble(f"{tool} is missing")


def main() -> int:
    """Print one line per comparison; return 1 when somebody disagrees, 2 when the bench can't be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer packets, within 60 s")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    agreed = True
    try:
        prepare()
        for line in lines(options.quick):
            agreed = agreed and bool(line["agree"])
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                shown = f"{line['ours']:>8} {line['peer']:>8} {UNIT}  ratio {line['ratio']:>6}  agree {line['agree']}"
                print(f"{line['target']:<28} {shown}  {line['peer_name']}", flush=True)
    except Trouble as trouble:
        print(json.dumps({"bench": "pcap-decode", "error": str(trouble)}), flush=True)
        return 2
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
