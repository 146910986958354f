"""SQLite: one file, a write-ahead log, one writer at a time.

Writers also hold a lock file. SQLite before 3.51.3 can lose what it was told when two connections write and
checkpoint in the same instant (sqlite.org/wal.html, "the WAL-reset bug"), and Debian 12 has 3.40; a checkpoint
happens only in the commit of a writer, so with one writer at a time it cannot meet another.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.database.migrations.dialect import Dialect

WRITES = "sekisho_writes"
DIALECT = Dialect(name="sqlite", text="TEXT", clustered=" WITHOUT ROWID")
_BRIEFLY = 500  # milliseconds
_WRITTEN_ANEW = 256 << 20  # octets: some seconds
_PAUSE = 0.004
Identity = tuple[int, int]


class WriteLock:
    """Lets one writer in at a time, over all processes; the system frees it when its holder dies."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._patience = patience
        self._identity: Identity | None = None

    def watch(self, identity: Identity) -> None:
        """Refuse from now on when another file, or none, stands in the place of this one."""
        self._identity = identity

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        :raises StoreError: somebody else held it all the time; or as `check`
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(file)
            self.check()
            yield
        finally:
            os.close(file)

    def check(self) -> None:
        """Check that the file is still there.

        :raises StoreError: it isn't; what is written to a file without a name is lost, however well it was written
        """
        if self._identity is not None and identity(self._path) != self._identity:
            raise StoreError(
                Text(
                    ja="データベースのファイルが消えたか、別のものに換わった",
                    en="the database's file is gone, or is another one",
                ),
                str(self._path),
                Text(ja="元のファイルを戻して、開き直す", en="put the file back and start again"),
            )

    def _wait(self, file: int) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StoreError(
                        Text(
                            ja="別のプロセスがデータベースを放さない", en="another process holds the database"
                        ),
                        str(self._lock),
                    ) from None
                time.sleep(_PAUSE)
            else:
                return


def identity(path: Path) -> Identity | None:
    """Return what tells a file from another one of the same name; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def prepare(path: Path, patience: float) -> Identity:
    """Make the file when there is none, readable by its owner alone, and turn its write-ahead log on."""
    # One that is there is left alone: closing any file handle of it would take away the locks that SQLite holds for this
    # process's other connections, and the next process to leave would delete the write-ahead log under their feet.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if not os.access(path, os.R_OK | os.W_OK):  # SQLite would open it all the same, only to read
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    found = path.stat()
    with closing(_connected(path, patience)) as connection:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            Text(
                ja="このファイルシステムでは SQLite の WAL が使えない",
                en="SQLite's write-ahead log doesn't work on this file system",
            ),
            str(path),
            Text(
                ja="手元のディスクに置くか、PostgreSQL を使う",
                en="put it on a local disk, or use PostgreSQL",
            ),
        )
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # the file's name must outlive a power cut as well as its rows
    finally:
        os.close(directory)
    return found.st_dev, found.st_ino


def engine(path: Path, patience: float) -> Engine:
    """Return the engine of an existing file."""
    made = create_engine(
        "sqlite://", creator=lambda: _connected(path, patience), poolclass=QueuePool, pool_size=5,
        max_overflow=20, pool_timeout=patience, hide_parameters=True,
    )  # fmt: skip

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return made


def overwriting(connection: Connection) -> None:
    """Let what this connection deletes from SQLite be overwritten in its file; of PostgreSQL its own upkeep takes care."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def overwritten(connection: Connection, count: int) -> int:
    """Note in the transaction that deletes that SQLite's file is to be written anew (`folded`); return how many it was."""
    if count and connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA user_version = 1")  # nothing else of ours uses this number
    return count


def folded(made: Engine) -> bool:
    """Move the write-ahead log into the file and cut it off, so that nothing that was deleted stays in it.

    Overwriting alone leaves what had lain beside the rows that are left: SQLite moves rows when a page is full and clears
    only whole pages behind itself. So a file in which anything was deleted is written anew, up to a size.

    The caller holds the lock of writers. False when something may be left, since somebody reads or writes just now, there
    is no room, or the file is too large: `overwritten` and free pages stand in the file until the next time.
    """
    if made.dialect.name != "sqlite":
        return True
    with made.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            return False
        patience = raw.execute("PRAGMA busy_timeout").fetchone()[0]
        raw.execute(f"PRAGMA busy_timeout = {_BRIEFLY}")  # writers wait meanwhile
        try:
            anew = _written_anew(raw)
            return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] and anew
        finally:
            raw.execute(f"PRAGMA busy_timeout = {int(patience)}")


def _written_anew(raw: Any) -> bool:
    pages, size, free, deleted = (
        raw.execute(f"PRAGMA {one}").fetchone()[0]
        for one in ("page_count", "page_size", "freelist_count", "user_version")
    )
    if not (free or deleted):
        return True
    if pages * size > _WRITTEN_ANEW:
        return False
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA user_version = 0")
    except sqlite3.OperationalError:  # busy, or no room
        return False
    return True


def keep_copy(path: Path, version: int) -> None:
    """Lay a copy of the database beside it, as it was in schema ``version``; never over an older copy."""
    number = 0
    while True:
        copy = path.with_name(f"{path.name}.schema-{version}{f'-{number}' if number else ''}.bak")
        try:
            os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            number += 1
        else:
            break
    with closing(_connected(path, 0)) as source, closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous = FULL")
        source.backup(target)


def _connected(path: Path, patience: float) -> sqlite3.Connection:
    # Mode rw: a file that is gone must not come back empty.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=patience, check_same_thread=False,
        isolation_level=None,
    )  # fmt: skip
    settings: dict[str, Any] = {"synchronous": "FULL", "foreign_keys": "ON", "trusted_schema": "OFF"}
    try:
        for name, value in settings.items():
            connection.execute(f"PRAGMA {name} = {value}")
    except BaseException:
        connection.close()
        raise
    return connection
