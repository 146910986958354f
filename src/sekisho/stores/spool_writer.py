"""The writing end of the spool: appends blocks, begins new segments without waiting for anyone, never overwrites."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sekisho.errors import StoreError
from sekisho.formats.datagrams import Datagrams
from sekisho.language import Text
from sekisho.model.pipeline import NOBODY, StageCount, Step
from sekisho.stores import spool_block
from sekisho.stores.spool_block import MOST_EXPORTERS
from sekisho.stores.spool_place import Place, in_memory, key_file, load_key, make_key
from sekisho.stores.spool_segments import (
    begin,
    end_of,
    exporters,
    identity,
    locked,
    replace,
    segment_path,
    segments,
)
from sekisho.stores.spool_slots import STRIDE, Mappings, allocate, count_in, octets_of

# Half of what comes in while the reader lets a full rate gather: it takes at most a segment at once.
SEGMENT_OCTETS = 32 * 1024 * 1024
_LEAST_SEGMENT_OCTETS = 1024 * 1024
_SHARE = 16
MOST_OCTETS = 1024 * 1024 * 1024
_FEWEST_SEGMENTS = 2
_IDENTITY_OCTETS = 16
# What a kill left of replacing an empty segment.
_ASIDE = "aside"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpoolWriter:
    """Appends datagrams; one process at a time. What `append` says it kept survives ``kill -9``.

    Args:
        place: where it lies, and whether it is encrypted.
        most_octets: the spool's bound; at least two segments.
        segment_octets: a segment is closed when it has grown to this. None: 32 MiB, or a sixteenth of the bound or of
            what the file system has free, whichever is least (a container's ``/dev/shm`` may have 64 MiB in all).

    Raises:
        StoreError: another process writes it, or the folder refuses.
    """

    def __init__(
        self,
        place: Place,
        *,
        most_octets: int = MOST_OCTETS,
        segment_octets: int | None = None,
    ) -> None:
        self._folder = place.folder
        self._file = -1
        # Slots are filled before their block is known: only where nothing has to be sealed.
        self._may_slot = place.keys is None and in_memory(place.folder)
        self._slots: NDArray[np.uint8] | None = None
        self._mappings = Mappings(write=True)
        self._long = 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._segment_octets = segment_octets or _segment_octets(self._folder, most_octets)
            self._most = max(most_octets, _FEWEST_SEGMENTS * self._segment_octets)
            self._lock = locked(self._folder, "writer.lock")
            self._offset = 0
            self._resume(place)
        except OSError as error:
            raise StoreError(
                Text(
                    ja=f"受信の置き場を作れない：{error.strerror}",
                    en=f"can't make the spool: {error.strerror}",
                ),
                str(self._folder),
            ) from error
        self._figures: dict[str, NDArray[np.int64]] = {
            name: np.zeros(MOST_EXPORTERS, np.int64) for name in ("spooled", "spool-full", "store-error")
        }
        self._heard: tuple[str, ...] = ()
        self._places = np.zeros(0, np.int32)
        self.error = ""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let another process write."""
        for file in (self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._file = self._lock = -1

    @property
    def ordinal(self) -> int:
        """How many datagrams were ever kept in this spool."""
        return self._ordinal

    def append(self, block: Datagrams) -> int:
        """Keep all of ``block`` or, when there is no room, nothing; return how many were kept, and count by exporter."""
        if not len(block):
            return 0
        exporter = self._exporters(block)
        try:
            if len(self._names) > self._written:
                self._write_names()
            if self._slots is None:
                kept = self._keep(block, exporter)
            else:
                kept = self._keep_slotted(block, exporter, self._slots)
        except OSError as error:
            return self._failed(error, exporter)
        self._count("spooled" if kept else "spool-full", exporter)
        if kept:
            self._go_on()
        return len(block) if kept else 0

    def _keep(self, block: Datagrams, exporter: NDArray[np.int32]) -> bool:
        """Write a block; False when there is no room."""
        need = int(block.length.sum()) + 8 * len(block) + 2 * spool_block.HEADER_OCTETS
        if not self._has_room(need):
            return False
        try:
            room = spool_block.write(self._file, self._offset, self._ordinal, block, exporter, self._key)
        except OSError:
            os.ftruncate(self._file, self._offset)
            raise
        self._offset += room
        self._ordinal += len(block)
        self._long = max(self._long, int(block.length.max()))
        return True

    def _go_on(self) -> None:
        """Begin the next segment when this one is full; one that can't be begun now is tried again at the next block."""
        try:
            if self._slots is not None:
                if self._ordinal - self._first == len(self._slots) and not self._begin_slots():
                    self._begin()
            elif self._offset >= self._segment_octets:
                self._begin()
        except OSError as error:
            self.error = error.strerror or str(error)

    def room(self, most: int) -> NDArray[np.uint8] | None:
        """Return free slots, uint8[up to ``most``, octets]: a block that lies in them is kept without a copy.

        Ask anew for each block. None where datagrams can't lie in slots: on a disk, when the spool is full, or when
        there were longer ones lately. Whoever has slots of its own then passes a block to `append` all the same.
        """
        if not self._may_slot or (self._slots is None and not self._begin_slots()) or self._slots is None:
            return None
        at = self._ordinal - self._first
        free = self._slots[at : at + most]
        return free if len(free) else None

    def _keep_slotted(self, block: Datagrams, exporter: NDArray[np.int32], slots: NDArray[np.uint8]) -> bool:
        """Make a block valid that lies in the slots that `room` gave; copy it there when it doesn't."""
        at = self._ordinal - self._first
        if int(block.length.max()) > STRIDE or len(block) > len(slots) - at:
            self._begin()  # of the other kind, which takes any block
            return self._keep(block, exporter)
        mine = slots[at : at + len(block)]
        if block.octets.ctypes.data != mine.ctypes.data or block.octets.strides[0] != STRIDE:
            width = min(STRIDE, block.octets.shape[1])
            mine[:, :width] = block.octets[:, :width]
        self._offset += spool_block.write_index(self._file, self._offset, self._ordinal, block, exporter)
        self._ordinal += len(block)
        return True

    def _begin_slots(self) -> bool:
        """Begin a segment of slots; False when there is no room, or datagrams are too long for slots."""
        if self._long > STRIDE:
            if self._offset < self._segment_octets // 2:
                return False
            self._long = 0  # perhaps they were few
        count = count_in(self._segment_octets)
        try:
            if self._octets_closed(every=True) + octets_of(count) > self._most:
                return False
            with self._in_place_of_an_empty_one():
                file, slots = self._new_slots(count)
        except OSError as error:
            self.error = error.strerror or str(error)
            return False
        self._use(file, slots)
        return True

    def _new_slots(self, count: int) -> tuple[int, NDArray[np.uint8]]:
        file = begin(self._folder, self._ordinal, slotted=True)
        try:
            allocate(file, count)
            return file, self._mappings.slots(file)
        except OSError:
            segment_path(self._folder, self._ordinal, slotted=True).unlink(missing_ok=True)
            os.close(file)
            raise

    def _use(self, file: int, slots: NDArray[np.uint8] | None) -> None:
        """Write into another segment from now on."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._slots, self._first, self._offset = file, slots, self._ordinal, 0

    @contextmanager
    def _in_place_of_an_empty_one(self) -> Iterator[None]:
        """Take its name from the segment in use when it has no block: the next one begins at the same ordinal.

        It gets it back when that one can't be made. There are never two of one ordinal: the reader would not know
        which of them is through.
        """
        paths = [segment_path(self._folder, self._first, slotted=slotted) for slotted in (False, True)]
        empty = [path for path in paths if self._first == self._ordinal and path.exists()]
        aside = self._folder / _ASIDE
        for path in empty:
            path.rename(aside)
        try:
            yield
        except BaseException:
            for path in empty:
                aside.rename(path)
            raise
        aside.unlink(missing_ok=True)

    def _failed(self, error: OSError, exporter: NDArray[Any]) -> int:
        self.error = error.strerror or str(error)
        self._count("spool-full" if error.errno in _FULL else "store-error", exporter)
        return 0

    def counts(self) -> tuple[StageCount, ...]:
        """Return datagrams kept and dropped, by exporter; and what the last kill left torn, in octets."""
        figures = [
            StageCount(exporter, Step.SPOOL, name, int(self._figures[name][number]))
            for number, exporter in enumerate(self._names)
            for name in self._figures
        ]
        return (*figures, StageCount(NOBODY, Step.SPOOL, "torn-octets", self._torn))

    def _resume(self, place: Place) -> None:
        """Go on behind the last whole block; cut off what a kill left; a spool without segments gets a fresh key."""
        self._names = {name: number for number, name in enumerate(exporters(self._folder))}
        self._write_names()
        there = segments(self._folder)
        self._torn = self._ordinal = self._offset = self._closed = 0
        (self._folder / _ASIDE).unlink(missing_ok=True)
        self._first = -1
        self._key = None
        if place.keys:
            file = key_file(place.keys, self._folder)
            # Without its key what waits can never be read again: the reader counts it and lets it go.
            held = any(one.path.stat().st_size for one in there)
            self._key = (load_key(file) if held else None) or make_key(file)
        if not there or not identity(self._folder):  # ordinals begin anew, so an old cursor must not fit
            replace(self._folder / "identity", os.urandom(_IDENTITY_OCTETS).hex().encode())
        if not there:
            self._begin()
            return
        self._first = there[-1].first
        self._file = os.open(there[-1].path, os.O_RDWR | os.O_CLOEXEC)
        self._offset, self._ordinal = end_of(self._file, there[-1].first)
        if there[-1].slotted:  # what a kill left in its slots has no header; it is not gone on with
            self._begin(fresh=True)
            return
        size = os.fstat(self._file).st_size
        self._torn = max(0, size - self._offset)
        os.ftruncate(self._file, min(size, self._offset))

    def _begin(self, *, fresh: bool = False) -> None:
        """Begin a segment; the one before it belongs to the reader from now on. OSError: it stays in use."""
        with self._in_place_of_an_empty_one():
            file = begin(self._folder, self._ordinal, fresh=fresh)
        self._use(file, None)
        self._closed = self._octets_closed()

    def _octets_closed(self, *, every: bool = False) -> int:
        total = 0
        for one in segments(self._folder)[: None if every else -1]:
            try:
                total += one.path.stat().st_size
            except FileNotFoundError:  # the reader was through with it
                continue
        return total

    def _has_room(self, need: int) -> bool:
        if self._closed + self._offset + need <= self._most:
            return True
        self._closed = self._octets_closed()
        if self._closed + self._offset + need <= self._most:
            return True
        if self._offset:  # closed, so that the reader may delete it when it is through
            self._begin(fresh=True)
        return False

    def _exporters(self, block: Datagrams) -> NDArray[np.int32]:
        """Return each datagram's exporter as an index of the spool's own table, which outlives the receiver."""
        if block.exporters is not self._heard and block.exporters != self._heard:
            known = len(self._heard)
            if block.exporters[:known] != self._heard:
                known, self._places = 0, self._places[:0]
            new = [self._index(name) for name in block.exporters[known:]]
            self._places = np.concatenate((self._places, np.array(new, np.int32)))
        self._heard = block.exporters
        return self._places[block.exporter]

    def _index(self, exporter: str) -> int:
        if exporter not in self._names and len(self._names) >= MOST_EXPORTERS:
            raise StoreError(
                Text(ja="送信元が多すぎる", en="too many exporters for one spool"), str(self._folder)
            )
        return self._names.setdefault(exporter, len(self._names))

    def _write_names(self) -> None:
        replace(self._folder / "exporters", "".join(f"{name}\n" for name in self._names).encode())
        self._written = len(self._names)

    def _count(self, name: str, exporter: NDArray[Any]) -> None:
        counted = np.bincount(exporter)
        self._figures[name][: len(counted)] += counted


def _segment_octets(folder: Path, most: int) -> int:
    about = os.statvfs(folder)
    free = about.f_bavail * about.f_frsize
    return max(_LEAST_SEGMENT_OCTETS, min(SEGMENT_OCTETS, most // _SHARE, free // _SHARE))
