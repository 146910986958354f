"""Who may use the console: accounts, what their roles allow, and the proofs of having signed in.

None of these nouns holds a password, a token or a link: only digests of what was drawn at random, and the public keys
of passkeys. Hashes of passwords stand in a table of their own and never in a noun. Times are milliseconds, 0 for never.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.model.case_life import WATCH, Actor
from sekisho.model.identity import Role

__all__ = [
    "ROLE_PERMISSIONS",
    "TOKEN_PREFIX",
    "Account",
    "LinkPurpose",
    "Passkey",
    "Permission",
    "Role",
    "Session",
    "SessionKind",
    "SetupLink",
    "Token",
    "digest",
    "folded_name",
]

TOKEN_PREFIX = "sk_"  # noqa: S105 - what a token begins with, for people and for scanners of leaked secrets
_LONGEST_NAME = 64


class Permission(StrEnum):
    """What a page or an act asks for. `OPEN` asks for nothing, not even for a sign-in."""

    OPEN = "open"
    SEE = "see"
    WORK = "work"
    SEND = "send"
    ADMIN = "admin"


ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.OPEN, Permission.SEE}),
    Role.ANALYST: frozenset({Permission.OPEN, Permission.SEE, Permission.WORK}),
    Role.SENDER: frozenset({Permission.OPEN, Permission.SEE, Permission.WORK, Permission.SEND}),
    Role.ADMIN: frozenset(Permission),
}


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person who may sign in.

    :ivar name: as the person writes it; it is the actor's name in cases and in the audit log, and never changes
    :ivar folded: the name without differences of case and width; two accounts never share it
    :ivar disabled: since when nobody can sign in with it
    :ivar password_changed: when its password was set last; 0 when it has none
    :ivar must_change: since when it may do nothing but set a new password; 0 when it may work
    :ivar last_sign_in: when somebody last signed in with it
    :ivar revision: counts the changes, for `ConflictError`
    """

    id: str
    name: str
    folded: str
    language: Language
    role: Role
    created: int
    disabled: int = 0
    password_changed: int = 0
    must_change: int = 0
    last_sign_in: int = 0
    revision: int = 0

    @property
    def enabled(self) -> bool:
        """Whether anybody can sign in with it."""
        return not self.disabled

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it may do now: nothing but what is open to all while it is disabled or must change its password."""
        if self.disabled or self.must_change:
            return frozenset({Permission.OPEN})
        return ROLE_PERMISSIONS[self.role]

    @property
    def actor(self) -> Actor:
        """Who acts, for the work on cases."""
        return Actor(self.name, self.role.value)

    def may(self, permission: Permission) -> bool:
        """Say whether it may do that now."""
        return permission in self.permissions


class SessionKind(StrEnum):
    """How a session began."""

    PASSWORD = "password"  # noqa: S105 - a kind, no secret
    PASSKEY = "passkey"
    LINK = "link"
    OPEN_ID = "openid"


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who has signed in and has not left.

    :ivar id: SHA-256 of the token in the cookie, in hex
    :ivar last_seen: last request, to within the rule ``touch_seconds``
    :ivar expires: the end, whatever happens
    :ivar authenticated: when the person last proved who they are
    :ivar source: address from which it began
    :ivar browser: what the browser called itself then, for the list of one's own sessions; it proves nothing
    """

    id: str
    account: str
    created: int
    last_seen: int
    expires: int
    authenticated: int
    source: str
    browser: str
    kind: SessionKind


class Passkey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A registered passkey.

    :ivar id: the credential's id, base64url
    :ivar key: its public key (COSE), base64url
    :ivar sign_count: how often it says it was used; 0 for those that don't count
    """

    id: str
    account: str
    key: str
    sign_count: int
    name: str
    added: int
    last_used: int = 0


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token for programs; the token itself is shown once and never stored.

    :ivar id: SHA-256 of the token, in hex
    :ivar scope: what it may do at most; less when its account may do less
    """

    id: str
    account: str
    name: str
    scope: tuple[Permission, ...]
    created: int
    expires: int
    last_used: int = 0


class LinkPurpose(StrEnum):
    """What a one-time link is for: the first admin; the start (or new start) of an account; an admin's way back in.

    Whoever starts anew has the new password or passkey only: all proofs from before end.
    """

    FIRST_ADMIN = "first-admin"
    START = "start"
    RESET = "reset"


class SetupLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link that serves once.

    :ivar id: SHA-256 of what is in the link, in hex
    :ivar account: whose it is; empty for the first admin, who has no account yet
    """

    id: str
    purpose: LinkPurpose
    account: str
    created: int
    expires: int
    used: int = 0

    def open(self, at: int) -> bool:
        """Say whether it can be used."""
        return not self.used and self.created <= at < self.expires


def digest(secret: str) -> str:
    """Return what is kept of a token or link: nothing can be guessed from it, since 128 bits or more were drawn."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def folded_name(name: str) -> str:
    """Return a name without differences of case and width, for looking up; any text will do."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def account_name(name: str) -> str:
    """Return a name for a new account, without blanks around it.

    :raises DescriptionError: empty, too long, with signs that don't show, or the name of the program itself
    """
    plain = " ".join(name.split())
    hidden = any(unicodedata.category(sign)[0] == "C" for sign in plain)
    if not plain or len(plain) > _LONGEST_NAME or hidden or folded_name(plain) == WATCH.name:
        raise DescriptionError(
            Text(
                ja=f"この名前は使えない（1〜{_LONGEST_NAME}文字、見えない文字なし。「{WATCH.name}」は予約済み）",
                en=f"not a name for an account: 1 to {_LONGEST_NAME} visible characters, and not “{WATCH.name}”",
            ),
            "" if hidden else plain[:_LONGEST_NAME],
        )
    return plain
