"""Counts of detections that are kept beside them, so that no question counts a million rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, delete

from sekisho.model.detected import HOUR
from sekisho.stores.database.index_tables import COUNTS
from sekisho.stores.database.rows import insertion

#: The hour of the sums over all hours.
EVER = -1
#: The columns of a detection that its count is by, behind ``begin``.
BY = ("method", "grade", "family", "purposes")
_AT_ONCE = 2_000
_KEY = ("hour", *BY)


class Deltas:
    """What has to be added to the counts."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Any, ...]] = Counter()

    def add(self, begin: int, by: Iterable[Any], count: int) -> None:
        """Count ``count`` detections more (or fewer) that begin at ``begin``; ``by`` as in `BY`."""
        method, grade, family, purposes = by
        for hour in (begin // HOUR * HOUR, EVER):
            self._counts[hour, method, grade, family, tuple(purposes)] += count

    def store(self, connection: Connection) -> None:
        """Add them to what is there. The caller lets nobody else count meanwhile."""
        rows = [
            dict(zip(_KEY, key, strict=True)) | {"purposes": list(key[-1]), "count": count}
            for key, count in sorted(self._counts.items())
            if count
        ]
        if not rows:
            return
        adding = insertion(COUNTS, connection.dialect.name)
        added: Any = COUNTS.c["count"] + adding.excluded["count"]
        adding = adding.on_conflict_do_update(index_elements=list(_KEY), set_={"count": added})
        for first in range(0, len(rows), _AT_ONCE):
            connection.execute(adding, rows[first : first + _AT_ONCE])
        if any(row["count"] < 0 for row in rows):
            connection.execute(delete(COUNTS).where(COUNTS.c["count"] <= 0))


def purposes_text(purposes: Iterable[str]) -> str:
    """Return a column's text of purposes."""
    return msgspec.json.encode(list(purposes)).decode()
