"""Collections, and the records of what was sent, in SQL; see `ports.sharing`."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from sekisho.model.sharing import Collection, Sent
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.sharing_tables import COLLECTIONS, SENT

_WORDS = [COLLECTIONS.c[name] for name in Collection.__struct_fields__]


class SqlCollections:
    """A `CollectionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collections(self) -> tuple[Collection, ...]:
        """Return all, in the order of their ids."""
        with self._database.reading() as connection:
            rows = connection.execute(select(*_WORDS).order_by(COLLECTIONS.c.id))
            return tuple(as_noun(Collection, row) for row in rows)

    def found(self, collection: Collection) -> None:
        """Make one, or change the words of one. :raises ConflictError: its alias belongs to another."""
        row = as_row(collection)
        with self._database.writing() as connection:
            mine = COLLECTIONS.c.id == collection.id
            if connection.execute(update(COLLECTIONS).where(mine).values(row)).rowcount == 0:
                connection.execute(insert(COLLECTIONS), row | {"last_added": 0})

    def drop(self, collection: str) -> bool:
        """Delete one with all that is in it; False when there is none."""
        with self._database.writing() as connection:
            mine = COLLECTIONS.c.id == collection
            return askable(collection) and connection.execute(delete(COLLECTIONS).where(mine)).rowcount == 1


class SqlSent:
    """A `SentStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, sent: Sent) -> None:
        """Store one."""
        with self._database.writing() as connection:
            connection.execute(insert(SENT), as_row(sent))

    def sent(self, identifier: str, owner: str) -> Sent | None:
        """Return one; None when there is none of this owner."""
        if not (askable(identifier) and askable(owner)):
            return None
        mine = (SENT.c.id == identifier) & (SENT.c.owner == owner)
        with self._database.reading() as connection:
            row = connection.execute(select(SENT).where(mine)).first()
            return None if row is None else as_noun(Sent, row)

    def expire(self, before: int) -> int:
        """Delete those from before a time (microseconds); return how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(SENT).where(SENT.c.at < before)).rowcount
