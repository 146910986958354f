"""The test's own ear in the lab: every frame that the tester sends or hears, taken by a packet socket.

What the product writes about its packets is not asked: a test about packets that must not be sent needs a witness
of its own.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from .machine import Machine
from .network import LAN_MAC, WAN_MAC

_ALL = 0x0003
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux: the kernel's own clock, however late this thread reads
_IP4, _IP6 = 0x0800, 0x86DD
_TCP = 6
_DEVICE = {bytes.fromhex(mac.replace(":", "")) for mac in (LAN_MAC, WAN_MAC)}


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet between tester and device.

    :ivar sent: True for the tester's
    :ivar far, port: the device's address and TCP or UDP port (0 for other protocols)
    :ivar payload: what TCP carries; empty for other protocols
    :ivar at: when the kernel had it, as Unix time
    """

    sent: bool
    far: str
    port: int
    payload: bytes
    at: float


@dataclass(slots=True)
class Ear:
    """What was heard so far. Neighbour discovery and multicast are left out: they are not sent to the device."""

    packets: list[Packet] = field(default_factory=list)

    def sent(self) -> list[Packet]:
        """Return the packets that the tester sent to the device itself."""
        return [packet for packet in self.packets if packet.sent]

    def answers(self, beginning: bytes) -> int:
        """Return how many of the device's TCP segments begin so, for example with an HTTP status line."""
        return sum(1 for one in self.packets if not one.sent and one.payload.startswith(beginning))

    def pace(self, asked: bytes, answered: bytes, began: float, ended: float) -> float:
        """Return how many answers an hour came from the first request to the last answer between two moments."""
        within = [one for one in self.packets if began <= one.at <= ended]
        first = min(one.at for one in within if one.sent and one.payload.startswith(asked))
        answers = [one.at for one in within if not one.sent and one.payload.startswith(answered)]
        return len(answers) / (max(answers) - first) * 3600


@contextlib.contextmanager
def listening(machine: Machine) -> Iterator[Ear]:
    """Hear all that passes the tester's ports; complete when the block is left."""
    ear, stop = Ear(), threading.Event()
    with machine.network.inside():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
    raw.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    raw.settimeout(0.2)
    thread = threading.Thread(target=_hear, args=(raw, ear, stop))
    thread.start()
    try:
        yield ear
    finally:
        stop.set()
        thread.join()
        raw.close()


def _hear(raw: socket.socket, ear: Ear, stop: threading.Event) -> None:
    while True:
        try:
            frame, more, _, place = raw.recvmsg(65_536, socket.CMSG_SPACE(16))
        except TimeoutError:
            if stop.is_set():  # only when nothing is left to read
                return
            continue
        if place[0] == "lo":
            continue
        seconds, nanoseconds = struct.unpack("qq", more[0][2])
        packet = _packet(frame, seconds + nanoseconds / 1e9, sent=place[2] == socket.PACKET_OUTGOING)
        if packet is not None:
            ear.packets.append(packet)


def _packet(frame: bytes, at: float, *, sent: bool) -> Packet | None:
    kind = int.from_bytes(frame[12:14], "big")
    if kind not in (_IP4, _IP6) or (frame[:6] if sent else frame[6:12]) not in _DEVICE:
        return None
    body = frame[14:]
    if kind == _IP4:
        start, end, protocol = (body[0] & 15) * 4, int.from_bytes(body[2:4], "big"), body[9]
        far = str(IPv4Address(body[16:20] if sent else body[12:16]))
    else:
        start, end, protocol = 40, 40 + int.from_bytes(body[4:6], "big"), body[6]
        far = str(IPv6Address(body[24:40] if sent else body[8:24]))
        if protocol == socket.IPPROTO_ICMPV6:
            return None  # neighbour discovery: the kernel's, like ARP
    segment = body[start:end]
    if protocol not in (_TCP, socket.IPPROTO_UDP) or len(segment) < 8:
        return Packet(sent, far, 0, b"", at)
    near_port, far_port = struct.unpack("!HH", segment[:4])
    payload = segment[(segment[12] >> 4) * 4 :] if protocol == _TCP else b""
    return Packet(sent, far, far_port if sent else near_port, payload, at)
