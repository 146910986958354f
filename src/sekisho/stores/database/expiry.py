"""Deletion of cases that are past their time, with their events and notices. The audit log stays: it is another stage.

A case's time runs from its last change, and from its opening at the longest: what is touched again and again doesn't
live for ever.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from sekisho.stores.database.opening import Database
from sekisho.stores.database.tables import CASES, EVENTS, NOTICES

_BATCH = 500


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases are past their time, in milliseconds: not changed since ``untouched``, or opened before ``opened``."""

    untouched: int
    opened: int


class Gone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many cases, events and notices are past their time, or were deleted."""

    cases: int = 0
    events: int = 0
    notices: int = 0


def due(database: Database, past: Past) -> Gone:
    """Return what `expire` would delete."""
    with database.reading() as connection:
        return _counted(connection, select(CASES.c.id).where(_past(past)))


def expire(database: Database, past: Past) -> Gone:
    """Delete what is past its time, some hundred cases in a transaction; return how much it was."""
    gone = Gone()
    while True:
        with database.writing() as connection:
            if database.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            few = select(CASES.c.id).where(_past(past)).order_by(CASES.c.id).limit(_BATCH).with_for_update()
            names = list(connection.execute(few).scalars())
            if not names:
                return gone
            # Locked until the end: nobody changes one between being counted and being deleted.
            counted = _counted(connection, select(CASES.c.id).where(CASES.c.id.in_(names)))
            connection.execute(delete(CASES).where(CASES.c.id.in_(names), _past(past)))
        gone = Gone(*(getattr(gone, one) + getattr(counted, one) for one in Gone.__struct_fields__))


def kept(past: Past) -> ColumnElement[bool]:
    """Return the condition of cases that are not past their time: what is past it is shown to nobody, deleted or not."""
    return (CASES.c.updated > past.untouched) & (CASES.c.opened > past.opened)


def _past(past: Past) -> ColumnElement[bool]:
    return (CASES.c.updated <= past.untouched) | (CASES.c.opened <= past.opened)


def _counted(connection: Connection, cases: Select[Any]) -> Gone:
    def count(asked: Select[Any]) -> int:
        return int(connection.execute(asked).scalar_one())

    return Gone(
        count(select(func.count()).select_from(cases.subquery())),
        count(select(func.count()).select_from(EVENTS).where(EVENTS.c.case.in_(cases))),
        count(select(func.count()).select_from(NOTICES).where(NOTICES.c.case.in_(cases))),
    )
