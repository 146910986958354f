"""Marries signing in: the database, the catalogue's numbers, the hashing of passwords, the passkeys."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Mapping
from pathlib import Path

from sekisho.catalogues.sign_in import password_policy, sign_in_rules
from sekisho.exchange.passkeys import WebAuthn
from sekisho.stores.database import (
    Database,
    SqlAccounts,
    SqlAudit,
    SqlBrake,
    SqlPasskeys,
    SqlSessions,
    SqlTokens,
)
from sekisho.stores.keys import key_at
from sekisho.stores.passwords import Argon2Passwords
from sekisho.workflows.sign_in import Gate

_KEY = "console.key"


def open_gate(
    database: Database, folder: Path, *, own: Mapping[str, int] | None = None, workers: int = 1
) -> Gate:
    """Return what the verbs of signing in work with.

    :param folder: the data folder; the key of its challenges is made there
    :param workers: how many processes hash passwords at the same time
    :param own: the operator's own numbers, by the names of ``sign_in.toml``
    :raises StoreError: the key can't be made or read
    :raises CatalogueError: a number is wrong
    """
    rules = sign_in_rules(own)
    return Gate(
        accounts=SqlAccounts(database),
        sessions=SqlSessions(database),
        passkeys=SqlPasskeys(database),
        tokens=SqlTokens(database),
        brake=SqlBrake(database),
        audit=SqlAudit(database),
        hashing=Argon2Passwords(max(1, (os.cpu_count() or 1) // workers), rules.hash_wait_seconds),
        ceremony=WebAuthn(),
        rules=rules,
        policy=password_policy(rules),
        draw=secrets.token_bytes,
        key=key_at(folder / _KEY),
        names=(platform.node(), "sekisho"),
    )
