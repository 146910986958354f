"""Some accounts and what belongs to them, to put into a database."""

from __future__ import annotations

from typing import Any

import msgspec

from contract.database.places import NOW
from sekisho.catalogues.sign_in import sign_in_rules
from sekisho.language import Language
from sekisho.model.account import (
    Account,
    LinkPurpose,
    Passkey,
    Permission,
    Role,
    Session,
    SessionKind,
    SetupLink,
    Token,
    digest,
    folded_name,
)
from sekisho.model.audit import Act

RULES = sign_in_rules()
MINUTE = 60_000


def account(identifier: str = "a1", name: str = "佐藤", role: Role = Role.ADMIN, **more: Any) -> Account:
    made = Account(identifier, name, folded_name(name), Language.JA, role, NOW, password_changed=NOW)
    return msgspec.structs.replace(made, **more)


def link(secret: str = "l1", of: str = "", purpose: LinkPurpose | None = None, **more: Any) -> SetupLink:
    chosen = purpose or (LinkPurpose.START if of else LinkPurpose.FIRST_ADMIN)
    made = SetupLink(digest(secret), chosen, of, NOW, NOW + 15 * MINUTE)
    return msgspec.structs.replace(made, **more)


def session(secret: str = "s1", of: str = "a1", **more: Any) -> Session:
    made = Session(
        digest(secret),
        of,
        NOW,
        NOW,
        NOW + RULES.absolute,
        NOW,
        "192.0.2.7",
        "Browser/1 (日本)",
        SessionKind.LINK,
    )
    return msgspec.structs.replace(made, **more)


def passkey(identifier: str = "cred-1_A", of: str = "a1", **more: Any) -> Passkey:
    made = Passkey(identifier, of, "pub-key", 3, "机の鍵", NOW)
    return msgspec.structs.replace(made, **more)


def token(secret: str = "sk_1", of: str = "a1", **more: Any) -> Token:
    made = Token(digest(secret), of, "nightly", (Permission.SEE, Permission.WORK), NOW, NOW + 86_400_000)
    return msgspec.structs.replace(made, **more)


def act(what: str = "test", at: int = NOW, who: str = "佐藤") -> Act:
    return Act(who, "admin", what, "account 佐藤", at, details={"source": "192.0.2.7"})
