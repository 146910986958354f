"""The ear of the watch: UDP datagrams of exporters, many in one system call, into fixed slots. It never parses.

``recvmmsg`` (Linux) fills up to `BATCH` slots at once; when no socket filled a batch, the receiver sleeps 2 to 10 ms
(as long as its buffers allow), so that the next one is fuller: measured on one core of the development machine, 937
thousand datagrams a CPU-second against 297 thousand with a plain ``recv``. Where the call is missing each datagram is
received by itself, and `Receiver.notes` says so.

Only exporters of the allow-list (when there is one), and a bounded number of them, are taken; the rest is counted. What
the kernel dropped because the socket's buffer was full is read from the socket itself (``SO_MEMINFO``): it is the
counter that ``SO_RXQ_OVFL`` stamps on datagrams, but known also when no datagram follows the loss.

Source: RFC 7011 section 10.3 and RFC 3954 (UDP transport), sFlow v5; ports of the IANA registry.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sekisho.errors import StoreError
from sekisho.formats.datagrams import Datagrams
from sekisho.language import Text
from sekisho.model.pipeline import NOBODY, StageCount, Step
from sekisho.wires.slots import ManySlots, slots_of

NETFLOW_PORT, IPFIX_PORT, SFLOW_PORT = 2055, 4739, 6343
PORTS = (NETFLOW_PORT, IPFIX_PORT, SFLOW_PORT)
BATCH = 1024
# A jumbo frame. An exporter must not send more than the path carries (RFC 7011, 10.3.3); longer ones are counted.
SLOT_OCTETS = 9216
BUFFER_OCTETS = 64 * 1024 * 1024
MOST_EXPORTERS = 4096
# What a socket's buffer takes in without loss at a million datagrams a second (a full 10 GbE), each with its overhead:
# the longer the pause, the fuller the batch, and the less a datagram costs.
_BUFFER_OCTETS_A_SECOND = 4e9
_PAUSES = (0.002, 0.010)
_WAIT_SECONDS = 0.1
_REFUSED_REMEMBERED = 65_536
# linux: asm-generic/socket.h, not in every Python's socket module.
_SO_RCVBUFFORCE, _SO_MEMINFO, _MEMINFO_DROPS = 33, 55, 8
_COUNTER_BITS = 32
_SOFTNET = Path("/proc/net/softnet_stat")

Prefix = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Listen:
    """A local address and port to listen on; ``0.0.0.0`` and ``::`` are all addresses of a family."""

    address: str
    port: int

    def __str__(self) -> str:
        """Return ``udp 0.0.0.0:2055`` or ``udp [::]:2055``."""
        return (
            f"udp [{self.address}]:{self.port}" if ":" in self.address else f"udp {self.address}:{self.port}"
        )


def everywhere(ports: Iterable[int] = PORTS) -> tuple[Listen, ...]:
    """Return all addresses of this machine, IPv4 and (where it has any) IPv6, on each of ``ports``."""
    hosts = ("0.0.0.0", "::") if _has_ipv6() else ("0.0.0.0",)  # noqa: S104 - a collector's place in its network
    return tuple(Listen(host, port) for port in ports for host in hosts)


class Receiver:
    """Opens its sockets at once and gives what comes in as `Datagrams`, a batch at a time.

    Args:
        listens: where to listen.
        allowed: prefixes of exporters that may send; empty takes any.
        batch: slots, and so datagrams at most, of one batch.
        slot_octets: longest datagram taken whole; a longer one is dropped and counted as ``too-long``.
        buffer_octets: what the kernel may hold for each socket between two calls.
        most_exporters: different sources at most; more are counted as ``too-many-exporters``.
        share_port: several receivers on one port, each with its part of the exporters (``SO_REUSEPORT``).
        singly: receive one by one even where ``recvmmsg`` is there.
        room: gives free slots of whoever keeps the datagrams (``SpoolWriter.room``), so that they needn't be copied.

    Raises:
        StoreError: an address or port can't be had.
    """

    def __init__(
        self,
        listens: Sequence[Listen],
        *,
        allowed: Sequence[str] = (),
        batch: int = BATCH,
        slot_octets: int = SLOT_OCTETS,
        buffer_octets: int = BUFFER_OCTETS,
        most_exporters: int = MOST_EXPORTERS,
        share_port: bool = False,
        singly: bool = False,
        room: Callable[[int], NDArray[np.uint8] | None] = lambda _: None,
    ) -> None:
        self._room = room
        self.notes: tuple[Text, ...] = ()
        self._sources = Sources(tuple(ip_network(one, strict=False) for one in allowed), most_exporters)
        self._slots = slots_of(batch, slot_octets, singly=singly)
        if not isinstance(self._slots, ManySlots):
            self._note(
                "recvmmsg がないので1個ずつ受信する（遅い）", "no recvmmsg here: receives one by one (slower)"
            )
        self._batch = batch
        self._ears: list[_Ear] = []
        self._backlog = _backlog_drops()
        self._next, self._some, self._full = 0, False, False
        self._pause = _PAUSES[1]
        self._poll = select.poll()
        try:
            for listen in listens:
                self._ears.append(self._open(listen, buffer_octets, share_port=share_port))
        except OSError as error:
            self.close()
            raise StoreError(
                Text(ja=f"受信口を開けない：{error.strerror}", en=f"can't listen: {error.strerror}"),
                str(listen),
                Text(
                    ja="別の番号を指定するか、使っている処理を止める",
                    en="choose another port, or stop its user",
                ),
            ) from error

    def take(self, seconds: float) -> Datagrams | None:
        """Return what came in, or None when nothing did for ``seconds``.

        The slots are used again by the next call: whoever keeps a batch copies it.
        """
        deadline = time.monotonic() + seconds
        while True:
            for ear in self._ears[self._next :]:
                self._next += 1
                into = self._room(self._batch)
                got = self._slots.fill(ear.socket, into)
                if got:
                    most = self._batch if into is None else len(into)
                    self._some, self._full = True, self._full or got == most
                    block = self._named(ear, got)
                    if len(block.length):
                        return block
            some, full = self._some, self._full
            self._next, self._some, self._full = 0, False, False
            if not full:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                if some:
                    time.sleep(min(left, self._pause))
                else:
                    self._poll.poll(1000 * min(left, _WAIT_SECONDS))

    def counts(self) -> tuple[StageCount, ...]:
        """Return the figures so far: by exporter what was received and refused, by socket what the kernel dropped.

        ``backlog-drops`` are packets that the kernel dropped before it knew their socket: of the whole machine, any
        protocol, since this receiver began.
        """
        return (
            *(ear.dropped() for ear in self._ears),
            StageCount(NOBODY, Step.KERNEL, "backlog-drops", max(0, _backlog_drops() - self._backlog)),
            *self._sources.counts(),
        )

    @property
    def exporters(self) -> tuple[str, ...]:
        """Addresses of the exporters heard so far; a datagram's ``exporter`` is an index of it."""
        return self._sources.names

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it really listens: a port asked for as 0 has its number."""
        return tuple(Listen(*ear.socket.getsockname()[:2]) for ear in self._ears)

    def close(self) -> None:
        """Close the sockets; figures can still be read."""
        for ear in self._ears:
            ear.close()

    def _note(self, ja: str, en: str) -> None:
        if en not in {one.en for one in self.notes}:
            self.notes = (*self.notes, Text(ja=ja, en=en))

    def _open(self, listen: Listen, buffer_octets: int, *, share_port: bool) -> _Ear:
        kind = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
        made = socket.socket(kind, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            if kind == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if share_port:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            have = _widen(made, buffer_octets)
            self._pause = max(_PAUSES[0], min(self._pause, have / 2 / _BUFFER_OCTETS_A_SECOND))
            if have < buffer_octets:
                self._note(
                    f"受信バッファーは{have // 1024} KiBまで（root か net.core.rmem_max で広がる）",
                    f"the receive buffer is only {have // 1024} KiB (root or net.core.rmem_max widens it)",
                )
            made.bind((listen.address, listen.port))
        except BaseException:
            made.close()
            raise
        self._poll.register(made, select.POLLIN)
        return _Ear(made, Listen(*made.getsockname()[:2]))

    def _named(self, ear: _Ear, got: int) -> Datagrams:
        """Return the ``got`` slots as a block, without those that are refused or were cut."""
        slots = self._slots
        length = slots.length[:got].copy()
        exporter = self._sources.index(slots.names[:got], length, slots.cut[:got], six=ear.six)
        octets = slots.taken(got)
        if exporter.min() < 0:
            good = np.flatnonzero(exporter >= 0)
            octets, length, exporter = octets[good], length[good], exporter[good]
        # One time for the batch: it is at most a few milliseconds old, and export times are the exporter's anyway.
        received = np.full(len(length), time.time_ns() // 1_000_000, np.int64)
        return Datagrams(octets, length, exporter, received, self._sources.names)


class Sources:
    """Which source address is which exporter, and what came from each; bounded in number.

    Args:
        allowed: prefixes that may send; empty takes any.
        most: exporters at most.
    """

    def __init__(self, allowed: tuple[Prefix, ...], most: int) -> None:
        self.names: tuple[str, ...] = ()
        self._prefixes = tuple(
            (one.max_prefixlen, int(one.network_address), int(one.netmask)) for one in allowed
        )
        self._most = most
        self._index: dict[bytes, int] = {}
        self._refused: dict[bytes, str] = {}
        self._received = np.zeros((3, most), np.int64)  # datagrams, octets, too long
        self._refusals = {"not-allowed": [0, 0], "too-many-exporters": [0, 0]}

    def index(
        self, names: NDArray[np.uint8], length: NDArray[np.int32], cut: NDArray[np.bool_], *, six: bool
    ) -> NDArray[np.int32]:
        """Return the exporter of each datagram, -1 for one that isn't taken, and count them.

        Args:
            names: uint8[n, 32], socket addresses as the kernel wrote them.
            length: int32[n].
            cut: bool[n], longer than its slot.
            six: the addresses are IPv6.
        """
        keys = np.ascontiguousarray(names[:, 8:28] if six else names[:, 4:8])
        first = keys[0].tobytes()
        if (keys == keys[0]).all():
            exporter = np.full(len(keys), self._known(first, len(keys), int(length.sum())), np.int32)
        else:
            kinds, which = np.unique(keys.view(f"V{keys.shape[1]}").ravel(), return_inverse=True)
            datagrams = np.bincount(which)
            octets = np.bincount(which, length).astype(np.int64)
            places = [
                self._known(kind.tobytes(), number, size)
                for kind, number, size in zip(kinds, datagrams.tolist(), octets.tolist(), strict=True)
            ]
            exporter = np.array(places, np.int32)[which]
        good = exporter >= 0
        whole = bool(good.all())
        taken, sizes = (exporter, length) if whole else (exporter[good], length[good])
        known = len(self.names)
        self._received[0, :known] += np.bincount(taken, minlength=known)
        self._received[1, :known] += np.bincount(taken, sizes, minlength=known).astype(np.int64)
        if cut.any():
            self._received[2, :known] += np.bincount(exporter[cut & good], minlength=known)
            exporter[cut] = -1
        return exporter

    def counts(self) -> tuple[StageCount, ...]:
        """Return what was received, by exporter, and what was refused."""
        figures = [
            StageCount(name, Step.RECEIVER, what, int(self._received[row, number]))
            for number, name in enumerate(self.names)
            for row, what in enumerate(("received", "octets", "too-long"))
        ]
        for reason, (datagrams, octets) in self._refusals.items():
            figures.append(StageCount(NOBODY, Step.RECEIVER, "received", datagrams))
            figures.append(StageCount(NOBODY, Step.RECEIVER, "octets", octets))
            figures.append(StageCount(NOBODY, Step.RECEIVER, reason, datagrams))
        return tuple(figures)

    def _known(self, key: bytes, datagrams: int, octets: int) -> int:
        """Return the index of a source, a new one when it may send; -1 counts its datagrams as refused."""
        found = self._index.get(key)
        if found is not None:
            return found
        reason = self._refused.get(key) or self._why_not(key)
        if not reason:
            self._index[key] = len(self.names)
            self.names = (*self.names, _address(key))
            return self._index[key]
        if len(self._refused) >= _REFUSED_REMEMBERED:  # a spoofer's million sources must not fill the memory
            self._refused.clear()
        self._refused[key] = reason
        self._refusals[reason][0] += datagrams
        self._refusals[reason][1] += octets
        return -1

    def _why_not(self, key: bytes) -> str:
        # Integers: a flood of spoofed sources asks this for each of its datagrams.
        source = int.from_bytes(key[:16])
        width = 32 if len(key) == 4 else 128  # noqa: PLR2004 - octets of an IPv4 address
        if self._prefixes and not any(
            bits == width and source & mask == network for bits, network, mask in self._prefixes
        ):
            return "not-allowed"
        return "" if len(self.names) < self._most else "too-many-exporters"


def _address(key: bytes) -> str:
    """Return the text of an address; a link-local one has its zone, without which it names nobody."""
    text = str(ip_address(key[:16]))
    zone = struct.unpack("=I", key[16:20])[0] if len(key) > 16 else 0  # noqa: PLR2004 - sin6_scope_id
    return f"{text}%{zone}" if zone else text


class _Ear:
    """One socket and its drops; the kernel's counter has 32 bits and is unwrapped here."""

    def __init__(self, made: socket.socket, listen: Listen) -> None:
        self.socket = made
        self.six = made.family == socket.AF_INET6
        self._name = str(listen)
        self._seen = self._drops = 0

    def dropped(self) -> StageCount:
        with contextlib.suppress(OSError, IndexError, struct.error):
            memory = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
            now = struct.unpack_from("=I", memory, 4 * _MEMINFO_DROPS)[0]
            self._drops += (now - self._seen) % (1 << _COUNTER_BITS)
            self._seen = now
        return StageCount(self._name, Step.KERNEL, "drops", self._drops)

    def close(self) -> None:
        self.dropped()
        self.socket.close()


def _backlog_drops() -> int:
    """Return the second column of softnet_stat over all processors; 0 where there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return sum(int(line.split()[1], 16) for line in _SOFTNET.read_text(encoding="ascii").splitlines())
    return 0


def _widen(made: socket.socket, octets: int) -> int:
    """Give a socket a receive buffer of ``octets``, or what the system allows; return what it has."""
    with contextlib.suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    with contextlib.suppress(OSError):  # beyond the system's bound, with the right to administer the network
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    return made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        return error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
    return True
