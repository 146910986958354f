"""A packet ring: the kernel puts datagrams into memory that is shared with this process, before they reach a socket.

Linux's ``PACKET_RX_RING`` (version 3) takes what arrives for the receiver's ports where the IP layer gets it. A socket's
datagram costs a system call's share, a search for its end, a copy by the kernel and the freeing of its buffer; one of
the ring costs a copy. It needs the right to see packets (root, or CAP_NET_RAW), and the extra ``fast``.

The ring stands before the system's filter: what a firewall would not let through, and datagrams that arrive in
fragments, or by IPsec, or readdressed, are seen otherwise than by a socket. So the sockets stay open, with a filter
that lets nothing in but counts: the receiver goes back to them when both don't agree (`sekisho.wires.ears`), and says so.

Only on x86-64: what another processor wrote is seen there in the order in which it was written, without the fences
that compiled Python doesn't have.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
from numpy.typing import NDArray

from sekisho.wires.packet_ring_fast import walk
from sekisho.wires.slots import Slots
from sekisho.wires.socket_filters import NOTHING, RETURN, Step, filter_by

# linux/if_packet.h, not in Python's socket module.
_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION = 263, 5, 6, 10
_VERSION_3 = 2
_IPV4, _IPV6 = 0x0800, 0x86DD
_BLOCK_OCTETS = 1 << 18
# A block that isn't full is given to us after so long: the pause at which a busy receiver looks.
_BLOCK_MILLISECONDS = 25
_FRAME_OCTETS = 2048  # only checked by the kernel: frames of version 3 lie close together
# Classic BPF (linux/filter.h): load word, half word, octet; half word at X; X = 4 * (octet & 15); jumps; return.
_LD, _LDH, _LDB, _LDH_X, _LDX_HEADER = 0x20, 0x28, 0x30, 0x48, 0xB1
_IF_EQUAL, _IF_ANY_BIT = 0x15, 0x45
# SKF_AD_OFF + SKF_AD_PKTTYPE (0: to this machine), and + SKF_AD_IFINDEX.
_PACKET_TYPE, _INTERFACE = 0xFFFFF004, 0xFFFFF008
_UDP, _FRAGMENT, _WHOLE = 17, 0x3FFF, 0x40000
_TO_USER, _STATUS = 1, 8  # of a block: it is ours, and where that is written


class PacketRing(Slots):
    """Datagrams of one family to some addresses and ports of this machine.

    Args:
        listens: (address, port); all addresses where it is ``0.0.0.0`` or ``::``; a link-local one has its zone.
        octets: of the ring: kernel memory that is taken at once.
        batch: datagrams at most of one `fill`.
        slot_octets: longest datagram taken whole.

    Raises:
        OSError: no right to see packets, no memory, or no such thing here.
    """

    def __init__(
        self, listens: Sequence[tuple[str, int]], *, octets: int, batch: int, slot_octets: int
    ) -> None:
        super().__init__(batch, slot_octets)
        self.length = np.zeros(batch, np.int32)
        self._stride = slot_octets
        self.six = ":" in listens[0][0]
        self._blocks = max(2, octets // _BLOCK_OCTETS)
        self.size = self._blocks * _BLOCK_OCTETS
        self._place = np.zeros(3, np.int64)
        self._seen = self._drops = self._good = 0
        #: Packets that were no datagrams: their lengths contradict each other.
        self.bad = 0
        # Without a protocol nothing comes in before its filter stands.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            filter_by(self.socket, _program(listens, six=self.six))
            self.socket.setsockopt(_SOL_PACKET, _VERSION, _VERSION_3)
            frames = self.size // _FRAME_OCTETS
            wanted = (_BLOCK_OCTETS, self._blocks, _FRAME_OCTETS, frames, _BLOCK_MILLISECONDS, 0, 0)
            self.socket.setsockopt(_SOL_PACKET, _RX_RING, struct.pack("7I", *wanted))
            self._memory = mmap.mmap(self.socket.fileno(), self.size)
            self._ring = np.frombuffer(self._memory, np.uint8)
            # On any interface: a protocol's packets are seen once, where the IP layer gets them.
            _hear(self.socket, _IPV6 if self.six else _IPV4)
        except BaseException:
            self.socket.close()
            raise

    def fill(self, source: socket.socket, into: NDArray[np.uint8] | None = None) -> int:  # noqa: ARG002 - see `ManySlots`
        """Fill slots with what waits in the ring; return how many: those of ``into``, else the own ones."""
        rows = self.octets if into is None else into
        self._into, self._stride = into, rows.shape[1]
        got, bad = walk(
            self._ring, _BLOCK_OCTETS, self._place, rows, self.octets, self.length, self.cut, self.names, self.six
        )  # fmt: skip
        self._good += got
        self.bad += bad
        return int(got)

    @property
    def waiting(self) -> bool:
        """Something is there that `fill` would take."""
        return bool(self._ring[int(self._place[0]) * _BLOCK_OCTETS + _STATUS] & _TO_USER)

    def dropped(self) -> int:
        """Return how many found the ring full, so far."""
        self._look()
        return self._drops

    def counted(self) -> tuple[int, int]:
        """Return how many datagrams came so far, at least and at most: what waits may be none."""
        self._look()
        return self._good + self._drops, self._seen - self.bad

    def end(self) -> None:
        """Take nothing more; what is there can still be read."""
        filter_by(self.socket, NOTHING)

    def close(self) -> None:
        """Give the memory back."""
        self._look()
        self._ring, self._place = np.zeros(_BLOCK_OCTETS, np.uint8), np.zeros(3, np.int64)
        with contextlib.suppress(BufferError):
            self._memory.close()
        self.socket.close()

    def _look(self) -> None:
        # The kernel counts anew after each question.
        with contextlib.suppress(OSError):
            seen, drops, _ = struct.unpack("3I", self.socket.getsockopt(_SOL_PACKET, _STATISTICS, 12))
            self._seen += seen
            self._drops += drops


def _hear(made: socket.socket, protocol: int) -> None:
    """Bind a packet socket to a protocol on all interfaces, which Python's ``bind`` can't say. :raises OSError: refused."""
    place = struct.pack(
        "=HHiHBB8s", socket.AF_PACKET, socket.htons(protocol), 0, 0, 0, 0, b""
    )  # struct sockaddr_ll
    if ctypes.CDLL(None, use_errno=True).bind(made.fileno(), place, len(place)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _program(listens: Sequence[tuple[str, int]], *, six: bool) -> list[Step]:
    """Return the filter of whole UDP datagrams to this machine, and to one of some addresses and ports."""
    if six:
        asked: list[tuple[Step, bool]] = [((_LDB, 0, 0, 6), False), ((_IF_EQUAL, 0, 0, _UDP), True)]
    else:
        asked = [((_LDB, 0, 0, 9), False), ((_IF_EQUAL, 0, 0, _UDP), True)]
        asked += [((_LDH, 0, 0, 6), False), ((_IF_ANY_BIT, 0, 0, _FRAGMENT), True)]
    asked += [((_LD, 0, 0, _PACKET_TYPE), False), ((_IF_EQUAL, 0, 0, 0), True)]
    program: list[Step] = []
    for (code, _, _, value), jumps in asked:
        program.append((code, 0, 0, value))
        if jumps:
            # The good way leads over the refusal that stands behind each question.
            good, bad = (1, 0) if code == _IF_EQUAL else (0, 1)
            program[-1] = (code, good, bad, value)
            program += NOTHING
    if not six:
        program.append((_LDX_HEADER, 0, 0, 0))
    for address, port in listens:
        program += _asks_for(address, port, six=six)
    return [*program, *NOTHING]


def _asks_for(address: str, port: int, *, six: bool) -> list[Step]:
    """Return the steps that take a datagram to an address and port, and else go on behind themselves."""
    host, _, zone = address.partition("%")
    octets = ip_address(host)
    first, width = (24, 16) if six else (16, 4)
    words = () if octets.is_unspecified else struct.unpack(f"!{width // 4}I", octets.packed)
    steps: list[Step] = [(_LDH, 0, 0, 42) if six else (_LDH_X, 0, 0, 2)]
    asked = [(first + 4 * number, word) for number, word in enumerate(words)]
    if zone:  # the same address may be another one's on another interface
        asked.append((_INTERFACE, socket.if_nametoindex(zone)))
    rest = 2 * len(asked) + 1
    steps.append((_IF_EQUAL, 0, rest, port))
    for place, number in asked:
        rest -= 2
        steps += [(_LD, 0, 0, place), (_IF_EQUAL, 0, rest, number)]
    return [*steps, (RETURN, 0, 0, _WHOLE)]
