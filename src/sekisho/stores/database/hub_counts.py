"""On how many lines members see published indicators, in SQL; see `ports.hub`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from sekisho.model.line_count import LineCount
from sekisho.stores.database.hub_reports import _replace
from sekisho.stores.database.hub_tables import LINE_COUNTS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row

_KEY = ("member", "indicator", "day")
_AT_ONCE = 500


class SqlLineCounts:
    """A `LineCountStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, counts: Sequence[LineCount]) -> None:
        """Store counts; each replaces what the same member said of the same day."""
        with self._database.writing() as connection:
            _replace(connection, LINE_COUNTS, _KEY, [as_row(one) for one in counts])

    def told(
        self, since: str, *, indicators: Sequence[str] | None = None, member: str = ""
    ) -> tuple[LineCount, ...]:
        """Return what was told of days from ``since`` on; of some indicators, of one member where these are named."""
        asked = select(LINE_COUNTS).where(LINE_COUNTS.c.day >= since).order_by(*LINE_COUNTS.primary_key)
        if member:
            asked = asked.where(LINE_COUNTS.c.member == member)
        parts = (
            [asked]
            if indicators is None
            else [
                asked.where(LINE_COUNTS.c.indicator.in_(indicators[at : at + _AT_ONCE]))
                for at in range(0, len(indicators), _AT_ONCE)
            ]
        )
        with self._database.reading() as connection:
            return tuple(as_noun(LineCount, row) for part in parts for row in connection.execute(part))

    def forget(self, before: str, *, member: str = "") -> int:
        """Delete what was told of days before one; of one member where it is named. Return how many."""
        gone = delete(LINE_COUNTS).where(LINE_COUNTS.c.day < before)
        if member:
            gone = gone.where(LINE_COUNTS.c.member == member)
        with self._database.writing() as connection:
            return connection.execute(gone).rowcount
