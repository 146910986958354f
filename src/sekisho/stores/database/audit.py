"""The audit log in SQL; see `ports.cases.AuditLog`. Triggers refuse whatever isn't the next link of the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, text, type_coerce
from sqlalchemy import Text as Words

from sekisho.model.audit import GENESIS, Act, AuditEntry, broken_at, sealed
from sekisho.model.verdict import Scalar
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row
from sekisho.stores.database.tables import AUDIT

# Any number does, as long as all writers of the log take the same one: "seki" in ASCII.
_CHAIN_LOCK = 0x73656B69
_PAGE = 1000


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check of the whole chain found.

    :ivar entries: how many were looked at
    :ivar broken: number of the first entry that doesn't fit; None when all do
    :ivar head: hash of the last entry, to be noted elsewhere
    :ivar noted: whether the head that was noted before is still in the chain; None when none was given
    """

    entries: int
    broken: int | None
    head: str
    noted: bool | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong with what is there."""
        return self.broken is None and self.noted is not False


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
        """Check the whole chain, a page at a time; ``head`` is a hash that was noted before.

        An entry that can't even be read is the broken one, not an error.
        """
        count, last, noted = 0, GENESIS, False

        def watched() -> Iterator[AuditEntry]:
            nonlocal count, last, noted
            for entry in self._raw():
                count, last, noted = count + 1, entry.hash, noted or (entry.hash == head)
                yield entry

        chain = watched()
        broken = broken_at(chain)
        for _ in chain:  # the rest is counted too, and may hold the head
            pass
        return Verified(count, broken, last, noted if head else None)

    def _raw(self) -> Iterator[AuditEntry]:
        columns = [
            type_coerce(one, Words).label(one.name) if one.name == "details" else one for one in AUDIT.c
        ]
        after: int | None = None
        while True:
            asked = select(*columns).order_by(AUDIT.c.seq).limit(_PAGE)
            with self._database.reading() as connection:
                rows = connection.execute(asked if after is None else asked.where(AUDIT.c.seq > after)).all()
            yield from map(_read, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq


def chained(connection: Connection, act: Act) -> AuditEntry:
    """Add an entry in a transaction that is open for writing: the act and its record are stored together, or neither."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    last = connection.execute(select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).first()
    # What JSON can't hold (NaN) must not be hashed in another form than it is read back in.
    plain = msgspec.json.decode(msgspec.json.encode(act.details), type=dict[str, Scalar])
    entry = sealed(
        AuditEntry(
            seq=last.seq + 1 if last else 1, at=act.at, who=act.who, role=act.role, act=act.act, object=act.object,
            basis=act.basis, reason=act.reason, details=plain, prev=last.hash if last else GENESIS,
        )
    )  # fmt: skip
    connection.execute(insert(AUDIT), as_row(entry))
    return entry


def _read(row: Row[Any]) -> AuditEntry:
    columns = dict(zip(AuditEntry.__struct_fields__, row, strict=True))
    try:
        columns["details"] = msgspec.json.decode(columns["details"])
        return as_noun(AuditEntry, columns.values())
    except (msgspec.MsgspecError, TypeError):
        return AuditEntry(seq=row[0], at=0, who="", role="", act="", object="", hash="unreadable")
