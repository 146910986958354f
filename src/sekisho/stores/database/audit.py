"""The audit log in SQL; see `ports.cases.AuditLog`. Triggers refuse whatever isn't the next link of the chain."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, insert, select, text

from sekisho.model.audit import GENESIS, Act, AuditEntry, sealed
from sekisho.model.verdict import Scalar
from sekisho.stores.database.audit_check import Verified, verified
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row
from sekisho.stores.database.tables import AUDIT

# Any number does, as long as all writers of the log take the same one: "seki" in ASCII.
_CHAIN_LOCK = 0x73656B69
# Put together once, for every act that is recorded.
_LAST = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
_ENTRY = insert(AUDIT)


class SqlAudit:
    """An `AuditLog` whose writers wait for each other, in one process or in many."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self, who: str, role: str, act: str, object_: str, *, at: int, basis: str = "", reason: str = "",
        details: Mapping[str, Scalar] | None = None,
    ) -> AuditEntry:  # fmt: skip
        """Add an entry; it is on the disk when this returns.

        :raises StoreError: the database refuses; what was to be recorded must not happen then
        """
        with self._database.writing() as connection:
            return chained(connection, Act(who, role, act, object_, at, basis, reason, dict(details or {})))

    def entries(self, after: int = 0, limit: int = 1000) -> tuple[AuditEntry, ...]:
        """Return ``limit`` entries behind the number ``after``, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(limit)
            )
            return tuple(as_noun(AuditEntry, row) for row in rows)

    def verify(self, head: str = "") -> Verified:
        """Check the chain, from the newest checkpoint; see `audit_check.verified`."""
        return verified(self._database, head)


def hold_chain(connection: Connection) -> None:
    """Wait until nobody else writes to the chain; it is let go with the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})


def chained(connection: Connection, act: Act) -> AuditEntry:
    """Add an entry in a transaction that is open for writing: the act and its record are stored together, or neither."""
    hold_chain(connection)
    last = connection.execute(_LAST).first()
    # What JSON can't hold (NaN) must not be hashed in another form than it is read back in.
    plain = msgspec.json.decode(msgspec.json.encode(act.details), type=dict[str, Scalar])
    entry = sealed(
        AuditEntry(
            seq=last.seq + 1 if last else 1, at=act.at, who=act.who, role=act.role, act=act.act, object=act.object,
            basis=act.basis, reason=act.reason, details=plain, prev=last.hash if last else GENESIS,
        )
    )  # fmt: skip
    connection.execute(_ENTRY, as_row(entry))
    return entry
