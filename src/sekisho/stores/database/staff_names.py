"""Names of the operator's own people in SQL: a token for each, and their erasure."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from contextlib import suppress

from sqlalchemy import Connection, insert, select, text, update

from sekisho.errors import ConflictError, StoreError
from sekisho.model.staff_name import StaffName
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.sqlite import overwriting, overwritten
from sekisho.stores.database.tables import STAFF_NAMES as NAMES

_NAMES_LOCK = 0x73656B4E


class SqlStaffNames:
    """Keeps names by their tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tokens(self, names: Collection[str], at: int) -> dict[str, str]:
        """Return the token of each name, made where there is none; that it was used ``at`` is kept."""
        wanted = {one for one in names if one and askable(one)}
        if not wanted:
            return {}
        try:
            return self._tokens(wanted, at)
        except (
            ConflictError
        ):  # somebody wrote the same name for the first time in the same moment: now it is there
            return self._tokens(wanted, at)

    def _tokens(self, wanted: set[str], at: int) -> dict[str, str]:
        with self._database.writing() as connection:
            _lock(connection)
            there = NAMES.c.name.in_(wanted) & (NAMES.c.erased == 0)
            connection.execute(update(NAMES).where(there & (NAMES.c.used < at)).values(used=at))
            asked = select(NAMES.c.name, NAMES.c.token).where(there)
            found: dict[str, str] = {row.name: row.token for row in connection.execute(asked)}
            made = [
                StaffName(f"person:{secrets.token_hex(12)}", one, at, at)
                for one in sorted(wanted - found.keys())
            ]
            if made:
                connection.execute(insert(NAMES), [as_row(one) for one in made])
        return found | {one.name: one.token for one in made}

    def known(self, names: Collection[str]) -> dict[str, str]:
        """Return the tokens of those names that have one; nothing is made."""
        wanted = {one for one in names if one and askable(one)}
        asked = select(NAMES.c.name, NAMES.c.token).where(NAMES.c.name.in_(wanted), NAMES.c.erased == 0)
        with self._database.reading() as connection:
            return {row.name: row.token for row in connection.execute(asked)} if wanted else {}

    def of(self, tokens: Collection[str]) -> dict[str, StaffName]:
        """Return the names that tokens stand for, erased ones too."""
        if not tokens:
            return {}
        asked = select(NAMES).where(NAMES.c.token.in_(set(tokens)))
        with self._database.reading() as connection:
            return {row.token: as_noun(StaffName, row) for row in connection.execute(asked)}

    def every(self) -> tuple[StaffName, ...]:
        """Return all of them, those that are erased last, by when they were used last."""
        order = (NAMES.c.erased != 0, NAMES.c.used.desc(), NAMES.c.token)
        with self._database.reading() as connection:
            return tuple(
                as_noun(StaffName, row) for row in connection.execute(select(NAMES).order_by(*order))
            )

    def erase(self, tokens: Iterable[str], at: int, ground: str) -> int:
        """Erase the names of these tokens; return how many there were. What was erased before stays as it is."""
        wanted = [one for one in tokens if askable(one)]
        with self._database.writing() as connection:
            _lock(connection)
            overwriting(connection)
            gone = update(NAMES).where(NAMES.c.token.in_(wanted), NAMES.c.erased == 0)
            done = connection.execute(gone.values(name="", erased=max(at, 1), ground=ground))
            count = overwritten(connection, done.rowcount)
        with suppress(StoreError):  # erased it is; what is left over in the files goes the next time
            self._database.folded()
        return count


def _lock(connection: Connection) -> None:
    # Two that write several names at once wait for each other's, which PostgreSQL ends by refusing one of them.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _NAMES_LOCK})
