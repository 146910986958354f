"""Who is signed in, signing out, and one's own sessions."""

from __future__ import annotations

from contextlib import suppress

from sekisho.errors import StoreError
from sekisho.model.account import Account, Session, digest
from sekisho.model.sign_in_rules import SessionState, needs_touch, session_state
from sekisho.model.sign_in_rules import recently_authenticated as recent
from sekisho.workflows.sign_in.gate import Gate, entry, of_account


def whoami(gate: Gate, token: str, at: int) -> tuple[Account, Session] | None:
    """Return whose a session's token is, and write that it was seen; None when it can't be used (any more).

    One question to the store, and one writing a minute.
    """
    found = gate.sessions.session(digest(token)) if token else None
    if found is None:
        return None
    account, session = found
    if not account.enabled or session_state(session, at, gate.rules) is not SessionState.LIVE:
        return None
    if needs_touch(session, at, gate.rules):
        # On a full disk people must still see: the session only ends sooner.
        with suppress(StoreError):
            gate.sessions.touch(session.id, at)
    return account, session


def recently_authenticated(gate: Gate, session: Session, at: int) -> bool:
    """Say whether the person proved lately enough who they are: asked for users, keys, tokens and sending."""
    return recent(session, at, gate.rules)


def sign_out(gate: Gate, session: Session, at: int) -> None:
    """End the session."""
    account = gate.accounts.account(session.account)
    if account is not None:
        gate.sessions.end(account.id, [session.id], entry(account, "sign-out", of_account(account), at))


def my_sessions(gate: Gate, account: Account, at: int) -> tuple[Session, ...]:
    """Return the account's sessions that can be used at ``at``, the last seen first."""
    every = gate.sessions.of(account.id)
    return tuple(one for one in every if session_state(one, at, gate.rules) is SessionState.LIVE)


def end_session(gate: Gate, account: Account, identifier: str, at: int) -> bool:
    """End one of one's own sessions; False when there is none of that id."""
    act = entry(account, "end-session", of_account(account), at)
    return gate.sessions.end(account.id, [identifier], act) > 0


def end_other_sessions(gate: Gate, account: Account, session: Session, at: int) -> int:
    """End all of one's own sessions but this; return how many."""
    others = [one.id for one in gate.sessions.of(account.id) if one.id != session.id]
    return gate.sessions.end(account.id, others, entry(account, "end-session", of_account(account), at))
