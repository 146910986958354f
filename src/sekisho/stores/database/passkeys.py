"""Passkeys in SQL; see `ports.accounts.PasskeyStore`."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Text
from sekisho.model.account import Passkey
from sekisho.model.audit import Act
from sekisho.stores.database.audit import chained
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable, insertion
from sekisho.stores.database.tables import ACCOUNTS, PASSKEYS, SECRETS, SPENT


class SqlPasskeys:
    """A `PasskeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, passkey: Passkey, act: Act, *, most: int) -> None:
        """Store one.

        :raises ConflictError: it is registered already
        :raises DescriptionError: the account has ``most``
        """
        with self._database.writing() as connection:
            connection.execute(
                select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == passkey.account).with_for_update()
            )
            mine = select(func.count()).select_from(PASSKEYS).where(PASSKEYS.c.account == passkey.account)
            if connection.execute(mine).scalar_one() >= most:
                raise DescriptionError(
                    Text(ja=f"パスキーは{most}個まで", en=f"not more than {most} passkeys"), passkey.name
                )
            connection.execute(insert(PASSKEYS), as_row(passkey))
            chained(connection, act)

    def of(self, account: str) -> tuple[Passkey, ...]:
        """Return an account's passkeys, the oldest first."""
        asked = select(PASSKEYS).where(PASSKEYS.c.account == account)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(PASSKEYS.c.added, PASSKEYS.c.id))
            return tuple(as_noun(Passkey, row) for row in rows)

    def passkey(self, identifier: str) -> Passkey | None:
        """Return one by credential id."""
        if not askable(identifier):
            return None
        with self._database.reading() as connection:
            row = connection.execute(select(PASSKEYS).where(PASSKEYS.c.id == identifier)).first()
            return None if row is None else as_noun(Passkey, row)

    def used(self, passkey: Passkey, sign_count: int, at: int) -> bool:
        """Write the new count and time; False when the count was changed in between."""
        same = (PASSKEYS.c.id == passkey.id) & (PASSKEYS.c.sign_count == passkey.sign_count)
        with self._database.writing() as connection:
            changed = update(PASSKEYS).where(same).values(sign_count=sign_count, last_used=at)
            return connection.execute(changed).rowcount == 1

    def remove(self, account: str, identifier: str, act: Act) -> bool:
        """Remove one of an account; False when there is none.

        :raises AuthorisationError: it is the last proof, the account has no password
        """
        if not askable(identifier):
            return False
        with self._database.writing() as connection:
            # The account's row first: two who remove the last two at once wait for each other here.
            connection.execute(select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == account).with_for_update())
            mine = PASSKEYS.c.account == account
            if connection.execute(delete(PASSKEYS).where(mine, PASSKEYS.c.id == identifier)).rowcount != 1:
                return False
            left = connection.execute(select(PASSKEYS.c.id).where(mine).limit(1)).first()
            secret = connection.execute(select(SECRETS.c.account).where(SECRETS.c.account == account)).first()
            if left is None and secret is None:
                raise AuthorisationError(
                    Text(
                        ja="最後のパスキーは、パスワードを決めるまで消せない",
                        en="the last passkey stays until there is a password",
                    )
                )
            chained(connection, act)
        return True

    def spend(self, challenge: str, expires: int, at: int) -> bool:
        """Remember that a challenge has served until it expires; False when it had served before."""
        with self._database.writing() as connection:
            old = select(SPENT.c.id).where(SPENT.c.expires < at).with_for_update(skip_locked=True)
            connection.execute(delete(SPENT).where(SPENT.c.id.in_(old)))
            once = insertion(SPENT, connection.dialect.name).values(id=challenge, expires=expires)
            once = once.on_conflict_do_nothing()
            return connection.execute(once.returning(SPENT.c.id)).first() is not None
