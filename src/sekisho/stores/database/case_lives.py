"""The lives of all cases of some lines, at once: what folding needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, select

from sekisho.model.case import Case, CaseEvent
from sekisho.model.case_life import Life
from sekisho.stores.database.expiry import Past, kept
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun
from sekisho.stores.database.tables import CASES, EVENTS

_AT_ONCE = 500


class SqlLives:
    """Reads cases with their events by line. With ``past``, a case past its time is not there."""

    def __init__(self, database: Database, past: Callable[[], Past] | None = None) -> None:
        self._database = database
        self._past = past

    def of_lines(self, subscribers: Sequence[int]) -> dict[int, list[Life]]:
        """Return the lives of the cases of ``subscribers``, closed ones too, by line, in the order of their ids."""
        found: dict[int, list[Life]] = {}
        for begin in range(0, len(subscribers), _AT_ONCE):
            some = list(subscribers[begin : begin + _AT_ONCE])
            with self._database.reading() as connection:
                mine: ColumnElement[bool] = CASES.c.subscriber.in_(some)
                if self._past:
                    mine &= kept(self._past())
                cases = [
                    as_noun(Case, row)
                    for row in connection.execute(select(CASES).where(mine).order_by(CASES.c.id))
                ]
                events: dict[str, list[CaseEvent]] = {}
                wanted = EVENTS.c.case.in_(select(CASES.c.id).where(mine))
                for row in connection.execute(
                    select(EVENTS).where(wanted).order_by(EVENTS.c.case, EVENTS.c.seq)
                ):
                    event = as_noun(CaseEvent, row)
                    events.setdefault(event.case, []).append(event)
            for case in cases:
                found.setdefault(case.subscriber, []).append(Life(case, tuple(events.get(case.id, ()))))
        return found
