"""Opening a database of either engine: its schema is brought up to date, and transactions begin here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event

from sekisho.stores.database import postgres, sqlite, statements
from sekisho.stores.database.faults import explained
from sekisho.stores.database.migrations import migrate


class Database:
    """An open database. Threads may share it; processes open their own.

    :ivar where: the file, or host and name without any secret, for messages
    """

    def __init__(
        self,
        engine: Engine,
        where: str,
        write_lock: Callable[[], AbstractContextManager[None]],
        check: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.where = where
        self._write_lock = write_lock
        self._check = check
        event.listen(engine, "before_cursor_execute", statements.note)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction for questions. :raises StoreError: the database is gone or damaged."""
        with explained(self.where):
            self._check()
            with self.engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction for changes; it is on the disk when the block has ended, or nothing of it is.

        :raises StoreError: the database refuses
        """
        with explained(self.where), self._write_lock(), self.engine.connect() as connection:
            changing = connection.execution_options(**{sqlite.WRITES: True})
            with changing.begin():
                yield changing

    def answers(self) -> None:
        """Ask it the least there is. :raises StoreError: it is gone or damaged."""
        with self.reading() as connection:
            connection.exec_driver_sql("SELECT version FROM sekisho_schema LIMIT 1").first()

    def folded(self) -> bool:
        """Let nothing that was deleted stay in the files of SQLite; False when it may, until the next time."""
        with explained(self.where), self._write_lock():
            return sqlite.folded(self.engine)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def open_sqlite(path: Path, *, patience: float = 30.0) -> Database:
    """Open or make the SQLite database in ``path``; wait ``patience`` seconds at most for other writers.

    :raises StoreError: the file can't be written, isn't one of ours, or is of a newer Sekisho
    """
    where = str(path)
    lock = sqlite.WriteLock(path, patience)
    with explained(where), lock.held():
        lock.watch(sqlite.prepare(path, patience))
        engine = sqlite.engine(path, patience)
        try:
            migrate(engine, where, sqlite.DIALECT, lambda version: sqlite.keep_copy(path, version))
        except BaseException:
            engine.dispose()
            raise
    return Database(engine, where, lock.held, lock.check)


def open_postgres(url: str, *, patience: float = 30.0) -> Database:
    """Open the PostgreSQL database at ``url``; no statement waits longer than ``patience`` seconds.

    :raises DescriptionError: not a URL of PostgreSQL, or the extra ``postgres`` isn't installed
    :raises StoreError: the server can't be reached, refuses, or the schema is of a newer Sekisho
    """
    engine, where = postgres.engine(url, patience)
    try:
        with explained(where):
            migrate(engine, where, postgres.DIALECT, lambda _: None)
    except BaseException:
        engine.dispose()
        raise
    return Database(engine, where, postgres.no_lock, lambda: None)
