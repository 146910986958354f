"""The live net on loopback: transcripts, TLS, UDP, rates, sources."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fakes.peers import SMALL, Kept, head, live_net, serving
from sekisho.errors import PeerFailure
from sekisho.formats.http import Request
from sekisho.ports import Endpoint
from sekisho.wires.rate import TokenBucket


def page(peer: socket.socket) -> None:
    head(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")


def echo(peer: socket.socket) -> None:
    while data := peer.recv(4096):
        peer.sendall(data)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_fetch_and_its_transcript(address: str) -> None:
    kept = Kept()

    async def go() -> None:
        net = live_net(kept=kept)
        reply = await net.fetch(endpoint, Request(path="/a"))
        assert (reply.status, reply.body, reply.fault) == (200, b"page", "")
        assert reply.seconds > 0
        assert net.taken() == (reply.transcript,)
        assert net.taken() == ()
        transcript = kept[reply.transcript]
        assert transcript.chunks[0].way == ">"
        assert transcript.chunks[0].data.startswith(b"GET /a HTTP/1.1\r\n")
        assert b"".join(c.data for c in transcript.chunks if c.way == "<").endswith(b"page")
        assert transcript.remote.endswith(f":{endpoint.port}")
        assert transcript.local
        assert transcript.ended == "closed"

    with serving(page, address) as endpoint:
        asyncio.run(go())


def test_a_connection_over_several_steps_gives_each_step_its_own_bytes() -> None:
    kept = Kept()

    async def go() -> None:
        net = live_net(kept=kept)
        connection = await net.open(endpoint)
        texts = []
        for word in (b"one", b"two"):
            await connection.send(word)
            assert await connection.receive() == word
            (identifier,) = net.taken()
            texts.append([chunk.data for chunk in kept[identifier].chunks])
        await connection.close()
        assert texts == [[b"one", b"one"], [b"two", b"two"]]

    with serving(echo) as endpoint:
        asyncio.run(go())


def test_steps_side_by_side_have_collectors_of_their_own() -> None:
    kept = Kept()

    async def go() -> None:
        net = live_net(kept=kept)

        async def step(word: bytes) -> set[bytes]:
            with net.ledger.collecting():
                connection = await net.open(endpoint)
                for _ in range(3):
                    await connection.send(word)
                    await connection.receive()
                    await asyncio.sleep(0.01)
                await connection.close()
                return {c.data for identifier in net.taken() for c in kept[identifier].chunks}

        found = await asyncio.gather(*(step(str(n).encode()) for n in range(8)))
        assert found == [{str(n).encode()} for n in range(8)]

    with serving(echo) as endpoint:
        asyncio.run(go())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device.example")])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize("rude", [False, True])
def test_tls_with_an_expired_self_signed_certificate_is_recorded(certificate: Path, rude: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    kept = Kept()

    def secure_page(peer: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(peer, server_side=True) as wrapped:
            wrapped.recv(4096)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000)
            if not rude:
                wrapped.unwrap()

    async def go() -> None:
        reply = await live_net(kept=kept).fetch(endpoint, Request())
        assert reply.body == b"z" * 100_000
        version, cipher, digest, subject = kept[reply.transcript].tls.split()
        encoded = ssl.PEM_cert_to_DER_cert(
            certificate.read_text().partition("-----END PRIVATE KEY-----")[2].strip()
        )
        assert (version, digest) == ("TLSv1.3", f"sha256:{hashlib.sha256(encoded).hexdigest()}")
        assert cipher.startswith("TLS_")
        assert subject == "CN=device.example"
        assert kept[reply.transcript].chunks[0].data.startswith(b"GET / ")

    with serving(secure_page, tls=True) as endpoint:
        asyncio.run(go())


@contextlib.contextmanager
def udp(answer: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> Iterator[Endpoint]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(0.1)
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                answer(server, *server.recvfrom(4096))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Endpoint("127.0.0.1", server.getsockname()[1], "udp")
    finally:
        ended.set()
        thread.join()
        server.close()


def test_ask_gathers_answers_also_from_another_port() -> None:
    def answer(server: socket.socket, data: bytes, sender: tuple[str, int]) -> None:
        server.sendto(b"first " + data, sender)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"second", sender)

    async def go() -> None:
        net = live_net(kept=kept)
        found = await net.ask(endpoint, b"who", seconds=0.3)
        assert [one.data for one in found] == [b"first who", b"second"]
        assert found[0].port == endpoint.port != found[1].port
        (identifier,) = net.taken()
        assert [chunk.way for chunk in kept[identifier].chunks] == [">", "<", "<"]

    kept = Kept()
    with udp(answer) as endpoint:
        asyncio.run(go())


def test_ask_silence_is_empty_and_a_refusal_is_a_failure() -> None:
    with udp(lambda *_: None) as endpoint:
        assert asyncio.run(live_net().ask(endpoint, b"x", seconds=0.2)) == ()
    with pytest.raises(PeerFailure) as caught:
        asyncio.run(live_net().ask(endpoint, b"x", seconds=0.5))
    assert caught.value.reason == "refused"


def test_an_endless_flood_of_datagrams_is_bounded() -> None:
    def flood(server: socket.socket, _data: bytes, sender: tuple[str, int]) -> None:
        for _ in range(2000):
            server.sendto(b"f" * 1000, sender)

    with udp(flood) as endpoint:
        assert len(asyncio.run(live_net().ask(endpoint, b"x", seconds=1, most=5))) == 5


def test_the_source_address_is_used() -> None:
    seen: list[str] = []

    def note(peer: socket.socket) -> None:
        seen.append(peer.getpeername()[0])

    async def go() -> None:
        net = live_net()
        for source in ("127.0.0.1", "127.0.0.77"):
            connection = await net.open(msgspec.structs.replace(endpoint, source=source))
            await connection.receive()
            await connection.close()
        with pytest.raises(PeerFailure) as caught:
            await net.open(msgspec.structs.replace(endpoint, source="192.0.2.99"))
        assert caught.value.reason == "unreachable"

    with serving(note) as endpoint:
        asyncio.run(go())
    assert seen == ["127.0.0.1", "127.0.0.77"]


def test_too_many_open_connections_wait_and_then_fail_loudly() -> None:
    limits = msgspec.structs.replace(SMALL, concurrent=2, step_seconds=0.3)

    async def go() -> None:
        net = live_net(limits)
        held = [await net.open(endpoint) for _ in range(2)]
        with pytest.raises(PeerFailure) as caught:
            await net.open(endpoint)
        assert caught.value.reason == "budget"
        await held[0].close()
        await (await net.open(endpoint)).close()
        await held[1].close()

    with serving(echo) as endpoint:
        asyncio.run(go())


def test_requests_keep_to_their_rate() -> None:
    limits = msgspec.structs.replace(SMALL, requests_per_second=20.0)

    async def go() -> float:
        net = live_net(limits)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(net.fetch(endpoint, Request()) for _ in range(30)))
        return loop.time() - began

    with serving(page) as endpoint:
        assert asyncio.run(go()) > 0.45  # a burst of 20, then 10 at 20 a second


def test_a_token_bucket_never_gives_more_than_its_rate() -> None:
    now = [0.0]
    bucket = TokenBucket(1000, clock=lambda: now[0])
    given = 0
    for _ in range(10_000):
        given += bucket.take(256)
        now[0] += 0.0001
    assert 995 <= given <= 1000 + bucket.burst
    now[0] += 100
    assert bucket.take(10_000) == bucket.burst


def test_cancelling_leaves_nothing_open() -> None:
    async def go() -> None:
        net = live_net(msgspec.structs.replace(SMALL, concurrent=1))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await net.fetch(endpoint, Request())
        assert len(net.taken()) == 3

    with serving(lambda peer: (head(peer), threading.Event().wait(1))) as endpoint:  # type: ignore[arg-type,return-value]
        asyncio.run(go())


def test_nothing_is_sent_to_a_port_that_the_description_excludes() -> None:
    """Whoever asks for it: a page, a connection, a datagram or a scan; its neighbour is reached."""
    came: list[int] = []
    with serving(lambda _: came.append(1)) as shut, serving(page) as beside:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with silent:
            silent.bind(("127.0.0.1", 0))
            silent.setblocking(False)
            udp = Endpoint("127.0.0.1", silent.getsockname()[1], "udp")
            kept = Kept()
            net = live_net(kept=kept, excluded=frozenset({("tcp", shut.port), ("udp", udp.port)}))

            async def go() -> None:
                for ask in (
                    net.open(shut),
                    net.connected(shut),
                    net.fetch(shut, Request()),
                    net.ask(udp, b"x"),
                ):
                    with pytest.raises(PeerFailure) as refused:
                        await ask
                    assert refused.value.reason == "left-out"
                seen = await net.scan(shut, [shut.port, beside.port])
                assert seen.open == (beside.port,)
                assert seen.asked == 1

            asyncio.run(go())
            with pytest.raises(BlockingIOError):
                silent.recv(10)
        assert came == []
        assert dict(kept) == {}
