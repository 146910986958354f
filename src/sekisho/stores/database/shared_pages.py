"""A page of shared objects: how it is asked for, and where it ends.

It is read along the key (collection, added), or along (collection, type, added) for one type: never sorted, however large
the collection. What members ask for all day differs in values alone, so those questions are made once and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)

from sekisho.model.indicator import Tlp
from sekisho.model.sharing import Held, Sight
from sekisho.ports.sharing import ObjectFilter, ObjectPage, Versions
from sekisho.stores.database.postgres import DIALECT
from sekisho.stores.database.sharing_tables import OBJECTS

_STREAMED = 100
_ROW = [OBJECTS.c[name] for name in Held.__struct_fields__[:-1]]


class _Values(NamedTuple):
    """What a question is asked with: values, or in a question that is kept the places for them."""

    collection: Any
    behind: Any
    after: Any
    who: Any
    ceiling: Any
    kind: Any


_PLACES = _Values(
    *(bindparam(name, type_=Text()) if name in {"collection", "who", "kind"} else bindparam(name, type_=BigInteger())
      for name in _Values._fields)
)  # fmt: skip


def page(
    connection: Connection, collection: str, wanted: ObjectFilter, *, limit: int, octets: int, bodies: bool
) -> ObjectPage:
    """Return a page; see `ports.sharing.ObjectStore.find`."""
    at_once = bodies and connection.dialect.name == DIALECT.name
    values = _values(collection, wanted)
    given = values._asdict() | {"most": limit + 1, "octets": octets}
    sight = wanted.sight
    if wanted.ids or len(wanted.types) > 1 or wanted.versions.keys or (sight and sight.without):
        asked = _asked(wanted, values, bodies=bodies).limit(limit + 1)
        asked = bounded(asked) if at_once else asked
        given = {"octets": octets}
    else:
        asked = _kept(wanted.versions, len(wanted.types), sight is not None, bodies=bodies, at_once=at_once)
    if at_once:
        return _cut(connection.execute(asked, given).all(), limit)
    held: list[Held] = []
    size = 0
    found = connection.execution_options(yield_per=_STREAMED).execute(asked, given)
    for row in found:
        if len(held) == limit or (held and size >= octets):
            found.close()
            return ObjectPage(tuple(held), more=True)
        held.append(Held(*row))
        size += len(held[-1].body)
    return ObjectPage(tuple(held))


def question(collection: str, wanted: ObjectFilter, *, bodies: bool = True) -> Select[Any]:
    """Return the question for a page, without its limit."""
    return _asked(wanted, _values(collection, wanted), bodies=bodies)


@lru_cache(maxsize=64)
def _kept(versions: Versions, kinds: int, sighted: bool, *, bodies: bool, at_once: bool) -> Select[Any]:
    shape = ObjectFilter(types=("",) * kinds, versions=versions, sight=Sight("") if sighted else None)
    asked = _asked(shape, _PLACES, bodies=bodies).limit(bindparam("most", type_=Integer()))
    return bounded(asked) if at_once else asked


def _values(collection: str, wanted: ObjectFilter) -> _Values:
    sight = wanted.sight
    return _Values(
        collection, max(wanted.added_after, wanted.behind), wanted.added_after, sight.who if sight else "",
        _ceiling(sight) if sight else 0, wanted.types[0] if wanted.types else "",
    )  # fmt: skip


def _asked(wanted: ObjectFilter, values: _Values, *, bodies: bool) -> Select[Any]:
    """Return a question of the form that a filter asks for, with these values."""
    sight = seen(OBJECTS, wanted.sight, values.who, values.ceiling)
    conditions: list[ColumnElement[bool]] = [
        OBJECTS.c.collection == values.collection,
        OBJECTS.c.added > values.behind,
        *versions_of(
            values.collection,
            wanted.versions,
            values.after,
            wanted.sight,
            who=values.who,
            ceiling=values.ceiling,
        ),
        *sight,
    ]
    if wanted.ids:
        conditions.append(OBJECTS.c.id.in_(wanted.ids))
    if len(wanted.types) == 1:
        conditions.append(OBJECTS.c.type == values.kind)
    elif wanted.types:
        # Several ranges of the index by type would have to be sorted together: it is hidden from the planner.
        conditions.append(func.coalesce(OBJECTS.c.type, "").in_(wanted.types))
    columns = [*_ROW, OBJECTS.c.body] if bodies else _ROW
    return select(*columns).where(*conditions).order_by(OBJECTS.c.added)


def bounded(asked: Select[Any]) -> Select[Any]:
    """Return a question for a page whose bodies are null behind the place where it ends: after ``octets`` of them.

    A server sends its whole answer at once, or piece by piece at the price of a round trip each: so it is the server that
    adds the sizes up, and one answer holds no more than the page.
    """
    size = func.sum(func.octet_length(OBJECTS.c.body)).over(order_by=OBJECTS.c.added, rows=(None, -1))
    rows = asked.add_columns(size.label("before")).subquery()
    octets = bindparam("octets", type_=BigInteger())
    body = case((func.coalesce(rows.c.before, 0) < octets, rows.c.body))
    return select(*(rows.c[column.name] for column in _ROW), body).order_by(rows.c.added)


def _cut(rows: Sequence[Any], limit: int) -> ObjectPage:
    """Return the page of what `bounded` asked for: it ends where it is full, or at the first body that was left out."""
    held = tuple([Held(*row) for row in rows[:limit] if row[-1] is not None])
    return ObjectPage(held, more=len(held) < len(rows))


def _ceiling(sight: Sight) -> int:
    return int(min(sight.ceiling, Tlp.AMBER_STRICT))


def seen(
    objects: FromClause, sight: Sight | None, who: Any = None, ceiling: Any = None
) -> list[ColumnElement[bool]]:
    """Return what narrows to the objects that somebody may see; a filter on the walk, never the way to it.

    ``who`` and ``ceiling`` stand for the sight's own where they are given.
    """
    if sight is None:
        return []
    who = sight.who if who is None else who
    shown = and_(objects.c.audience == "", objects.c.tlp <= (_ceiling(sight) if ceiling is None else ceiling))
    mine: ColumnElement[bool] = or_(shown, objects.c.owner == who, objects.c.audience == who)
    return [mine, objects.c.owner.notin_(sight.without)] if sight.without else [mine]


def versions_of(
    collection: Any, versions: Versions, added_after: Any, sight: Sight | None, owner: str = "",
    *, who: Any = None, ceiling: Any = None,
) -> list[ColumnElement[bool]]:  # fmt: skip
    """Return what narrows to the versions meant; the newest and the oldest are those of what may be seen."""
    if versions.all:
        return []
    other = OBJECTS.alias("other")
    same = (
        other.c.collection == collection,
        other.c.id == OBJECTS.c.id,
        other.c.added > added_after,
        *seen(other, sight, who, ceiling),
        *([other.c.owner == owner] if owner else []),
    )
    choices: list[ColumnElement[bool]] = []
    if versions.last:
        choices.append(~exists().where(*same, other.c.version_key > OBJECTS.c.version_key))
    if versions.first:
        choices.append(~exists().where(*same, other.c.version_key < OBJECTS.c.version_key))
    if versions.keys:
        choices.append(OBJECTS.c.version_key.in_(versions.keys))
    return [or_(*choices)] if choices else [literal(1) == 0]
