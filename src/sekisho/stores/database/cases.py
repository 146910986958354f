"""Cases in SQL; see `ports.cases.CaseStore`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    column,
    func,
    insert,
    select,
    text,
    union_all,
    update,
)

from sekisho.errors import DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.case_life import Life
from sekisho.ports.cases import CaseFilter, Page
from sekisho.stores.database.case_lives import SqlLives
from sekisho.stores.database.expiry import Past, kept
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row
from sekisho.stores.database.tables import CASES, EVENTS

_KEY = re.compile(r"(-?\d{1,18})\.(.+)", re.DOTALL)
_MOST = 10_000
_AT_ONCE = 500
# What is asked for each case that changes is put together once.
_ONE = select(CASES).where(CASES.c.id == bindparam("wanted"))
_SHOWN = tuple(column(one.name, one.type) for one in CASES.c)
_NEWEST: tuple[ColumnElement[Any], ...] = (column("updated").desc(), column("id"))
_NEW, _EVENT = insert(CASES), insert(EVENTS)
_CHANGE = update(CASES).where(CASES.c.id == bindparam("changed"), CASES.c.revision == bindparam("read"))
_LAST_EVENT = select(func.coalesce(func.max(EVENTS.c.seq), 0)).where(EVENTS.c.case == bindparam("of"))


class SqlCases:
    """A `CaseStore`.

    A new case comes with revision 0 and is stored with 1; a changed one comes with the revision that was read. With
    ``past``, a case past its time is not there, whether it was deleted yet or not.
    """

    def __init__(self, database: Database, past: Callable[[], Past] | None = None) -> None:
        self._database = database
        self._past = past

    def save(self, case: Case, events: Sequence[CaseEvent]) -> Case:
        """Store a case with its events; see the port.

        :raises ConflictError: the case has another revision by now, or there is one of that id already
        :raises StoreError: the database refuses, or an event names another case
        """
        return self.save_all([(case, events)])[0]

    def save_all(self, changes: Sequence[tuple[Case, Sequence[CaseEvent]]]) -> tuple[Case, ...]:
        """Store several cases with their events, all or none: what a merge, a split or a large intake needs.

        Return them as stored, in the order given; errors as `save`.
        """
        for case, events in changes:
            if any(event.case != case.id for event in events):
                raise StoreError(Text(ja="別の事案の記録である", en="an event of another case"), case.id)
        stored = {case.id: msgspec.structs.replace(case, revision=case.revision + 1) for case, _ in changes}
        if len(stored) != len(changes):
            raise StoreError(Text(ja="同じ事案が二度ある", en="the same case twice"), self._database.where)
        with self._database.writing() as connection:
            # In the order of ids: two processes that change the same ones then wait for each other, never crosswise.
            for case, events in sorted(changes, key=lambda change: change[0].id):
                put_case(connection, case.revision, stored[case.id], events)
        return tuple(stored.values())

    def case(self, identifier: str) -> Case | None:
        """Return one case."""
        with self._database.reading() as connection:
            asked = _ONE.where(kept(self._past())) if self._past else _ONE
            row = connection.execute(asked, {"wanted": identifier}).first()
            return None if row is None else as_noun(Case, row)

    def these(self, identifiers: Collection[str]) -> dict[str, Case]:
        """Return the cases of these ids that are there, by id; in one question for each 500."""
        every, found = list(dict.fromkeys(identifiers)), dict[str, Case]()
        with self._database.reading() as connection:
            for begin in range(0, len(every), _AT_ONCE):
                some = every[begin : begin + _AT_ONCE]
                rows = connection.execute(select(CASES).where(CASES.c.id.in_(some), *self._kept()))
                found |= {case.id: case for case in (as_noun(Case, row) for row in rows)}
        return found

    def find(self, wanted: CaseFilter, *, after: str = "", limit: int = 50) -> Page:
        """Return a page of cases, newest change first; ``since`` ≤ ``updated`` < ``until``.

        A case that changes between two pages moves to the top; the pages after that don't show it.

        :raises DescriptionError: ``after`` is not the ``next`` of a page
        """
        limit = max(1, min(limit, _MOST))
        with self._database.reading() as connection:
            rows = connection.execute(_page(wanted, _place(after), limit + 1, *self._kept())).all()
            cases = tuple(as_noun(Case, row) for row in rows[:limit])
        return Page(cases, f"{cases[-1].updated}.{cases[-1].id}" if len(rows) > limit else "")

    def events(self, case: str, *, after: int = 0, limit: int | None = None) -> tuple[CaseEvent, ...]:
        """Return a case's life, in order: all of it, or ``limit`` events behind the number ``after``."""
        wanted = (EVENTS.c.case == case) & (EVENTS.c.seq > after)
        with self._database.reading() as connection:
            rows = connection.execute(select(EVENTS).where(wanted).order_by(EVENTS.c.seq).limit(limit))
            return tuple(as_noun(CaseEvent, row) for row in rows)

    def of_lines(self, subscribers: Sequence[int]) -> dict[int, list[Life]]:
        """Return the lives of the cases of some lines; see `SqlLives`."""
        return SqlLives(self._database, self._past).of_lines(subscribers)

    def counts(self) -> Mapping[str, int]:
        """Return the number of cases by state, every state named."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(CASES.c.state, func.count()).where(*self._kept()).group_by(CASES.c.state)
            ).all()
        return {state.value: 0 for state in CaseState} | {str(state): int(count) for state, count in rows}

    def _kept(self) -> tuple[ColumnElement[bool], ...]:
        return (kept(self._past()),) if self._past else ()


def put_case(connection: Connection, revision: int, stored: Case, events: Sequence[CaseEvent]) -> None:
    """Store a case that was read in ``revision``, with its events, in a transaction that is open for writing.

    :raises ConflictError: it has another revision by now
    """
    if revision == 0:
        connection.execute(_NEW, as_row(stored))
    else:
        which = {"changed": stored.id, "read": revision}
        if connection.execute(_CHANGE, as_row(stored) | which).rowcount != 1:
            raise conflict(f"case {stored.id}, revision {revision}")
    if events:
        # The row of the case is locked by now, so nobody else counts its events.
        seq = int(connection.execute(_LAST_EVENT, {"of": stored.id}).scalar_one())
        rows = [as_row(event) | {"seq": seq + number} for number, event in enumerate(events, 1)]
        connection.execute(_EVENT, rows)


def _place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    found = _KEY.fullmatch(after)
    if not found:
        raise DescriptionError(Text(ja="続きの頁の鍵ではない", en="not the key of a next page"), after[:100])
    return int(found[1]), found[2]


def _page(wanted: CaseFilter, place: tuple[int, str] | None, count: int, *more: ColumnElement[bool]) -> Any:
    """Return one statement that asks each state by its own index and merges: no page reads more than it shows.

    Behind a place lie the rest of the same millisecond and all that is older; one condition for both would
    make the engines read from the top.
    """
    order = (CASES.c.updated.desc(), CASES.c.id)
    if wanted.subscriber is not None and place is None:
        # A line has few cases: sorting them is less work than the merged statement, and it is asked for each notice.
        found = select(CASES).where(*_narrowed(wanted), *more)
        if wanted.states:
            found = found.where(CASES.c.state.in_([state.value for state in wanted.states]))
        return found.order_by(*order).limit(count)
    pieces: list[Select[Any]] = []
    for state in dict.fromkeys(wanted.states or tuple(CaseState)):
        same = select(CASES).where(CASES.c.state == state.value, *_narrowed(wanted), *more)
        if place is None:
            pieces.append(same)
        else:
            pieces.append(same.where(CASES.c.updated == place[0], CASES.c.id > place[1]))
            pieces.append(same.where(CASES.c.updated < place[0]))
    # The columns are named within and without, and not once more for each piece: that took longer than the answer.
    limited = (one.order_by(*order).limit(count).subquery() for one in pieces)
    merged = union_all(*(select(text("*")).select_from(one) for one in limited)).subquery()
    return select(*_SHOWN).select_from(merged).order_by(*_NEWEST).limit(count)


def _narrowed(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.subscriber is not None:
        found.append(CASES.c.subscriber == wanted.subscriber)
    if wanted.assignee is not None:
        found.append(CASES.c.assignee == wanted.assignee)
    named = {"key": wanted.key, "family": wanted.family, "device_model": wanted.device_model}
    found += [CASES.c[name] == value for name, value in named.items() if value]
    if wanted.since:
        found.append(CASES.c.updated >= wanted.since)
    if wanted.until:
        found.append(CASES.c.updated < wanted.until)
    return found
