"""Sign in by the operator's provider of OpenID Connect. Rules decide the role; without a rule nobody gets an account.

State, nonce and verifier are made from one challenge that is tied to a cookie of the browser, ends by itself and serves
once, so nothing is stored for who only asks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Protocol

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError, PeerFailure
from sekisho.language import Language, Text
from sekisho.model.account import Account, Session, SessionKind, account_name, digest, folded_name
from sekisho.model.challenge import NONCE_BYTES, challenge
from sekisho.model.open_id import Identity, OpenIdRules
from sekisho.workflows.sign_in.gate import Gate, Refusal, SignedIn, Visit, Why, entry, let_in, of_account
from sekisho.workflows.sign_in.set_up import needs_first_admin, start_link

_LASTS_MS = 600_000
_LONGEST = 4096
_ID_HEX = 32


class Provider(Protocol):
    """The provider, as far as the verbs ask it; all of it raises `PeerFailure`."""

    rules: OpenIdRules

    def address(self, state: str, nonce: str, verifier: str, back: str, *, fresh: bool) -> str:
        """Return where the browser goes."""
        ...

    def identity(self, code: str, nonce: str, verifier: str, back: str, at: int) -> Identity:
        """Return who a code names."""
        ...


class Begun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the browser goes, and what it must bring back in a cookie."""

    address: str
    cookie: str


def begin_open_id(
    gate: Gate, provider: Provider, back: str, at: int, *, fresh: bool = False
) -> Begun | Refusal:
    """Begin; ``back`` is the address that the provider sends the browser to.

    :raises AuthorisationError: nobody has set the console up yet
    """
    if needs_first_admin(gate):
        raise AuthorisationError(
            Text(ja="最初の管理者はリンクで作る", en="the first admin is made by the link"), "sekisho serve"
        )
    cookie = gate.secret()
    given = challenge(gate.key, _purpose(cookie, fresh=fresh), gate.draw(NONCE_BYTES), at + _LASTS_MS)
    state = base64.urlsafe_b64encode(given).rstrip(b"=").decode()
    try:
        where = provider.address(state, *_secrets(gate, state), back, fresh=fresh)
    except PeerFailure:
        return Refusal(Why.PROVIDER)
    return Begun(where, cookie)


def finish_open_id(
    gate: Gate, provider: Provider, code: str, state: str, cookie: str, back: str, visit: Visit, at: int,
    language: Language,
) -> SignedIn | Refusal:  # fmt: skip
    """Let in whom the provider names, with the role that the rules give; make the account when there is none yet."""
    found = _identity(gate, provider, code, state, cookie, back, at, fresh=False)
    if isinstance(found, Refusal):
        return found
    if found.role is None:
        return Refusal(Why.NO_RULE)
    account = _account(gate, provider, found, at, language)
    if isinstance(account, Refusal):
        return account
    act = entry(account, "sign-in", of_account(account), at, source=visit.source, by="openid")
    return let_in(gate, account, visit, at, SessionKind.OPEN_ID, act, proved=min(found.proved, at))


def finish_confirm_open_id(
    gate: Gate, provider: Provider, code: str, state: str, cookie: str, back: str, account: Account,
    session: Session, visit: Visit, at: int,
) -> SignedIn | Refusal:  # fmt: skip
    """Prove again who one is: the same person, who proved it there since it was asked."""
    found = _identity(gate, provider, code, state, cookie, back, at, fresh=True)
    if isinstance(found, Refusal):
        return found
    if identifier(provider, found) != account.id or found.role is None or found.proved < at - _LASTS_MS:
        return Refusal(Why.PROVIDER)
    act = entry(account, "confirm", of_account(account), at, source=visit.source, by="openid")
    return let_in(gate, account, visit, at, SessionKind.OPEN_ID, act, instead_of=session.id)


def identifier(provider: Provider, who: Identity) -> str:
    """Return the account's identifier of who a provider names: issuer and subject, never a name or an address of mail."""
    return digest(f"openid\0{provider.rules.issuer}\0{who.subject}")[:_ID_HEX]


def _identity(
    gate: Gate, provider: Provider, code: str, state: str, cookie: str, back: str, at: int, *, fresh: bool
) -> Identity | Refusal:
    if not cookie or not code or len(code) > _LONGEST or len(state) > _LONGEST:
        return Refusal(Why.PROVIDER)
    try:
        given = base64.b64decode(state + "=" * (-len(state) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return Refusal(Why.PROVIDER)
    if not gate.spend(_purpose(cookie, fresh=fresh), given, at):
        return Refusal(Why.PROVIDER)
    try:
        return provider.identity(code, *_secrets(gate, state), back, at)
    except PeerFailure:
        return Refusal(Why.PROVIDER)


def _purpose(cookie: str, *, fresh: bool) -> str:
    return f"openid {'confirm' if fresh else 'sign-in'} {digest(cookie)}"


def _secrets(gate: Gate, state: str) -> tuple[str, str]:
    """Return nonce and verifier of a state; nobody without the key can tell them."""

    def made(what: str) -> str:
        mac = hmac.digest(gate.key, f"openid {what}\0{state}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    return made("nonce"), made("verifier")


def _account(gate: Gate, provider: Provider, who: Identity, at: int, language: Language) -> Account | Refusal:
    """Return the account with the role of today; changes of the role end its other sessions."""
    account = gate.accounts.account(identifier(provider, who))
    if who.role is None or (account is not None and not account.enabled):
        return Refusal(Why.NO_RULE)
    if account is None:
        return _made(gate, identifier(provider, who), who, at, language)
    if account.role is who.role:
        return account
    act = entry(account, "change-role", of_account(account), at, role=who.role.value, by="openid")
    try:
        return gate.accounts.change(msgspec.structs.replace(account, role=who.role), act, sessions=())
    except ConflictError:
        return Refusal(Why.PROVIDER)


def _made(gate: Gate, own: str, who: Identity, at: int, language: Language) -> Account | Refusal:
    try:
        name = account_name(who.name)
    except DescriptionError:
        return Refusal(Why.NAME)
    if who.role is None or gate.accounts.named(folded_name(name)) is not None:
        return Refusal(Why.NAME)
    account = Account(own, name, folded_name(name), language, who.role, at)
    # Nobody is given this link: the account opens by the provider alone.
    _, link = start_link(gate, account, at)
    act = entry(account, "add-account", of_account(account), at, role=who.role.value, by="openid")
    try:
        return gate.accounts.add(account, link, act)
    except ConflictError:
        return Refusal(Why.NAME)
