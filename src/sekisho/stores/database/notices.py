"""Notices in SQL; see `ports.cases.NoticeStore`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, bindparam, func, select, union_all, update

from sekisho.model.case import Case, CaseEvent
from sekisho.model.notice import OUT, Channel, Notice, NoticeState
from sekisho.stores.database.cases import put_case
from sekisho.stores.database.expiry import Past, kept
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, insertion
from sekisho.stores.database.tables import CASES, NOTICES

_OUT = frozenset(one.value for one in OUT)
# What is asked for each notice that is sent is put together once.
_CHANGE = update(NOTICES).where(NOTICES.c.id == bindparam("changed"), NOTICES.c.revision == bindparam("read"))
# A line has few notices. Were their states asked for here too, SQLite would go through all that ever went out.
_OF_LINE = (
    select(NOTICES.c.sent_at, NOTICES.c.state)
    .join(CASES, (CASES.c.id == NOTICES.c.case) & (CASES.c.subscriber == bindparam("line")))
    .where(NOTICES.c.sent_at > bindparam("behind"))
    .order_by(NOTICES.c.sent_at)
)


class SqlNotices:
    """A `NoticeStore`; a notice belongs to a stored case. Revisions are counted as those of cases.

    With ``past``, a notice of a case past its time is not there, whether it was deleted yet or not.
    """

    def __init__(self, database: Database, past: Callable[[], Past] | None = None) -> None:
        self._database = database
        self._past = past

    def add(self, notices: Sequence[Notice]) -> tuple[Notice, ...]:
        """Store new notices, leaving out those whose ``once`` is there already; return the stored.

        :raises ConflictError: the id of one is there already with another ``once``; none is stored
        :raises StoreError: the database refuses, or there is no such case
        """
        if not notices:
            return ()
        new = [msgspec.structs.replace(one, revision=one.revision + 1) for one in notices]
        # In the order of the key: two processes that add the same ones then wait for each other, never crosswise.
        rows = sorted(map(as_row, new), key=lambda row: str(row["once"]))
        with self._database.writing() as connection:
            adding = insertion(NOTICES, connection.dialect.name).on_conflict_do_nothing(
                index_elements=["once"]
            )
            adding = adding.returning(NOTICES.c.id)
            stored = set(connection.execute(adding, rows).scalars())
        return tuple({one.id: one for one in reversed(new) if one.id in stored}.values())[::-1]

    def change(self, notice: Notice, told: tuple[Case, Sequence[CaseEvent]] | None = None) -> Notice:
        """Store the next revision of a notice; with ``told`` also that of its case and its events, both or neither.

        :raises ConflictError: one of the two has another revision by now; nothing is stored
        """
        stored = msgspec.structs.replace(notice, revision=notice.revision + 1)
        with self._database.writing() as connection:
            if told is not None:
                # The case first, as in all that touches both: nobody then waits for anybody crosswise.
                case, events = told
                after = msgspec.structs.replace(case, revision=case.revision + 1)
                put_case(connection, case.revision, after, events)
            which = {"changed": notice.id, "read": notice.revision}
            if connection.execute(_CHANGE, as_row(stored) | which).rowcount != 1:
                raise conflict(f"notice {notice.id}, revision {notice.revision}")
        return stored

    def notice(self, identifier: str) -> Notice | None:
        """Return one notice by id or, failing that, by ``message_id`` (the first one by id)."""
        if not identifier:
            return None
        with self._database.reading() as connection:
            for column in (NOTICES.c.id, NOTICES.c.message_id):
                asked = (
                    select(NOTICES).where(column == identifier, *self._kept()).order_by(NOTICES.c.id).limit(1)
                )
                if row := connection.execute(asked).first():
                    return as_noun(Notice, row)
        return None

    def find(
        self, states: Sequence[NoticeState], *, case: str = "", after: str = "", limit: int = 100
    ) -> tuple[Notice, ...]:
        """Return notices in the order of their ids, those behind ``after``; no state asks for all states."""
        behind = select(NOTICES).where(NOTICES.c.id > after, *self._kept())
        asked: Any
        if case or not states:
            narrowed = behind.where(NOTICES.c.case == case) if case else behind
            if states:
                narrowed = narrowed.where(NOTICES.c.state.in_([one.value for one in states]))
            asked = narrowed.order_by(NOTICES.c.id).limit(limit)
        else:
            asked = _merged(
                [behind.where(NOTICES.c.state == one.value) for one in dict.fromkeys(states)], limit
            )
        with self._database.reading() as connection:
            return tuple(as_noun(Notice, row) for row in connection.execute(asked))

    def left(
        self, since: int, *, subscriber: int | None = None, channel: Channel | None = None, after: str = ""
    ) -> tuple[int, ...]:
        """Return when notices left the house, or may have: those behind ``since`` and with ids behind ``after``, in order.

        Of all cases of a line with ``subscriber``; of one way out with ``channel``.
        """
        given: dict[str, int] = {}
        if subscriber is None:
            asked: Any = select(NOTICES.c.sent_at, NOTICES.c.state).where(_gone(OUT, since, after))
            asked = asked.where(*self._kept()).order_by(NOTICES.c.sent_at)
        else:
            given = {"line": subscriber, "behind": since}
            asked = _OF_LINE.where(NOTICES.c.id > after) if after else _OF_LINE
            asked = asked.where(kept(self._past())) if self._past else asked
        if channel is not None:
            asked = asked.where(NOTICES.c.channel == channel.value)
        with self._database.reading() as connection:
            return tuple(at for at, state in connection.execute(asked, given) if state in _OUT)

    def untold(self, channel: Channel, since: int, *, after: str = "") -> tuple[Notice, ...]:
        """Return the notices that went out behind ``since`` while their case does not say that anybody was told."""
        known = (kept(self._past()),) if self._past else ()
        silent = (CASES.c.id == NOTICES.c.case) & (CASES.c.notified_at == 0)
        certainly = [one for one in OUT if one is not NoticeState.SENDING]
        asked = select(NOTICES).join(CASES, silent).where(_gone(certainly, since, after), *known)
        asked = asked.where(NOTICES.c.channel == channel.value).order_by(NOTICES.c.id)
        with self._database.reading() as connection:
            return tuple(as_noun(Notice, row) for row in connection.execute(asked))

    def counts(self) -> Mapping[str, int]:
        """Return the number of notices by state, every state named."""
        with self._database.reading() as connection:
            asked = select(NOTICES.c.state, func.count()).where(*self._kept()).group_by(NOTICES.c.state)
            rows = connection.execute(asked).all()
        return {state.value: 0 for state in NoticeState} | {str(state): int(count) for state, count in rows}

    def _kept(self) -> tuple[ColumnElement[bool], ...]:
        if self._past is None:
            return ()
        return (select(CASES.c.id).where(CASES.c.id == NOTICES.c.case, kept(self._past())).exists(),)


def _gone(states: Sequence[NoticeState], since: int, after: str) -> ColumnElement[bool]:
    there = NOTICES.c.state.in_([one.value for one in states])
    return there & (NOTICES.c.sent_at > since) & (NOTICES.c.id > after)


def _merged(pieces: Sequence[Select[Any]], limit: int) -> Any:
    every = union_all(
        *(select(one.order_by(NOTICES.c.id).limit(limit).subquery()) for one in pieces)
    ).subquery()
    return select(every).order_by(every.c.id).limit(limit)
