"""Journals: pieces of Arrow IPC as they come, each valid by a header that is written last.

A piece is what becomes visible at once. Its rows are written first, as Arrow streams one after the other (one for each
set of columns), then the 64 octets before them: how long they are and their checksum, how many rows, of which times, and
which stream of input they are from, with a checksum of its own. So however the writer ended, a piece is there whole or
not at all; and what becomes of it later on a disk is found out.

Rows are neither divided by shard nor by hour here: that is for the compaction, and questions filter. A journal is
locked by its writer as long as it is open, so that nobody compacts it; the lock dies with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from sekisho.formats.packed_rows import base, numbers, packed
from sekisho.model.detection import Window
from sekisho.stores.records_duckdb.checksums import crc32
from sekisho.stores.records_duckdb.layout import (
    JOURNALS,
    high,
    journal_path,
    next_number,
    sync,
)
from sekisho.stores.records_duckdb.settings import Settings

# The newest with packed rows, as written since November 2026; then the same with columns as wide as WATCHED's.
_MAGIC, _MAGIC_2, _MAGIC_1 = b"SKJ3", b"SKJ2", b"SKJ1"
_ALIGNMENT = 64
# magic, checksum, octets behind the header, rows, their checksum, first and last start of a flow, digest of the stream,
# position
_HEADER = struct.Struct("<4sIQIIqq16sq")
# The same without the checksum of the rows, as written until November 2026.
_HEADER_1 = struct.Struct("<4sIQQqq16sq")
HEADER = _HEADER.size
_BLOCK = 1 << 20
_VECTORS = 1000  # fewer than IOV_MAX
_PART = 1 << 19  # what is summed up and written while it is in the second-level cache
_MOST_ROWS = (1 << 32) - 1
NO_STREAM = bytes(16)
_START = "flowStartMilliseconds"


class Piece(NamedTuple):
    """What a header says of a piece that begins at ``offset``; times in milliseconds, both inclusive."""

    offset: int
    octets: int
    rows: int
    first: int
    last: int
    stream: bytes
    position: int
    checksum: int | None
    magic: bytes = _MAGIC

    @property
    def end(self) -> int:
        """Where the next piece begins."""
        return self.offset + -(-(_HEADER.size + self.octets) // _ALIGNMENT) * _ALIGNMENT

    def pack(self) -> bytes:
        """Return the header."""
        times = (self.first, self.last, self.stream, self.position)
        if self.checksum is None:
            return _checked(_HEADER_1, _MAGIC_1, self.octets, self.rows, *times)
        return _checked(_HEADER, self.magic, self.octets, self.rows, self.checksum, *times)

    def meets(self, window: Window) -> bool:
        """Say whether it may have rows of ``window``."""
        return self.first < window.end and window.begin <= self.last

    @classmethod
    def unpack(cls, head: bytes, offset: int) -> Self | None:
        """Return what a header says; None when there is none."""
        if len(head) < _HEADER.size:
            return None
        if head.startswith(_MAGIC_1):
            magic, _, octets, rows, first, last, stream, position = _HEADER_1.unpack_from(head)
            checksum = None
        else:
            magic, _, octets, rows, checksum, first, last, stream, position = _HEADER.unpack_from(head)
        found = cls(offset, octets, rows, first, last, stream, position, checksum, magic)
        known = magic in {_MAGIC, _MAGIC_2, _MAGIC_1}
        return found if known and found.pack() == head[: _HEADER.size] else None


class _Ends:
    """Where an Arrow stream is written to: its buffers go from where they lie into the file, counted on the way.

    Nothing is copied but by the kernel, and nothing is read again: a million rows cost one pass for the checksum.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._held: deque[memoryview] = deque()
        self._octets = 0
        self.at = 0
        self.checksum = 0
        self.closed = False

    def begin(self, at: int) -> None:
        """Go on at ``at``; what is written from now on is summed up anew."""
        self._held.clear()
        self._octets, self.at, self.checksum = 0, at, 0

    def write(self, data: bytes | pa.Buffer) -> int:
        """Take what Arrow gives; it lies still until `flush`."""
        view = memoryview(data)
        if view:
            self._held.append(view)
            self._octets += len(view)
        return len(view)

    def tell(self) -> int:
        """Return where the next octet goes."""
        return self.at + self._octets

    def flush(self) -> None:
        """Write what is held, summing up each part just before: it is read from memory once; OSError: refused."""
        while self._held:
            part: list[memoryview] = []
            room = _PART
            while self._held and room and len(part) < _VECTORS:
                one = self._held.popleft()
                if len(one) > room:
                    self._held.appendleft(one[room:])
                    one = one[:room]
                part.append(one)
                room -= len(one)
                self.checksum = crc32(one, self.checksum)
            self._write(part)

    def _write(self, part: list[memoryview]) -> None:
        while part:
            put = os.pwritev(self._file, part, self.at)
            if not put:
                raise OSError(28, os.strerror(28))
            self.at += put
            self._octets -= put
            while part and len(part[0]) <= put:
                put -= len(part.pop(0))
            if put:
                part[0] = part[0][put:]

    def writable(self) -> bool:
        """Say yes: Arrow asks."""
        return True

    def close(self) -> None:
        """Arrow says so at the end of each stream; the file is the journal's."""


