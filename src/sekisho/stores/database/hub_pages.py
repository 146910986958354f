"""Standings and reports as people page through them; see `ports.hub.ReportPages`."""

from __future__ import annotations

from sqlalchemy import exists, func, select, tuple_

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.corroboration import Standing
from sekisho.ports.hub import StandingFilter, StandingPage
from sekisho.stores.database.hub_tables import REPORTS, STANDINGS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, askable

_LONGEST = 15


def place_of(after: str) -> tuple[int, str]:
    """Return where a page goes on: a moment and a key. :raises DescriptionError: it is the ``next`` of no page."""
    at, dot, key = after.partition(".")
    if not dot or not (at.isascii() and at.isdecimal()) or len(at) > _LONGEST or not askable(key):
        raise DescriptionError(Text(ja="続きの頁の鍵ではない", en="not the key of a next page"), after[:100])
    return int(at), key


class SqlReportPages:
    """A `ReportPages`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self, wanted: StandingFilter, *, after: str = "", limit: int = 50) -> StandingPage:
        """Return a page, newest change of state first; see the port."""
        order = (STANDINGS.c.since.desc(), STANDINGS.c.key.desc())
        asked = select(STANDINGS).order_by(*order).limit(limit + 1)
        for column, values in (
            (STANDINGS.c.state, wanted.states), (STANDINGS.c.grade, wanted.grades), (STANDINGS.c.use, wanted.uses),
            (STANDINGS.c.family, wanted.families), (STANDINGS.c.value, wanted.values),
        ):  # fmt: skip
            if values:
                asked = asked.where(column.in_([one for one in values if askable(one)]))
        if after:
            asked = asked.where(tuple_(STANDINGS.c.since, STANDINGS.c.key) < place_of(after))
        with self._database.reading() as connection:
            rows = [as_noun(Standing, row) for row in connection.execute(asked)]
        more = rows[limit - 1] if len(rows) > limit else None
        return StandingPage(tuple(rows[:limit]), f"{more.since}.{more.key}" if more else "")

    def tallies(self) -> dict[tuple[str, str], int]:
        """Return how many standings there are of each state and grade."""
        both = (STANDINGS.c.state, STANDINGS.c.grade)
        with self._database.reading() as connection:
            rows = connection.execute(select(*both, func.count()).group_by(*both))
            return {(str(state), str(grade)): int(count) for state, grade, count in rows}

    def shares(self, member: str) -> tuple[int, int]:
        """Return of how many indicators a member has reported, and how many of these nobody else has."""
        other = REPORTS.alias()
        shared = exists().where(other.c.key == REPORTS.c.key, other.c.member != member)
        asked = select(func.count(), func.count().filter(~shared)).where(REPORTS.c.member == member)
        with self._database.reading() as connection:
            every, alone = connection.execute(asked).one()
        return int(every), int(alone)
