"""Journals: pieces of Arrow IPC as they come, each valid by a header that is written last.

A piece is what becomes visible at once. Its rows are written first, as Arrow streams one after the other (one for each
set of columns), then the 64 octets before them: how long they are, how many rows, of which times, and which stream of
input they are from, with a checksum. So however the writer ended, a piece is there whole or not at all.

Rows are neither divided by shard nor by hour here: that is for the compaction, and questions filter. A journal is
locked by its writer as long as it is open, so that nobody compacts it; the lock dies with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from sekisho.stores.records_duckdb.layout import (
    JOURNALS,
    high,
    journal_path,
    next_number,
    sync,
)
from sekisho.stores.records_duckdb.settings import Settings

_MAGIC = b"SKJ1"
_ALIGNMENT = 64
# magic, checksum, octets behind the header, rows, first and last start of a flow, digest of the stream, position
_HEADER = struct.Struct("<4sIQQqq16sq")
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

    @property
    def end(self) -> int:
        """Where the next piece begins."""
        return self.offset + -(-(_HEADER.size + self.octets) // _ALIGNMENT) * _ALIGNMENT

    def pack(self) -> bytes:
        """Return the header."""
        fields = (self.octets, self.rows, self.first, self.last, self.stream, self.position)
        check = zlib.crc32(_HEADER.pack(_MAGIC, 0, *fields))
        return _HEADER.pack(_MAGIC, check, *fields)

    @classmethod
    def unpack(cls, head: bytes, offset: int) -> Self | None:
        """Return what a header says; None when there is none."""
        if len(head) < _HEADER.size:
            return None
        magic, _, *fields = _HEADER.unpack_from(head)
        found = cls(offset, *fields)
        return found if magic == _MAGIC and found.pack() == head[: _HEADER.size] else None


class Journal:
    """One file being written."""

    def __init__(self, label: Path) -> None:
        """Make a new one below a label's folder; OSError when the disk refuses."""
        folder = label / JOURNALS
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            sync(label)
        self.path, self._file, self._stream = _new(folder)
        self.used = 0
        self.octets = 0
        self._begin()

    def _begin(self) -> None:
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None
        self._schema: pa.Schema | None = None
        self.rows, self._first, self._last = 0, 0, 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch to the piece that isn't visible yet; OSError when the disk refuses."""
        times = batch.column(_START).to_numpy(zero_copy_only=True)
        first, last = int(times.min()), int(times.max())
        with _said():
            if self._stream.tell() == self.octets:
                self._stream.write(bytes(_HEADER.size))
            if self._writer is None or self._schema is None or not self._schema.equals(batch.schema):
                self._close_stream()
                self._writer, self._schema = pa.ipc.new_stream(self._stream, batch.schema), batch.schema
            self._writer.write_batch(batch)
        self._first = min(first, self._first) if self.rows else first
        self._last = max(last, self._last) if self.rows else last
        self.rows += batch.num_rows

    def commit(self, stream: bytes = NO_STREAM, position: int = 0) -> None:
        """Make the piece valid, its rows on the disk before its header; OSError when the disk refuses."""
        with _said():
            self._close_stream()
            at = self._stream.tell()
            if at == self.octets:
                self._stream.write(bytes(_HEADER.size))
                at += _HEADER.size
            piece = Piece(
                self.octets,
                at - self.octets - _HEADER.size,
                self.rows,
                self._first,
                self._last,
                stream,
                position,
            )
            self._stream.write(bytes(piece.end - at))
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
            self._stream.close()
            os.close(self._file)
            self._file = -1

    def _close_stream(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


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
                self._committed(journal, None, kept)
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

    def _undo(self, label: Path) -> None:
        journal = self._open.pop(label, None)
        if journal is not None:
            journal.undo()
            journal.close()

    def _end_idle(self) -> None:
        until = self._now() - self._settings.journal_idle
        for label in [label for label, journal in self._open.items() if journal.used < until]:
            self._open.pop(label).close()


def pieces(path: Path, offset: int = 0) -> tuple[list[Piece], int]:
    """Return the whole pieces of a journal from ``offset`` on, and how many octets after them are torn."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size, found = os.fstat(file).st_size, []
        while piece := Piece.unpack(os.pread(file, _HEADER.size, offset), offset):
            if piece.end > size or piece.end <= offset:
                break
            found.append(piece)
            offset = piece.end
        return found, size - offset
    finally:
        os.close(file)


def read_pieces(path: Path, wanted: list[Piece]) -> list[pa.RecordBatch]:
    """Return the batches of some pieces of a journal, mapped and not copied.

    Rows that the disk lost or altered under a good header end the piece where they begin to make no sense.
    """
    if not wanted:
        return []
    whole = pa.memory_map(str(path))
    found: list[pa.RecordBatch] = []
    for piece in wanted:
        whole.seek(piece.offset + _HEADER.size)
        source = pa.BufferReader(whole.read_buffer(piece.octets))
        with contextlib.suppress(pa.ArrowException, OSError):
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


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn what Arrow says of a disk that refuses into an OSError."""
    try:
        yield
    except pa.ArrowException as error:
        raise OSError(5, str(error)) from error


def _new(folder: Path) -> tuple[Path, int, pa.OSFile]:
    """Return a new locked file and a stream into it.

    It gets its name only when it is locked, so nobody takes it for one left behind.
    """
    part = folder / f".{os.getpid()}.{os.urandom(6).hex()}"
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        stream = pa.OSFile(str(part), "wb")
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
    return path, file, stream


def starts(batch: pa.RecordBatch) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the starts of a batch's flows, milliseconds."""
    found: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = batch.column(_START).to_numpy(
        zero_copy_only=True
    )
    return found
