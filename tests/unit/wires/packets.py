"""The right to see packets, which a packet ring asks for; and packets as nobody's system would send them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET

MANY, SINGLY, RING = {}, {"singly": True}, {"ring": True}
WAYS = pytest.mark.parametrize("way", [MANY, SINGLY, RING], ids=["many", "singly", "ring"])


def need_the_right() -> None:
    """Skip loudly where packets may not be seen; under ``CI=true`` that is a failure, as in the lab."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close()
    except OSError as error:
        why = f"PACKET RINGS WERE NOT TRIED: {error.strerror}: run ./run test as root"
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)


def may(way: dict[str, bool]) -> dict[str, bool]:
    """Return a way of receiving, when it may be tried here."""
    if way is RING:
        need_the_right()
    return way


def four(
    port: int, payload: bytes, *, source: str = "127.0.0.1", target: str = "127.0.0.1", udp: int | None = None,
    total: int | None = None, words: int = 5, version: int = 4, spoil: int = 0,
) -> bytes:  # fmt: skip
    """Return an IPv4 packet with a UDP datagram; lengths may lie, and ``spoil`` breaks the header's checksum."""
    octets = 8 + len(payload) if udp is None else udp
    whole = 28 + len(payload) if total is None else total
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH", version << 4 | words, 0, whole, 1, 0, 64, 17, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head[: 4 * words]) ^ spoil) + head[12:]
    return head + struct.pack("!HHHH", 999, port, octets, 0) + payload


def six(port: int, payload: bytes, *, udp: int | None = None, total: int | None = None) -> bytes:
    """Return an IPv6 packet with a UDP datagram on loopback; lengths may lie."""
    octets = 8 + len(payload) if udp is None else udp
    whole = 8 + len(payload) if total is None else total
    ends = 2 * socket.inet_pton(socket.AF_INET6, "::1")
    head = struct.pack("!IHBB", 6 << 28, whole, 17, 64) + ends
    body = struct.pack("!HHHH", 999, port, octets, 0) + payload
    covered = body[: octets or len(body)]
    check = checksum(ends + struct.pack("!II", len(covered), 17) + covered) or 0xFFFF
    return head + body[:6] + struct.pack("!H", check) + body[8:]


def checksum(octets: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{(len(octets) + 1) // 2}H", octets + b"\0" * (len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Putting:
    """Puts packets on an interface as they are."""

    def __init__(self, device: str = "lo") -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._device = device

    def __call__(self, packet: bytes, kind: int = 0x0800) -> None:
        self._socket.sendto(packet, (self._device, kind, 0, 0, bytes(6)))

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Let this thread have a network of its own, whose loopback takes packets that another system might have sent."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK):
        os.close(home)
        raise OSError(ctypes.get_errno(), "no network of its own")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
        for name in ("route_localnet", "accept_local"):
            Path(f"/proc/sys/net/ipv4/conf/all/{name}").write_text("1", encoding="ascii")
        yield
    finally:
        libc.setns(home, _NEW_NETWORK)
        os.close(home)
