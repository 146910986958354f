"""One-time links: the first admin, the start of an account, and the way back in by access to the data folder."""

from __future__ import annotations

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.model.account import (
    Account,
    LinkPurpose,
    Passkey,
    Role,
    SessionKind,
    SetupLink,
    account_name,
    digest,
    folded_name,
)
from sekisho.model.audit import Act
from sekisho.model.password_policy import normal
from sekisho.ports.accounts import Busy, Unproven
from sekisho.workflows.sign_in.gate import (
    Gate,
    LinkSeen,
    Refusal,
    RelyingParty,
    SignedIn,
    Visit,
    Why,
    new_session,
    of_account,
    remembered,
)
from sekisho.workflows.sign_in.password import password_faults

_LINK_BYTES = 16
_ID_SIGNS = 32
_BUSY_MS = 1000
#: The role under which acts stand that need access to the data folder and no sign-in.
FILE_ACCESS = "file-access"


def needs_first_admin(gate: Gate) -> bool:
    """Say whether nobody has an account yet."""
    return not gate.accounts.accounts()


def make_setup_link(gate: Gate, at: int, *, by: str = "") -> str:
    """Return what goes into the link that makes the first admin; earlier ones are void.

    :param by: the user of the operating system, for the audit log
    :raises AuthorisationError: there are accounts
    """
    secret = gate.secret(_LINK_BYTES)
    link = SetupLink(digest(secret), LinkPurpose.FIRST_ADMIN, "", at, at + gate.rules.setup)
    gate.accounts.make_link(link, Act(by, FILE_ACCESS, "setup-link", "first admin", at))
    return secret


def reset(gate: Gate, name: str, at: int, *, by: str = "") -> str:
    """End all sessions of everybody and return what goes into a link that makes ``name`` an admin with new proofs.

    Only for those who can write the data folder. Nothing changes for that account until the link is used.

    :param name: an account; may be empty where exactly one account is an admin
    :raises DescriptionError: no such account, or not exactly one admin
    """
    every = gate.accounts.accounts()
    chosen = [one for one in every if (one.folded == folded_name(name) if name else one.role is Role.ADMIN)]
    if not every:
        raise DescriptionError(
            Text(ja="まだ誰も利用者でない", en="nobody has an account yet"),
            "",
            Text(
                ja="sekisho serve が最初の管理者のリンクを表示する",
                en="sekisho serve prints the link for the first admin",
            ),
        )
    if len(chosen) != 1:
        raise DescriptionError(
            Text(ja="どの利用者かを名前で指定する", en="say which account, by name"),
            ", ".join(one.name for one in every if one.role is Role.ADMIN) or name,
        )
    (account,) = chosen
    secret = gate.secret(_LINK_BYTES)
    link = SetupLink(digest(secret), LinkPurpose.RESET, account.id, at, at + gate.rules.setup)
    gate.accounts.end_everything(link, Act(by, FILE_ACCESS, "reset-accounts", of_account(account), at))
    return secret


def start_link(gate: Gate, account: Account, at: int) -> tuple[str, SetupLink]:
    """Return what goes into a starting link of an account, and the link, not stored yet."""
    secret = gate.secret(_LINK_BYTES)
    return secret, SetupLink(digest(secret), LinkPurpose.START, account.id, at, at + gate.rules.start)


def look_at_link(gate: Gate, secret: str, at: int) -> LinkSeen | Refusal:
    """Return what a link is for, without using it."""
    found = _opened(gate, secret, at)
    if found is None:
        return Refusal(Why.LINK)
    link, account = found
    return LinkSeen(link.purpose, account.name if account else "", link.expires)


