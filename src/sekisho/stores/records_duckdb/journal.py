"""Journals: Arrow IPC streams that are good up to the last whole batch, however the writer ended.

A journal is locked by its writer as long as it is open, so that nobody compacts it; the lock dies with the process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from sekisho.stores.records_duckdb.layout import covered, next_number, sync
from sekisho.stores.records_duckdb.settings import Settings


class Journal:
    """One file being written."""

    def __init__(self, cell: Path, schema: pa.Schema) -> None:
        """Make a new one in ``cell``; OSError when the disk refuses."""
        if not cell.is_dir():
            cell.mkdir(parents=True, exist_ok=True)
            for folder in (cell.parent, cell.parent.parent):
                sync(folder)
        self.path, self._file, self._stream = _new(cell)
        self.used = 0
        self._good = 0
        self._writer = pa.ipc.new_stream(self._stream, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch; when the disk refuses, the torn piece is taken back and the journal is at its end."""
        try:
            self._writer.write_batch(batch)
        except (OSError, pa.ArrowException) as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._good)
            raise error if isinstance(error, OSError) else OSError(errno.EIO, str(error)) from error
        self._good = os.fstat(self._file).st_size

    def flush(self) -> None:
        """Force it to the disk."""
        os.fsync(self._file)

    @property
    def octets(self) -> int:
        """How large it is up to its last whole batch."""
        return self._good

    @property
    def gone(self) -> bool:
        """Whether it has been deleted meanwhile."""
        return os.fstat(self._file).st_nlink == 0

    def close(self) -> None:
        """End it; from now on it can be compacted."""
        if self._file >= 0:
            # The stream's end mark is left out on purpose: what is whole is told by the batches alone.
            self._stream.close()
            os.close(self._file)
            self._file = -1


class Journals:
    """The journals that a store holds open, the least used of which is ended for a new one."""

    def __init__(self, settings: Settings, now: Callable[[], int]) -> None:
        self._settings = settings
        self._now = now
        self._open: OrderedDict[tuple[Path, tuple[str, ...]], Journal] = OrderedDict()
        self._dirty: dict[Path, Journal] = {}

    def write(self, cell: Path, batch: pa.RecordBatch) -> None:
        """Add a batch to the journal of ``cell`` that has its columns."""
        key = (cell, tuple(batch.schema.names))
        journal = self._open.get(key)
        if journal is not None and (journal.gone or journal.octets > self._settings.journal_octets):
            self._end(key)
            journal = None
        if journal is None:
            while len(self._open) >= self._settings.open_journals:
                self._end(next(iter(self._open)))
            journal = self._open[key] = Journal(cell, batch.schema)
        self._open.move_to_end(key)
        try:
            journal.write(batch)
        except OSError:
            self._end(key)
            raise
        journal.used = self._now()
        self._dirty[journal.path] = journal

    def flush(self) -> None:
        """Force to the disk what was added, and end what has been idle for long."""
        try:
            for journal in self._dirty.values():
                journal.flush()
        finally:
            self._dirty.clear()
        until = self._now() - self._settings.journal_idle
        for key in [key for key, journal in self._open.items() if journal.used < until]:
            self._end(key)

    def close(self, under: Path | None = None) -> None:
        """End all journals, or those below a folder."""
        for key in [key for key in self._open if under is None or key[0].is_relative_to(under)]:
            self._end(key)

    def _end(self, key: tuple[Path, tuple[str, ...]]) -> None:
        journal = self._open.pop(key)
        if self._dirty.pop(journal.path, None) is not None:
            with contextlib.suppress(OSError):  # the disk that refuses has said so already
                journal.flush()
        journal.close()


def read_journal(path: Path) -> tuple[list[pa.RecordBatch], int]:
    """Return the whole batches of a journal, mapped and not copied, and how many octets after them are torn."""
    size = path.stat().st_size
    if not size:
        return [], 0
    source = pa.memory_map(str(path))
    batches, good = [], 0
    try:
        reader = pa.ipc.open_stream(source)
        good = source.tell()
        while good < size:
            batches.append(reader.read_next_batch())
            good = source.tell()
    except (pa.ArrowException, OSError, StopIteration):
        pass  # what a writer that died, or is still at work, left behind the last whole batch
    return batches, size - good


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


def _new(cell: Path) -> tuple[Path, int, pa.OSFile]:
    """Return a new locked file and a stream into it.

    It gets its name only when it is locked, so nobody takes it for one left behind.
    """
    part = cell / f".{os.getpid()}.{os.urandom(6).hex()}"
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        stream = pa.OSFile(str(part), "wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        while True:
            number = next_number(cell)
            path = cell / f"{number:012d}.arrows"
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(part)
                # Somebody may have used and compacted that number since it was looked up.
                if not covered(number, cell):
                    break
                path.unlink()
        sync(cell)
    except BaseException:
        os.close(file)
        raise
    finally:
        part.unlink()
    return path, file, stream
