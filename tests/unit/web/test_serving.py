"""Where the console listens."""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from sekisho.web import serving


def test_an_accepted_connection_sends_at_once() -> None:
    """asyncio turns Nagle's algorithm off only where a socket says that it is TCP: else each page takes 40 ms more."""
    bound = serving.bind(serving.Listening(port=0))
    try:
        with socket.create_connection(bound.getsockname()):
            accepted, _ = bound.accept()
            with accepted:
                assert accepted.proto == socket.IPPROTO_TCP
    finally:
        bound.close()


def test_a_whole_office_looks_on_from_behind_one_address(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sekisho", "serve", "--data", str(tmp_path), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, ExitStack() as held:
        assert process.stdout is not None
        port = urlsplit(json.loads(process.stdout.readline())["url"]).port
        asked = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
        try:
            for _ in range(200):
                one = held.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                one.sendall(asked)
                assert one.recv(64).startswith((b"HTTP/1.1 200", b"HTTP/1.1 429"))
        finally:
            process.terminate()
