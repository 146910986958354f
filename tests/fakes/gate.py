"""The gate of signing in over a real SQLite, with hashing made cheap and a time that tests set."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from sekisho.catalogues.sign_in import password_policy, sign_in_rules
from sekisho.exchange.passkeys import WebAuthn
from sekisho.language import Language
from sekisho.model.account import Account, Role, Session
from sekisho.model.audit import AuditEntry
from sekisho.stores.database import (
    Database,
    SqlAccounts,
    SqlAudit,
    SqlBrake,
    SqlPasskeys,
    SqlSessions,
    SqlTokens,
    open_sqlite,
)
from sekisho.stores.passwords import Argon2Passwords
from sekisho.workflows import sign_in
from sekisho.workflows.sign_in import Gate, SignedIn, Visit

NOW = 1_795_000_000_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DAY = 24 * HOUR
GOOD, BETTER = "tall cranes wade at dusk", "seven kettles hum quietly"
HOME = Visit("192.0.2.10", "Browser/1")
STRANGER = Visit("203.0.113.66", "curl/8")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def gate_of(database: Database, **more: Any) -> Gate:
    rules = sign_in_rules(more.pop("own", None))
    parts: dict[str, Any] = {
        "accounts": SqlAccounts(database),
        "sessions": SqlSessions(database),
        "passkeys": SqlPasskeys(database),
        "tokens": SqlTokens(database),
        "brake": SqlBrake(database),
        "audit": SqlAudit(database),
        "hashing": Argon2Passwords(2, 5.0, CHEAP),
        "ceremony": WebAuthn(),
        "rules": rules,
        "policy": password_policy(rules),
        "draw": secrets.token_bytes,
        "key": b"k" * 32,
        "names": ("tanuki-host",),
    }
    return Gate(**(parts | more))


class House:
    """A console with its people; ``admin`` made it, others are invited."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.database = open_sqlite(folder / "cases.db")
        self.gate = gate_of(self.database, **more)

    def admin(self, name: str = "Hanako", at: int = NOW, visit: Visit = HOME) -> SignedIn:
        """Make the first admin."""
        link = sign_in.make_setup_link(self.gate, at, by="root")
        return entered(sign_in.redeem_setup(self.gate, link, name, GOOD, visit, at, Language.JA))

    def person(self, by: SignedIn, name: str, role: Role, at: int = NOW, visit: Visit = HOME) -> SignedIn:
        """Invite somebody, who comes at once."""
        _, link = sign_in.add_person(self.gate, by.account, by.session, name, role, Language.EN, at)
        return entered(sign_in.redeem_setup(self.gate, link, "", GOOD, visit, at))

    def log(self) -> list[AuditEntry]:
        """All that is recorded."""
        return list(self.gate.audit.entries())

    def whoami(self, held: SignedIn, at: int) -> tuple[Account, Session] | None:
        """Who a token is."""
        return sign_in.whoami(self.gate, held.token, at)


def entered(done: object) -> SignedIn:
    """The sign-in that must have come."""
    assert isinstance(done, SignedIn), done
    return done
