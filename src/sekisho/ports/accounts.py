"""The sockets of signing in: accounts, sessions, passkeys, tokens, the brake on guessing, and the two ciphers' work.

Every change comes with the `Act` that records it; both are stored in one transaction, so there is no act without its
record and no record of what did not happen. SQLite and PostgreSQL stand behind the stores (``tests/contract``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sekisho.model.account import Account, Passkey, Session, SetupLink, Token
from sekisho.model.audit import Act
from sekisho.model.sign_in_rules import SignInRules


class AccountStore(Protocol):
    """Keeps accounts, the hashes of their passwords, and one-time links."""

    def account(self, identifier: str) -> Account | None:
        """Return one account."""
        ...

    def named(self, folded: str) -> Account | None:
        """Return the account of a folded name."""
        ...

    def accounts(self) -> tuple[Account, ...]:
        """Return all of them, by name."""
        ...

    def secret(self, identifier: str) -> str:
        """Return the hash of an account's password; empty when it has none."""
        ...

    def link(self, identifier: str) -> SetupLink | None:
        """Return one link, used ones as well."""
        ...

    def make_link(self, link: SetupLink, act: Act) -> None:
        """Store a link; all earlier ones of the same account (or for the first admin) are void.

        :raises AuthorisationError: it is for the first admin, and there are accounts
        """
        ...

    def add(self, account: Account, link: SetupLink, act: Act) -> Account:
        """Store a new account with its starting link. :raises ConflictError: the name is taken."""
        ...

    def change(
        self, account: Account, act: Act, *, secret: str | None = None, sessions: Sequence[Session] | None = None
    ) -> Account:  # fmt: skip
        """Store the next revision of an account; ``last_sign_in`` stays as it is stored.

        :param secret: the new hash of its password
        :param sessions: all its sessions end and these begin; None leaves them
        :raises ConflictError: it has another revision by now
        :raises AuthorisationError: nobody who can sign in would be an admin
        """
        ...

    def redeem(
        self, link: SetupLink, account: Account, act: Act, session: Session, *, secret: str = "",
        passkey: Passkey | None = None,
    ) -> Account | None:  # fmt: skip
        """Use a link up at ``act.at``: store its account with this password or passkey and nothing else, and the session.

        All that the account could sign in with before ends. Return None, having changed nothing, when the link is
        used, void or too old, or when it is for the first admin and there are accounts. Of many at once one wins.

        :raises ConflictError: the account has another revision by now, or the name is taken
        """
        ...

    def end_everything(self, link: SetupLink, act: Act) -> int:
        """End all sessions of all accounts and store ``link``, as `make_link`; return how many ended.

        A sign-in that is under way ends as well.
        """
        ...


class SessionStore(Protocol):
    """Keeps sessions."""

    def open(self, session: Session, account: Account, act: Act, *, most: int, instead_of: str = "") -> None:
        """Store a new session; above ``most`` the account's least lately seen ones end.

        :param instead_of: id of a session of the account that ends
        :raises ConflictError: the account has another revision by now, or is disabled
        """
        ...

    def session(self, identifier: str) -> tuple[Account, Session] | None:
        """Return a session with its account, in one question."""
        ...

    def touch(self, identifier: str, at: int) -> None:
        """Write when it was seen; never an earlier time than is stored."""
        ...

    def of(self, account: str) -> tuple[Session, ...]:
        """Return an account's sessions, the last seen first, ended ones that are still stored as well."""
        ...

    def end(self, account: str, identifiers: Collection[str], act: Act) -> int:
        """End sessions of an account, and nobody else's; return how many. None ended, nothing is recorded."""
        ...

    def expire(self, *, seen: int, expires: int) -> int:
        """Forget sessions last seen at ``seen`` or before, or to end at ``expires`` or before; return how many."""
        ...


