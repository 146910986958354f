"""A TAXII 2.1 server on loopback with one collection, and ways to misbehave."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MEDIA = "application/taxii+json;version=2.1"


class Taxii:
    """``objects`` are (date added, STIX object); ``mood`` is one of the misbehaviours below."""

    def __init__(self, objects: list[tuple[str, dict[str, Any]]]) -> None:
        self.objects = objects
        self.mood = ""
        self.auth = ""
        self.page = 2
        self.asked: list[dict[str, str]] = []
        self.root = ""

    def basic(self, user: str, password: str) -> None:
        self.auth = "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def answer(server: Taxii, handler: BaseHTTPRequestHandler) -> None:
    url = urlsplit(handler.path)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    server.asked.append(query)
    status, headers = 200, {"Content-Type": MEDIA}
    found = [one for one in server.objects if one[0] > query.get("added_after", "")]
    begin = int(query.get("next", "0")) if server.mood != "no-next" else 0
    size = min(server.page, int(query["limit"]))
    part = found[begin : begin + size]
    body: dict[str, Any] = {"objects": [one for _, one in part], "more": begin + size < len(found)}
    if body["more"] and server.mood != "no-next":
        body["next"] = str(begin + size)
    if part:
        headers["X-TAXII-Date-Added-Last"] = part[-1][0]
    if url.path != "/api1/collections/cc/objects/":
        status = 404
    if server.auth and handler.headers.get("Authorization") != server.auth:
        status = 401
    if server.mood == "busy":
        status, headers["Retry-After"] = 503, "120"
    if server.mood == "loop":
        body |= {"more": True, "next": "0"}
    if server.mood == "html":
        headers["Content-Type"] = "text/html"
    if server.mood == "redirect":
        status, headers["Location"] = 302, "http://127.0.0.1:1/"
    octets = json.dumps(body).encode()
    if server.mood == "rubbish":
        octets = b'{"objects": ['
    if server.mood == "octets":
        octets = b'{"objects": [{"id": "\xff"}]}'
    if server.mood == "deep":
        octets = b'{"objects": [' + b"[" * 200_000
    if server.mood == "large":
        octets = b" " * 3_000_000
    if server.mood == "second-page-breaks" and "next" in query:
        octets = b"no"
    if server.mood == "drip-headers":
        for octet in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100:
            handler.wfile.write(bytes([octet]))
            handler.wfile.flush()
            time.sleep(0.05)
        return
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(octets) + (100 if server.mood == "short" else 0)))
    handler.end_headers()
    if server.mood == "silent":
        time.sleep(2)
    if server.mood == "drip":
        for octet in octets:
            handler.wfile.write(bytes([octet]))
            handler.wfile.flush()
            time.sleep(0.05)
    else:
        handler.wfile.write(octets)
    if server.mood == "short":
        handler.close_connection = True


@contextlib.contextmanager
def taxii(objects: list[tuple[str, dict[str, Any]]]) -> Iterator[Taxii]:
    state = Taxii(objects)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                answer(state, self)

        def log_message(self, *args: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A client that hangs up, or speaks TLS, is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    state.root = f"http://127.0.0.1:{server.server_port}/api1/"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
