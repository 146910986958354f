"""Who may use the console: only admins who proved lately who they are decide it."""

from __future__ import annotations

from typing import Any

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.model.account import Account, Role, Session, account_name, folded_name
from sekisho.workflows.sign_in.gate import Gate, entry, must_be_admin, of_account
from sekisho.workflows.sign_in.set_up import start_link

_ID_BYTES = 16


def people(gate: Gate) -> tuple[Account, ...]:
    """Return all accounts, by name."""
    return gate.accounts.accounts()


def add_person(
    gate: Gate, by: Account, session: Session, name: str, role: Role, language: Language, at: int
) -> tuple[Account, str]:
    """Make an account; return it, and what goes into its one-time starting link. No password is ever preset.

    :raises AuthorisationError: not an admin, or no recent proof
    :raises DescriptionError: no name for an account
    :raises ConflictError: the name is taken
    """
    must_be_admin(gate, by, session, at)
    chosen = account_name(name)
    account = Account(gate.draw(_ID_BYTES).hex(), chosen, folded_name(chosen), language, role, at)
    secret, link = start_link(gate, account, at)
    act = entry(by, "add-account", of_account(account), at, role=role.value)
    return gate.accounts.add(account, link, act), secret


def renew_link(gate: Gate, by: Account, session: Session, identifier: str, at: int) -> str:
    """Return what goes into a new starting link; earlier ones are void, what the person has serves until it is used.

    :raises AuthorisationError: not an admin, or no recent proof
    :raises DescriptionError: no such account, or it is disabled
    """
    must_be_admin(gate, by, session, at)
    account = _found(gate, identifier)
    if not account.enabled:
        raise DescriptionError(Text(ja="この利用者は無効である", en="the account is disabled"), account.name)
    secret, link = start_link(gate, account, at)
    gate.accounts.make_link(link, entry(by, "start-link", of_account(account), at))
    return secret


def disable_person(gate: Gate, by: Account, session: Session, identifier: str, at: int) -> Account:
    """Disable an account: its sessions end, its tokens and links serve no more.

    :raises AuthorisationError: not an admin, no recent proof, or it is the last admin
    """
    return _changed(gate, by, session, identifier, at, "disable-account", disabled=at)


def enable_person(gate: Gate, by: Account, session: Session, identifier: str, at: int) -> Account:
    """Enable an account again, with the proofs that it had. :raises AuthorisationError: not an admin, no recent proof."""
    return _changed(gate, by, session, identifier, at, "enable-account", disabled=0)


def change_role(gate: Gate, by: Account, session: Session, identifier: str, role: Role, at: int) -> Account:
    """Give another role; the account's sessions end, so that nothing goes on with the old one.

    :raises AuthorisationError: not an admin, no recent proof, or it is the last admin
    """
    return _changed(gate, by, session, identifier, at, "change-role", role=role)


def demand_password_change(gate: Gate, by: Account, session: Session, identifier: str, at: int) -> Account:
    """Let an account do nothing before it has a new password. :raises AuthorisationError: as `enable_person`."""
    return _changed(gate, by, session, identifier, at, "demand-password-change", must_change=at)


def set_language(gate: Gate, account: Account, language: Language, at: int) -> Account:
    """Choose one's own display language. :raises ConflictError: the account was changed in between."""
    act = entry(account, "change-language", of_account(account), at, language=language.value)
    return gate.accounts.change(msgspec.structs.replace(account, language=language), act)


def _changed(
    gate: Gate, by: Account, session: Session, identifier: str, at: int, act: str, **fields: Any
) -> Account:
    must_be_admin(gate, by, session, at)
    account = _found(gate, identifier)
    record = entry(by, act, of_account(account), at, **{name: str(value) for name, value in fields.items()})
    return gate.accounts.change(msgspec.structs.replace(account, **fields), record, sessions=())


def _found(gate: Gate, identifier: str) -> Account:
    account = gate.accounts.account(identifier)
    if account is None:
        raise DescriptionError(Text(ja="その利用者はいない", en="there is no such account"), identifier[:64])
    return account
