"""What expires among names of staff: those that nothing of today needs, some time after they were written last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sekisho.catalogues.handling import Handling
from sekisho.model.purpose import Receipt
from sekisho.model.staff_name import TOKEN
from sekisho.stores.database import Database, SqlPapers, SqlStaffNames

NAMES = "staff-names"
EXPIRED = "expired"
#: Kinds of papers whose newest version speaks of today; a measure does until it is done, a drill until it is stopped.
_TODAY: Mapping[str, str] = {"operator": "", "reminding": "", "measure": "done_on", "drill": "stopped"}


class PerishableNames:
    """The names; a token stays in the papers, and that its name was erased stays on record."""

    def __init__(self, database: Database, rule: Handling) -> None:
        """Say by which rule names go."""
        self._database = database
        self._rule = rule

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what would be erased."""
        count = len(self._over(now))
        return (Receipt(NAMES, count, 0, "retention", now),) if count else ()

    def expire(self, now: int) -> Iterator[Receipt]:
        """Erase it and give the receipt."""
        count = SqlStaffNames(self._database).erase(self._over(now), now, EXPIRED)
        if count:
            yield Receipt(NAMES, count, 0, "retention", now)

    def _over(self, now: int) -> list[str]:
        needed = in_use(self._database)
        return [
            one.token
            for one in SqlStaffNames(self._database).every()
            if not one.erased and one.token not in needed and one.used <= now - self._rule.milliseconds
        ]


def in_use(database: Database) -> dict[str, set[str]]:
    """Return the tokens of names that are needed today: token → the kinds of papers that need it."""
    found: dict[str, set[str]] = {}
    for one in SqlPapers(database).newest(*_TODAY):
        over = _TODAY[one.kind]
        if not one.body or (over and _told(one.body, over) is not None):
            continue
        for token in TOKEN.findall(one.body):
            found.setdefault(token, set()).add(one.kind)
    return found


def _told(body: str, field: str) -> Any:
    return msgspec.json.decode(body, type=dict[str, Any]).get(field)
