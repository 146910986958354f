"""What expires in the database: cases, their events and notices, and the index of detections; apart, because the database's engine is dear to load."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.model.purpose import Receipt
from sekisho.stores.database import Database, SqlDetectionFilling
from sekisho.stores.database import expiry as case_expiry
from sekisho.stores.detection_log import DetectionLog


class PerishableDetections:
    """Detections: what leaves the log leaves its index as well, under the receipt of the log."""

    def __init__(self, log: DetectionLog, database: Database) -> None:
        """Name both."""
        self._log = log
        self._index = SqlDetectionFilling(database)

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what would be deleted."""
        return self._log.due(now)

    def expire(self, now: int) -> Iterator[Receipt]:
        """Delete it and yield the receipts; those of the log are out before the index may refuse."""
        yield from self._log.expire(now)
        self._index.expire(now)


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
