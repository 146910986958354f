"""Sign in by passkey, and one's own passkeys. Nothing can be guessed here, so nobody waits for anybody's failures."""

from __future__ import annotations

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.account import Account, Passkey, Session, SessionKind
from sekisho.ports.accounts import Unproven
from sekisho.workflows.sign_in.gate import (
    Gate,
    Refusal,
    RelyingParty,
    SignedIn,
    Visit,
    Why,
    entry,
    let_in,
    must_be_recent,
    of_account,
)

_SIGN_IN = "sign-in"
_LONGEST_NAME = 64


def begin_passkey_sign_in(gate: Gate, party: RelyingParty, at: int) -> str:
    """Return the options for ``navigator.credentials.get`` as JSON; they name nobody's passkeys."""
    return gate.ceremony.request(party.id, gate.challenge(_SIGN_IN, at), ())


def finish_passkey_sign_in(
    gate: Gate, answer: str, party: RelyingParty, visit: Visit, at: int
) -> SignedIn | Refusal:
    """Sign in by the browser's answer."""
    passkey = _proven(gate, answer, party, _SIGN_IN, visit, at)
    account = gate.accounts.account(passkey.account) if passkey else None
    if passkey is None or account is None or not account.enabled:
        return Refusal(Why.PASSKEY)
    act = entry(
        account, "sign-in", of_account(account), at, source=visit.source, by=f"passkey {passkey.name}"
    )
    return _as_passkey(let_in(gate, account, visit, at, SessionKind.PASSKEY, act))


def begin_confirm_passkey(gate: Gate, account: Account, party: RelyingParty, at: int) -> str:
    """Return the options for proving again who one is."""
    known = [one.id for one in gate.passkeys.of(account.id)]
    return gate.ceremony.request(party.id, gate.challenge(_confirm(account), at), known)


def finish_confirm_passkey(
    gate: Gate, account: Account, session: Session, answer: str, party: RelyingParty, visit: Visit, at: int
) -> SignedIn | Refusal:
    """Prove again who one is; a new session takes the place of ``session``."""
    passkey = _proven(gate, answer, party, _confirm(account), visit, at)
    if passkey is None or passkey.account != account.id:
        return Refusal(Why.PASSKEY)
    act = entry(
        account, "confirm", of_account(account), at, source=visit.source, by=f"passkey {passkey.name}"
    )
    return _as_passkey(let_in(gate, account, visit, at, SessionKind.PASSKEY, act, instead_of=session.id))


def my_passkeys(gate: Gate, account: Account) -> tuple[Passkey, ...]:
    """Return the account's passkeys, the oldest first."""
    return gate.passkeys.of(account.id)


def begin_add_passkey(gate: Gate, account: Account, session: Session, party: RelyingParty, at: int) -> str:
    """Return the options for ``navigator.credentials.create``. :raises AuthorisationError: no recent proof."""
    must_be_recent(gate, account, session, at)
    known = [one.id for one in gate.passkeys.of(account.id)]
    return gate.ceremony.creation(party.id, account, gate.challenge(_create(account), at), known)


def finish_add_passkey(
    gate: Gate, account: Account, session: Session, answer: str, name: str, party: RelyingParty, at: int
) -> Passkey | Refusal:
    """Register the passkey that the browser made.

    :raises AuthorisationError: no recent proof
    :raises DescriptionError: no name, or too many passkeys
    """
    must_be_recent(gate, account, session, at)
    shown = short_name(name)
    try:
        _, given = gate.ceremony.named(answer)
        if not gate.spend(_create(account), given, at):
            return Refusal(Why.PASSKEY)
        made = gate.ceremony.created(answer, party.id, party.origins, given)
    except Unproven:
        return Refusal(Why.PASSKEY)
    passkey = msgspec.structs.replace(made, account=account.id, name=shown, added=at)
    try:
        act = entry(account, "add-passkey", of_account(account), at, passkey=shown)
        gate.passkeys.add(passkey, act, most=gate.rules.most_kept)
    except ConflictError:
        return Refusal(Why.PASSKEY)
    return passkey


def remove_passkey(gate: Gate, account: Account, session: Session, identifier: str, at: int) -> bool:
    """Remove one of one's own passkeys; False when there is none of that id.

    :raises AuthorisationError: no recent proof, or it is the last proof of an account without a password
    """
    must_be_recent(gate, account, session, at)
    act = entry(account, "remove-passkey", of_account(account), at)
    return gate.passkeys.remove(account.id, identifier, act)


def short_name(name: str) -> str:
    """Return what a person calls a passkey or token. :raises DescriptionError: nothing that shows, or too long."""
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())
    if not shown or len(shown) > _LONGEST_NAME:
        raise DescriptionError(
            Text(ja=f"名前は1〜{_LONGEST_NAME}文字", en=f"a name has 1 to {_LONGEST_NAME} characters"),
            shown[:_LONGEST_NAME],
        )
    return shown


def _proven(
    gate: Gate, answer: str, party: RelyingParty, purpose: str, visit: Visit, at: int
) -> Passkey | None:
    """Return the passkey that an answer proves; its count is stored."""
    try:
        identifier, given = gate.ceremony.named(answer)
        passkey = gate.passkeys.passkey(identifier)
        if passkey is None or not gate.spend(purpose, given, at):
            return None
        count = gate.ceremony.proven(answer, party.id, party.origins, given, passkey)
    except Unproven as error:
        _record(gate, answer, visit, at, str(error))
        return None
    return passkey if gate.passkeys.used(passkey, count, at) else None


def _record(gate: Gate, answer: str, visit: Visit, at: int, why: str) -> None:
    """Record a wrong answer that names a passkey of ours; others can be made up without end and say nothing."""
    try:
        passkey = gate.passkeys.passkey(gate.ceremony.named(answer)[0])
    except Unproven:
        return
    account = gate.accounts.account(passkey.account) if passkey else None
    if account is None:
        return
    gate.audit.append(
        account.name, account.role.value, "sign-in-failed", of_account(account), at=at,
        details={"source": visit.source, "by": "passkey", "why": why},
    )  # fmt: skip


def _as_passkey(done: SignedIn | Refusal) -> SignedIn | Refusal:
    return Refusal(Why.PASSKEY) if isinstance(done, Refusal) else done


def _confirm(account: Account) -> str:
    return f"confirm:{account.id}"


def _create(account: Account) -> str:
    return f"create:{account.id}"
