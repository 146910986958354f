"""The spool: raw datagrams between the receiver and the decoder, two processes that never wait for each other.

`SpoolWriter` appends blocks to segments; `Spool` reads them, and deletes a segment when all of it was dealt with. Both
survive ``kill -9``: what `SpoolWriter.append` returned as kept is there, the torn rest of a killed writer is cut off
and counted, and a reader goes on where its cursor (or the caller's own position) stands.

Where nothing needs to be sealed, datagrams lie in slots that both processes map (`spool_slots`): received and decoded
without a copy.

The spool is bounded. When it is full the newest datagrams are dropped and counted by exporter: what waits is never
overwritten. Where it lies, and why that is no disk in the clear, is decided in `spool_place`.

Cost, measured on one core of the development machine with datagrams of 1.4 kB: see ``docs/20-watch``.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import msgspec
import numpy as np

from sekisho.formats.datagrams import Datagrams
from sekisho.model.pipeline import NOBODY, StageCount, Step
from sekisho.stores import spool_block, spool_slots
from sekisho.stores.spool_block import HEADER_OCTETS, Header, Key
from sekisho.stores.spool_place import Place, key_file, load_key
from sekisho.stores.spool_segments import (
    Position,
    Segment,
    exporters,
    give_back,
    identity,
    last_done,
    locked,
    replace,
    segments,
)

__all__ = ["Position", "Spool", "Spooled"]
# Measured with NetFlow v9 in one process: decoder, door and match take 92 ns a record with blocks of 1,024 datagrams,
# 48 with 4,096, 46 with 8,192 and 44 with 16,384; with mixed templates 179, 94, 80 and 72.
BLOCK_DATAGRAMS = 16384
_IDLE_SECONDS = 0.01
_LONGEST_IDLE_SECONDS = 0.1
# After less than a block the reader lets some more come: what a block costs is shared by its datagrams, and what waking
# up costs (code and tables have left the caches) by several blocks.
GATHER_SECONDS = 1.0
# Header and table of a full batch of the receiver in one call.
_HEAD_OCTETS = HEADER_OCTETS + 4096


@dataclass(frozen=True, slots=True)
class Spooled:
    """Datagrams of the spool, and the position behind them: what `Spool.done` takes when they are dealt with."""

    datagrams: Datagrams
    end: Position


@dataclass(frozen=True, slots=True)
class _Found:
    header: Header
    offset: int
    table: bytes


class Spool:
    """The reading end; one at a time.

    Args:
        place: where the spool lies; it may not be there yet.
        after: where to go on; None takes the saved cursor. A position of another spool (the memory was cleared)
            means from the beginning.

    Raises:
        StoreError: another process reads it.
    """

    def __init__(self, place: Place, after: Position | None = None) -> None:
        self._folder = place.folder
        self._keys = place.keys
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = locked(self._folder, "reader.lock")
        self._after = after
        self._identity = ""
        self._segment: Segment | None = None
        self._file = -1
        self._offset = self._ordinal = self._indexed = 0
        self._mappings = spool_slots.Mappings(write=False)
        self._names: tuple[str, ...] = ()
        self._key: Key | None = None
        self._room = np.empty(0, np.uint8)
        self._counts = {"read": 0, "torn": 0, "unreadable": 0}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let another process read; the cursor stays where `done` put it."""
        self._leave()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def blocks(
        self, stopped: Callable[[], bool], *, most: int = BLOCK_DATAGRAMS, follow: bool = True
    ) -> Iterator[Spooled]:
        """Yield what waits in the spool, oldest first; with ``follow`` wait for more until ``stopped`` says so.

        The octets of a block are valid until the next one is asked for, and not to be written to.
        """
        idle = _IDLE_SECONDS
        while not stopped():
            found = self.read(most)
            if found is not None:
                idle = _IDLE_SECONDS
                yield found
                if follow and len(found.datagrams) < most and not self.goes_on:
                    let_come(GATHER_SECONDS, stopped)
            elif follow:
                time.sleep(idle)
                idle = min(2 * idle, _LONGEST_IDLE_SECONDS)
            else:
                return

    def read(self, most: int = BLOCK_DATAGRAMS) -> Spooled | None:
        """Return the next datagrams: whole blocks, together about ``most``; None when nothing waits."""
        while self._at_a_segment():
            if self._segment is not None and self._segment.slotted:
                in_place = self._in_place(self._segment, most)
                if in_place is not None:
                    self._counts["read"] += len(in_place)
                    return Spooled(in_place, Position(self._identity, self._ordinal))
                if not self._next_segment():
                    return None
                continue
            found = self._next_blocks(most)
            if found:
                block = self._take(found)
                if len(block):
                    self._counts["read"] += len(block)
                    return Spooled(block, Position(self._identity, self._ordinal))
            elif not self._next_segment():
                return None
        return None

    def done(self, end: Position) -> None:
        """Remember that everything before ``end`` was dealt with, and delete segments that are through."""
        replace(self._folder / "cursor", msgspec.json.encode(end))
        waiting = segments(self._folder)
        for one, following in pairwise(waiting):
            if following.first > end.ordinal:
                break
            give_back(one)

    @property
    def goes_on(self) -> bool:
        """There is a later segment: what was read last was short because its own ended, not because nothing waits."""
        here = self._segment
        return here is not None and any(one.first > here.first for one in segments(self._folder))

    @property
    def ordinal(self) -> int:
        """Datagrams of this spool, since it was made, that lie behind the reader."""
        return self._ordinal

    @property
    def waiting(self) -> int:
        """Octets that the spool holds."""
        return sum(_size(one.path) for one in segments(self._folder))

    def counts(self) -> tuple[StageCount, ...]:
        """Return what was read, torn (left out: altered or cut) or unreadable (its key is gone), in datagrams."""
        return tuple(StageCount(NOBODY, Step.SPOOL, name, count) for name, count in self._counts.items())

    def _at_a_segment(self) -> bool:
        """Open the segment to read from when none is open; False when there is none yet."""
        if self._file >= 0:
            return True
        self._identity = identity(self._folder)
        if not self._identity:
            return False
        wanted = self._after or last_done(self._folder)
        start = wanted.ordinal if wanted and wanted.spool == self._identity else 0
        there = segments(self._folder)
        at = next((one for one in reversed(there) if one.first <= start), there[0] if there else None)
        if at is None:
            return False
        self._enter(at)
        self._ordinal = max(start, at.first)
        return True

    def _enter(self, segment: Segment) -> None:
        self._leave()
        self._segment = segment
        self._file = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self._offset, self._indexed = 0, segment.first
        self._names = exporters(self._folder)
        self._key = load_key(key_file(self._keys, self._folder)) if self._keys else None

    def _leave(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _next_blocks(self, most: int) -> list[_Found]:
        """Return whole blocks from here on, without their datagrams."""
        found: list[_Found] = []
        count = 0
        while count < most:
            head = os.pread(self._file, _HEAD_OCTETS, self._offset)
            header = Header.unpack(head)
            if header is None or header.first > self._ordinal:
                break
            begin, self._offset = self._offset, self._offset + header.room
            if header.end <= self._ordinal and header.datagrams:  # dealt with before
                continue
            self._ordinal = header.end
            table = head[HEADER_OCTETS : HEADER_OCTETS + header.table_octets]
            if len(table) < header.table_octets and not header.encrypted:
                table = os.pread(self._file, header.table_octets, begin + HEADER_OCTETS)
            found.append(_Found(header, begin + HEADER_OCTETS, table))
            count += header.datagrams
        return found

    def _next_segment(self) -> bool:
        """Go on to the segment behind this one, if there is one and nothing more can come in this one.

        An empty segment may be replaced by one of the other kind that begins at the same ordinal.
        """
        here = self._segment
        following = next(
            (one for one in segments(self._folder) if here and one.first >= here.first and one != here), None
        )
        if following is None or self._more():
            return following is not None
        self._counts["torn"] += max(0, following.first - self._ordinal)
        self._enter(following)
        self._ordinal = following.first
        return True

    def _more(self) -> bool:
        """Say whether a block came in that wasn't there a moment ago."""
        header = Header.unpack(os.pread(self._file, HEADER_OCTETS, self._offset))
        return header is not None and header.first <= self._ordinal

    def _in_place(self, segment: Segment, most: int) -> Datagrams | None:
        """Return the next datagrams of a segment of slots as they lie there; None when there are none."""
        found, self._offset = spool_slots.blocks_of(self._file, self._offset, self._indexed, most)
        if not found:
            return None
        self._indexed = found[-1][0].end
        skipped = max(0, self._ordinal - found[0][0].first)
        parts = [spool_block.table_of(*one) for one in found]
        length, exporter, received = (np.concatenate(column)[skipped:] for column in zip(*parts, strict=True))
        if not len(length):
            return self._in_place(segment, most)
        self._ordinal = self._indexed
        end = self._ordinal - segment.first
        slots = self._mappings.slots(self._file)[end - len(length) : end]
        if exporter.max() >= len(self._names):
            self._names = exporters(self._folder)
        return Datagrams(slots, length, exporter, received, self._names)

    def _take(self, found: list[_Found]) -> Datagrams:
        """Read the datagrams of ``found`` into slots; what can't be read is counted and left out."""
        parts = [part for one in found if (part := self._opened(one))]
        if not parts:
            return _nothing(self._names)
        tables = [spool_block.table_of(one.header, one.table) for one, _ in parts]
        length = np.concatenate([one[0] for one in tables])
        slots = self._slots(len(length), int(length.max()))
        good = np.ones(len(length), np.bool_)
        at = 0
        for (one, plain), (lengths, _, _) in zip(parts, tables, strict=True):
            rows = slots[at : at + len(lengths)]
            if plain is not None:
                spool_block.spread(plain[one.header.table_octets :], rows, lengths)
            elif not spool_block.scatter(self._file, one.offset + one.header.table_octets, rows, lengths):
                self._counts["torn"] += len(lengths)
                good[at : at + len(lengths)] = False
            at += len(lengths)
        exporter = np.concatenate([one[1] for one in tables])
        received = np.concatenate([one[2] for one in tables])
        if not good.all():
            slots, length, exporter, received = slots[good], length[good], exporter[good], received[good]
        if len(exporter) and exporter.max() >= len(self._names):
            self._names = exporters(self._folder)
        return Datagrams(slots, length, exporter, received, self._names)

    def _opened(self, one: _Found) -> tuple[_Found, bytes | None] | None:
        """Return a block with its octets when they had to be decrypted; None when that failed."""
        if not one.header.encrypted:
            return one, None
        if self._key is None or self._key.name != one.header.key_name:
            self._counts["unreadable"] += one.header.datagrams
            return None
        plain = spool_block.opened(one.header, os.pread(self._file, one.header.octets, one.offset), self._key)
        if plain is None:
            self._counts["torn"] += one.header.datagrams
            return None
        return _Found(one.header, one.offset, plain[: one.header.table_octets]), plain

    def _slots(self, count: int, longest: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return slots out of memory that is used again: fresh pages would cost as much as the reading."""
        width = max(1, longest)
        if count * width > len(self._room):
            self._room = np.empty(count * width, np.uint8)
        return self._room[: count * width].reshape(count, width)


def let_come(seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait, so that what comes can be taken together, but no longer than until ``stopped`` says so."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stopped():
        time.sleep(min(left, _LONGEST_IDLE_SECONDS))


def _nothing(names: tuple[str, ...]) -> Datagrams:
    none = np.zeros(0, np.int32)
    return Datagrams(np.zeros((0, 1), np.uint8), none, none, np.zeros(0, np.int64), names)


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
