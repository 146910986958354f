"""The server's bounds: each is reached here, and afterwards the server still answers."""

import asyncio
import contextlib
from http import HTTPStatus

import pytest

from sekisho.exemplar.web import server
from sekisho.exemplar.web.messages import BadRequestError, Response
from sekisho.exemplar.web.server import CONNECTIONS, HEAD_BYTES, PER_SOURCE, Server, parse_head

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def run(story, monkeypatch, **limits):
    """Start a server with shorter limits, run the story with its port, check that it still answers."""
    for name, value in limits.items():
        monkeypatch.setattr(server, name, value)

    async def answer(request):
        if request.path == "/broken":
            raise RuntimeError("secret detail")
        return Response(HTTPStatus.OK, b"%d bytes" % len(request.body))

    async def main():
        running = await Server(lambda request: 1000, answer).serve("127.0.0.1", 0)
        port = running.sockets[0].getsockname()[1]
        await story(port)
        await asyncio.sleep(0.05)
        assert (await talk(port, HEAD)).startswith(b"HTTP/1.1 200"), "alive afterwards"
        running.close()

    asyncio.run(main())


async def talk(port, data, *, wait=5.0, source=None):
    """Send bytes, return all that comes back until the server closes."""
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()
    async with asyncio.timeout(wait):
        read = b""
        with contextlib.suppress(OSError):
            read = await reader.read()
    writer.close()
    return read


def test_a_head_that_never_ends_is_dropped_even_when_it_drips(monkeypatch):
    async def story(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = asyncio.get_running_loop().time()
        with contextlib.suppress(OSError):
            for _ in range(100):
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.05)
                if reader.at_eof():
                    break
        assert asyncio.get_running_loop().time() - begun < 2
        writer.close()

    run(story, monkeypatch, HEAD_SECONDS=0.3)


def test_a_body_that_never_comes_is_dropped(monkeypatch):
    async def story(port):
        assert await talk(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", wait=2) == b""

    run(story, monkeypatch, BODY_SECONDS=0.3)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * HEAD_BYTES * 2 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + b"a" * 1001, b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/9\r\n\r\n", b"400"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET //[ HTTP/1.1\r\n\r\n", b"400"),
    ],
)
def test_heads_and_bodies_out_of_bounds(monkeypatch, sent, status):
    async def story(port):
        assert (await talk(port, sent))[9:12] == status

    run(story, monkeypatch, HEAD_SECONDS=1.0)


def test_connections_are_bounded_per_source_and_in_all(monkeypatch):
    async def story(port):
        async def hold(source):
            return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))

        held = [await hold("127.0.0.1") for _ in range(PER_SOURCE)]
        await asyncio.sleep(0.1)
        assert await talk(port, HEAD) == b"", "one source has had its share"
        assert (await talk(port, HEAD, source="127.0.0.2")).startswith(b"HTTP/1.1 200"), "others have theirs"
        held += [await hold(f"127.0.1.{number // PER_SOURCE}") for number in range(CONNECTIONS - PER_SOURCE)]
        await asyncio.sleep(0.1)
        assert await talk(port, HEAD, source="127.0.0.3") == b"", "all are taken"
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.1)

    run(story, monkeypatch, HEAD_SECONDS=3.0)


def test_an_error_inside_tells_nothing(monkeypatch, capsys):
    async def story(port):
        said = await talk(port, b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 500")
        assert b"secret" not in said

    run(story, monkeypatch)
    assert "secret detail" in capsys.readouterr().err


def test_100_continue_and_head(monkeypatch):
    async def story(port):
        said = await talk(port, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
        assert said.endswith(b"3 bytes")
        assert (await talk(port, HEAD.replace(b"GET", b"HEAD"))).endswith(b"\r\n\r\n")

    run(story, monkeypatch)


def test_every_answer_forbids_scripts_and_frames(monkeypatch):
    async def story(port):
        said = await talk(port, HEAD)
        assert b"default-src 'none'" in said
        assert b"frame-ancestors 'none'" in said
        assert b"no-store" in said

    run(story, monkeypatch)


def test_paths_are_decoded_once():
    request, length = parse_head(b"GET /%2e%2e/%2561?lang=ja HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.1")
    assert (request.path, request.query, length) == ("/../%61", {"lang": "ja"}, 0)
    with pytest.raises(BadRequestError):
        parse_head(b"GET\r\n\r\n", "127.0.0.1")
