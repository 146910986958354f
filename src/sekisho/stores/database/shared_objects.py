"""Shared objects in SQL; see `ports.sharing.ObjectStore`. How a page is read is in `shared_pages`.

Writers to a collection wait for each other on its row, so that what is added later is seen later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Text,
    and_,
    any_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from sekisho.model.indicator import Tlp
from sekisho.model.sharing import Offered, Outcome, Put, Sight, rfc3339
from sekisho.ports.sharing import ObjectFilter, ObjectPage, Versions
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.postgres import DIALECT
from sekisho.stores.database.rows import as_row, askable
from sekisho.stores.database.shared_pages import page, seen, versions_of
from sekisho.stores.database.sharing_tables import COLLECTIONS, OBJECTS
from sekisho.stores.database.sqlite import overwriting, overwritten

_AT_ONCE = 500
# For each (id, key, owner) that version whoever sent it, or the owner's newest one where the key is empty.
_KNOWN = """
WITH wanted (id, version_key, owner) AS ({wanted})
SELECT wanted.id, wanted.version_key, wanted.owner, s.version_key, s.version, s.digest, s.owner
FROM wanted CROSS JOIN shared_objects s
WHERE s.collection = :collection AND s.id = wanted.id AND s.version_key = CASE WHEN wanted.version_key = ''
THEN (SELECT max(m.version_key) FROM shared_objects m
WHERE m.collection = :collection AND m.id = wanted.id AND m.owner = wanted.owner)
ELSE wanted.version_key END
"""
# PostgreSQL takes whole columns as arrays: a few values in a question instead of some thousand.
_ARRAYS = "SELECT * FROM unnest(CAST(:ids AS TEXT[]), CAST(:keys AS TEXT[]), CAST(:owners AS TEXT[]))"
_COLUMNS = {column.name: "BIGINT" if isinstance(column.type, BigInteger) else "TEXT" for column in OBJECTS.c}
_INSERT = text(
    f"INSERT INTO shared_objects ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of our own columns
    f"SELECT * FROM unnest({', '.join(f'CAST(:{name} AS {kind}[])' for name, kind in _COLUMNS.items())})"
)
# Key, version, digest and owner of a version.
_Known = tuple[str, str, str, str]


class SqlObjects:
    """An `ObjectStore`."""

    def __init__(self, database: Database, step: Callable[[], int] = lambda: 1) -> None:
        """Open the store; ``step`` gives the microseconds between two objects: random ones tell no count."""
        self._database, self._step = database, step

    def add(self, collection: str, offered: Sequence[Offered], now: int) -> tuple[Put, ...]:
        """Store objects; see the port. :raises ConflictError: there is no such collection."""
        puts: list[Put] = []
        with self._database.writing() as connection:
            row = COLLECTIONS.c.id == collection
            asked = select(COLLECTIONS.c.last_added).where(row).with_for_update()
            last = connection.execute(asked).scalar() if askable(collection) else None
            if last is None:
                raise conflict(collection)
            added = max(last, now - 1) + self._step()
            for first in range(0, len(offered), _AT_ONCE):
                some = offered[first : first + _AT_ONCE]
                known = _known(connection, collection, some)
                owners = _owners(connection, collection, some)
                rows, told = _sorted_out(collection, some, known, owners, added, self._step)
                if rows:
                    _insert(connection, rows)
                    last, added = rows[-1]["added"], rows[-1]["added"] + self._step()
                    connection.execute(update(COLLECTIONS).where(row).values(last_added=last))
                puts += told
        return tuple(puts)

    def find(
        self, collection: str, wanted: ObjectFilter, *, limit: int, octets: int, bodies: bool = True
    ) -> ObjectPage:
        """Return a page; see the port."""
        if not all(map(askable, (collection, *wanted.ids, *wanted.types))):
            return ObjectPage(())
        with self._database.reading() as connection:
            return page(connection, collection, wanted, limit=limit, octets=octets, bodies=bodies)

    def has(self, collection: str, identifier: str, sight: Sight | None = None) -> bool:
        """Say whether any version of an object is there that may be seen."""
        if not (askable(collection) and askable(identifier)):
            return False
        asked = select(literal(1)).where(_is(collection, identifier), *seen(OBJECTS, sight)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(asked).first() is not None

    def known(self, collection: str, ids: Sequence[str]) -> frozenset[str]:
        """Return under which of some ids any version of an object is there."""
        good = [one for one in ids if askable(one)] if askable(collection) else []
        found: set[str] = set()
        with self._database.reading() as connection:
            for first in range(0, len(good), _AT_ONCE):
                here = (OBJECTS.c.collection == collection) & OBJECTS.c.id.in_(good[first : first + _AT_ONCE])
                found |= set(connection.execute(select(OBJECTS.c.id).where(here).distinct()).scalars())
        return frozenset(found)

    def delete(self, collection: str, identifier: str, versions: Versions, owner: str = "") -> int:
        """Delete versions of an object, of an owner's alone where one is named; return how many."""
        if not (askable(collection) and askable(identifier)):
            return 0
        here = _is(collection, identifier)
        if owner:
            here = and_(here, OBJECTS.c.owner == owner)
        chosen = select(OBJECTS.c.version_key).where(
            here, *versions_of(collection, versions, -1, None, owner)
        )
        with self._database.writing() as connection:
            connection.execute(
                select(COLLECTIONS.c.id).where(COLLECTIONS.c.id == collection).with_for_update()
            )
            keys = connection.execute(chosen).scalars().all()
            gone = 0
            for first in range(0, len(keys), _AT_ONCE):
                some = OBJECTS.c.version_key.in_(keys[first : first + _AT_ONCE])
                gone += connection.execute(delete(OBJECTS).where(here, some)).rowcount
            return gone

    def tighten(self, collection: str, owner: str, ids: Sequence[str]) -> int:
        """Mark versions as strictly as the owner's strictest later one; see the port."""
        later = OBJECTS.alias("later")
        strictest = (
            select(func.max(later.c.tlp))
            .where(
                later.c.collection == OBJECTS.c.collection, later.c.id == OBJECTS.c.id,
                later.c.owner == OBJECTS.c.owner, later.c.version_key > OBJECTS.c.version_key,
            )
            .scalar_subquery()
        )  # fmt: skip
        mine = (OBJECTS.c.collection == collection) & (OBJECTS.c.owner == owner)
        count = 0
        with self._database.writing() as connection:
            for first in range(0, len(ids), _AT_ONCE):
                some = mine & OBJECTS.c.id.in_(ids[first : first + _AT_ONCE]) & (OBJECTS.c.tlp < strictest)
                count += connection.execute(update(OBJECTS).where(some).values(tlp=strictest)).rowcount
        return count

    def forget(self, collection: str, before: int) -> int:
        """Delete what was added before a time (microseconds), so that its file doesn't hold it either; return how many."""
        old = and_(OBJECTS.c.collection == collection, OBJECTS.c.added < before)
        gone = 0
        while True:
            with self._database.writing() as connection:
                overwriting(connection)
                few = select(OBJECTS.c.added).where(old).order_by(OBJECTS.c.added).limit(_AT_ONCE)
                last = connection.execute(select(func.max(few.subquery().c.added))).scalar()
                if last is None:
                    return gone
                part = and_(OBJECTS.c.collection == collection, OBJECTS.c.added <= last)
                gone += overwritten(connection, connection.execute(delete(OBJECTS).where(part)).rowcount)


