"""What expires in the audit log: its oldest entries, with a checkpoint; apart, because the database's engine is dear to load."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.catalogues.handling import Handling
from sekisho.model.purpose import Receipt, Stage
from sekisho.stores.database import Database, audit_expiry

_DAY, _HOUR = 86_400_000, 3_600_000
AUDIT = "audit"


class PerishableAudit:
    """The audit log; what says that entries go is an entry of its own, stored together with their deletion."""

    def __init__(self, database: Database, rule: Handling, who: str, role: str) -> None:
        """Say by which rule entries go, and who deletes them."""
        self._database = database
        self._rule = rule
        self._who, self._role = who, role

    def due(self, now: int) -> tuple[Receipt, ...]:
        """Return what would be deleted."""
        count = audit_expiry.due(self._database, self._overdue(now))
        return (Receipt(AUDIT, count, 0, "retention", now),) if count else ()

    def expire(self, now: int) -> Iterator[Receipt]:
        """Delete it and yield the receipts, one for each checkpoint."""
        for made in audit_expiry.expire(self._database, self._overdue(now)):
            yield Receipt(AUDIT, made.count, 0, "retention", now)

    def _overdue(self, now: int) -> audit_expiry.Overdue:
        rule = f"{Stage.AUDIT}, {self._rule.days:g} d"
        return audit_expiry.Overdue(until(self._rule, now), now, rule, self._who, self._role)


def until(rule: Handling, now: int) -> int:
    """Return up to which moment entries are past their time: never early, and by whole hours, but not beyond the maximum.

    Each deletion leaves an entry, which is deleted in its turn: without the hours there would be one at each tidying.
    """
    whole = (now - rule.milliseconds) // _hour(rule) * _hour(rule)
    return max(whole, now - rule.most_milliseconds)


def expires(rule: Handling, at: int) -> int:
    """Return the first moment at which an entry of that time is past it; see `until`."""
    whole = -(-at // _hour(rule)) * _hour(rule) + rule.milliseconds
    return min(whole, at + rule.most_milliseconds)


def _hour(rule: Handling) -> int:
    return _HOUR if rule.milliseconds >= _DAY else 1
