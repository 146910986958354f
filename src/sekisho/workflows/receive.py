"""Receive: datagrams of exporters from the sockets into the spool, in a process of its own that never parses.

The decoder is another process: it iterates over `waiting_blocks` of the same place. Neither waits for the other, and
what either of them leaves out is counted (``sekisho.model.pipeline``).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from sekisho.language import Text
from sekisho.model.pipeline import NOBODY, Fault, StageCount, Step, added, fault_of
from sekisho.stores.spool import Position, Spool, Spooled
from sekisho.stores.spool_block import MOST_EXPORTERS as MOST_NAMED
from sekisho.stores.spool_place import Place, place
from sekisho.stores.spool_segments import exporters, identity, replace
from sekisho.stores.spool_writer import MOST_OCTETS, SpoolWriter
from sekisho.wires.receiver import BUFFER_OCTETS, Listen, Receiver, everywhere
from sekisho.wires.sources import MOST_EXPORTERS

_COUNTS = "counts"
_TAKE_SECONDS = 0.1
_SAVE_SECONDS = 1.0


class Receiving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a receiver is told: where to listen, whom to hear, where and how much to keep.

    ``disk`` empty: the spool lies in a memory file system; else in that folder, encrypted. ``shared`` lets several
    receivers (each with a ``name`` of its own, and so a spool of its own) share the ports. ``ring``: take datagrams out of
    a packet ring, where there can be one.
    """

    name: str
    listens: tuple[tuple[str, int], ...] = ()
    allowed: tuple[str, ...] = ()
    most_exporters: int = MOST_EXPORTERS
    most_octets: int = MOST_OCTETS
    buffer_octets: int = BUFFER_OCTETS
    disk: str = ""
    shared: bool = False
    ring: bool = False

    def place(self) -> Place:
        """Return where its spool lies; the receiver and the decoder ask for the same.

        :raises StoreError: there is no such place
        """
        return place(self.name, self.most_octets, disk=Path(self.disk) if self.disk else None)


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver's figures as it leaves them in its spool each second: whose, of which spool, since and at when.

    ``faults`` are what it could not do since it told last.
    """

    process: int
    spool: str
    addresses: tuple[str, ...]
    at: float
    notes: tuple[Text, ...]
    counts: tuple[StageCount, ...]
    faults: tuple[Fault, ...] = ()


def receive(receiving: Receiving, stopped: Callable[[], bool], tell: Callable[[Told], None]) -> Told:
    """Receive until ``stopped`` says so (asked ten times a second); ``tell`` hears the figures once a second.

    :raises StoreError: no place for the spool, or a port that can't be had
    """
    where = receiving.place()
    listens = tuple(Listen(*one) for one in receiving.listens) or everywhere()
    with SpoolWriter(where, most_octets=receiving.most_octets) as spool:
        ear = Receiver(
            listens,
            allowed=receiving.allowed,
            buffer_octets=receiving.buffer_octets,
            most_exporters=receiving.most_exporters,
            most_named=max(0, MOST_NAMED - len(exporters(where.folder))),
            share_port=receiving.shared,
            room=spool.room,
            ring=receiving.ring,
        )
        told = _Telling(where, ear, spool, tell)
        try:
            told()
            due = time.monotonic() + _SAVE_SECONDS
            while not stopped():
                block = ear.take(_TAKE_SECONDS)
                if block is not None:
                    spool.append(block)
                if time.monotonic() >= due:
                    told()
                    due = time.monotonic() + _SAVE_SECONDS
            return told()
        finally:
            ear.close()


class _Telling:
    """Leaves the figures in the spool, and goes on when they can't be left: the next second tries again."""

    def __init__(self, where: Place, ear: Receiver, spool: SpoolWriter, tell: Callable[[Told], None]) -> None:
        self._where = where
        self._ear = ear
        self._spool = spool
        self._tell = tell
        self._before = _before(where, spool)
        self._untold: tuple[Fault, ...] = ()

    def __call__(self) -> Told:
        folder = self._where.folder
        made = Told(
            process=os.getpid(),
            spool=identity(folder),
            addresses=tuple(map(str, self._ear.addresses)),
            at=time.time(),
            notes=(*self._where.notes, *self._ear.notes),
            counts=added((*self._before, *self._ear.counts(), *self._spool.counts())),
            faults=(*self._untold, *_refused(self._spool)),
        )
        try:
            replace(folder / _COUNTS, msgspec.json.encode(made))
            self._untold = ()
        except OSError as error:  # the memory is full
            self._untold = (fault_of("counts", error),)
            made = msgspec.structs.replace(made, faults=(*self._untold, *made.faults))
        self._tell(made)
        return made


def _refused(spool: SpoolWriter) -> tuple[Fault, ...]:
    """Return what the spool's file system refused since this was asked last."""
    said, spool.error = spool.error, ""
    what = Text(ja=f"受信データを置けない：{said}", en=f"datagrams can't be kept: {said}")
    return (Fault("spool", what),) if said else ()


def receive_until_told(receiving: Receiving, *, with_parent: bool = False) -> None:
    """Be a receiver process: receive until SIGTERM or SIGINT, and ``with_parent`` no longer than its parent lives."""
    stop, parent = threading.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    receive(receiving, lambda: stop.is_set() or (with_parent and os.getppid() != parent), lambda _: None)


def waiting_blocks(
    where: Place, stopped: Callable[[], bool], after: Position | None = None, *, follow: bool = True
) -> Iterator[tuple[Spool, Spooled]]:
    """Yield what waits in a spool, with the spool to say ``done`` to; for the decoding process.

    Whoever keeps the last ``end`` together with what was made of the blocks, and gives it back as ``after``, deals
    with each datagram exactly once; the spool's own cursor alone may repeat the blocks since the last ``done``.
    """
    with Spool(where, after) as spool:
        for block in spool.blocks(stopped, follow=follow):
            yield spool, block


def last_told(where: Place) -> Told | None:
    """Return the newest figures of the receiver of a spool; None before it ever said any."""
    try:
        return msgspec.json.decode((where.folder / _COUNTS).read_bytes(), type=Told)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _before(where: Place, spool: SpoolWriter) -> tuple[StageCount, ...]:
    """Return the figures to go on from.

    A killed receiver could not tell of its last second: what the spool holds beyond its word was received, too.
    """
    last = last_told(where)
    old = last.counts if last and last.spool == identity(where.folder) else ()
    kept = sum(one.count for one in old if (one.step, one.name) == (Step.SPOOL, "spooled"))
    missing = spool.ordinal - kept
    if missing <= 0:
        return old
    return (
        *old,
        StageCount(NOBODY, Step.RECEIVER, "received", missing),
        StageCount(NOBODY, Step.SPOOL, "spooled", missing),
    )