def redeem_setup(
    gate: Gate, secret: str, name: str, password: str, visit: Visit, at: int, language: Language = Language.JA
) -> SignedIn | Refusal:
    """Use a link up by choosing a password; the person is signed in then.

    :param name: of the first admin; not looked at for a link of an account
    :raises DescriptionError: no name for an account
    """
    found = _opened(gate, secret, at)
    if found is None:
        return Refusal(Why.LINK)
    link, account = found
    new = _becomes(link, account, name, language, at)
    if wrong := password_faults(gate, new.name, password):
        return Refusal(Why.WEAK, faults=wrong)
    try:
        kept = gate.hashing.hash(normal(password))
    except Busy:
        return Refusal(Why.BUSY, _BUSY_MS)
    new = msgspec.structs.replace(new, password_changed=at)
    return _redeemed(gate, link, new, visit, at, secret=kept)


def begin_setup_passkey(
    gate: Gate, secret: str, name: str, party: RelyingParty, at: int, language: Language = Language.JA
) -> str | Refusal:
    """Return the browser's options for making a passkey in place of a password. :raises DescriptionError: as above."""
    found = _opened(gate, secret, at)
    if found is None:
        return Refusal(Why.LINK)
    link, account = found
    new = _becomes(link, account, name, language, at)
    return gate.ceremony.creation(party.id, new, gate.challenge(f"link:{link.id}", at), ())


def finish_setup_passkey(
    gate: Gate, secret: str, name: str, answer: str, party: RelyingParty, visit: Visit, at: int,
    language: Language = Language.JA,
) -> SignedIn | Refusal:  # fmt: skip
    """Use a link up by the passkey that the browser made; the person is signed in then."""
    found = _opened(gate, secret, at)
    if found is None:
        return Refusal(Why.LINK)
    link, account = found
    new = _becomes(link, account, name, language, at)
    try:
        _, given = gate.ceremony.named(answer)
        if not gate.spend(f"link:{link.id}", given, at):
            return Refusal(Why.PASSKEY)
        made = gate.ceremony.created(answer, party.id, party.origins, given)
    except Unproven:
        return Refusal(Why.PASSKEY)
    passkey = msgspec.structs.replace(made, account=new.id, name=party.id, added=at)
    return _redeemed(gate, link, msgspec.structs.replace(new, password_changed=0), visit, at, passkey=passkey)


def _opened(gate: Gate, secret: str, at: int) -> tuple[SetupLink, Account | None] | None:
    link = gate.accounts.link(digest(secret))
    if link is None or not link.open(at):
        return None
    if link.purpose is LinkPurpose.FIRST_ADMIN:
        return None if gate.accounts.accounts() else (link, None)
    account = gate.accounts.account(link.account)
    if account is None or (link.purpose is LinkPurpose.START and not account.enabled):
        return None
    return link, account


def _becomes(link: SetupLink, account: Account | None, name: str, language: Language, at: int) -> Account:
    if account is None:
        chosen = account_name(name)
        # Of the link, so that the passkey's options and its answer speak of one account.
        identifier = link.id[:_ID_SIGNS]
        return Account(identifier, chosen, folded_name(chosen), language, Role.ADMIN, at)
    if link.purpose is LinkPurpose.RESET:
        return msgspec.structs.replace(account, role=Role.ADMIN, disabled=0, must_change=0)
    return msgspec.structs.replace(account, must_change=0)


def _redeemed(
    gate: Gate, link: SetupLink, account: Account, visit: Visit, at: int, *, secret: str = "",
    passkey: Passkey | None = None,
) -> SignedIn | Refusal:  # fmt: skip
    token, session = new_session(gate, account, visit, at, SessionKind.LINK)
    how = "passkey" if passkey else "password"
    details = {"purpose": link.purpose.value, "by": how, "source": visit.source}
    act = Act(account.name, account.role.value, "set-up", of_account(account), at, details=dict(details))
    stored = gate.accounts.redeem(link, account, act, session, secret=secret, passkey=passkey)
    if stored is None:
        return Refusal(Why.LINK)
    return SignedIn(stored, session, token, remembered(gate, stored, visit, at))
