"""Deletion of the audit log's oldest entries at their time: with a checkpoint and an entry that says so, or not at all.

The database deletes them itself when the checkpoint is stored (a trigger), and refuses any other deletion.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, func, insert, select

from sekisho.model.audit import EXPIRE_AUDIT, GENESIS, Act, Checkpoint, broken_at, stamped
from sekisho.model.verdict import Scalar
from sekisho.stores.database.audit import chained, hold_chain
from sekisho.stores.database.audit_check import raw
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun
from sekisho.stores.database.sqlite import overwriting, overwritten
from sekisho.stores.database.tables import AUDIT, CHECKPOINTS

# Some seconds at most: who writes to the log meanwhile waits.
_BATCH = 20_000


class Overdue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries are past their time, and who deletes them: those up to ``until``, by ``rule``, at ``at`` (milliseconds)."""

    until: int
    at: int
    rule: str
    who: str = ""
    role: str = ""


def due(database: Database, overdue: Overdue) -> int:
    """Return how many entries `expire` would delete now."""
    with database.reading() as connection:
        last = _last(connection, overdue)
        if last is None:
            return 0
        asked = select(func.count()).select_from(AUDIT).where(AUDIT.c.seq <= last)
        return int(connection.execute(asked).scalar_one())


def expire(database: Database, overdue: Overdue) -> Iterator[Checkpoint]:
    """Delete what is past its time, some thousand entries in a transaction; yield the checkpoint of each."""
    while True:
        with database.writing() as connection:
            hold_chain(connection)
            overwriting(connection)
            last = _last(connection, overdue, _BATCH)
            if last is None:
                return
            made = _made(connection, last, overdue)
            details: dict[str, Scalar] = {"last": made.last, "count": made.count, "until": made.until, "rule": made.rule,
                       "checkpoint": made.seal}  # fmt: skip
            if made.broken:
                details["broken"] = made.broken
            act = Act(overdue.who, overdue.role, EXPIRE_AUDIT, "audit", overdue.at, "", "retention", details)
            chained(connection, act)
            connection.execute(insert(CHECKPOINTS), msgspec.to_builtins(made))
            overwritten(connection, made.count)
        yield made


def _last(connection: Connection, overdue: Overdue, most: int = 1 << 60) -> int | None:
    """Return the number of the last entry of those that may go: no entry before it is within its time.

    One that lies in the future was written by a clock that was wrong, and holds nothing back.
    """
    seq, at = AUDIT.c.seq, AUDIT.c.at
    lowest = connection.execute(select(seq, at).order_by(seq).limit(1)).first()
    if lowest is None or overdue.until < lowest.at <= overdue.at:
        return None
    kept = select(seq).where(at > overdue.until, at <= overdue.at).order_by(seq).limit(1)
    behind = min(connection.execute(kept).scalar() or (1 << 62), lowest.seq + most)
    past = select(seq).where(at <= overdue.until, seq < behind).order_by(seq.desc()).limit(1)
    found: int | None = connection.execute(past).scalar()
    return found


def _made(connection: Connection, last: int, overdue: Overdue) -> Checkpoint:
    row = connection.execute(select(CHECKPOINTS).order_by(CHECKPOINTS.c.last.desc()).limit(1)).first()
    before = as_noun(Checkpoint, row) if row else None
    entries = raw(connection, None, _BATCH, last)
    # What somebody altered goes at its time, too; that it was altered stays known.
    found = broken_at(entries, before)
    broken = 0 if found is None else found or -1
    # The column itself, since an entry that can't be read has no hash.
    link = connection.execute(select(AUDIT.c.hash).where(AUDIT.c.seq == last)).scalar_one()
    return stamped(
        Checkpoint(
            last, link, len(entries), overdue.at, overdue.until, overdue.rule, broken, before.seal if before else GENESIS
        )
    )  # fmt: skip
