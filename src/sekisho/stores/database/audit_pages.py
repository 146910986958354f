"""The audit log, newest first: what a person reads. The chain itself is read by `audit`, in order."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from sekisho.model.audit import AuditEntry
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun
from sekisho.stores.database.tables import AUDIT

_MOST = 10_000


class AuditFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries are asked for; empty fields don't narrow. ``since`` ≤ ``at`` < ``until``."""

    who: str = ""
    act: str = ""
    object: str = ""
    since: int = 0
    until: int = 0


def audit_page(
    database: Database, wanted: AuditFilter, *, before: int = 0, limit: int = 50
) -> tuple[AuditEntry, ...]:
    """Return entries, newest first; those before the number ``before`` when it isn't 0."""
    asked = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(max(1, min(limit, _MOST)))
    if before:
        asked = asked.where(AUDIT.c.seq < before)
    for name in ("who", "act", "object"):
        if value := getattr(wanted, name):
            asked = asked.where(AUDIT.c[name] == value)
    if wanted.since:
        asked = asked.where(AUDIT.c.at >= wanted.since)
    if wanted.until:
        asked = asked.where(AUDIT.c.at < wanted.until)
    with database.reading() as connection:
        return tuple(as_noun(AuditEntry, row) for row in connection.execute(asked))
