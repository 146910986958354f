"""A plain threaded web server for the demo's terminals, as cheap firmware has it: no bounds, no brake."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_MOST = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: form and query values together, the raw body, the session cookie."""

    method: str
    path: str
    values: Mapping[str, str]
    body: bytes
    kind: str
    session: str

    def file(self) -> bytes:
        """Return the first file of a multipart form, or the raw body."""
        found = re.search(r'boundary="?([^";]+)', self.kind)
        if found is None:
            return self.body
        for part in (b"\r\n" + self.body).split(b"\r\n--" + found[1].encode())[1:]:
            head, _, content = part.partition(b"\r\n\r\n")
            if b"filename=" in head:
                return content
        return b""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; `session` sets the cookie."""

    body: str = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    location: str = ""
    session: str = ""


Answer = Callable[[Asked], Said]


@dataclass
class Sessions:
    """The tokens of signed-in browsers; they never expire, and there may be any number."""

    _open: set[str] = field(default_factory=set)

    def begin(self) -> str:
        """Return a new token."""
        token = secrets.token_hex(16)
        self._open.add(token)
        return token

    def __contains__(self, token: object) -> bool:
        return token in self._open

    def end(self, token: str) -> None:
        """Forget a token."""
        self._open.discard(token)

    def end_all(self) -> None:
        """Forget all tokens, as a restart does."""
        self._open.clear()


def page(title: str, content: str, language: str = "en") -> str:
    """Wrap content as a page of the old school."""
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:14px sans-serif;margin:2em}label{display:block;margin:.6em 0}</style></head>"
        f"<body><h1>{title}</h1>{content}</body></html>"
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


def serve(answer: Answer, addresses: tuple[str, ...], port: int, banner: str) -> None:
    """Answer on every address, each in a thread of its own, until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30
        server_version = banner
        sys_version = ""

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            length = min(int(self.headers.get("Content-Length") or 0), _MOST)
            body = self.rfile.read(length)
            values = dict(parse_qsl(parts.query, keep_blank_values=True))
            kind = self.headers.get("Content-Type", "")
            if kind.startswith("application/x-www-form-urlencoded"):
                values |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("sid")
            asked = Asked(self.command, parts.path, values, body, kind, cookie.value if cookie else "")
            said = answer(asked)
            data = said.body.encode()
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            self.send_header("Content-Length", str(len(data)))
            if said.location:
                self.send_header("Location", said.location)
            if said.session:
                self.send_header("Set-Cookie", f"sid={said.session}; Path=/")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_HEAD = _handle  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Keep quiet."""

    for address in addresses:
        server = _Server((address, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
