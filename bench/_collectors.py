"""The peers that collect: nfcapd and sfcapd fed over loopback without loss, and what they counted.

The sender looks at the collector's receive queue in /proc/net/udp and waits while it is a quarter full, so nothing is
dropped and the collector's own CPU time is what it needs. Its user time is the peer's figure: the system time, mostly
spent receiving, is told beside it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sekisho.formats.datagrams import Datagrams

PACKAGES = {"nfcapd": "nfdump", "nfdump": "nfdump", "sfcapd": "nfdump-sflow"}
_BUFFER = 200_000  # octets: what an unprivileged process may ask for everywhere
_STEP = 16


class Trouble(Exception):
    """The peer can't be run here."""


@dataclass(frozen=True)
class Collected:
    """What a collector counted, and the CPU-seconds that it took (``user`` without the kernel's share)."""

    flows: int
    packets: int
    octets: int
    user: float
    system: float
    version: str


def install(*tools: str) -> None:
    """Install the tools' packages when they are missing (Debian names; needs root)."""
    lacking = sorted({PACKAGES[tool] for tool in tools if shutil.which(tool) is None})
    if lacking and os.geteuid() != 0:
        raise Trouble(f"missing: apt-get install {' '.join(lacking)}")
    if lacking:
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *lacking]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise Trouble(f"apt-get could not install {' '.join(lacking)}")


def collect(datagrams: Datagrams, tool: str = "nfcapd") -> Collected:
    """Send the datagrams to a collector of our own on loopback that writes raw files to memory; return its counts."""
    install(tool, "nfdump")
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        port = _free_port()
        command = [tool, "-b", "127.0.0.1", "-p", str(port), "-w", folder, "-t", "86000", "-B", str(_BUFFER)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                _wait_for(port, process)
                dropped = _send(datagrams, port, process)
            finally:
                process.send_signal(signal.SIGTERM)
                _, _, usage = os.wait4(process.pid, 0)
                process.returncode = 0
        if dropped:
            raise Trouble(f"{dropped} datagrams were dropped on the way to {tool}")
        flows, packets, octets = totals(Path(folder))
        return Collected(flows, packets, octets, usage.ru_utime, usage.ru_stime, _version(tool))


def totals(folder: Path) -> tuple[int, int, int]:
    """Return flows, packets and octets of all files in a folder, as nfdump tells them."""
    sums = [0, 0, 0]
    for path in folder.glob("nfcapd.*"):
        done = subprocess.run(["nfdump", "-I", "-r", str(path)], capture_output=True, text=True, check=False)
        for place, name in enumerate(("Flows", "Packets", "Bytes")):
            found = re.search(rf"^{name}: (\d+)$", done.stdout, re.MULTILINE)
            if not found:
                raise Trouble(f"nfdump could not read {path.name}: {done.stdout[-200:]}{done.stderr[-200:]}")
            sums[place] += int(found[1])
    return sums[0], sums[1], sums[2]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _queue(port: int) -> tuple[int, int] | None:
    """Return (octets waiting, datagrams dropped) of the socket bound to ``port``, or None when there is none."""
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}"):
            return int(words[4].split(":")[1], 16), int(words[-1])
    return None


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while _queue(port) is None:
        if process.poll() is not None or time.monotonic() > end:
            raise Trouble("the collector did not start")
        time.sleep(0.02)


def _send(datagrams: Datagrams, port: int, process: subprocess.Popen[bytes]) -> int:
    """Send everything and wait until it was taken; return the datagrams that the kernel dropped."""
    end = time.monotonic() + 600
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        for row, length in enumerate(datagrams.length.tolist()):
            sender.send(datagrams.octets[row, :length])
            while row % _STEP == 0 and (state := _queue(port)) and state[0] > _BUFFER // 4:
                if process.poll() is not None or time.monotonic() > end:
                    raise Trouble("the collector stopped reading")
                time.sleep(0.0005)
    while (state := _queue(port)) and state[0]:
        time.sleep(0.01)
    time.sleep(0.2)
    state = _queue(port)
    return state[1] if state else -1


def _version(tool: str) -> str:
    done = subprocess.run([tool, "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+\.\d+(\.\d+)?)", done.stdout + done.stderr)
    return f"{tool} {found[1]}" if found else tool
