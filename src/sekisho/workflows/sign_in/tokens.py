"""Tokens for programs: shown once, scoped, with an end."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from sekisho.errors import DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.account import TOKEN_PREFIX, Account, Permission, Session, Token, digest
from sekisho.workflows.sign_in.by_passkey import short_name
from sekisho.workflows.sign_in.gate import Gate, entry, must_be_recent, of_account

_DAY = 86_400_000


def make_token(
    gate: Gate, account: Account, session: Session, name: str, scope: Collection[Permission], days: int, at: int
) -> tuple[str, Token]:  # fmt: skip
    """Return a new token, which is shown now and never again, and what is kept of it.

    :raises AuthorisationError: no recent proof
    :raises DescriptionError: nothing in its scope, more than the account may do, too long a life, too many tokens
    """
    must_be_recent(gate, account, session, at)
    wanted = frozenset(scope) - {Permission.OPEN}
    if not wanted or not wanted <= account.permissions:
        raise DescriptionError(
            Text(
                ja="トークンには、自分にできることから一つ以上を選ぶ",
                en="a token may do something, and nothing that you may not",
            ),
            ", ".join(sorted(wanted)),
        )
    if not 0 < days * _DAY <= gate.rules.token:
        raise DescriptionError(
            Text(
                ja=f"有効期間は1〜{gate.rules.token_most_days}日",
                en=f"a token lives 1 to {gate.rules.token_most_days} days",
            ),
            str(days),
        )
    secret = TOKEN_PREFIX + gate.secret()
    token = Token(digest(secret), account.id, short_name(name), tuple(sorted(wanted)), at, at + days * _DAY)
    act = entry(
        account, "make-token", of_account(account), at,
        token=token.name, scope=" ".join(token.scope), expires=token.expires,
    )  # fmt: skip
    gate.tokens.add(token, act, most=gate.rules.most_kept)
    return secret, token


def my_tokens(gate: Gate, account: Account) -> tuple[Token, ...]:
    """Return the account's tokens, the newest first, expired ones too."""
    return gate.tokens.of(account.id)


def revoke_token(gate: Gate, account: Account, identifier: str, at: int) -> bool:
    """Revoke one of one's own tokens; False when there is none of that id."""
    return gate.tokens.remove(account.id, identifier, entry(account, "revoke-token", of_account(account), at))


def whose_token(gate: Gate, secret: str, at: int) -> tuple[Account, frozenset[Permission]] | None:
    """Return whose a token is and what it may do now: never more than the account may; None when it can't be used."""
    found = gate.tokens.token(digest(secret)) if secret.startswith(TOKEN_PREFIX) else None
    if found is None:
        return None
    account, token = found
    if not account.enabled or not token.created <= at < token.expires:
        return None
    if at - token.last_used >= gate.rules.touch_seconds * 1000:
        with suppress(StoreError):  # on a full disk programs must still see
            gate.tokens.used(token.id, at)
    return account, (frozenset(token.scope) | {Permission.OPEN}) & account.permissions
