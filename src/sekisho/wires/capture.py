"""The packet capture of a run: begun before the first packet, limited to the terminal, bounded in size.

tcpdump does it when it is there, else a raw socket of our own (Linux). Both need rights that not everybody has;
when there is no capture, `Capture.start` says so, and why, as data of the evidence.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import re
import selectors
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from sekisho.formats import pcap

MOST_BYTES = 256 * 1024 * 1024
READY_SECONDS = 3.0
LINGER_SECONDS = 0.3
_BLOCK = 64 * 1024
_PIPE_BYTES = 1024 * 1024
_GATHER_SECONDS = 0.02
# tcpdump gives each packet that waits a place of the longest one's length: a thousand of them find room.
_LONGEST_PACKET, _RING_KIB = 65_000, 65_536
_DROPPED = re.compile(rb"^(\d+) packets? dropped by kernel", re.MULTILINE)
_ETH_P_ALL = 3
# linux/if_packet.h, not in Python's socket module.
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_TCP, _FRAGMENT, _IPV6, _IPV6_HEADER = 6, 44, 6, 40
_RECEIVE_BUFFER = 8 * 1024 * 1024


class Capture:
    """Writes ``capture-<n>.pcap`` into ``folder``: packets to and from ``addresses`` (or prefixes), both ways.

    Args:
        folder: made when it isn't there.
        addresses: what to keep; a zone such as ``%eth0`` is ignored.
        most: bytes after which the file ends; the run goes on.
        tcpdump: path of the program; None looks for it, an empty string does without.
        without: TCP ports that are left out at either end, and fragments of TCP with them, whose port nobody sees: a
            console on this machine must not read its people's passwords into evidence.
    """

    def __init__(
        self, folder: Path, addresses: Sequence[str], *, most: int = MOST_BYTES, tcpdump: str | None = None,
        without: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self._folder = folder
        self._without = frozenset(without)
        self._prefixes = tuple(ip_network(one.partition("%")[0], strict=False) for one in addresses)
        self._most = most
        self._tcpdump = shutil.which("tcpdump") if tcpdump is None else tcpdump
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._written = 0
        self._lost = 0
        self._cut = False
        self._failed = ""

    def start(self) -> dict[str, Any]:
        """Begin, and return what the evidence says of it: file and means, or why there is no capture."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._prefixes:
            return {"captured": False, "why": "no address"}
        path = self._folder / f"capture-{len(list(self._folder.glob('capture-*.pcap'))) + 1}.pcap"
        why = self._start_tcpdump(path) if self._tcpdump else "tcpdump is not installed"
        if not why:
            return self._began(path, "tcpdump")
        reason = self._start_socket(path)
        if not reason:
            return self._began(path, "raw socket")
        path.unlink(missing_ok=True)
        return {"captured": False, "why": f"{why}; raw socket: {reason}"}

    def _began(self, path: Path, by: str) -> dict[str, Any]:
        began: dict[str, Any] = {"captured": True, "file": path.name, "by": by, "most_bytes": self._most}
        return {**began, "without_tcp_ports": sorted(self._without)} if self._without else began

    def _filter(self) -> str:
        """Return what tcpdump is to keep, in pcap-filter(7)."""
        wanted = " or ".join(f"net {prefix}" for prefix in self._prefixes)
        if not self._without:
            return wanted
        unwanted = [f"tcp port {port}" for port in sorted(self._without)]
        unwanted += ["(ip proto 6 and ip[6:2] & 0x1fff != 0)", "(ip6 proto 44 and ip6[40] = 6)"]
        return f"({wanted}) and not ({' or '.join(unwanted)})"

    def stop(self) -> dict[str, Any]:
        """End, and return bytes written, whether the bound was reached, and how many packets the system ``missed``.

        None: it doesn't say how many (the bound ended the program before). The raw socket misses packets before they are
        looked at, so some may have been none of the terminal's. Harmless without a start. A disk that took no more adds ``failed`` (what the system said) and ``lost`` (bytes that were heard
        and are not in the file).
        """
        if self._thread is None:
            return {"bytes": 0, "cut": False}
        time.sleep(LINGER_SECONDS)  # what the terminal said last is still on its way to the file
        self._ended.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        self._thread.join(READY_SECONDS)
        missed = None if self._socket is None else _drops(self._socket)
        if self._process is not None:
            try:
                self._process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            missed = _said_dropped(self._process)
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
        if self._socket is not None:
            self._socket.close()
        self._process = self._socket = self._thread = None
        ended: dict[str, Any] = {"bytes": self._written, "cut": self._cut, "missed": missed}
        return {**ended, "failed": self._failed, "lost": self._lost} if self._failed else ended

    def _start_tcpdump(self, path: Path) -> str:
        """Start tcpdump into a pipe, so that the bound is ours and it needs no right to our folder."""
        command = [
            str(self._tcpdump),
            "-i",
            "any",
            "-n",
            "-U",
            "--immediate-mode",
            "-s",
            str(_LONGEST_PACKET),
            "-B",
            str(_RING_KIB),
            "-w",
            "-",
            self._filter(),
        ]
        try:
            process = subprocess.Popen(  # noqa: S603  (fixed words, and prefixes that were parsed as addresses)
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            return f"tcpdump: {error.strerror}"
        said = _until_ready(process)
        if "listening on" not in said:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
            return f"tcpdump: {said.strip()[-200:] or 'did not start'}"
        self._process = process
        self._thread = threading.Thread(target=self._pump, args=(process, path), name="capture", daemon=True)
        self._thread.start()
        return ""

    def _pump(self, process: subprocess.Popen[bytes], path: Path) -> None:
        source = process.stdout
        if source is None:
            return
        _widen(source.fileno())
        with self._opened(path) as file:
            while data := os.read(source.fileno(), _BLOCK):
                if not self._write(file, data):
                    process.terminate()
                    return
                if len(data) < _BLOCK:
                    # To be woken by each packet of a scan costs as much as a part of the scan.
                    self._ended.wait(_GATHER_SECONDS)

    def _start_socket(self, path: Path) -> str:
        family = getattr(socket, "AF_PACKET", None)
        if family is None:
            return "this system has none"
        try:
            # Without the link header (SOCK_DGRAM), so that loopback, Wi-Fi and Ethernet look the same.
            made = socket.socket(family, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        except OSError as error:
            return error.strerror or str(error)
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        made.settimeout(0.1)
        self._socket = made
        self._thread = threading.Thread(target=self._listen, args=(made, path), name="capture", daemon=True)
        self._thread.start()
        return ""

    def _listen(self, source: socket.socket, path: Path) -> None:
        with self._opened(path) as file:
            self._write(file, pcap.file_header())
            while not self._ended.is_set():
                try:
                    data = source.recv(pcap.SNAP_BYTES)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if (
                    self._concerns(data)
                    and not self._left_out(data)
                    and not self._write(file, pcap.packet(time.time(), data))
                ):
                    return

    def _concerns(self, data: bytes) -> bool:
        """Whether an IP packet comes from or goes to one of the addresses."""
        version = data[0] >> 4 if data else 0
        fields = {4: (data[12:16], data[16:20]), 6: (data[8:24], data[24:40])}.get(version, ())
        try:
            ends = [ip_address(field) for field in fields]
        except ValueError:
            return False
        return any(end in prefix for end in ends for prefix in self._prefixes)

    def _left_out(self, data: bytes) -> bool:
        """Whether an IP packet is TCP of a port that is left out, or a fragment of TCP without its ports."""
        if not self._without:
            return False
        if data[0] >> 4 == _IPV6:
            kind, start, later = data[6], _IPV6_HEADER, False
            if kind == _FRAGMENT:
                kind, later = data[_IPV6_HEADER], True
        else:
            kind, start = data[9], (data[0] & 15) * 4
            later = int.from_bytes(data[6:8], "big") & 0x1FFF != 0
        ends = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (0, 2))
        return kind == _TCP and (later or any(end in self._without for end in ends))

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[io.FileIO | None]:
        """Open ``path`` without a buffer: what is written is on its way, what is not raises at once."""
        try:
            file = io.FileIO(path, "wb")
        except OSError as error:
            self._failed = error.strerror or str(error)
            yield None
            return
        with file:
            yield file

    def _write(self, file: io.FileIO | None, data: bytes) -> bool:
        """Write ``data`` unless the file would grow beyond the bound; on a full disk only count it."""
        if self._written + len(data) > self._most:
            self._cut = True
            return False
        if file is None or self._failed:
            self._lost += len(data)
            return True
        try:
            taken = file.write(data)
        except OSError as error:
            taken, self._failed = 0, error.strerror or str(error)
        if taken == len(data):
            self._written += taken
            return True
        # A run without a capture is worth more than no run; the file ends where it was good.
        self._failed = self._failed or os.strerror(errno.ENOSPC)
        self._lost += len(data)
        with contextlib.suppress(OSError):
            file.truncate(self._written)
        return True


def _said_dropped(process: subprocess.Popen[bytes]) -> int | None:
    """Return how many packets tcpdump says at its end that the kernel dropped; None when it doesn't."""
    if process.stderr is None:
        return None
    os.set_blocking(process.stderr.fileno(), False)
    try:
        found = _DROPPED.search(os.read(process.stderr.fileno(), _BLOCK))
    except OSError:
        return None
    return int(found[1]) if found else None


def _drops(source: socket.socket) -> int | None:
    with contextlib.suppress(OSError, struct.error):
        return int(struct.unpack("=II", source.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])
    return None


def _widen(pipe: int) -> None:
    """Let more wait in a pipe where the system can; elsewhere whoever writes to it waits a little more often."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _until_ready(process: subprocess.Popen[bytes]) -> str:
    """Return what the program said until it listens, ended, or 3 s went by."""
    said = b""
    deadline = time.monotonic() + READY_SECONDS
    if process.stderr is None:
        return ""
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stderr, selectors.EVENT_READ)
        while b"listening on" not in said and (left := deadline - time.monotonic()) > 0:
            if not waiting.select(left):
                break
            piece = os.read(process.stderr.fileno(), _BLOCK)
            if not piece:
                break
            said += piece
    return said.decode("utf-8", "replace")