def _is(collection: str, identifier: str) -> ColumnElement[bool]:
    return and_(OBJECTS.c.collection == collection, OBJECTS.c.id == identifier)


def _known(
    connection: Connection, collection: str, offered: Sequence[Offered]
) -> dict[tuple[str, str, str], _Known]:
    """Return what is there of what is offered, by id, key and owner as offered."""
    wanted = [(one.id, one.version_key, "" if one.version_key else one.owner) for one in offered]
    given: dict[str, Any] = {"collection": collection}
    if _takes_arrays(connection):
        asked = _ARRAYS
        given |= {
            name: list(values)
            for name, values in zip(("ids", "keys", "owners"), zip(*wanted, strict=True), strict=True)
        }
    else:
        places = (
            f"(CAST(:i{at} AS TEXT), CAST(:k{at} AS TEXT), CAST(:o{at} AS TEXT))" for at in range(len(wanted))
        )
        asked = f"VALUES {', '.join(places)}"
        for at, (identifier, key, owner) in enumerate(wanted):
            given |= {f"i{at}": identifier, f"k{at}": key, f"o{at}": owner}
    rows = connection.execute(text(_KNOWN.format(wanted=asked)), given)
    return {(row[0], row[1], row[2]): (row[3], row[4], row[5], row[6]) for row in rows}


