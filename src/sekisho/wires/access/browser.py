"""A browser's memory over single requests: cookies (RFC 6265), redirects with a bound, the Referer."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats.html import read_markup
from sekisho.formats.http import Reply, Request
from sekisho.formats.recipe import Body
from sekisho.ports import Clock, Endpoint, Net

MOST_HOPS = 8
MOST_COOKIES = 60
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_EMPTY = Body()


class Landing(msgspec.Struct, frozen=True):
    """Where a request ended: the last reply, its path, the first reply's time, the paths on the way.

    ``elsewhere`` is a redirect to another address, which is not followed. ``first`` is the first reply.
    """

    reply: Reply
    path: str
    seconds: float
    first: Reply
    trail: tuple[str, ...] = ()
    elsewhere: str = ""


class Credentials(Protocol):
    """Answers 401: gives the Authorization header of a request and learns new challenges."""

    def header(self, method: str, uri: str) -> str:
        """Return the header's value; empty when there is nothing to say yet."""
        ...

    def learn(self, reply: Reply) -> bool:
        """Read the challenge of a 401; True when the request is to be sent once more."""
        ...


class Browser:
    """Requests at one endpoint with one set of cookies and headers."""

    def __init__(self, net: Net, endpoint: Endpoint, clock: Clock) -> None:
        self._net, self._clock = net, clock
        self.endpoint = endpoint
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.credentials: Credentials | None = None
        self.referer = ""

    async def go(
        self, method: str, path: str, body: Body = _EMPTY, headers: Mapping[str, str] | None = None
    ) -> Landing:
        """Send a request and follow where it leads; a circle or a long chain raises PeerFailure("loop")."""
        endpoint = self.endpoint
        path = _with_query(path, body.query)
        first, seconds, trail = None, 0.0, [path]
        seen: set[tuple[str, str, str]] = set()
        while True:
            mark = (method, f"{endpoint.port}{path}", repr(sorted(self.cookies.items())))
            if mark in seen or len(trail) > MOST_HOPS:
                raise PeerFailure("loop", " → ".join(trail[:4]))
            seen.add(mark)
            reply, took = await self._exchange(endpoint, method, path, body, headers or {})
            if first is None:
                first, seconds = reply, took
            target = _target(reply)
            if not target:
                return Landing(reply, path, seconds, first, tuple(trail))
            moved = self._follow(endpoint, path, target)
            if moved is None:
                return Landing(reply, path, seconds, first, tuple(trail), elsewhere=target[:300])
            endpoint, path = moved
            trail.append(path)
            if reply.status not in _KEEPS_METHOD:
                method, body = "GET", _EMPTY

    async def _exchange(
        self, endpoint: Endpoint, method: str, path: str, body: Body, headers: Mapping[str, str]
    ) -> tuple[Reply, float]:
        while True:
            started = self._clock.monotonic()
            reply = await self._net.fetch(endpoint, self._request(endpoint, method, path, body, headers))
            took = reply.seconds or self._clock.monotonic() - started
            for one in reply.every("set-cookie"):
                self._remember(one)
            again = reply.status == 401 and self.credentials is not None and self.credentials.learn(reply)  # noqa: PLR2004 - RFC 9110 §15.5.2
            if not again:
                return reply, took

    def _request(
        self, endpoint: Endpoint, method: str, path: str, body: Body, headers: Mapping[str, str]
    ) -> Request:
        merged = dict(self.headers)
        if self.cookies:
            merged["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        origin = _origin(endpoint)
        if self.referer:
            merged["Referer"] = origin + self.referer
        if method not in {"GET", "HEAD"}:
            merged["Origin"] = origin
            merged["Content-Length"] = str(len(body.content))
            if body.kind:
                merged["Content-Type"] = body.kind
        if self.credentials is not None:
            said = self.credentials.header(method, path)
            if said:
                merged["Authorization"] = said
        for name, value in headers.items():
            merged = {key: one for key, one in merged.items() if key.lower() != name.lower()}
            merged[name] = value
        clean = tuple((name, value.replace("\r", "").replace("\n", "")) for name, value in merged.items())
        return Request(method, path, clean, body.content if method not in {"GET", "HEAD"} else b"")

    def _remember(self, cookie: str) -> None:
        pair, *attributes = cookie[:8192].split(";")
        name, sign, value = pair.strip().partition("=")
        if not sign or not name.strip():
            return
        gone = False
        for attribute in attributes:
            key, _, given = attribute.strip().partition("=")
            if key.lower() == "max-age":
                gone = given.strip().lstrip("+") in {"0", "00"} or given.strip().startswith("-")
            elif key.lower() == "expires" and not gone:
                gone = self._past(given)
        if gone:
            self.cookies.pop(name.strip(), None)
        elif len(self.cookies) < MOST_COOKIES or name.strip() in self.cookies:
            self.cookies[name.strip()] = value.strip()

    def _past(self, date: str) -> bool:
        try:
            when = parsedate_to_datetime(date)
            return when.timestamp() < self._clock.now().timestamp()
        except (ValueError, OverflowError, TypeError, IndexError):
            return False

    def _follow(self, endpoint: Endpoint, path: str, target: str) -> tuple[Endpoint, str] | None:
        """Return the next endpoint and path; None when it leads to another address."""
        try:
            url = urlsplit(urljoin(_origin(endpoint) + path, target))
            port = url.port or (443 if url.scheme == "https" else 80)
        except ValueError:
            return None
        if url.scheme not in {"http", "https"}:
            return None
        host = (url.hostname or "").partition("%")[0]
        onward = url.path + (f"?{url.query}" if url.query else "") or "/"
        onward = onward if onward.startswith("/") else "/" + onward
        if _is_address(host):
            if host != endpoint.address.partition("%")[0]:
                return None
            return _at(endpoint, port, tls=url.scheme == "https"), onward
        # A name such as "router.local" is the terminal's own: only it answers names on its own network.
        tls = url.scheme == "https"
        return (endpoint if tls == endpoint.tls else _at(endpoint, port, tls=tls)), onward


def _at(endpoint: Endpoint, port: int, *, tls: bool) -> Endpoint:
    return Endpoint(endpoint.address, port, "tcp", tls, endpoint.source, endpoint.device)


def _origin(endpoint: Endpoint) -> str:
    address = endpoint.address.partition("%")[0]
    host = f"[{address}]" if ":" in address else address
    usual = 443 if endpoint.tls else 80
    port = "" if endpoint.port == usual else f":{endpoint.port}"
    return f"http{'s' if endpoint.tls else ''}://{host}{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _target(reply: Reply) -> str:
    if reply.status in REDIRECTS:
        return reply.header("location").strip()[:2000]
    kind = reply.header("content-type").lower()
    if reply.body[:1] == b"<" or "html" in kind:
        head = reply.text[:20_000]
        if "refresh" in head.lower():
            return read_markup(head).refresh
    return ""


def _with_query(path: str, query: str) -> str:
    path = path if path.startswith("/") else "/" + path
    return path if not query else f"{path}{'&' if '?' in path else '?'}{query}"
