"""A client, a router and two servers in namespaces of their own, and the programs that take containment rules.

::

    client 198.51.100.5 fd5e:c1a5:91::5 ---- router ---- far 203.0.113.7 203.0.113.8 fd5e:c1a5:92::7

Programs run inside the namespaces only: their loopback is not the machine's. What starts here is stopped by its pid.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from .network import _run, inside

CLIENT4, CLIENT6 = "198.51.100.5", "fd5e:c1a5:91::5"
FAR4, OTHER4, FAR6 = "203.0.113.7", "203.0.113.8", "fd5e:c1a5:92::7"
_ECHO = """
import socket, sys, threading
def serve(one):
    while True:
        with one.accept()[0] as peer:
            peer.sendall(peer.recv(64))
for host in sys.argv[2:]:
    for port in map(int, sys.argv[1].split(",")):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        threading.Thread(target=serve, args=(socket.create_server((host, port), family=family),), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


class Street:
    """The three namespaces, made and removed."""

    def __init__(self, name: str) -> None:
        self.client, self.router, self.far = (f"{name}-{one}" for one in ("client", "router", "far"))
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._delete()
        for namespace in (self.client, self.router, self.far):
            _run(["ip", "netns", "add", namespace])
            self.command(
                namespace,
                "sysctl",
                "-q",
                "-w",
                "net.ipv6.conf.default.accept_dad=0",
                "net.ipv6.conf.all.accept_dad=0",
            )
            self.ip(namespace, "link set lo up")
        for side, namespace, near4, near6 in (
            ("c", self.client, "198.51.100.1/24", "fd5e:c1a5:91::1/64"),
            ("f", self.far, "203.0.113.1/24", "fd5e:c1a5:92::1/64"),
        ):
            self.ip(self.router, f"link add {side}0 type veth peer name port netns {namespace}")
            self.ip(self.router, f"addr add {near4} dev {side}0")
            self.ip(self.router, f"addr add {near6} dev {side}0 nodad")
            self.ip(self.router, f"link set {side}0 up")
        for namespace, addresses in (
            (self.client, (f"{CLIENT4}/24", f"{CLIENT6}/64")),
            (self.far, (f"{FAR4}/24", f"{OTHER4}/24", f"{FAR6}/64")),
        ):
            for one in addresses:
                self.ip(namespace, f"addr add {one} dev port{' nodad' if ':' in one else ''}")
            self.ip(namespace, "link set port up")
            self.ip(
                namespace,
                f"route add default via {'198.51.100.1' if namespace == self.client else '203.0.113.1'}",
            )
            self.ip(
                namespace,
                f"-6 route add default via {'fd5e:c1a5:91::1' if namespace == self.client else 'fd5e:c1a5:92::1'}",
            )
        self.command(
            self.router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"
        )
        return self

    def __exit__(self, *_: object) -> None:
        for one in reversed(self._running):
            stop(one)
        self._delete()

    def _delete(self) -> None:
        for namespace in (self.client, self.router, self.far):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, timeout=30, check=False)

    def ip(self, namespace: str, words: str) -> None:
        _run(["ip", "-n", namespace, *words.split()])

    def command(
        self, namespace: str, *words: str, text: str = "", code: int | None = 0, seconds: float = 20
    ) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", namespace, *words], input=text, capture_output=True, text=True, timeout=seconds, check=False
        )  # fmt: skip
        assert code is None or done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def start(self, namespace: str, *words: str, log: Path | None = None) -> subprocess.Popen[str]:
        """Start a program there; its output goes to ``log``, else it can be read."""
        with contextlib.ExitStack() as opened:
            out = opened.enter_context(log.open("w")) if log else subprocess.PIPE
            one = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *words], stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True
            )  # fmt: skip
        self._running.append(one)
        return one

    def echo(self, namespace: str, ports: Sequence[int], *hosts: str) -> None:
        """Start TCP servers that send back what comes, once."""
        one = self.start(namespace, sys.executable, "-c", _ECHO, ",".join(map(str, ports)), *hosts)
        assert one.stdout
        assert one.stdout.readline() == "ready\n"

    def reaches(self, host: str, port: int, *, source: str = "", at: str = "", seconds: float = 0.6) -> bool:
        """Say whether the client (or whoever is in namespace ``at``) gets its own words back."""
        with inside(at or self.client):
            one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        with one:
            one.settimeout(seconds)
            try:
                if source:
                    one.bind((source, 0))
                one.connect((host, port))
                one.sendall(b"hello")
                return one.recv(64) == b"hello"
            except OSError:
                return False


def stop(one: subprocess.Popen[str]) -> None:
    if one.poll() is None:
        one.send_signal(signal.SIGTERM)
        try:
            one.wait(5)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait(5)
    for pipe in (one.stdin, one.stdout):
        if pipe:
            pipe.close()


def soon(true: Callable[[], bool], seconds: float = 20, step: float = 0.2) -> None:
    """Wait until something is true; fail when it isn't in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(step)
