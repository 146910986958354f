"""Cases, their events and notices as a dataset that expires; apart, because the database's engine is dear to load."""

from __future__ import annotations

from sekisho.model.purpose import Receipt
from sekisho.stores.database import Database
from sekisho.stores.database import expiry as case_expiry


class PerishableCases:
    """Cases with their events, and their notices; octets inside a database are not counted."""

    def __init__(self, database: Database, untouched: int, longest: int) -> None:
        """Say after how many milliseconds without a change, and since their opening, cases go."""
        self._database = database
        self._untouched = untouched
        self._longest = longest

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what would be deleted."""
        return _receipts(case_expiry.due(self._database, self._past(now)), now)

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete it and return the receipts."""
        return _receipts(case_expiry.expire(self._database, self._past(now)), now)

    def _past(self, now: int) -> case_expiry.Past:
        return case_expiry.Past(now - self._untouched, now - self._longest)


def _receipts(gone: case_expiry.Gone, now: int) -> tuple[Receipt, ...]:
    every = (
        Receipt("cases", gone.cases, 0, "retention", now),
        Receipt("notices", gone.notices, 0, "retention", now),
    )
    return tuple(one for one in every if one.rows)
