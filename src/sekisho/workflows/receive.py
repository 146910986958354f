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
from sekisho.model.pipeline import NOBODY, StageCount, Step, added
from sekisho.stores.spool import Position, Spool, Spooled
from sekisho.stores.spool_place import Place, place
from sekisho.stores.spool_segments import identity, replace
from sekisho.stores.spool_writer import MOST_OCTETS, SpoolWriter
from sekisho.wires.receiver import BUFFER_OCTETS, MOST_EXPORTERS, Listen, Receiver, everywhere

_COUNTS = "counts"
_TAKE_SECONDS = 0.1
_SAVE_SECONDS = 1.0


class Receiving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a receiver is told: where to listen, whom to hear, where and how much to keep.

    ``disk`` empty: the spool lies in a memory file system; else in that folder, encrypted. ``shared`` lets several
    receivers (each with a ``name`` of its own, and so a spool of its own) share the ports.
    """

    name: str
    listens: tuple[tuple[str, int], ...] = ()
    allowed: tuple[str, ...] = ()
    most_exporters: int = MOST_EXPORTERS
    most_octets: int = MOST_OCTETS
    buffer_octets: int = BUFFER_OCTETS
    disk: str = ""
    shared: bool = False

    def place(self) -> Place:
        """Return where its spool lies; the receiver and the decoder ask for the same.

        :raises StoreError: there is no such place
        """
        return place(self.name, self.most_octets, disk=Path(self.disk) if self.disk else None)


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver's figures as it leaves them in its spool each second: whose, of which spool, since and at when."""

    process: int
    spool: str
    addresses: tuple[str, ...]
    at: float
    notes: tuple[Text, ...]
    counts: tuple[StageCount, ...]


def receive(receiving: Receiving, stopped: Callable[[], bool], tell: Callable[[Told], None]) -> Told:
    """Receive until ``stopped`` says so (asked ten times a second); ``tell`` hears the figures once a second.

    :raises StoreError: no place for the spool, or a port that can't be had
    """
    where = receiving.place()
    listens = tuple(Listen(*one) for one in receiving.listens) or everywhere()
    with SpoolWriter(where, most_octets=receiving.most_octets) as spool:
        before = _before(where, spool)
        ear = Receiver(
            listens,
            allowed=receiving.allowed,
            buffer_octets=receiving.buffer_octets,
            most_exporters=receiving.most_exporters,
            share_port=receiving.shared,
            room=spool.room,
        )

        def told() -> Told:
            made = Told(
                process=os.getpid(),
                spool=identity(where.folder),
                addresses=tuple(map(str, ear.addresses)),
                at=time.time(),
                notes=(*where.notes, *ear.notes),
                counts=added((*before, *ear.counts(), *spool.counts())),
            )
            replace(where.folder / _COUNTS, msgspec.json.encode(made))
            tell(made)
            return made

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
