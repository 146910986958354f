"""A small HTTP/1.1 server in which everything has a bound: time, bytes, connections.

| what is tried | bound |
|---|---|
| many connections | 64 in all, 24 from one address; more are closed at once |
| slow-loris: a head that never ends | 5 s for the whole head, not per line |
| a giant head | 8 KiB, then 431 |
| a giant body | the route's limit (16 KiB; 8 MiB for the signed-in owner's update), then 413, unread |
| a slow body | 10 s, and one second more for each 32 KiB that was announced |
| a reader that never reads | 10 s |
| pipelining, chunked bodies | not offered: one request a connection, length announced |

`serve` binds the addresses that it is given and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from sekisho.exemplar.web.messages import BadRequestError, Request, Response

HEAD_BYTES: Final = 8 * 1024
HEAD_SECONDS: Final = 5.0
BODY_SECONDS: Final = 10.0
BYTES_PER_SECOND: Final = 32 * 1024
WRITE_SECONDS: Final = 10.0
CONNECTIONS: Final = 64
PER_SOURCE: Final = 24

# Sent with every answer. No inline script or style, no frames, nothing kept in a cache. With `no-referrer` a
# browser would send `Origin: null` with our own forms, and the gate would refuse them.
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Server:
    """`admit` sees the head and returns an answer at once or the body's limit; `answer` sees all."""

    admit: Callable[[Request], Response | int]
    answer: Callable[[Request], Awaitable[Response]]
    _open: Counter[str] = field(default_factory=Counter)

    async def serve(self, address: str, port: int) -> asyncio.Server:
        """Listen on one address (no name, no wildcard by default) and return the running server."""
        return await asyncio.start_server(
            self._connection, address, port, limit=HEAD_BYTES, backlog=CONNECTIONS
        )

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        source = str(peer[0]) if peer else "0.0.0.0"  # noqa: S104 - a name for "peer is gone", nothing is bound
        if self._open.total() >= CONNECTIONS or self._open[source] >= PER_SOURCE:
            writer.close()
            return
        self._open[source] += 1
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await self._exchange(reader, writer, source)
        finally:
            self._open[source] -= 1
            if not self._open[source]:
                del self._open[source]
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str
    ) -> None:
        method, unread = "GET", 0
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                request, length = parse_head(await reader.readuntil(b"\r\n\r\n"), source)
            method, unread = request.method, length
            admitted = self.admit(request)
            if isinstance(admitted, Response):
                response = admitted
            elif length > admitted:
                response = Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too large\n")
            else:
                if request.headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                async with asyncio.timeout(BODY_SECONDS + length / BYTES_PER_SECOND):
                    body = await reader.readexactly(length)
                unread = 0
                response = await self.answer(replace(request, body=body))
        except asyncio.LimitOverrunError:
            response, unread = (
                Response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"head too large\n"),
                HEAD_BYTES,
            )
        except BadRequestError as error:
            response = Response(error.status, error.reason.encode() + b"\n")
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            raise
        except Exception as error:  # noqa: BLE001 - the last wall: the terminal goes on, the caller learns nothing
            print(f"exemplar: {method}: {error!r}", file=sys.stderr, flush=True)
            response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, b"internal error\n")
        await _send(writer, response, with_body=method != "HEAD")
        if unread:
            await _drain(reader, unread)


def parse_head(head: bytes, source: str) -> tuple[Request, int]:
    """Read request line and headers; return the request without body and the announced length."""
    try:
        line, *rest = head.decode("ascii").split("\r\n")[:-2]
        method, target, version = line.split(" ")
        headers: dict[str, str] = {}
        for one in rest:
            name, value = one.split(":", 1)
            headers[name.lower()] = value.strip()
        broken = len(headers) != len(rest) or any(not name or name != name.strip() for name in headers)
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, max_num_fields=20))
    except ValueError as error:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "bad-head") from error
    if broken or version not in {"HTTP/1.1", "HTTP/1.0"} or not target.startswith("/"):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "bad-head")
    if "transfer-encoding" in headers:
        raise BadRequestError(HTTPStatus.LENGTH_REQUIRED, "length-required")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "bad-length")
    return Request(method, unquote(parts.path), query, headers, source), int(length)


async def _send(writer: asyncio.StreamWriter, response: Response, *, with_body: bool) -> None:
    headers = {
        **HEADERS,
        "Content-Type": response.kind,
        "Content-Length": str(len(response.body)),
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Set-Cookie: {value}" for value in response.cookies]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (response.body if with_body else b""))
    async with asyncio.timeout(WRITE_SECONDS):
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _drain(reader: asyncio.StreamReader, unread: int) -> None:
    """Throw away what a refused caller still sends, for a while: closing at once would lose the answer."""
    async with asyncio.timeout(HEAD_SECONDS):
        while unread > 0 and (data := await reader.read(HEAD_BYTES)):
            unread -= len(data)
