"""What was recorded is answered again; what was not is refused."""

from __future__ import annotations

import asyncio

import pytest

from fakes.peers import Kept, head, live_net, serving
from sekisho.errors import PeerFailure
from sekisho.formats.http import Request
from sekisho.ports import Endpoint, Scan
from sekisho.wires.replay import ReplayNet

from . import hostile


def two_pages(peer: object) -> None:
    request = head(peer)  # type: ignore[arg-type]
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + request.split()[1])  # type: ignore[attr-defined]


def test_http_is_replayed_by_request() -> None:
    kept = Kept()

    async def live() -> list[bytes]:
        net = live_net(kept=kept)
        return [(await net.fetch(endpoint, Request(path=path))).body for path in ("/a", "/b", "/a")]

    async def again() -> None:
        net = ReplayNet(kept.values())
        assert [(await net.fetch(endpoint, Request(path=path))).body for path in ("/b", "/a")] == [
            b"/b",
            b"/a",
        ]
        for path in ("/c", "/b"):
            with pytest.raises(PeerFailure) as caught:
                await net.fetch(endpoint, Request(path=path))
            assert caught.value.reason == "unsupported"

    with serving(two_pages) as endpoint:  # type: ignore[arg-type]
        assert asyncio.run(live()) == [b"/a", b"/b", b"/a"]
    asyncio.run(again())


def test_streams_and_their_endings_are_replayed() -> None:
    kept = Kept()

    async def talk(net: object) -> list[object]:
        connection = await net.open(endpoint)  # type: ignore[attr-defined]
        await connection.send(b"hello\r\n\r\n")
        said: list[object] = []
        try:
            while data := await connection.receive():
                said.append(data)
        except PeerFailure as failed:
            said.append(failed.reason)
        await connection.close()
        return said

    with serving(hostile.reset_in_body) as endpoint:
        live = asyncio.run(talk(live_net(kept=kept)))
    assert live[-1] == "reset"
    assert asyncio.run(talk(ReplayNet(kept.values()))) == live

    async def differently() -> None:
        connection = await ReplayNet(kept.values()).open(endpoint)
        await connection.send(b"good-bye")

    with pytest.raises(PeerFailure) as caught:
        asyncio.run(differently())
    assert caught.value.reason == "unsupported"


def test_a_refused_connection_is_replayed() -> None:
    kept = Kept()
    nobody = Endpoint("127.0.0.1", 1)
    for make in (lambda: live_net(kept=kept), lambda: ReplayNet(kept.values())):
        with pytest.raises(PeerFailure) as caught:
            asyncio.run(make().fetch(nobody, Request()))
        assert caught.value.reason == "refused"


def test_scans_are_narrowed_and_never_invented() -> None:
    scan = Scan("127.0.0.1", "tcp", (22, 80), (99,), (), 65_532, 65_535, 65_535, 1.0)
    net = ReplayNet((), (scan,))
    part = asyncio.run(net.scan(Endpoint("127.0.0.1", 0), range(1, 81)))
    assert (part.open, part.silent, part.closed, part.asked) == ((22, 80), (), 78, 80)
    with pytest.raises(PeerFailure):
        asyncio.run(net.scan(Endpoint("127.0.0.2", 0), [1]))


@pytest.mark.parametrize("behave", [hostile.says_nothing, hostile.slow_drip, hostile.header_flood])
def test_a_failed_request_fails_again(behave: object) -> None:
    kept = Kept()
    reasons = []
    with serving(behave) as endpoint:  # type: ignore[arg-type]
        for make in (lambda: live_net(kept=kept), lambda: ReplayNet(kept.values())):
            with pytest.raises(PeerFailure) as caught:
                asyncio.run(make().fetch(endpoint, Request()))
            reasons.append(caught.value.reason)
    assert reasons[0] == reasons[1] != "unsupported"
