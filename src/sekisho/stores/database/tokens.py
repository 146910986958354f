"""Tokens for programs in SQL; see `ports.accounts.TokenStore`."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Account, Token
from sekisho.model.audit import Act
from sekisho.stores.database.audit import chained
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable
from sekisho.stores.database.tables import ACCOUNTS, TOKENS

_FIELDS = len(Account.__struct_fields__)


class SqlTokens:
    """A `TokenStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: Token, act: Act, *, most: int) -> None:
        """Store one. :raises DescriptionError: the account has ``most``."""
        with self._database.writing() as connection:
            connection.execute(select(ACCOUNTS.c.id).where(ACCOUNTS.c.id == token.account).with_for_update())
            mine = select(func.count()).select_from(TOKENS).where(TOKENS.c.account == token.account)
            if connection.execute(mine).scalar_one() >= most:
                raise DescriptionError(
                    Text(ja=f"トークンは{most}個まで", en=f"not more than {most} tokens"),
                    token.name,
                    Text(ja="使わないものを失効させる", en="revoke those that nobody uses"),
                )
            connection.execute(insert(TOKENS), as_row(token))
            chained(connection, act)

    def token(self, identifier: str) -> tuple[Account, Token] | None:
        """Return one with its account, in one question."""
        both = TOKENS.join(ACCOUNTS, ACCOUNTS.c.id == TOKENS.c.account)
        asked = select(*ACCOUNTS.c, *TOKENS.c).select_from(both).where(TOKENS.c.id == identifier)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
            return None if row is None else (as_noun(Account, row[:_FIELDS]), as_noun(Token, row[_FIELDS:]))

    def of(self, account: str) -> tuple[Token, ...]:
        """Return an account's tokens, the newest first."""
        asked = select(TOKENS).where(TOKENS.c.account == account)
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by(TOKENS.c.created.desc(), TOKENS.c.id))
            return tuple(as_noun(Token, row) for row in rows)

    def used(self, identifier: str, at: int) -> None:
        """Write when it was used; never an earlier time than is stored."""
        with self._database.writing() as connection:
            later = (TOKENS.c.id == identifier) & (TOKENS.c.last_used < at)
            connection.execute(update(TOKENS).where(later).values(last_used=at))

    def remove(self, account: str, identifier: str, act: Act) -> bool:
        """Remove one of an account; False when there is none."""
        if not askable(identifier):
            return False
        with self._database.writing() as connection:
            mine = (TOKENS.c.account == account) & (TOKENS.c.id == identifier)
            if connection.execute(delete(TOKENS).where(mine)).rowcount != 1:
                return False
            chained(connection, act)
        return True