class Journal:
    """One file being written."""

    def __init__(self, label: Path) -> None:
        """Make a new one below a label's folder; OSError when the disk refuses."""
        folder = label / JOURNALS
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            sync(label)
        self.path, self._file = _new(folder)
        self._ends = _Ends(self._file)
        self.used = 0
        self.octets = 0
        self._begin()

    def _begin(self) -> None:
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None
        self.rows, self._first, self._last = 0, 0, 0
        self._ends.begin(self.octets + _HEADER.size)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch, packed, to the piece that isn't visible yet; OSError when the disk refuses."""
        batch = packed(batch)
        first, last = _extent(batch)
        with _said():
            # A stream has one base and one set of constants, in its metadata: other ones begin another stream.
            if self._writer is None or not batch.schema.equals(self._schema, check_metadata=True):
                self._close_stream()
                self._writer = pa.ipc.new_stream(pa.PythonFile(self._ends, "w"), batch.schema)
                self._schema = batch.schema
            self._writer.write_batch(batch)
            self._ends.flush()
        self._first = min(first, self._first) if self.rows else first
        self._last = max(last, self._last) if self.rows else last
        self.rows += batch.num_rows

    def commit(self, stream: bytes = NO_STREAM, position: int = 0) -> None:
        """Make the piece valid, its rows on the disk before its header; OSError when the disk refuses."""
        with _said():
            self._close_stream()
            if self.rows > _MOST_ROWS:
                raise OSError(27, os.strerror(27))
            octets = self._ends.at - self.octets - _HEADER.size
            check = self._ends.checksum
            piece = Piece(
                self.octets, octets, self.rows, self._first, self._last, stream, position, check
            )  # fmt: skip
            # Its place is zeros until it is a header, and the next piece begins where the file ends.
            self._ends.write(bytes(piece.end - self._ends.at))
            self._ends.flush()
            os.fdatasync(self._file)
            if os.pwrite(self._file, piece.pack(), self.octets) != _HEADER.size:
                raise OSError(28, os.strerror(28))
            os.fdatasync(self._file)
        self.octets = piece.end
        self._begin()

    def undo(self) -> None:
        """Take back what isn't visible yet; the journal is at its end by that."""
        self._writer = None
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.octets)

    @property
    def gone(self) -> bool:
        """Whether it has been deleted meanwhile."""
        return os.fstat(self._file).st_nlink == 0

    def close(self) -> None:
        """End it; from now on it can be compacted."""
        if self._file >= 0:
            self._writer = None
            os.close(self._file)
            self._file = -1

    def _close_stream(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._ends.flush()


class Journals:
    """The journals that a store holds open, the least used of which is ended for a new one."""

    def __init__(self, settings: Settings, now: Callable[[], int]) -> None:
        self._settings = settings
        self._now = now
        self._open: OrderedDict[Path, Journal] = OrderedDict()

    def write(
        self, label: Path, batches: Iterator[pa.RecordBatch], once: tuple[bytes, int] | None, kept: list[int]
    ) -> None:
        """Add batches to the journal of a label's folder, all as one piece with ``once``.

        ``kept`` grows by the rows of each piece as it becomes valid. When the input breaks, the rows before are kept
        unless ``once`` is given.
        """
        journal = None
        try:
            for batch in batches:
                journal = journal or self._journal(label)
                journal.write(batch)
                if once is None and journal.rows >= self._settings.piece_rows:
                    self._committed(journal, None, kept)
                    journal = None
        except OSError:
            self._undo(label)
            raise
        except BaseException:
            if journal is not None and once is None and journal.rows:
                self._committed_or_undone(label, journal, kept)
            else:
                self._undo(label)
            raise
        try:
            if journal is not None or once is not None:
                self._committed(journal or self._journal(label), once, kept)
        except OSError:
            self._undo(label)
            raise
        finally:
            self._end_idle()

    @property
    def paths(self) -> frozenset[Path]:
        """Where they lie."""
        return frozenset([one.path for one in tuple(self._open.values())])

    def close(self, under: Path | None = None) -> None:
        """End all journals, or those below a folder."""
        for label in [one for one in self._open if under is None or one.is_relative_to(under)]:
            self._open.pop(label).close()

    def _journal(self, label: Path) -> Journal:
        journal = self._open.get(label)
        if journal is not None and (journal.gone or journal.octets > self._settings.journal_octets):
            self._open.pop(label).close()
            journal = None
        if journal is None:
            while len(self._open) >= self._settings.open_journals:
                self._open.pop(next(iter(self._open))).close()
            journal = self._open[label] = Journal(label)
        self._open.move_to_end(label)
        return journal

    def _committed(self, journal: Journal, once: tuple[bytes, int] | None, kept: list[int]) -> None:
        rows = journal.rows
        journal.commit(*(once or ()))
        journal.used = self._now()
        kept.append(rows)

    def _committed_or_undone(self, label: Path, journal: Journal, kept: list[int]) -> None:
        try:
            self._committed(journal, None, kept)
        except BaseException:
            self._undo(label)  # or the next append would go on with half a piece
            raise

    def _undo(self, label: Path) -> None:
        journal = self._open.pop(label, None)
        if journal is not None:
            journal.undo()
            journal.close()

    def _end_idle(self) -> None:
        until = self._now() - self._settings.journal_idle
        for label in [label for label, journal in self._open.items() if journal.used < until]:
            self._open.pop(label).close()


class Inventory(NamedTuple):
    """What the headers of a journal say: its pieces, how many octets at its end are torn, whether some are damaged.

    Torn is what a writer that was killed left: nobody was told that it is kept. Damaged is what was once good: a header
    that makes no sense, or octets that are missing behind one.
    """

    pieces: list[Piece]
    torn: int
    damaged: bool


def pieces(path: Path) -> tuple[list[Piece], int]:
    """Return the whole pieces of a journal, and how many octets after them are torn."""
    there = inventory(path)
    return there.pieces, there.torn


def inventory(path: Path) -> Inventory:
    """Return what the headers of a journal say; whether the rows behind them are sound is another question."""
    found: list[Piece] = []
    damaged, offset = False, 0
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            head = os.pread(file, _HEADER.size, offset)
            size = os.fstat(file).st_size  # after the header: a piece that has one has all its rows
            piece = Piece.unpack(head, offset)
            if piece and offset < piece.end <= size:
                found.append(piece)
                offset = piece.end
                continue
            after = _next_piece(file, offset + _ALIGNMENT, size)
            if after is not None and Piece.unpack(os.pread(file, _HEADER.size, offset), offset) != piece:
                continue  # it became valid meanwhile
            damaged = damaged or after is not None or piece is not None or _altered(head)
            if after is None:
                return Inventory(found, size - offset, damaged)
            offset = after
    finally:
        os.close(file)


def _altered(head: bytes) -> bool:
    """Say whether a place for a header holds what no writer leaves there: it is zeros until it is a header."""
    return len(head) == _HEADER.size and any(head)


def _next_piece(file: int, offset: int, size: int) -> int | None:
    """Return where the next valid header is from ``offset`` on; None when there is none."""
    # Blocks are a whole number of places for a header. Not mapped: a writer may cut the file short meanwhile.
    while offset + _HEADER.size <= size and (block := os.pread(file, _BLOCK, offset)):
        at = -1
        while (at := block.find(_MAGIC[:3], at + 1)) >= 0:
            piece = None if at % _ALIGNMENT else Piece.unpack(block[at : at + _HEADER.size], offset + at)
            if piece and piece.offset < piece.end <= size:
                return piece.offset
        offset += _BLOCK
    return None


def read_pieces(path: Path, wanted: list[Piece]) -> list[pa.RecordBatch]:
    """Return the batches of some pieces of a journal, mapped and not copied; they must be sound."""
    if not wanted:
        return []
    whole = pa.memory_map(str(path))
    found: list[pa.RecordBatch] = []
    for piece in wanted:
        whole.seek(piece.offset + _HEADER.size)
        source = pa.BufferReader(whole.read_buffer(piece.octets))
        while source.tell() < piece.octets:
            found += pa.ipc.open_stream(source)
    return found


def in_use(path: Path) -> bool:
    """Say whether a writer holds the journal open."""
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _checked(form: struct.Struct, magic: bytes, *fields: object) -> bytes:
    return form.pack(magic, crc32(form.pack(magic, 0, *fields)), *fields)


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn what Arrow says of a disk that refuses into an OSError."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(5, str(error)) from error


def _new(folder: Path) -> tuple[Path, int]:
    """Return a new locked file.

    It gets its name only when it is locked, so nobody takes it for one left behind.
    """
    part = folder / f".{os.getpid()}.{os.urandom(6).hex()}"
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        while True:
            number = next_number(folder)
            path = journal_path(folder, number)
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(part)
                # Somebody may have used and compacted that number since it was looked up.
                if number > high(folder.parent):
                    break
                path.unlink()
        sync(folder)
    except BaseException:
        os.close(file)
        raise
    finally:
        part.unlink()
    return path, file


def starts(batch: pa.RecordBatch) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the starts of a batch's flows, milliseconds."""
    return numbers(batch, _START)


def _extent(batch: pa.RecordBatch) -> tuple[int, int]:
    """Return the first and the last start of a batch's flows, milliseconds."""
    times = batch.column(_START).to_numpy(zero_copy_only=True)
    away = base(batch.schema) if times.dtype == np.uint32 else 0
    return int(times.min()) + away, int(times.max()) + away
