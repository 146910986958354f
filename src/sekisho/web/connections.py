"""Connections of a server: who sends no head of a request in time is let go, and no source holds more than its part."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import Collection
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
#: Under this name the scope's state holds the SHA-256 of the certificate that a client has shown; absent for none.
CLIENT = "client_certificate"
PER_SOURCE = 128
_V6_LINE = 64


def source(host: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 that one IPv6 line has."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    if address.version == 4 or mapped:  # noqa: PLR2004 - the version of the Internet Protocol
        return str(mapped or address)
    return str(ipaddress.ip_network((address, _V6_LINE), strict=False))


class Bounded(H11Protocol):
    """A connection with bounds; `bounded` says which."""

    head_seconds = HEAD_SECONDS
    per_source = PER_SOURCE
    exempt: frozenset[str] = frozenset()
    source = ""
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or close it where its source holds its part already."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls else None
        # The handshake has proved that the client holds its key, and that its authority is one of ours.
        if shown:
            self.app_state = {**self.app_state, CLIENT: hashlib.sha256(shown).hexdigest()}
        self.source = source(self.client[0]) if self.client else ""
        held = sum(getattr(other, "source", "") == self.source for other in self.connections)
        if self.source and self.source not in self.exempt and held > self.per_source:
            transport.abort()
            return
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Read; while a head isn't whole its deadline runs."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._arm()
        else:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._end)

    def _disarm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.abort()


def bounded(
    trusted: Collection[str] = (), *, head_seconds: float = HEAD_SECONDS, per_source: int = PER_SOURCE
) -> type[Bounded]:
    """Return a protocol for uvicorn.

    :param trusted: addresses of proxies, which stand for many
    :param head_seconds: from the first octet of a connection or of a further request until its head is whole
    :param per_source: connections that a source may hold; one more is closed at once
    """
    exempt = frozenset(map(source, trusted))
    return type(
        "Bounded", (Bounded,), {"head_seconds": head_seconds, "per_source": per_source, "exempt": exempt}
    )
