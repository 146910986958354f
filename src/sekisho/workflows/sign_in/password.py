"""Sign in by password, prove again who one is, change the password.

An unknown name, a wrong password, a disabled account and one without a password are answered alike and after the same
work: the same questions to the store, one hash, one record.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sekisho.errors import ConflictError
from sekisho.model.account import Account, Session, SessionKind, digest, folded_name
from sekisho.model.audit import Act
from sekisho.model.password_policy import Fault, faults, normal
from sekisho.ports.accounts import Busy
from sekisho.workflows.sign_in.gate import (
    Gate,
    Refusal,
    SignedIn,
    Visit,
    Why,
    browser_mark,
    entry,
    let_in,
    must_be_recent,
    new_session,
    of_account,
    place_mark,
    remembered,
)

_BUSY_MS = 1000


class _Lane(msgspec.Struct, frozen=True):
    """Under which keys a try counts; ``own`` is forgotten after a right one, ``shared`` only given back."""

    kind: str
    own: str
    shared: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.own, *self.shared)


def sign_in_password(gate: Gate, name: str, password: str, visit: Visit, at: int) -> SignedIn | Refusal:
    """Sign in by name and password.

    :raises StoreError: the database refuses; nobody is let in then
    """
    account = gate.accounts.named(folded_name(name))
    lane = _lane(gate, account, name, visit, at)

    def opened(found: Account, failures: int) -> SignedIn | Refusal:
        act = entry(found, "sign-in", of_account(found), at, source=visit.source, by="password")
        return let_in(gate, found, visit, at, SessionKind.PASSWORD, act, failures=failures)

    return _tried(gate, account, lane, password, visit, at, opened)


def confirm_password(
    gate: Gate, account: Account, session: Session, password: str, visit: Visit, at: int
) -> SignedIn | Refusal:
    """Prove again who one is; a new session takes the place of ``session``."""

    def renewed(found: Account, failures: int) -> SignedIn | Refusal:
        act = entry(found, "confirm", of_account(found), at, source=visit.source, by="password")
        kind = SessionKind.PASSWORD
        return let_in(gate, found, visit, at, kind, act, instead_of=session.id, failures=failures)

    lane = _lane(gate, account, account.name, visit, at)
    return _tried(gate, account, lane, password, visit, at, renewed)


def change_password(
    gate: Gate, account: Account, session: Session, old: str, new: str, visit: Visit, at: int
) -> SignedIn | Refusal:
    """Set a new password; all sessions of the account end, and a new one begins.

    :param old: the present one; not looked at where the account has none, which asks for a recent proof instead
    :raises AuthorisationError: the account has no password, and the last proof is too long ago
    """

    def changed(found: Account, failures: int) -> SignedIn | Refusal:
        if normal(old) == normal(new) and gate.accounts.secret(found.id):
            return Refusal(Why.WEAK, faults=(Fault.SAME,))
        return _changed(gate, found, new, visit, at, failures)

    if not gate.accounts.secret(account.id):
        must_be_recent(gate, account, session, at)
        return changed(account, 0)
    lane = _lane(gate, account, account.name, visit, at)
    return _tried(gate, account, lane, old, visit, at, changed)


def password_faults(gate: Gate, name: str, password: str) -> tuple[Fault, ...]:
    """Return why a password would not be taken for an account of that name."""
    return faults(password, (name, *gate.names), gate.policy)


def _changed(
    gate: Gate, account: Account, new: str, visit: Visit, at: int, failures: int
) -> SignedIn | Refusal:
    if found := password_faults(gate, account.name, new):
        return Refusal(Why.WEAK, faults=found)
    try:
        secret = gate.hashing.hash(normal(new))
    except Busy:
        return Refusal(Why.BUSY, _BUSY_MS)
    token, session = new_session(gate, account, visit, at, SessionKind.PASSWORD)
    act = entry(account, "change-password", of_account(account), at, source=visit.source)
    becomes = msgspec.structs.replace(account, password_changed=at, must_change=0)
    try:
        stored = gate.accounts.change(becomes, act, secret=secret, sessions=[session])
    except ConflictError:
        return Refusal(Why.WRONG)
    return SignedIn(stored, session, token, remembered(gate, stored, visit, at), failures)


def _tried(
    gate: Gate, account: Account | None, lane: _Lane, password: str, visit: Visit, at: int,
    then: Callable[[Account, int], SignedIn | Refusal],
) -> SignedIn | Refusal:  # fmt: skip
    """Look at a password once and go on when it is right. Booked as wrong before it is looked at."""
    if wait := gate.brake.book(lane.keys, at, gate.rules):
        return Refusal(Why.WAIT, wait)
    secret = gate.accounts.secret(account.id if account and account.enabled else "")
    try:
        # A longer one was never set; it is cut so that nobody makes us hash a novel.
        right = gate.hashing.verify(secret, normal(password[: gate.policy.longest + 1]))
    except Busy:
        gate.brake.give_back((), lane.keys, at, gate.rules)
        return Refusal(Why.BUSY, _BUSY_MS)
    if not right or account is None:
        gate.audit.append(*_failed(account), at=at, details={"source": visit.source, "counted_as": lane.kind})
        return Refusal(Why.WRONG)
    had = gate.brake.give_back([lane.own], lane.shared, at, gate.rules)
    strangers = had - 1 if lane.shared else gate.brake.failures(_name_key(account.name), at, gate.rules)
    if gate.hashing.stale(secret):
        account = _rehashed(gate, account, password, at)
    return then(account, strangers)


def _failed(account: Account | None) -> tuple[str, str, str, str]:
    """Return who, role, act and object. A name that nobody has is not written down: it may be a password."""
    if account is None:
        return "", "", "sign-in-failed", "unknown name"
    return account.name, account.role.value, "sign-in-failed", of_account(account)


def _rehashed(gate: Gate, account: Account, password: str, at: int) -> Account:
    """Keep a password that was hashed with older settings by today's; later, when there is no turn now."""
    try:
        secret = gate.hashing.hash(normal(password))
        act: Act = entry(account, "rehash-password", of_account(account), at)
        return gate.accounts.change(account, act, secret=secret)
    except (Busy, ConflictError):
        return account


def _lane(gate: Gate, account: Account | None, name: str, visit: Visit, at: int) -> _Lane:
    marks = [one for one in (browser_mark(visit), place_mark(visit)) if one]
    identifier = account.id if account else ""
    known = gate.brake.known(identifier, marks, at - gate.rules.known)
    for mark in marks:
        if mark in known:
            return _Lane(mark.partition(":")[0], f"known:{identifier}:{mark}")
    return _Lane("stranger", _name_key(name), (place_mark(visit),))


def _name_key(name: str) -> str:
    return f"name:{digest(folded_name(name))}"
