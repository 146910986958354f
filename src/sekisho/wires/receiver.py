"""The ear of the watch: UDP datagrams of exporters, many in one system call, into fixed slots. It never parses.

``recvmmsg`` (Linux) fills up to `BATCH` slots at once; when no socket filled a batch, the receiver sleeps 2 to 50 ms
(100 with packet rings; as long as its buffers and what comes in allow), so that the next one is fuller: measured on one
core of the development machine, 937 thousand datagrams a CPU-second against 297 thousand with a plain ``recv``. Where
the call is missing each datagram is received by itself, and `Receiver.notes` says so.

Only exporters of the allow-list (when there is one), and a bounded number of them, are taken; the rest is counted. What
the kernel dropped because the socket's buffer was full is read from the socket itself (``SO_MEMINFO``): it is the
counter that ``SO_RXQ_OVFL`` stamps on datagrams, but known also when no datagram follows the loss.

Source: RFC 7011 section 10.3 and RFC 3954 (UDP transport), sFlow v5; ports of the IANA registry.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sekisho.errors import StoreError
from sekisho.formats.datagrams import Datagrams
from sekisho.language import Text
from sekisho.model.pipeline import NOBODY, StageCount, Step
from sekisho.wires.ears import Ear, Ears, why_no_ring
from sekisho.wires.pauses import Pauses
from sekisho.wires.slots import ManySlots, slots_of
from sekisho.wires.socket_filters import shut
from sekisho.wires.sources import MOST_EXPORTERS, MOST_NAMED, Sources

NETFLOW_PORT, IPFIX_PORT, SFLOW_PORT = 2055, 4739, 6343
PORTS = (NETFLOW_PORT, IPFIX_PORT, SFLOW_PORT)
BATCH = 4096
# A jumbo frame. An exporter must not send more than the path carries (RFC 7011, 10.3.3); longer ones are counted.
SLOT_OCTETS = 9216
BUFFER_OCTETS = 64 * 1024 * 1024
_WAIT_SECONDS = 0.1
# linux: asm-generic/socket.h, not in every Python's socket module.
_SO_RCVBUFFORCE = 33
_SOFTNET = Path("/proc/net/softnet_stat")


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
        most_exporters: different sources at most; more are counted as ``too-many-exporters``, until one was silent for
            ten minutes and gives its place.
        most_named: different sources over its whole life, as who keeps the datagrams has a table of them that grows.
        share_port: several receivers on one port, each with its part of the exporters (``SO_REUSEPORT``).
        singly: receive one by one even where ``recvmmsg`` is there.
        room: gives free slots of whoever keeps the datagrams (``SpoolWriter.room``), so that they needn't be copied.
        ring: take datagrams out of a `packet_ring` where there can be one; `notes` say when not, or no longer.

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
        most_named: int = MOST_NAMED,
        share_port: bool = False,
        singly: bool = False,
        room: Callable[[int], NDArray[np.uint8] | None] = lambda _: None,
        ring: bool = False,
    ) -> None:
        self._room = room
        self.notes: tuple[Text, ...] = ()
        prefixes = tuple(ip_network(one, strict=False) for one in allowed)
        self._sources = Sources(prefixes, most_exporters, most_named)
        self._slots = slots_of(batch, slot_octets, singly=singly)
        if not isinstance(self._slots, ManySlots):
            self._note(
                "recvmmsg がないので1個ずつ受信する（遅い）", "no recvmmsg here: receives one by one (slower)"
            )
        self._batch = batch
        self._ears = Ears(self._note)
        self._backlog = _backlog_drops()
        self._next, self._some, self._full = 0, False, False
        self._pauses = Pauses()
        ring = ring and self._may_ring(share_port=share_port)
        self._listen(listens, buffer_octets, share_port=share_port, ring=ring)
        if ring:
            try:
                for size in self._ears.begin_rings(batch, slot_octets, buffer_octets):
                    self._pauses.fit(size)
            except BaseException:
                self.close()
                raise

    def take(self, seconds: float) -> Datagrams | None:
        """Return what came in, or None when nothing did for ``seconds``.

        The slots are used again by the next call: whoever keeps a batch copies it.
        """
        deadline = time.monotonic() + seconds
        while True:
            for ear in self._ears.heard[self._next :]:
                self._next += 1
                into = self._room(self._batch)
                got = ear.slots.fill(ear.socket, into)
                if got:
                    self._pauses.heard(got)
                    most = self._batch if into is None else len(into)
                    self._some, self._full = True, self._full or got == most
                    block = self._named(ear, got)
                    if len(block.length):
                        return block
            some, full = self._some, self._full
            self._next, self._some, self._full = 0, False, False
            self._ears.compare()
            left = deadline - time.monotonic()
            if left <= 0:  # also when all that comes is refused
                return None
            if not full:
                if some:
                    time.sleep(min(left, self._pauses.seconds(rings=self._ears.only_rings)))
                else:
                    self._ears.wait(min(left, _WAIT_SECONDS))

    def counts(self) -> tuple[StageCount, ...]:
        """Return the figures so far: by exporter what was received and refused, by socket what the kernel dropped.

        ``backlog-drops`` are packets that the kernel dropped before it knew their socket: of the whole machine, any
        protocol, since this receiver began.
        """
        return (
            *(ear.dropped() for ear in (*self._ears.rings, *self._ears.sockets)),
            StageCount(NOBODY, Step.KERNEL, "backlog-drops", max(0, _backlog_drops() - self._backlog)),
            *self._sources.counts(),
        )

    @property
    def exporters(self) -> tuple[str, ...]:
        """Addresses of the exporters that have a place; a datagram's ``exporter`` is an index of its block's own."""
        return self._sources.names

    @property
    def addresses(self) -> tuple[Listen, ...]:
        """Where it really listens: a port asked for as 0 has its number."""
        return tuple(Listen(*ear.socket.getsockname()[:2]) for ear in self._ears.sockets)

    def close(self) -> None:
        """Close the sockets; figures can still be read."""
        self._ears.close()

    def _note(self, ja: str, en: str) -> None:
        if en not in {one.en for one in self.notes}:
            self.notes = (*self.notes, Text(ja=ja, en=en))

    def _listen(self, listens: Sequence[Listen], buffer_octets: int, *, share_port: bool, ring: bool) -> None:
        for listen in listens:
            try:
                self._ears.add(self._open(listen, buffer_octets, share_port=share_port, ring=ring))
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

    def _open(self, listen: Listen, buffer_octets: int, *, share_port: bool, ring: bool) -> Ear:
        kind = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
        made = socket.socket(kind, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            if kind == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if share_port:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            have = _widen(made, buffer_octets)
            self._pauses.fit(have)
            if have < buffer_octets:
                self._note(
                    f"受信バッファーは{have // 1024} KiBまで（root か net.core.rmem_max で広がる）",
                    f"the receive buffer is only {have // 1024} KiB (root or net.core.rmem_max widens it)",
                )
            if ring:  # before anything can come: until the ring stands, nothing is taken twice
                shut(made)
            made.bind((listen.address, listen.port))
        except BaseException:
            made.close()
            raise
        return Ear(made, str(Listen(*made.getsockname()[:2])), self._slots, shut=ring)

    def _may_ring(self, *, share_port: bool) -> bool:
        """Say whether there may be packet rings here; leave a note when not."""
        why_not = why_no_ring(share_port=share_port)
        if why_not:
            self._note(why_not.ja, why_not.en)
        return why_not is None

    def _named(self, ear: Ear, got: int) -> Datagrams:
        """Return the ``got`` slots as a block, without those that are refused or were cut."""
        slots = ear.slots
        length = slots.length[:got].copy()
        exporter = self._sources.index(
            slots.names[:got], length, slots.cut[:got], six=ear.six, now=time.monotonic()
        )
        octets = slots.taken(got)
        if exporter.min() < 0:
            good = np.flatnonzero(exporter >= 0)
            octets, length, exporter = octets[good], length[good], exporter[good]
        # One time for the batch: it is at most a few milliseconds old, and export times are the exporter's anyway.
        received = np.full(len(length), time.time_ns() // 1_000_000, np.int64)
        return Datagrams(octets, length, exporter, received, self._sources.names)


def why_not_heard(address: str) -> str:
    """Return why this machine can't listen on ``address``; nothing when it can. None of the ports is touched."""
    try:
        if not any(sign.isalpha() for sign in address):  # what looks like a number is no name to be asked for
            ipaddress.ip_address(address)
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError) as error:
        return (error.strerror if isinstance(error, OSError) else "") or str(error)
    return ""


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
