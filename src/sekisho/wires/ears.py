"""What a receiver hears with: sockets, and packet rings that stand in for the sockets of a family as long as they agree."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sekisho.language import Text
from sekisho.model.pipeline import StageCount, Step
from sekisho.wires.agreement import Agreement
from sekisho.wires.ipsec_policies import policies_for, refusals
from sekisho.wires.slots import OneSlots, Slots
from sekisho.wires.socket_filters import opened

if TYPE_CHECKING:
    from sekisho.wires.packet_ring import PacketRing

# linux: asm-generic/socket.h, not in Python's socket module.
_SO_MEMINFO, _MEMINFO_DROPS = 55, 8
_COUNTER_BITS = 32
_COMPARE_SECONDS = 0.25
# What is in a ring that ends comes within this time, whatever is half full.
_DRAIN_SECONDS = 0.1
# NAPI takes up to 64 packets at a time, on each processor.
_ON_THE_WAY = 64
_SETTLE_SECONDS = 0.002
_RING = "sekisho.wires.packet_ring"
Note = Callable[[str, str], None]


class Ear:
    """One socket, the slots it is heard with, and its drops; the kernel's counter has 32 bits and is unwrapped here."""

    def __init__(
        self, made: socket.socket, name: str, slots: Slots | OneSlots, *, shut: bool = False
    ) -> None:
        self.socket = made
        self.slots = slots
        self.six = made.family == socket.AF_INET6
        #: A ring stands in for it: what its filter lets through to nobody is no loss.
        self.shut = shut
        self.name = name
        self._seen = self._drops = self._over = 0

    def dropped(self) -> StageCount:
        """Return how many datagrams the kernel dropped for want of room."""
        self._look()
        return StageCount(self.name, Step.KERNEL, "drops", self._drops)

    def passed_over(self) -> int:
        """Return how many datagrams came for it while it was shut."""
        self._look()
        return self._over

    def open(self) -> None:
        """Hear it again, where it was shut. :raises OSError: the system refuses."""
        self._look()
        self.shut = False
        opened(self.socket)

    def close(self) -> None:
        """Close it; its figures stay."""
        self._look()
        self.socket.close()

    def _look(self) -> None:
        with contextlib.suppress(OSError, IndexError, struct.error):
            memory = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64)
            now = struct.unpack_from("=I", memory, 4 * _MEMINFO_DROPS)[0]
            more = (now - self._seen) % (1 << _COUNTER_BITS)
            self._seen = now
            if self.shut:
                self._over += more
            else:
                self._drops += more


class RingEar(Ear):
    """A ring that is heard in place of some sockets."""

    def __init__(self, ring: PacketRing, name: str, mine: Sequence[Ear]) -> None:
        super().__init__(ring.socket, name, ring)
        self.ring = ring
        self.six = ring.six
        self.mine = tuple(mine)
        #: When all that is in it will have come; 0 while it takes more.
        self.ends = 0.0
        self._missed = 0
        self._agreement = Agreement(_ON_THE_WAY * (os.cpu_count() or 1))
        self.differs()
        time.sleep(_SETTLE_SECONDS)
        self.differs()

    def differs(self) -> int:
        """Return how many datagrams its sockets had more than it, less than 0: fewer; see `Agreement`."""
        before = self._passed()
        low, high = self.ring.counted()
        other = self._agreement.differs(before, low, high, self._passed())
        # Known while it goes on, too: nobody asks a killed receiver at its end.
        self._missed = self._agreement.missed(before, high)
        return other

    def dropped(self) -> StageCount:
        """Return how many datagrams found no room in it, or never came into it."""
        return StageCount(self.name, Step.KERNEL, "drops", self.ring.dropped() + self._missed)

    def end(self) -> None:
        """Let its sockets take over: it takes nothing more, and what is in it can still be read."""
        self.ring.end()
        for one in self.mine:
            one.open()
        self.ends = time.monotonic() + _DRAIN_SECONDS
        self._settle()

    def close(self) -> None:
        """Close it; its figures stay."""
        if self.socket.fileno() >= 0:
            self._settle()
            self.ring.close()

    def _settle(self) -> None:
        before = self._passed()
        self._missed = self._agreement.missed(before, self.ring.counted()[1])

    def _passed(self) -> int:
        return sum(one.passed_over() for one in self.mine)