def _takes_arrays(connection: Connection) -> bool:
    return connection.dialect.name == DIALECT.name


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if _takes_arrays(connection):
        connection.execute(_INSERT, {name: [row[name] for row in rows] for name in _COLUMNS})
    else:
        connection.execute(insert(OBJECTS), rows)


def _owners(
    connection: Connection, collection: str, offered: Sequence[Offered]
) -> dict[str, dict[str, bool]]:
    """Return by id who sent versions of it, the first one first, and whether any of them is marked green or clear."""
    plain = case((and_(OBJECTS.c.tlp <= int(Tlp.GREEN), OBJECTS.c.audience == ""), 1), else_=0)
    ids = {one.id for one in offered}
    these = (
        OBJECTS.c.id == any_(literal(list(ids), ARRAY(Text())))
        if _takes_arrays(connection)
        else OBJECTS.c.id.in_(ids)
    )
    asked = (
        select(OBJECTS.c.id, OBJECTS.c.owner, func.max(plain))
        .where(OBJECTS.c.collection == collection, these)
        .group_by(OBJECTS.c.id, OBJECTS.c.owner)
        .order_by(func.min(OBJECTS.c.added))
    )
    found: dict[str, dict[str, bool]] = {}
    for identifier, owner, shown in connection.execute(asked):
        found.setdefault(identifier, {})[owner] = bool(shown)
    return found


def _sorted_out(
    collection: str, offered: Sequence[Offered], there: dict[tuple[str, str, str], _Known],
    owners: dict[str, dict[str, bool]], added: int, step: Callable[[], int],
) -> tuple[list[dict[str, Any]], list[Put]]:  # fmt: skip
    """Return the rows to store, and what becomes of each object offered."""
    rows: list[dict[str, Any]] = []
    puts: list[Put] = []
    for one in offered:
        held = there.get((one.id, one.version_key, "" if one.version_key else one.owner))
        senders = owners.setdefault(one.id, {})
        known, moment = one.owner in senders, rfc3339(added)
        if held is not None and held[2:] == (one.digest, one.owner):
            puts.append(Put(Outcome.SAME, held[1], known=known))
            continue
        if (held is not None and one.version_key) or anothers(one, senders):
            puts.append(Put(Outcome.OTHER, one.version or moment, known=known))
            continue
        row = as_row(one) | {"collection": collection, "added": added}
        if not one.version_key:
            row |= {"version": moment, "version_key": moment[:-1].rstrip("0")}
        rows.append(row)
        new = (row["version_key"], row["version"], one.digest, one.owner)
        there[one.id, row["version_key"], ""] = new
        # Under the empty key stands the owner's newest version.
        there[one.id, "", one.owner] = max(there.get((one.id, "", one.owner), new), new)
        senders[one.owner] = senders.get(one.owner, False) or (one.tlp <= Tlp.GREEN and not one.audience)
        puts.append(Put(Outcome.STORED, row["version"], known=known))
        added += step()
    return rows, puts


def anothers(one: Offered, senders: Mapping[str, bool]) -> bool:
    """Say whether an id belongs to another: the first who sent it.

    An id without versions is made of a value that everybody can guess. That another holds it in secret must not be told,
    so such a one is stored beside it.
    """
    first = next(iter(senders), one.owner)
    return first != one.owner and (bool(one.version_key) or senders[first])
