"""GET and POST over one connection, bounded in time and size whatever the server does.

Only https is spoken, except to a loopback address; redirects are not followed, so that a header that signs in goes
nowhere else. What the server does wrong is a `PeerFailure`.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import PeerFailure, ReadingError
from sekisho.formats.loopback import is_loopback
from sekisho.language import Text


class HttpBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a server may take: seconds without a word and in all, octets of one answer and in all."""

    quiet_seconds: float = 20.0
    seconds: float = 600.0
    page_octets: int = 64 << 20
    octets: int = 256 << 20


class BoundedHttp:
    """One connection to the server of an address, opened again when the server closed it.

    :raises ReadingError: the address is no https one (nor http to loopback)
    """

    def __init__(
        self,
        address: str,
        bounds: HttpBounds,
        headers: Mapping[str, str],
        authority: str = "",
        client: str = "",
    ) -> None:
        """Open nothing yet.

        :param authority: PEM file of a certification authority of one's own; empty for the system's
        :param client: PEM file of a certificate of one's own with its key, by which the server knows who asks
        """
        self._bounds = bounds
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._until = time.monotonic() + bounds.seconds
        self._octets = 0
        self._ended = threading.Event()
        self._open: list[socket.socket] = []
        self._connection = _connection(address, bounds.quiet_seconds, authority, client)
        self._connection._create_connection = self._connected  # type: ignore[attr-defined]  # noqa: SLF001 - before TLS begins
        # A server that sends an octet now and then renews every time-out of its socket: the end comes from outside.
        self._clock = threading.Timer(bounds.seconds, self._end)
        self._clock.daemon = True
        self._clock.start()

    def close(self) -> None:
        """Let go of the connection."""
        self._clock.cancel()
        self._connection.close()
        self._let_go()

    def get(self, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the answer to a GET, whatever its status, and its body.

        :raises PeerFailure: for everything that is not a whole answer
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the answer to a POST, as `get`."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, sent: bytes | None) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            self._in_time()
            self._connection.request(method, path, sent, headers=self._headers)
            response = self._connection.getresponse()
            body = self._body(response)
            self._in_time()
        except (OSError, http.client.HTTPException) as fault:
            self._in_time()
            raise _failure(fault, path) from fault
        if response.length and response.status == http.HTTPStatus.OK:
            raise PeerFailure("closed", "the answer is shorter than it says")
        return response, body

    def _connected(self, *arguments: Any) -> socket.socket:
        self._let_go()
        found = socket.create_connection(*arguments)
        self._open.append(found.dup())
        if self._ended.is_set():
            self._end()
        return found

    def _let_go(self) -> None:
        while self._open:
            self._open.pop().close()

    def _end(self) -> None:
        """End whatever is being waited for: all time is used up."""
        self._ended.set()
        for one in tuple(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _in_time(self) -> None:
        if self._ended.is_set() or time.monotonic() > self._until:
            self._connection.close()
            raise PeerFailure("too-slow", f"more than {self._bounds.seconds} s")

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        """Read up to the bound, and no longer than the time that is left."""
        parts, size = [], 0
        while part := response.read1(1 << 16):
            parts.append(part)
            size += len(part)
            self._octets += len(part)
            if size > self._bounds.page_octets:
                self._connection.close()
                raise PeerFailure("too-large", f"more than {self._bounds.page_octets} octets")
            if self._octets > self._bounds.octets:
                self._connection.close()
                raise PeerFailure("budget", f"more than {self._bounds.octets} octets in all")
            self._in_time()
        response.close()
        return b"".join(parts)


def _connection(address: str, quiet: float, authority: str, client: str = "") -> http.client.HTTPConnection:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))) or not host:
        raise ReadingError(
            Text(
                ja="相手とはhttpsだけで話す（httpはループバックだけ）",
                en="only https is spoken (http to loopback only)",
            ),
            address,
        )
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=quiet)
    context = ssl.create_default_context(cafile=authority or None)
    if client:
        try:
            context.load_cert_chain(client)
        except (OSError, ssl.SSLError) as error:
            raise ReadingError(
                Text(ja="証明書と秘密鍵が読めない", en="no certificate with its key can be read"), client
            ) from error
    return http.client.HTTPSConnection(host, port, timeout=quiet, context=context)


def _failure(fault: OSError | http.client.HTTPException, path: str) -> PeerFailure:
    """Return what went wrong as data."""
    if isinstance(fault, TimeoutError):
        return PeerFailure("timed-out", path)
    if isinstance(fault, ssl.SSLError):
        return PeerFailure("tls", str(fault))
    if isinstance(fault, ConnectionRefusedError):
        return PeerFailure("refused", str(fault))
    if isinstance(fault, ConnectionError):
        return PeerFailure("reset", str(fault))
    if isinstance(fault, http.client.HTTPException):
        return PeerFailure("malformed", f"{type(fault).__name__}: {fault}"[:200])
    return PeerFailure("unreachable", str(fault))
