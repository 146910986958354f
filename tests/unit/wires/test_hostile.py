"""Every hostile peer ends as a PeerFailure or a Reply, in bounded time and memory."""

from __future__ import annotations

import asyncio
import socket
import time
import tracemalloc
from collections.abc import Callable

import pytest

from fakes.peers import SMALL, Kept, live_net, serving
from sekisho.errors import PeerFailure
from sekisho.formats.http import Reply, Request
from sekisho.ports import Endpoint

from . import hostile

# Whatever a peer does, a fetch ends by its deadline (half a step), and holds no more than a few answers' bound.
MOST_SECONDS = SMALL.step_seconds
MOST_BYTES = 12 * SMALL.answer_bytes

Behaviour = Callable[[socket.socket], None]


def fetch(endpoint: Endpoint, request: Request | None = None, kept: Kept | None = None) -> Reply:
    async def go() -> Reply:
        return await live_net(kept=kept).fetch(endpoint, request or Request())

    tracemalloc.start()
    began = time.monotonic()
    try:
        return asyncio.run(go())
    finally:
        assert time.monotonic() - began < MOST_SECONDS
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MOST_BYTES + _OF_THE_PEER


_OF_THE_PEER = 4_000_000  # the servers run in the same process: their blocks count too


@pytest.mark.parametrize(
    ("behave", "reasons"),
    [
        (hostile.slow_drip, {"too-slow"}),
        (hostile.slow_head, {"too-slow"}),
        (hostile.header_flood, {"too-large"}),
        (hostile.reset_at_once, {"reset", "closed"}),
        (hostile.reset_after_request, {"reset"}),
        (hostile.reset_in_head, {"reset"}),
        (hostile.half_closed, {"closed"}),
        (hostile.says_nothing, {"timed-out"}),
        (hostile.gone_in_the_middle, {"timed-out"}),
    ],
)
def test_no_reply_is_a_failure_with_its_reason(behave: Behaviour, reasons: set[str]) -> None:
    kept = Kept()
    with serving(behave) as endpoint, pytest.raises(PeerFailure) as caught:
        fetch(endpoint, kept=kept)
    assert caught.value.reason in reasons
    assert len(kept) == 1, "a failed conversation is evidence too"


@pytest.mark.parametrize(
    "behave",
    [hostile.gigabyte, hostile.chunks_without_end, hostile.gzip_bomb, hostile.endless_banner],
)
def test_what_has_no_end_is_cut_at_the_bound(behave: Behaviour) -> None:
    if behave is hostile.gzip_bomb:
        hostile._bomb()
    kept = Kept()
    with serving(behave) as endpoint:
        reply = fetch(endpoint, kept=kept)
    assert reply.cut
    assert len(reply.body) == SMALL.answer_bytes
    transcript = kept[reply.transcript]
    assert sum(len(chunk.data) for chunk in transcript.chunks) <= SMALL.transcript_bytes
    assert transcript.dropped > 0


@pytest.mark.parametrize(
    ("behave", "fault", "body"),
    [
        (hostile.reset_in_body, "reset", b"half"),
        (hostile.length_too_long, "short", b"short"),
        (hostile.length_too_long_and_waiting, "timed-out", b"short"),
        (hostile.length_too_short, "chatter", b"lo"),
    ],
)
def test_a_lying_length_gives_the_reply_and_its_fault(behave: Behaviour, fault: str, body: bytes) -> None:
    with serving(behave) as endpoint:
        reply = fetch(endpoint)
    assert (reply.status, reply.fault, reply.body) == (200, fault, body)


def test_an_answer_before_the_upload_was_read_is_heard() -> None:
    with serving(hostile.refuses_the_upload) as endpoint:
        reply = fetch(endpoint, Request("POST", "/upload", (), b"u" * 3_000_000))
    assert reply.status == 413


@pytest.mark.parametrize(
    ("behave", "reasons"),
    [
        (hostile.tls_that_never_ends, {"tls"}),
        (hostile.tls_silence, {"tls"}),
        (hostile.not_tls, {"tls"}),
        # The reset may be there before the handshake has begun.
        (hostile.reset_at_once, {"tls", "reset"}),
    ],
)
def test_tls_that_never_comes_about(behave: Behaviour, reasons: set[str]) -> None:
    with serving(behave, tls=True) as endpoint, pytest.raises(PeerFailure) as caught:
        fetch(endpoint)
    assert caught.value.reason in reasons


@pytest.mark.parametrize("behave", [hostile.endless_banner, hostile.telnet_storm])
def test_a_stream_without_end_is_received_piece_by_piece(behave: Behaviour) -> None:
    kept = Kept()

    async def go(endpoint: Endpoint) -> int:
        connection = await live_net(kept=kept).open(endpoint)
        total = 0
        while total < 1_000_000:
            data = await connection.receive(1000)
            assert 0 < len(data) <= 1000
            total += len(data)
        await connection.close()
        return total

    with serving(behave) as endpoint:
        total = asyncio.run(go(endpoint))
    (transcript,) = kept.values()
    assert transcript.dropped + sum(len(chunk.data) for chunk in transcript.chunks) == total


def test_a_listener_that_never_accepts() -> None:
    """The backlog answers the handshake; nobody ever reads. Once it is full, connecting times out."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])
    reasons = []

    async def go() -> None:
        net = live_net()
        opened = []
        for _ in range(3):
            try:
                opened.append(await net.open(endpoint))
            except PeerFailure as failed:
                reasons.append(failed.reason)
        with pytest.raises(PeerFailure) as caught:
            await opened[0].receive()
        reasons.append(caught.value.reason)
        for one in opened:
            await one.close()

    with listener:
        asyncio.run(go())
    assert reasons[-1] == "timed-out"
    assert "timed-out" in reasons[:-1]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(PeerFailure) as caught:
        fetch(endpoint)
    assert caught.value.reason == "refused"


def test_the_rest_goes_on_after_each_of_them() -> None:
    """One net meets a bad peer and then a good one."""

    def good(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nfine")

    async def go(bad: Endpoint, fine: Endpoint) -> Reply:
        net = live_net()
        for _ in range(SMALL.concurrent + 5):
            with pytest.raises(PeerFailure):
                await net.fetch(bad, Request())
        return await net.fetch(fine, Request())

    with serving(hostile.reset_after_request) as bad, serving(good) as fine:
        assert asyncio.run(go(bad, fine)).body == b"fine"
