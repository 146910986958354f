"""The doors that every request passes, in order: host, size, rate, origin, sign-in, permission. Default: closed.

Headers are set on every answer, errors included. Sources: OWASP's cheat sheets on CSRF (Fetch Metadata) and sessions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_YEAR = 31_536_000


class Headers:
    """Sets the headers of every answer; pages are kept by nobody, static files (named by digest) for ever."""

    def __init__(self, application: ASGIApp, *, secure: bool) -> None:
        """Wrap an application; with ``secure`` browsers are told to come by TLS only."""
        self._application = application
        self._headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        if secure:
            self._headers.append((b"strict-transport-security", f"max-age={_YEAR}".encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        own = b"%s" % scope["path"].encode("utf-8", "replace")
        kept = f"public, max-age={_YEAR}, immutable" if own.startswith(b"/static/") else "no-store"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                missing = [(name, value) for name, value in self._headers if name not in there]
                message["headers"] = [*message["headers"], *missing, (b"cache-control", kept.encode())]
            await send(message)

        await self._application(scope, receive, with_headers)


def known_host(request: Request, names: Collection[str]) -> bool:
    """Say whether the Host header is ours: a page elsewhere may point its own name at this address (DNS rebinding)."""
    try:
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return name.lower() in names


def same_origin(request: Request, scheme: str) -> bool:
    """Say whether an unsafe request comes from our own pages.

    ``Sec-Fetch-Site`` decides where the browser sends it; browsers send none over plain HTTP to an address of the LAN,
    so the ``Origin`` must be ours there. A request with neither is no browser's: only a bearer token helps it.
    """
    if request.method in _SAFE:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and origin == f"{scheme}://{request.headers.get('host', '')}"


def source_of(request: Request, proxies: Collection[str]) -> str:
    """Return the address that asks; behind proxies of ours the last one in ``X-Forwarded-For`` that is none of them."""
    peer = request.client.host if request.client else ""
    if peer not in proxies:
        return peer
    for told in reversed(request.headers.get("x-forwarded-for", "").split(",")):
        address = _address(told.strip())
        if not address:
            return peer
        if address not in proxies:
            return address
    return peer


def scheme_of(request: Request, proxies: Collection[str]) -> str:
    """Return http or https; a proxy of ours is believed about its own side."""
    peer = request.client.host if request.client else ""
    told = request.headers.get("x-forwarded-proto", "") if peer in proxies else ""
    return told if told in ("http", "https") else request.url.scheme


def _address(told: str) -> str:
    try:
        return str(ipaddress.ip_address(told))
    except ValueError:
        return ""


class Rate:
    """A bucket of requests for each source: ``burst`` at once, ``a_second`` afterwards. At most ``most`` are remembered.

    It keeps a page from being hammered; guessing of passwords is slowed by the accounts themselves.
    """

    def __init__(self, a_second: float, burst: float, most: int = 4096) -> None:
        self._rate, self._burst, self._most = a_second, burst, most
        self._left: dict[str, tuple[float, int]] = {}

    def allows(self, source: str, now: int) -> bool:
        """Take one from the bucket of a source at a moment in milliseconds; False when it is empty."""
        left, at = self._left.pop(source, (self._burst, now))
        left = min(self._burst, left + max(0, now - at) / 1000 * self._rate)
        if len(self._left) >= self._most:
            self._left.pop(next(iter(self._left)))
        self._left[source] = (left - 1 if left >= 1 else left, now)
        return left >= 1
