"""A small web device on loopback: a handler function per device, real sockets, no framework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec

Handler = Callable[["Asked"], "Said | Awaitable[Said]"]


class Asked(msgspec.Struct):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (one.partition("=") for one in self.headers.get("cookie", "").split("; ") if one)
        return {name: value for name, _, value in pairs}


class Said(msgspec.Struct):
    body: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@asynccontextmanager
async def web_server(handler: Handler) -> AsyncIterator[int]:
    """Serve ``handler`` on 127.0.0.1; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            method, path, _ = first.split(" ", 2)
            headers = {k.lower(): v.strip() for k, _, v in (one.partition(":") for one in lines if one)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            said = handler(Asked(method, path, headers, body))
            if not isinstance(said, Said):
                said = await said
            out = said.body.encode()
            kinds = [name for name, _ in said.headers if name.lower() == "content-type"]
            extra = "" if kinds else "Content-Type: text/html; charset=utf-8\r\n"
            extra += "".join(f"{name}: {value}\r\n" for name, value in said.headers)
            writer.write(
                f"HTTP/1.1 {said.status} X\r\n{extra}Content-Length: {len(out)}\r\n\r\n".encode() + out
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)
