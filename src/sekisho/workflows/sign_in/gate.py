"""What the verbs of signing in have at hand, and what they answer."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from sekisho.errors import AuthorisationError, ConflictError
from sekisho.language import Text
from sekisho.model.account import Account, LinkPurpose, Permission, Session, SessionKind, digest
from sekisho.model.audit import Act
from sekisho.model.challenge import NONCE_BYTES, challenge, expiry
from sekisho.model.password_policy import Fault, PasswordPolicy
from sekisho.model.sign_in_rules import SignInRules, oldest_live, place, recently_authenticated
from sekisho.model.verdict import Scalar
from sekisho.ports.accounts import (
    AccountStore,
    Brake,
    PasskeyCeremony,
    PasskeyStore,
    PasswordHashing,
    SessionStore,
    TokenStore,
)
from sekisho.ports.cases import AuditLog

_LONGEST_BROWSER = 200
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Gate:
    """What the verbs work with.

    :ivar draw: gives so many random octets
    :ivar key: secret under which challenges are made
    :ivar names: names of this host and installation, which make no password
    """

    accounts: AccountStore
    sessions: SessionStore
    passkeys: PasskeyStore
    tokens: TokenStore
    brake: Brake
    audit: AuditLog
    hashing: PasswordHashing
    ceremony: PasskeyCeremony
    rules: SignInRules
    policy: PasswordPolicy
    draw: Callable[[int], bytes]
    key: bytes
    names: tuple[str, ...] = ()

    def secret(self, octets: int = _TOKEN_BYTES) -> str:
        """Draw a text for a cookie, a token or a link."""
        return base64.urlsafe_b64encode(self.draw(octets)).rstrip(b"=").decode()

    def challenge(self, purpose: str, at: int) -> bytes:
        """Draw a challenge of a passkey."""
        end = at + self.rules.challenge_seconds * 1000
        return challenge(self.key, purpose, self.draw(NONCE_BYTES), end)

    def spend(self, purpose: str, given: bytes, at: int) -> bool:
        """Use a challenge up; False when it isn't ours, is for something else, has ended or has served."""
        end = expiry(self.key, purpose, given, at)
        return end is not None and self.passkeys.spend(given.hex(), end, at)


class Visit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a request comes from.

    :ivar source: address; that of a proxy's client only where the operator named the proxy
    :ivar browser: what the browser calls itself
    :ivar known: the long-lived random mark that a browser got when it signed in well; empty when it has none
    """

    source: str
    browser: str = ""
    known: str = ""


class Why(StrEnum):
    """Why a stranger isn't let in. `WRONG` says neither which part was wrong nor whether there is such an account."""

    WRONG = "wrong"
    WAIT = "wait"
    BUSY = "busy"
    LINK = "link"
    WEAK = "weak"
    PASSKEY = "passkey"
    PROVIDER = "provider"
    NO_RULE = "no-rule"
    NAME = "name"

    @property
    def text(self) -> Text:
        """What is said to the person; ``{seconds}`` is the wait."""
        return _WHYS[self]


_WHYS = {
    Why.WRONG: Text(
        ja="名前またはパスワードが違うか、この利用者は使えない",
        en="the name or the password is wrong, or the account can't be used",
    ),
    Why.WAIT: Text(
        ja="失敗が続いたので、{seconds}秒待ってから試す", en="too many failures; try again in {seconds} s"
    ),
    Why.BUSY: Text(ja="混んでいる。少し待ってから試す", en="busy; try again in a moment"),
    Why.LINK: Text(
        ja="このリンクは使えない（使用済み、期限切れ、または無効）",
        en="this link can't be used: used already, too old, or void",
    ),
    Why.WEAK: Text(ja="このパスワードは使えない", en="this password can't be used"),
    Why.PASSKEY: Text(ja="パスキーを確かめられなかった", en="the passkey could not be verified"),
    Why.PROVIDER: Text(
        ja="OpenID Connect の答えを確かめられなかった。もう一度試す",
        en="the answer of OpenID Connect could not be verified; try again",
    ),
    Why.NO_RULE: Text(
        ja="ここを使う役割が決められていない。管理者に尋ねる",
        en="no rule gives you a role here; ask the administrator",
    ),
    Why.NAME: Text(
        ja="その名前の利用者が別にいるか、名前に使えない。管理者に尋ねる",
        en="another account has that name, or it can't be one; ask the administrator",
    ),
}


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Not let in; ``wait`` in milliseconds; ``faults`` of a password that is too weak."""

    why: Why
    wait: int = 0
    faults: tuple[Fault, ...] = ()


class SignedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let in.

    :ivar token: goes into the session's cookie and is kept nowhere
    :ivar known: goes into the long-lived cookie; empty when the browser has a good one
    :ivar failures: wrong tries of strangers at this name that are still counted, to be shown to the person
    """

    account: Account
    session: Session
    token: str
    known: str = ""
    failures: int = 0


class LinkSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a one-time link is for; ``name`` is empty for the first admin."""

    purpose: LinkPurpose
    name: str
    expires: int


class RelyingParty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose passkeys they are: the host's name, and the origins from which pages are served."""

    id: str
    origins: tuple[str, ...]

    @classmethod
    def of(cls, origin: str) -> RelyingParty | None:
        """Return that of an origin; None where browsers allow no passkeys: an address, or no TLS beyond localhost."""
        parts = urlsplit(origin)
        host = parts.hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            local = host == "localhost" or host.endswith(".localhost")
            if host and (parts.scheme == "https" or (parts.scheme == "http" and local)):
                return cls(host, (origin,))
        return None


AGAIN = Text(ja="本人確認をもう一度してから行う", en="prove again who you are, then repeat")


def entry(account: Account, act: str, object_: str, at: int, **details: Scalar) -> Act:
    """Return what is recorded of an account's act."""
    return Act(account.name, account.role.value, act, object_, at, details=dict(details))


def of_account(account: Account) -> str:
    """Name an account as the object of an act."""
    return f"account {account.name}"


def must_be_admin(gate: Gate, by: Account, session: Session, at: int) -> None:
    """Let only admins pass who proved lately who they are. :raises AuthorisationError: somebody else."""
    if not by.may(Permission.ADMIN):
        raise AuthorisationError(
            Text(ja="管理者だけができる", en="only an admin may do this"), f"{by.name} ({by.role})"
        )
    must_be_recent(gate, by, session, at)


def must_be_recent(gate: Gate, by: Account, session: Session, at: int) -> None:
    """Let only those pass who proved lately who they are. :raises AuthorisationError: somebody else."""
    if session.account != by.id or not recently_authenticated(session, at, gate.rules):
        raise AuthorisationError(AGAIN, by.name)


def new_session(
    gate: Gate, account: Account, visit: Visit, at: int, kind: SessionKind
) -> tuple[str, Session]:
    """Return a token and the session of it, not stored yet."""  # fmt: skip
    token = gate.secret()
    browser = "".join(sign for sign in visit.browser if sign.isprintable())[:_LONGEST_BROWSER]
    source = "".join(sign for sign in visit.source if sign.isprintable())[:_LONGEST_BROWSER]
    expires = at + gate.rules.absolute
    return token, Session(digest(token), account.id, at, at, expires, at, source, browser, kind)


def let_in(
    gate: Gate, account: Account, visit: Visit, at: int, kind: SessionKind, act: Act, *, instead_of: str = "",
    failures: int = 0, proved: int | None = None,
) -> SignedIn | Refusal:  # fmt: skip
    """Open a session and remember browser and place; refuse when the account was changed at that moment.

    ``proved`` says when the person proved who they are, where that wasn't now.
    """
    token, session = new_session(gate, account, visit, at, kind)
    if proved is not None:
        session = msgspec.structs.replace(session, authenticated=proved)
    try:
        gate.sessions.open(session, account, act, most=gate.rules.most_sessions, instead_of=instead_of)
    except ConflictError:
        return Refusal(Why.WRONG)
    gate.sessions.expire(seen=oldest_live(at, gate.rules), expires=at)
    return SignedIn(account, session, token, remembered(gate, account, visit, at), failures)


def remembered(gate: Gate, account: Account, visit: Visit, at: int) -> str:
    """Remember that the account signed in well from here; return a new mark for a browser that has no good one."""
    since = at - gate.rules.known
    held = browser_mark(visit)
    good = bool(held) and held in gate.brake.known(account.id, [held], since)
    fresh = "" if good else gate.secret()
    mark = held if good else browser_mark(Visit(visit.source, known=fresh))
    gate.brake.remember(account.id, [mark, place_mark(visit)], at, since)
    return fresh


def browser_mark(visit: Visit) -> str:
    """Return what is kept of a browser's mark; empty when it has none."""
    return f"browser:{digest(visit.known)}" if visit.known else ""


def place_mark(visit: Visit) -> str:
    """Return what is kept of a place."""
    return f"place:{digest(place(visit.source))}"
