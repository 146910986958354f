"""Sessions in SQL; see `ports.accounts.SessionStore`."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import delete, insert, select, update

from sekisho.model.account import Account, Session
from sekisho.model.audit import Act
from sekisho.stores.database.audit import chained
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.tables import ACCOUNTS, SESSIONS

_FIELDS = len(Account.__struct_fields__)


class SqlSessions:
    """A `SessionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, session: Session, account: Account, act: Act, *, most: int, instead_of: str = "") -> None:
        """Store a new session; see the port. :raises ConflictError: the account was changed or disabled meanwhile."""
        mine = SESSIONS.c.account == account.id
        unchanged = (
            (ACCOUNTS.c.id == account.id) & (ACCOUNTS.c.revision == account.revision) & (ACCOUNTS.c.disabled == 0)
        )  # fmt: skip
        with self._database.writing() as connection:
            # Only by this row do a sign-in and the end of all sessions wait for each other.
            signed_in = update(ACCOUNTS).where(unchanged).values(last_sign_in=act.at)
            if connection.execute(signed_in).rowcount != 1:
                raise conflict(f"account {account.name}, revision {account.revision}")
            if instead_of:
                connection.execute(delete(SESSIONS).where(mine, SESSIONS.c.id == instead_of))
            newest = select(SESSIONS.c.id).where(mine).order_by(SESSIONS.c.last_seen.desc(), SESSIONS.c.id)
            many = connection.execute(newest.offset(max(0, most - 1))).scalars().all()
            if many:
                connection.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(many)))
            connection.execute(insert(SESSIONS), as_row(session))
            chained(connection, act)

    def session(self, identifier: str) -> tuple[Account, Session] | None:
        """Return a session with its account, in one question."""
        both = SESSIONS.join(ACCOUNTS, ACCOUNTS.c.id == SESSIONS.c.account)
        asked = select(*ACCOUNTS.c, *SESSIONS.c).select_from(both).where(SESSIONS.c.id == identifier)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
            return None if row is None else (as_noun(Account, row[:_FIELDS]), as_noun(Session, row[_FIELDS:]))

    def touch(self, identifier: str, at: int) -> None:
        """Write when it was seen; never an earlier time than is stored."""
        with self._database.writing() as connection:
            later = (SESSIONS.c.id == identifier) & (SESSIONS.c.last_seen < at)
            connection.execute(update(SESSIONS).where(later).values(last_seen=at))

    def of(self, account: str) -> tuple[Session, ...]:
        """Return an account's sessions, the last seen first."""
        asked = select(SESSIONS).where(SESSIONS.c.account == account)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(SESSIONS.c.last_seen.desc(), SESSIONS.c.id))
            return tuple(as_noun(Session, row) for row in rows)

    def end(self, account: str, identifiers: Collection[str], act: Act) -> int:
        """End sessions of an account, and nobody else's; return how many. None ended, nothing is recorded."""
        with self._database.writing() as connection:
            # The account's row first, as everybody does; see `accounts`.
            connection.execute(select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == account).with_for_update())
            mine = (SESSIONS.c.account == account) & SESSIONS.c.id.in_(
                [one for one in identifiers if askable(one)]
            )
            ended = connection.execute(delete(SESSIONS).where(mine)).rowcount
            if ended:
                chained(connection, msgspec.structs.replace(act, details={**act.details, "sessions": ended}))
        return ended

    def expire(self, *, seen: int, expires: int) -> int:
        """Forget sessions last seen at ``seen`` or before, or to end at ``expires`` or before; return how many."""
        past = (SESSIONS.c.last_seen <= seen) | (SESSIONS.c.expires <= expires)
        with self._database.writing() as connection:
            # Rows that somebody else is about to end are left to them: nobody waits crosswise.
            free = select(SESSIONS.c.id).where(past).with_for_update(skip_locked=True)
            names = connection.execute(free).scalars().all()
            if not names:
                return 0
            return connection.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(names), past)).rowcount
