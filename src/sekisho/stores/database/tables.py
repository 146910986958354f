"""The tables as the program sees them today; how they came to be is in `migrations`.

Columns are named as the fields of the nouns. Times are milliseconds of the epoch in bigint.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, TypeDecorator
from sqlalchemy.engine import Dialect

from sekisho.model.accident_record import AccidentRecord, DocumentVersion, SignOff
from sekisho.model.account import Account, Passkey, Session, SetupLink, Token
from sekisho.model.audit import AuditEntry, Checkpoint
from sekisho.model.case import Case, CaseEvent
from sekisho.model.notice import Notice
from sekisho.model.paper import Paper
from sekisho.model.sign_in_rules import Count
from sekisho.model.staff_name import StaffName

METADATA = MetaData()


class Json(TypeDecorator[Any]):
    """Canonical JSON in a column of text: the same octets on both engines, so that hashes hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's signature
        """Write."""
        return msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Read."""
        return msgspec.json.decode(value)


def _table(
    name: str, noun: type[msgspec.Struct], *, key: tuple[str, ...], json: tuple[str, ...] = ()
) -> Table:
    columns: list[Column[Any]] = []
    for field in msgspec.structs.fields(noun):
        kind = Json() if field.name in json else BigInteger() if _counts(field.type) else Text()
        columns.append(
            Column(field.name, kind, nullable=False, primary_key=field.name in key, autoincrement=False)
        )
    return Table(name, METADATA, *columns)


def _counts(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, int)


CASES = _table("cases", Case, key=("id",), json=("methods",))
EVENTS = _table("case_events", CaseEvent, key=("case", "seq"), json=("body",))
NOTICES = _table("notices", Notice, key=("id",))
AUDIT = _table("audit", AuditEntry, key=("seq",), json=("details",))
CHECKPOINTS = _table("audit_checkpoints", Checkpoint, key=("last",))
ACCOUNTS = _table("accounts", Account, key=("id",))
LINKS = _table("setup_links", SetupLink, key=("id",))
SESSIONS = _table("sessions", Session, key=("id",))
PASSKEYS = _table("passkeys", Passkey, key=("id",))
TOKENS = _table("tokens", Token, key=("id",), json=("scope",))
COUNTS = _table("sign_in_counts", Count, key=("key",))
ACCIDENTS = _table("accidents", AccidentRecord, key=("id",))
DOCUMENTS = _table("accident_documents", DocumentVersion, key=("accident", "kind", "version"))
SIGNATURES = _table("accident_signatures", SignOff, key=("accident", "kind", "version"))
STAFF_NAMES = _table("staff_names", StaffName, key=("token",))
PAPERS = _table("duty_papers", Paper, key=("kind", "name", "version"))
SECRETS = Table(
    "account_secrets",
    METADATA,
    Column("account", Text(), primary_key=True),
    Column("secret", Text(), nullable=False),
)
MARKS = Table(
    "known_marks",
    METADATA,
    Column("account", Text(), primary_key=True),
    Column("mark", Text(), primary_key=True),
    Column("seen", BigInteger(), nullable=False),
)
SPENT = Table(
    "spent_challenges",
    METADATA,
    Column("id", Text(), primary_key=True),
    Column("expires", BigInteger(), nullable=False),
)
