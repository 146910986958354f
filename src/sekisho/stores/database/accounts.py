"""Accounts in SQL; see `ports.accounts.AccountStore`.

Order of locks, the same for every writer, so that none wait crosswise: the lock of all accounts (only where several
accounts decide), the account's row, what belongs to it, the audit log's chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, text, update

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.account import Account, LinkPurpose, Passkey, Role, Session, SetupLink
from sekisho.model.audit import Act
from sekisho.stores.database.audit import chained
from sekisho.stores.database.faults import conflict
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.tables import ACCOUNTS, LINKS, MARKS, PASSKEYS, SECRETS, SESSIONS, TOKENS

# Any number does, as long as all writers take the same one: "sekA" in ASCII.
_ACCOUNTS_LOCK = 0x73656B41


class SqlAccounts:
    """An `AccountStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def account(self, identifier: str) -> Account | None:
        """Return one account."""
        if not askable(identifier):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.id == identifier)).first()
            return None if row is None else as_noun(Account, row)

    def named(self, folded: str) -> Account | None:
        """Return the account of a folded name."""
        if not askable(folded):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.folded == folded)).first()
            return None if row is None else as_noun(Account, row)

    def accounts(self) -> tuple[Account, ...]:
        """Return all of them, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.folded))
            return tuple(as_noun(Account, row) for row in rows)

    def secret(self, identifier: str) -> str:
        """Return the hash of an account's password; empty when it has none."""
        with self._database.reading() as connection:
            asked = select(SECRETS.c.secret).where(SECRETS.c.account == identifier)
            return connection.execute(asked).scalar() or ""

    def link(self, identifier: str) -> SetupLink | None:
        """Return one link, used ones as well."""
        with self._database.reading() as connection:
            row = connection.execute(select(LINKS).where(LINKS.c.id == identifier)).first()
            return None if row is None else as_noun(SetupLink, row)

    def make_link(self, link: SetupLink, act: Act) -> None:
        """Store a link; see the port. :raises AuthorisationError: for the first admin, and there are accounts."""
        with self._database.writing() as connection:
            _lock(connection)
            if link.purpose is LinkPurpose.FIRST_ADMIN and _any_account(connection):
                raise AuthorisationError(
                    Text(ja="管理者はもういる", en="there is an admin already"),
                    "",
                    Text(
                        ja="入れなくなったときは、データフォルダーのある機器で sekisho admin reset",
                        en="locked out? run sekisho admin reset where the data folder is",
                    ),
                )
            _replace_links(connection, link)
            chained(connection, act)

    def add(self, account: Account, link: SetupLink, act: Act) -> Account:
        """Store a new account with its starting link. :raises ConflictError: the name is taken."""
        stored = msgspec.structs.replace(account, revision=1)
        with self._database.writing() as connection:
            connection.execute(insert(ACCOUNTS), as_row(stored))
            _replace_links(connection, link)
            chained(connection, act)
        return stored

    def change(
        self, account: Account, act: Act, *, secret: str | None = None, sessions: Sequence[Session] | None = None
    ) -> Account:  # fmt: skip
        """Store the next revision; see the port.

        :raises ConflictError: another revision by now
        :raises AuthorisationError: nobody who can sign in would be an admin
        """
        with self._database.writing() as connection:
            _lock(connection)
            had_admin = _usable_admins(connection)
            stored = _next(connection, account)
            if secret is not None:
                _set_secret(connection, account.id, secret)
            if sessions is not None:
                connection.execute(delete(SESSIONS).where(SESSIONS.c.account == account.id))
                if sessions:
                    connection.execute(insert(SESSIONS), [as_row(one) for one in sessions])
            if had_admin and not _usable_admins(connection):
                raise AuthorisationError(
                    Text(
                        ja="最後の管理者は無効にも別の役割にもできない",
                        en="the last admin can be neither disabled nor given another role",
                    ),
                    account.name,
                    Text(ja="先に別の管理者を作る", en="make another admin first"),
                )
            chained(connection, act)
        return stored

    def redeem(
        self, link: SetupLink, account: Account, act: Act, session: Session, *, secret: str = "",
        passkey: Passkey | None = None,
    ) -> Account | None:  # fmt: skip
        """Use a link up; see the port. :raises ConflictError: another revision by now, or the name is taken."""
        with self._database.writing() as connection:
            _lock(connection)
            if link.purpose is LinkPurpose.FIRST_ADMIN and _any_account(connection):
                return None
            fresh = (
                (LINKS.c.id == link.id) & (LINKS.c.used == 0)
                & (LINKS.c.created <= act.at) & (LINKS.c.expires > act.at)
            )  # fmt: skip
            if connection.execute(update(LINKS).where(fresh).values(used=act.at)).rowcount != 1:
                return None
            if link.purpose is LinkPurpose.FIRST_ADMIN:
                stored = msgspec.structs.replace(account, revision=1)
                connection.execute(insert(ACCOUNTS), as_row(stored))
            else:
                stored = _next(connection, account)
                for table in (SECRETS, PASSKEYS, TOKENS, SESSIONS, MARKS):
                    connection.execute(delete(table).where(table.c.account == account.id))
            if secret:
                _set_secret(connection, account.id, secret)
            if passkey is not None:
                connection.execute(insert(PASSKEYS), as_row(passkey))
            connection.execute(insert(SESSIONS), as_row(session))
            chained(connection, act)
        return stored

    def end_everything(self, link: SetupLink, act: Act) -> int:
        """End all sessions of all accounts and store ``link``; return how many ended."""
        with self._database.writing() as connection:
            _lock(connection)
            # The new revisions make sign-ins fail that have read an account and not opened their session yet.
            connection.execute(update(ACCOUNTS).values(revision=ACCOUNTS.c.revision + 1))
            ended = connection.execute(delete(SESSIONS)).rowcount
            _replace_links(connection, link)
            chained(connection, msgspec.structs.replace(act, details={**act.details, "sessions": ended}))
        return ended


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ACCOUNTS_LOCK})


def _any_account(connection: Connection) -> bool:
    return connection.execute(select(ACCOUNTS.c.id).limit(1)).first() is not None


def _usable_admins(connection: Connection) -> int:
    """Count the admins who can sign in: enabled, with a password or a passkey."""
    proof = ACCOUNTS.c.id.in_(select(SECRETS.c.account)) | ACCOUNTS.c.id.in_(select(PASSKEYS.c.account))
    admins = (ACCOUNTS.c.role == Role.ADMIN.value) & (ACCOUNTS.c.disabled == 0)
    return int(
        connection.execute(select(func.count()).select_from(ACCOUNTS).where(admins & proof)).scalar_one()
    )


def _next(connection: Connection, account: Account) -> Account:
    stored = msgspec.structs.replace(account, revision=account.revision + 1)
    row = as_row(stored)
    del row["last_sign_in"]  # somebody may have signed in since this was read
    unchanged = (ACCOUNTS.c.id == account.id) & (ACCOUNTS.c.revision == account.revision)
    if connection.execute(update(ACCOUNTS).where(unchanged).values(row)).rowcount != 1:
        raise conflict(f"account {account.name}, revision {account.revision}")
    return stored


def _set_secret(connection: Connection, account: str, secret: str) -> None:
    connection.execute(delete(SECRETS).where(SECRETS.c.account == account))
    connection.execute(insert(SECRETS), {"account": account, "secret": secret})


def _replace_links(connection: Connection, link: SetupLink) -> None:
    connection.execute(delete(LINKS).where(LINKS.c.account == link.account))
    connection.execute(insert(LINKS), as_row(link))
