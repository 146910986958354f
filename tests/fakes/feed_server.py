"""A MISP feed on loopback: files by name, and ways to misbehave."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FeedServer:
    """``files`` by path; ``mood`` is empty, ``drip`` or ``redirect``."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.mood = ""
        self.authorisation = ""
        self.asked: list[tuple[str, str]] = []
        self.address = ""


def event(number: int, address: str, **more: Any) -> tuple[str, bytes]:
    """Return name and octets of an event with one attribute."""
    attribute = {
        "uuid": f"a{number}", "type": "ip-dst|port", "value": f"{address}|48101", "to_ids": True,
        "comment": "ENGINEER'S NOTE", **more,
    }  # fmt: skip
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    return uuid, json.dumps(
        {"Event": {"uuid": uuid, "info": "SECRET TITLE", "Attribute": [attribute]}}
    ).encode()


def feed(*events: tuple[str, bytes]) -> dict[str, bytes]:
    """Return the files of a feed."""
    manifest = json.dumps({uuid: {"timestamp": 1} for uuid, _ in events}).encode()
    return {"manifest.json": manifest} | {f"{uuid}.json": octets for uuid, octets in events}


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FeedServer]:
    """Serve them below ``/feed/``."""
    state = FeedServer(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization", "")))
            octets = state.files.get(self.path.removeprefix("/feed/"))
            status = 404 if octets is None else 200
            if state.authorisation and self.headers.get("Authorization") != state.authorisation:
                status = 403
            if state.mood == "redirect":
                status = 302
            octets = octets or b""
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                for begin in range(0, len(octets), 1 if state.mood == "drip" else len(octets) or 1):
                    self.wfile.write(octets[begin:] if state.mood != "drip" else octets[begin : begin + 1])
                    self.wfile.flush()
                    time.sleep(0.05 if state.mood == "drip" else 0)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}/feed"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
