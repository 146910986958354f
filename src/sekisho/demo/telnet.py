"""A telnet daemon with real option negotiation (RFC 854, 857, 858) and a busybox-like shell.

It offers ECHO and SUPPRESS-GO-AHEAD and asks for TERMINAL-TYPE and NAWS, as busybox telnetd does, answers every
offer of the client, skips subnegotiations, and treats IAC IAC as one byte.
"""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Callable
from typing import Any

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
_ECHO, _SGA, _TTYPE, _NAWS = 1, 3, 24, 31
_GREETING = bytes([IAC, DO, _TTYPE, IAC, DO, _NAWS, IAC, WILL, _ECHO, IAC, WILL, _SGA])
_OURS, _THEIRS = {_ECHO, _SGA}, {_TTYPE, _NAWS, _SGA}
_LINE = 1024


class _Terminal:
    """One connection as lines: negotiation is answered and hidden."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._after_return = False
        stream.sendall(_GREETING)

    def _byte(self) -> int:
        data = self._stream.recv(1)
        if not data:
            raise EOFError
        return int(data[0])

    def _negotiate(self) -> int | None:
        command = self._byte()
        if command == IAC:
            return IAC
        if command in {DO, DONT, WILL, WONT}:
            option = self._byte()
            if command == DO and option not in _OURS:
                self._stream.sendall(bytes([IAC, WONT, option]))
            if command == WILL and option not in _THEIRS:
                self._stream.sendall(bytes([IAC, DONT, option]))
        elif command == SB:
            before = 0
            while (now := self._byte()) != SE or before != IAC:
                before = now
        return None

    def say(self, text: str) -> None:
        """Send text with network line ends."""
        self._stream.sendall(
            text.replace("\n", "\r\n").encode("latin-1", "replace").replace(b"\xff", b"\xff\xff")
        )

    def line(self, prompt: str, *, echo: bool = True) -> str:
        """Ask for one line; raises EOFError when the client is gone."""
        self.say(prompt)
        read = bytearray()
        while True:
            byte: int | None = self._byte()
            if byte == IAC:
                byte = self._negotiate()
            # The client ends a line with CR LF or CR NUL (RFC 854): the second byte is no line of its own.
            second, self._after_return = self._after_return and byte in {0, 10}, byte == 13
            if byte is None or byte == 0 or second:
                continue
            if byte in {10, 13}:
                self.say("\n")
                return read.decode("latin-1")
            if len(read) < _LINE:
                read.append(byte)
            if echo:
                self._stream.sendall(bytes([byte]))


def shell(line: str, host: str) -> str | None:
    """Answer one line as busybox would; None means exit."""
    said = []
    for command in line.replace("&&", ";").split(";"):
        words = command.split()
        if not words:
            continue
        if words[0] in {"exit", "logout", "quit"}:
            return None
        said.append(_run(words, host))
    return "".join(said)


def _run(words: list[str], host: str) -> str:
    name = words[0].rpartition("/")[2]
    if name == "busybox" and len(words) > 1:
        return _run(words[1:], host) if words[1] in _APPLETS else f"{words[1]}: applet not found\n"
    if name in {"sh", "enable", "system", "shell"}:
        return ""
    if name == "cat":
        return "".join(
            _FILES.get(path, f"cat: can't open '{path}': No such file or directory\n") for path in words[1:]
        )
    if name == "echo":
        # Quotes vanish wherever they stand, as in a shell.
        return " ".join(re.sub("['\"]", "", word) for word in words[1:] if word not in {"-n", "-e"}) + "\n"
    plain = {
        "id": "uid=0(root) gid=0(root)\n",
        "whoami": "root\n",
        "pwd": "/root\n",
        "hostname": f"{host}\n",
        "uname": f"Linux {host} 3.10.14 #1 mips GNU/Linux\n" if "-a" in words else "Linux\n",
        "busybox": "BusyBox v1.19.4 (2014-06-05 12:00:00 CST) multi-call binary.\n",
        "ls": "bin   dev   etc   proc  tmp   var\n",
        "ps": "  PID USER       VSZ STAT COMMAND\n    1 root      1064 S    init\n   88 root      1060 S    telnetd\n",
    }
    return plain.get(name, f"-sh: {words[0]}: not found\n")


_APPLETS = {"id", "cat", "echo", "whoami", "pwd", "hostname", "uname", "ls", "ps", "sh"}
_FILES = {
    "/proc/version": "Linux version 3.10.14 (build@demo) (gcc version 4.8.3) #1 Thu Jun 5 12:00:00 CST 2014\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "/proc/mounts": "rootfs / rootfs rw 0 0\nproc /proc proc rw 0 0\n",
}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    disable_nagle_algorithm = True


def serve(
    accept: Callable[[str, str], bool] | None,
    addresses: tuple[str, ...],
    port: int,
    host: str,
    tries: int = 3,
) -> None:
    """Listen on every address. `accept` checks user and password; None gives a shell at once.

    After `tries` wrong codes the connection ends, and the next may begin at once.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(60)
            with contextlib.suppress(OSError, EOFError, ValueError):
                self._talk(_Terminal(self.request))

        @staticmethod
        def _talk(terminal: _Terminal) -> None:
            for _ in range(tries if accept else 0):
                user = terminal.line(f"\n{host} login: ")
                password = terminal.line("Password: ", echo=False)
                if accept and accept(user, password):
                    break
                terminal.say("\nLogin incorrect\n")
            else:
                if accept:
                    return
            terminal.say("\n\nBusyBox v1.19.4 (2014-06-05 12:00:00 CST) built-in shell (ash)\n")
            terminal.say("Enter 'help' for a list of built-in commands.\n\n")
            while (said := shell(terminal.line("# "), host)) is not None:
                terminal.say(said)

    for address in addresses:
        server = _Server((address, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
