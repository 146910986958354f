"""Filling the detections' index in SQL; see `ports.detections.DetectionFilling`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from sekisho.model.detected import Listed
from sekisho.stores.database.detection_counts import BY, Deltas
from sekisho.stores.database.index_tables import COUNTS, DETECTIONS, MARKS, REMOTES
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_row

_MARK = "detections"
_AT_ONCE = 2_000
# Any number does, as long as every process takes the same one: "sekD" in ASCII.
_FILLING_LOCK = 0x73656B44
_ADDRESS = re.compile(r"\[?(?P<address>[^\[\]]+?)\]?:\d{1,5}/\w+", re.ASCII)


class SqlDetectionFilling:
    """A `DetectionFilling`; one process fills at a time, the others see the mark it left."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self) -> str:
        """Return up to where the log was read."""
        with self._database.reading() as connection:
            return _mark(connection)

    def take(self, listed: Sequence[Listed], before: str, after: str) -> bool:
        """Store detections and the mark together; see the port.

        :raises StoreError: the database refuses; nothing is stored
        """
        newest = {one.id: one for one in sorted(listed, key=lambda one: one.found)}
        with self._database.writing() as connection:
            self._lock(connection)
            if _mark(connection) != before:
                return False
            deltas = Deltas()
            every = list(newest.values())
            for first in range(0, len(every), _AT_ONCE):
                _take(connection, every[first : first + _AT_ONCE], deltas)
            deltas.store(connection)
            connection.execute(delete(MARKS).where(MARKS.c.name == _MARK))
            connection.execute(insert(MARKS), {"name": _MARK, "mark": after})
        return True

    def expire(self, now: int) -> int:
        """Delete what is past its expiry, some thousand in a transaction; return how many."""
        gone = 0
        few = (
            select(DETECTIONS.c.id, DETECTIONS.c.begin, *_by())
            .where(DETECTIONS.c.expires <= now)
            .limit(_AT_ONCE)
        )
        with self._database.reading() as connection:
            if connection.execute(few.limit(1)).first() is None:
                return 0
        while True:
            with self._database.writing() as connection:
                self._lock(connection)
                if self._database.engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                rows = connection.execute(few).all()
                if not rows:
                    return gone
                deltas = Deltas()
                _forget(connection, rows, deltas)
                deltas.store(connection)
            gone += len(rows)

    def clear(self) -> None:
        """Forget everything."""
        with self._database.writing() as connection:
            self._lock(connection)
            for table in (REMOTES, DETECTIONS, COUNTS):
                connection.execute(delete(table))
            connection.execute(delete(MARKS).where(MARKS.c.name == _MARK))

    def _lock(self, connection: Connection) -> None:
        if self._database.engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FILLING_LOCK})


def address_of(remote: str) -> str:
    """Return the address of an endpoint as detections name it (``198.51.100.7:23/6``); the text itself when it has no port."""
    found = _ADDRESS.fullmatch(remote)
    return found["address"] if found else remote


def _mark(connection: Connection) -> str:
    return str(connection.execute(select(MARKS.c.mark).where(MARKS.c.name == _MARK)).scalar() or "")


def _by() -> list[Any]:
    return [DETECTIONS.c[name] for name in BY]


def _take(connection: Connection, listed: Sequence[Listed], deltas: Deltas) -> None:
    wanted = select(DETECTIONS.c.id, DETECTIONS.c.begin, *_by(), DETECTIONS.c.found)
    held = {
        row.id: row
        for row in connection.execute(wanted.where(DETECTIONS.c.id.in_([one.id for one in listed])))
    }
    new = [one for one in listed if one.id not in held or held[one.id].found <= one.found]
    _forget(connection, [tuple(held[one.id])[:-1] for one in new if one.id in held], deltas)
    if not new:
        return
    connection.execute(insert(DETECTIONS), [as_row(one) for one in new])
    for one in new:
        deltas.add(one.begin, (one.method, one.grade.value, one.family, one.purposes), 1)
    remotes = list(_remotes(new))
    if remotes:
        connection.execute(insert(REMOTES), remotes)


def _remotes(listed: Sequence[Listed]) -> Iterator[dict[str, Any]]:
    for one in listed:
        for address in dict.fromkeys(address_of(remote) for remote in one.remotes):
            yield {"address": address, "begin": one.begin, "detection": one.id}


def _forget(connection: Connection, rows: Sequence[Any], deltas: Deltas) -> None:
    """Delete rows of (id, begin, …`BY`); their remotes go with them."""
    for _, begin, *by in rows:
        deltas.add(begin, by, -1)
    if rows:
        connection.execute(delete(DETECTIONS).where(DETECTIONS.c.id.in_([row[0] for row in rows])))