class Ears:
    """All that is heard, and what is heard of it at the moment: a ring, or the sockets that it stands in for."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._due = 0.0
        self._refusals = 0
        self._poll = select.poll()
        self.sockets: list[Ear] = []
        self.rings: list[RingEar] = []
        self.heard: list[Ear] = []

    def add(self, ear: Ear) -> None:
        """Hear a socket; one that is shut waits for `begin_rings`."""
        self.sockets.append(ear)
        if not ear.shut:
            self._hear(ear)

    def begin_rings(self, batch: int, slot_octets: int, octets: int) -> tuple[int, ...]:
        """Put a ring in place of the sockets that are shut, by family; they are opened where there can be none.

        Returns the octets of each ring.
        """
        self._refusals = refusals()
        for six in (False, True):
            mine = [one for one in self.sockets if one.shut and one.six is six]
            if not mine:
                continue
            ring = _ring(mine, octets, batch, slot_octets)
            if isinstance(ring, Text):
                for one in mine:
                    one.open()
                    self._hear(one)
                self._note(
                    f"パケットリングを使えない（{ring.ja}）ので、通常どおり受信する",
                    f"no packet ring ({ring.en}): receives as usual",
                )
                continue
            self.rings.append(RingEar(ring, f"packet ring IPv{6 if six else 4}", mine))
            self._hear(self.rings[-1])
        return tuple(ear.ring.size for ear in self.rings)

    @property
    def only_rings(self) -> bool:
        """No socket is heard."""
        return bool(self.rings) and all(isinstance(one, RingEar) for one in self.heard)

    def wait(self, seconds: float) -> None:
        """Wait until something comes, and no longer than ``seconds``."""
        self._poll.poll(1000 * seconds)

    def compare(self) -> None:
        """Go back to the sockets where a ring and they don't count the same; a few times a second."""
        now = time.monotonic()
        rings = [one for one in self.rings if one in self.heard]
        if not rings or now < self._due:
            return
        self._due = now + _COMPARE_SECONDS
        before, self._refusals = self._refusals, max(self._refusals, refusals())
        refused = self._refusals > before
        for ear in rings:
            if not ear.ends:
                other = ear.differs()
                if other or refused:
                    ear.end()
                    self._say(ear.name, other)
                    self._due = ear.ends
            elif now >= ear.ends and not ear.ring.waiting:
                # Only now, as what is in the ring came before what waits in the sockets.
                self._leave(ear)
                ear.close()
                for one in ear.mine:
                    self._hear(one)
            else:
                self._due = now

    def close(self) -> None:
        """Close all; figures can still be read."""
        for ear in tuple(self.heard):
            self._leave(ear)
        for ear in (*self.rings, *self.sockets):
            ear.close()

    def _hear(self, ear: Ear) -> None:
        self.heard.append(ear)
        self._poll.register(ear.socket, select.POLLIN)

    def _leave(self, ear: Ear) -> None:
        self.heard.remove(ear)
        self._poll.unregister(ear.socket)

    def _say(self, name: str, other: int) -> None:
        if other > 0:
            self._note(
                f"{name}：ソケットだけに届いた{other}個（断片化されたデータグラムなど）が失われたので、通常の受信に戻した",
                f"{name}: lost {other} that came to the sockets only (fragmented datagrams?): receives as usual",
            )
        elif not other:
            self._note(
                f"{name}：IPsecの方針が何かを拒み、それがリングには見えないので、通常の受信に戻した",
                f"{name}: an IPsec policy refused something, which it can't see: receives as usual",
            )
        else:
            self._note(
                f"{name}：システムが通さない{-other}個（ファイアウォールなど）が見えたので、通常の受信に戻した",
                f"{name}: it saw {-other} that the system doesn't let through (a firewall?): receives as usual",
            )


def why_no_ring(*, share_port: bool) -> Text | None:
    """Return why there may be no packet rings here; None when they may be tried (and are compiled by now)."""
    if share_port:
        return Text(
            ja="ポートを分け合う受信ではパケットリングを使わず、通常どおり受信する",
            en="no packet ring where receivers share a port (each would see the others' part): receives as usual",
        )
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Text(
            ja="パケットリングは x86-64 の Linux だけなので、通常どおり受信する",
            en="packet rings are for Linux on x86-64 only: receives as usual",
        )
    try:
        importlib.import_module(_RING)
    except ImportError:
        return Text(
            ja="パケットリングには追加パッケージ fast が要るので、通常どおり受信する",
            en="a packet ring needs the extra `fast`: receives as usual",
        )
    return None


def _ring(mine: Sequence[Ear], octets: int, batch: int, slot_octets: int) -> PacketRing | Text:
    """Return a ring for some sockets, or why there can be none."""
    from sekisho.wires.packet_ring import PacketRing

    places = [one.socket.getsockname()[:2] for one in mine]
    if policies_for(places):
        return Text(
            ja="IPsecの方針が、受信するデータグラムに及びうる",
            en="an IPsec policy may concern what it receives",
        )
    try:
        return PacketRing(places, octets=octets, batch=batch, slot_octets=slot_octets)
    except OSError as error:
        why = error.strerror or str(error)
        return Text(ja=why, en=why)