class PasskeyStore(Protocol):
    """Keeps passkeys, and the challenges that have served."""

    def add(self, passkey: Passkey, act: Act, *, most: int) -> None:
        """Store one.

        :raises ConflictError: it is registered already
        :raises DescriptionError: the account has ``most``
        """
        ...

    def of(self, account: str) -> tuple[Passkey, ...]:
        """Return an account's passkeys, the oldest first."""
        ...

    def passkey(self, identifier: str) -> Passkey | None:
        """Return one by credential id."""
        ...

    def used(self, passkey: Passkey, sign_count: int, at: int) -> bool:
        """Write the new count and time; False when the count was changed in between (a copy of the key?)."""
        ...

    def remove(self, account: str, identifier: str, act: Act) -> bool:
        """Remove one of an account; False when there is none.

        :raises AuthorisationError: it is the last proof, the account has no password
        """
        ...

    def spend(self, challenge: str, expires: int, at: int) -> bool:
        """Remember that a challenge has served until it expires; False when it had served before."""
        ...


class TokenStore(Protocol):
    """Keeps tokens for programs."""

    def add(self, token: Token, act: Act, *, most: int) -> None:
        """Store one. :raises DescriptionError: the account has ``most``."""
        ...

    def token(self, identifier: str) -> tuple[Account, Token] | None:
        """Return one with its account, in one question."""
        ...

    def of(self, account: str) -> tuple[Token, ...]:
        """Return an account's tokens, the newest first."""
        ...

    def used(self, identifier: str, at: int) -> None:
        """Write when it was used."""
        ...

    def remove(self, account: str, identifier: str, act: Act) -> bool:
        """Remove one of an account; False when there is none."""
        ...


class Brake(Protocol):
    """Counts wrong tries, and knows what signed in well; see `model.sign_in_rules` for what it guarantees."""

    def book(self, keys: Sequence[str], at: int, rules: SignInRules) -> int:
        """Count a failure under all ``keys`` and return 0; or count nothing and return the wait in milliseconds."""
        ...

    def give_back(self, forgotten: Sequence[str], lowered: Sequence[str], at: int, rules: SignInRules) -> int:
        """After a right try: forget some keys' failures, take one off others; return what the former had counted."""
        ...

    def failures(self, key: str, at: int, rules: SignInRules) -> int:
        """Return what is counted under a key."""
        ...

    def known(self, account: str, marks: Collection[str], since: int) -> frozenset[str]:
        """Return those of ``marks`` with which the account signed in well since then."""
        ...

    def remember(self, account: str, marks: Collection[str], at: int, since: int) -> None:
        """Remember that the account signed in well with these; forget those of all accounts not seen ``since``."""
        ...


class PasswordHashing(Protocol):
    """Hashes passwords slowly, a few at a time, in the caller's thread."""

    def hash(self, password: str) -> str:
        """Return what is kept. :raises Busy: no turn came in time."""
        ...

    def verify(self, secret: str, password: str) -> bool:
        """Say whether it is the password; an empty ``secret`` takes as long and is never right. :raises Busy: as `hash`."""
        ...

    def stale(self, secret: str) -> bool:
        """Say whether it was made with weaker settings than today's."""
        ...


class Busy(Exception):
    """Too many passwords are being hashed; come again. It is answered, never shown as a failure of the program."""


class Unproven(Exception):
    """A passkey's answer does not prove what it should; the text names the check, for the audit log."""


class PasskeyCeremony(Protocol):
    """Speaks WebAuthn with a browser; knows nothing of stores and of time.

    ``host`` is the RP ID, a host name; ``origin`` the origin that the browser must have seen.
    """

    def creation(self, host: str, account: Account, challenge: bytes, known: Collection[str]) -> str:
        """Return the options for ``navigator.credentials.create`` as JSON."""
        ...

    def created(self, answer: str, host: str, origins: Sequence[str], challenge: bytes) -> Passkey:
        """Return the new passkey, nobody's and without a name yet. :raises Unproven: the answer doesn't fit."""
        ...

    def request(self, host: str, challenge: bytes, known: Collection[str]) -> str:
        """Return the options for ``navigator.credentials.get`` as JSON; no ``known`` asks for any key of the host."""
        ...

    def named(self, answer: str) -> tuple[str, bytes]:
        """Return the credential id and the challenge that an answer speaks of. :raises Unproven: it can't be read."""
        ...

    def proven(
        self, answer: str, host: str, origins: Sequence[str], challenge: bytes, passkey: Passkey
    ) -> int:
        """Check an answer to a request and return the new count. :raises Unproven: it isn't right, or the count fell."""
        ...
