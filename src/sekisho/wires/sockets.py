"""Sockets of a chosen family, source and device; and what an operating system's error says about the peer."""

from __future__ import annotations

import errno
import socket
import struct

from sekisho.errors import PeerFailure
from sekisho.ports import Endpoint

SockAddr = tuple[str, int] | tuple[str, int, int, int]

# linux/in.h; not in every Python's socket module. Leaves the source port open until connect, when the whole
# four-tuple is known, so that a chosen source address doesn't use ports up.
_IP_BIND_ADDRESS_NO_PORT = 24
_LINGER_NOTHING = struct.pack("ii", 1, 0)

_REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timed-out",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.EACCES: "unreachable",
    errno.EPERM: "unreachable",
    errno.EPROTO: "reset",
    errno.ENODEV: "unreachable",
}


def failure(error: OSError) -> PeerFailure | None:
    """Return what ``error`` says about the peer or the way to it; None when it is our own trouble."""
    reason = _REASONS.get(error.errno or 0)
    if reason is None and isinstance(error, TimeoutError):
        reason = "timed-out"
    return PeerFailure(reason, error.strerror or str(error)) if reason else None


def family(address: str) -> socket.AddressFamily:
    """Return the address family of a literal ``address``."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def sockaddr(address: str, port: int) -> SockAddr:
    """Return the socket address of a literal ``address``; a zone such as ``%eth0`` becomes its index."""
    if ":" not in address:
        return address, port
    host, _, zone = address.partition("%")
    if not zone:
        return host, port, 0, 0
    try:
        return host, port, 0, int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as error:
        raise PeerFailure("unreachable", f"no interface {zone}") from error


def named(address: SockAddr) -> str:
    """Return ``address`` as text: ``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def make(endpoint: Endpoint, kind: socket.SocketKind, *, abrupt: bool = False) -> socket.socket:
    """Return a non-blocking socket for ``endpoint``, bound to its source and device when it names them.

    Args:
        endpoint: where it will talk to.
        kind: stream or datagram.
        abrupt: close with a reset, so that thousands of scan connections leave no TIME_WAIT behind.

    Raises:
        PeerFailure: ``unreachable`` when we don't have that source address or device.
    """
    made = socket.socket(family(endpoint.address), kind)
    try:
        made.setblocking(False)
        if abrupt:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
        if endpoint.device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.device.encode() + b"\0")
        if endpoint.source:
            if kind is socket.SOCK_STREAM:
                made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind(sockaddr(endpoint.source, 0))
    except OSError as error:
        made.close()
        found = failure(error)
        raise (PeerFailure(found.reason, f"own side: {found.detail}") if found else error) from error
    except BaseException:
        made.close()
        raise
    return made
