"""8. Who only holds places: connections without a head, bodies that don't end, rights that end meanwhile."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from fakes.sharing import Ring, indicator
from sekisho.web.connections import bounded, source
from sekisho.web.doors import Rate
from sekisho.web.hub.application import Door, application
from sekisho.web.serving import Listening, bind
from sekisho.workflows.hub import revoke


@contextmanager
def served(ring: Ring, **bounds: Any) -> Iterator[int]:
    bound = bind(Listening(port=0))
    config = uvicorn.Config(
        ring.app, http=bounded(**bounds), log_config=None, lifespan="off", ws="none", limit_concurrency=64
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


def head(port: int) -> bytes:
    return f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_who_sends_no_head_is_let_go(ring: Ring) -> None:
    with (
        served(ring, head_seconds=0.2) as port,
        opened(port) as silent,
        opened(port) as slow,
        opened(port) as good,
    ):
        slow.sendall(b"GET /hea")
        good.sendall(head(port) + b"\r\n")
        assert good.recv(99).startswith(b"HTTP/1.1 200")
        # The next request of a connection has its own deadline.
        good.sendall(head(port))
        for one in (silent, slow, good):
            try:
                while one.recv(4096):
                    pass
            except ConnectionResetError:
                pass


def test_no_source_holds_more_than_its_part(ring: Ring) -> None:
    with served(ring, per_source=3) as port:
        held = [opened(port) for _ in range(3)]
        for one in held:
            one.sendall(head(port))
        with opened(port) as more:
            try:
                more.sendall(head(port) + b"\r\n")
                got = more.recv(99)
            except (ConnectionResetError, BrokenPipeError):
                got = b""
            assert got == b""
        held[0].sendall(b"\r\n")
        assert held[0].recv(99).startswith(b"HTTP/1.1 200")
        for one in held:
            one.close()
    with (
        served(ring, per_source=1, trusted=("127.0.0.1",)) as port,
        opened(port) as first,
        opened(port) as second,
    ):
        first.sendall(head(port))
        second.sendall(head(port) + b"\r\n")
        assert second.recv(99).startswith(b"HTTP/1.1 200")


def test_what_is_one_source() -> None:
    assert source("2001:db8::1") == source("2001:db8::ffff:1") != source("2001:db8:0:1::1")
    assert source("::ffff:192.0.2.1") == source("192.0.2.1") != source("192.0.2.2")


class Slow:
    """A request whose body comes when it is told to."""

    def __init__(self, ring: Ring, member: str, alias: str, body: bytes) -> None:
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": ring.at(alias, "objects"), "raw_path": b"", "query_string": b"", "root_path": "",
            "headers": [(b"host", b"hub.test"), (b"accept", b"application/taxii+json;version=2.1"),
                        (b"content-type", b"application/taxii+json;version=2.1"),
                        (b"content-length", str(len(body)).encode()),
                        (b"authorization", f"Bearer {ring.tokens[member]}".encode())],
            "client": ("127.0.0.1", 1), "server": ("hub.test", 80),
        }  # fmt: skip
        self.body, self.status, self.asked = body, 0, asyncio.Event()
        self.go: asyncio.Event | None = asyncio.Event()
        self.end: dict[str, Any] = {}

    async def receive(self) -> dict[str, Any]:
        self.asked.set()
        if self.go:
            await self.go.wait()
        return self.end or {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)


def test_rights_that_end_while_a_body_comes_have_ended(ring: Ring) -> None:
    ring.join("a")
    body = json.dumps({"objects": [indicator()]}).encode()

    async def tried() -> int:
        one = Slow(ring, "a", "list-in", body)
        task = asyncio.create_task(ring.app(one.scope, one.receive, one.send))
        await one.asked.wait()
        assert revoke(ring.books, ring.tokens["a"], "op")
        assert one.go
        one.go.set()
        await task
        return one.status

    assert asyncio.run(tried()) == 401
    assert ring.books.reports.keys() == ()


def test_without_the_right_to_write_nothing_is_read(ring: Ring) -> None:
    ring.join("r", "receive-only")
    for alias, status in (("failure", 403), ("evidence-in", 404)):
        got = ring.ask("r", "POST", ring.at(alias, "objects"), b" " * 200_000)
        assert (got.status, ring.pieces_read) == (status, 0)
    assert ring.ask("r", "DELETE", ring.at("failure", "objects"), b" " * 200_000).status == 405
    assert ring.pieces_read == 0


@pytest.mark.parametrize(("most", "statuses"), [(2, [408, 408, 429]), (9, [408, 408, 408])])
def test_a_body_that_does_not_end_is_cut_and_a_member_holds_few(
    ring: Ring, most: int, statuses: list[int]
) -> None:
    ring.join("a")
    wide = Rate(1e9, 1e9)
    door = Door(
        ring.desk,
        frozenset({"hub.test"}),
        False,
        sources=wide,
        members=wide,
        body_seconds=0.3,
        most_uploads=most,
    )
    app = application(door)

    async def tried() -> list[int]:
        some = [Slow(ring, "a", "list-in", b"{}") for _ in range(3)]
        await asyncio.gather(*(app(one.scope, one.receive, one.send) for one in some))
        return sorted(one.status for one in some)

    assert asyncio.run(tried()) == statuses
    assert door.uploads == {}


def test_who_goes_away_is_no_fault(ring: Ring, capsys: pytest.CaptureFixture[str]) -> None:
    ring.join("a")

    async def tried() -> None:
        one = Slow(ring, "a", "list-in", b"{}")
        one.go, one.end = None, {"type": "http.disconnect"}
        await ring.app(one.scope, one.receive, one.send)

    asyncio.run(tried())
    assert capsys.readouterr().err == ""
