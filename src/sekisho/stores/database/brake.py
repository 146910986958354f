"""The brake on guessing in SQL; see `ports.accounts.Brake`. Counts outlive a restart.

A try is booked in one transaction under the lock of the brake, so tries at the same time are counted one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select, text

from sekisho.model.sign_in_rules import Count, SignInRules, booked, given_back, settled, waiting
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, insertion
from sekisho.stores.database.tables import COUNTS, MARKS

# Any number does, as long as all writers take the same one: "sekB" in ASCII.
_BRAKE_LOCK = 0x73656B42


class SqlBrake:
    """A `Brake`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def book(self, keys: Sequence[str], at: int, rules: SignInRules) -> int:
        """Count a failure under all ``keys`` and return 0; or count nothing and return the wait in milliseconds."""
        with self._database.writing() as connection:
            _lock(connection)
            counts = _read(connection, keys, at, rules)
            wait = max((waiting(one, at, rules) for one in counts), default=0)
            # A wait may have been shortened after a clock was set back: that is stored, too.
            _write(connection, [one if wait else booked(one, at, rules) for one in counts])
            connection.execute(delete(COUNTS).where(COUNTS.c.last < at - rules.forget))
        return wait

    def give_back(self, forgotten: Sequence[str], lowered: Sequence[str], at: int, rules: SignInRules) -> int:
        """After a right try: forget some keys' failures, take one off others; return what the former had counted."""
        with self._database.writing() as connection:
            _lock(connection)
            had = sum(one.failures for one in _read(connection, forgotten, at, rules))
            connection.execute(delete(COUNTS).where(COUNTS.c.key.in_(list(forgotten))))
            _write(connection, [given_back(one, at, rules) for one in _read(connection, lowered, at, rules)])
        return had

    def failures(self, key: str, at: int, rules: SignInRules) -> int:
        """Return what is counted under a key."""
        with self._database.reading() as connection:
            return _read(connection, [key], at, rules)[0].failures

    def known(self, account: str, marks: Collection[str], since: int) -> frozenset[str]:
        """Return those of ``marks`` with which the account signed in well since then."""
        asked = select(MARKS.c.mark).where(
            MARKS.c.account == account, MARKS.c.mark.in_(list(marks)), MARKS.c.seen >= since
        )
        with self._database.reading() as connection:
            return frozenset(connection.execute(asked).scalars())

    def remember(self, account: str, marks: Collection[str], at: int, since: int) -> None:
        """Remember that the account signed in well with these; forget those of all accounts not seen ``since``."""
        if not marks:
            return
        rows = [{"account": account, "mark": mark, "seen": at} for mark in sorted(marks)]
        with self._database.writing() as connection:
            adding = insertion(MARKS, connection.dialect.name).values(rows)
            connection.execute(
                adding.on_conflict_do_update(index_elements=["account", "mark"], set_={"seen": at})
            )
            old = select(MARKS.c.account, MARKS.c.mark).where(MARKS.c.seen < since)
            for account_, mark in connection.execute(old.with_for_update(skip_locked=True)).all():
                connection.execute(delete(MARKS).where(MARKS.c.account == account_, MARKS.c.mark == mark))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _BRAKE_LOCK})


def _read(connection: Connection, keys: Sequence[str], at: int, rules: SignInRules) -> list[Count]:
    rows = connection.execute(select(COUNTS).where(COUNTS.c.key.in_(list(keys))))
    found = {one.key: one for one in (as_noun(Count, row) for row in rows)}
    return [settled(found.get(key, Count(key, 0, at, 0)), at, rules) for key in keys]


def _write(connection: Connection, counts: Sequence[Count]) -> None:
    connection.execute(delete(COUNTS).where(COUNTS.c.key.in_([one.key for one in counts])))
    rows = [as_row(one) for one in counts if one.failures]
    if rows:
        connection.execute(insert(COUNTS), rows)
