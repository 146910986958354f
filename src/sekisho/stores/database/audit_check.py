"""The check of the audit log's chain, from the newest checkpoint of what was deleted at its time to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, type_coerce
from sqlalchemy import Text as Words

from sekisho.model.audit import EXPIRE_AUDIT, GENESIS, AuditEntry, Checkpoint, broken_at, checkpoints_fit
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun
from sekisho.stores.database.tables import AUDIT, CHECKPOINTS

_PAGE = 1000


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check of the whole chain found.

    :ivar entries: how many were looked at
    :ivar broken: number of the first entry that doesn't fit; None when all do
    :ivar head: hash of the last entry
    :ivar noted: whether the head that was noted before is in the chain; None when none was given, or it can't be told
    :ivar checkpoint: the newest one, which says up to which entry they were deleted at their time
    :ivar fits: whether the checkpoints are unaltered, and the chain names them
    :ivar lost: number of an entry that was broken already when it was deleted; None when none was
    :ivar noted_deleted: the head that was noted before is one of the deleted entries
    """

    entries: int
    broken: int | None
    head: str
    noted: bool | None = None
    checkpoint: Checkpoint | None = None
    fits: bool = True
    lost: int | None = None
    noted_deleted: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong with what is there."""
        return self.broken is None and self.fits and self.lost is None and self.noted is not False

    @property
    def undecided(self) -> bool:
        """Whether nothing is wrong, and yet what was asked can't be told."""
        return self.whole and (not self.entries or (self.noted_deleted and self.noted is None))

    @property
    def note(self) -> str:
        """What is to be noted elsewhere: number and hash of the last entry."""
        return f"{self.entries + (self.checkpoint.last if self.checkpoint else 0)}:{self.head}"


class _Noted(msgspec.Struct, frozen=True):
    """A head that was noted: its hash, with or without its number before it."""

    number: str
    hash: str

    def is_(self, seq: int, hash_: str) -> bool:
        return bool(self.hash) and self.hash == hash_ and self.number in {"", str(seq)}

    def among(self, deleted: Sequence[Checkpoint]) -> tuple[bool | None, bool]:
        """Say whether it is one of the deleted entries that are known, and whether it is any of them."""
        if any(self.is_(one.last, one.hash) for one in deleted):
            return True, True
        if not deleted or not self.number.isdecimal() or len(self.number) > len(str(deleted[-1].last)):
            return False, False
        number = int(self.number)
        # Hashes in between are gone: they would lead back to what was deleted.
        known = any(one.last == number for one in deleted)
        behind = number > deleted[-1].last or number < 1
        return (False, not behind) if known or behind else (None, True)


def verified(database: Database, head: str = "") -> Verified:
    """Check the whole chain, a page at a time; ``head`` was noted before, as a hash or as number, colon, hash.

    An entry that can't even be read is the broken one, not an error. All is read as it was in one moment: entries may
    be deleted meanwhile.
    """
    number, _, digest = head.strip().rpartition(":")
    with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return _walked(connection, _checkpoints(connection), _Noted(number, digest))


def checkpoints(database: Database) -> tuple[Checkpoint, ...]:
    """Return all checkpoints in order; one that can't be read has no seal that fits."""
    with database.reading() as connection:
        return _checkpoints(connection)


def _checkpoints(connection: Connection) -> tuple[Checkpoint, ...]:
    return tuple(map(_checkpoint, connection.execute(select(CHECKPOINTS).order_by(CHECKPOINTS.c.last))))


def raw(connection: Connection, after: int | None, limit: int, last: int | None = None) -> list[AuditEntry]:
    """Return entries in order, those that can't be read as broken ones: those behind ``after``, up to ``last``."""
    columns = [type_coerce(one, Words).label(one.name) if one.name == "details" else one for one in AUDIT.c]
    asked = select(*columns).order_by(AUDIT.c.seq).limit(limit)
    if after is not None:
        asked = asked.where(AUDIT.c.seq > after)
    if last is not None:
        asked = asked.where(AUDIT.c.seq <= last)
    return [_read(row) for row in connection.execute(asked)]


def _walked(connection: Connection, deleted: tuple[Checkpoint, ...], head: _Noted) -> Verified:
    newest = deleted[-1] if deleted else None
    count, last, seen = 0, newest.hash if newest else GENESIS, False
    named: list[str] = []

    def watched() -> Iterator[AuditEntry]:
        nonlocal count, last, seen
        for entry in _all(connection):
            count, last, seen = count + 1, entry.hash, seen or head.is_(entry.seq, entry.hash)
            if entry.act == EXPIRE_AUDIT:
                named.append(str(entry.details.get("checkpoint")))
            yield entry

    chain = watched()
    broken = broken_at(chain, newest)
    for _ in chain:  # the rest is counted too, and may hold the head
        pass
    noted, gone = (True, False) if seen else head.among(deleted)
    return Verified(
        count, broken, last, noted if head.hash else None, newest, checkpoints_fit(deleted, named),
        next((one.broken for one in deleted if one.broken), None), gone,
    )  # fmt: skip


def _all(connection: Connection) -> Iterator[AuditEntry]:
    after: int | None = None
    while True:
        page = raw(connection, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _read(row: Row[Any]) -> AuditEntry:
    columns = dict(zip(AuditEntry.__struct_fields__, row, strict=True))
    try:
        columns["details"] = msgspec.json.decode(columns["details"])
        return as_noun(AuditEntry, columns.values())
    except (msgspec.MsgspecError, TypeError):
        return AuditEntry(seq=row[0], at=0, who="", role="", act="", object="", hash="unreadable")


def _checkpoint(row: Row[Any]) -> Checkpoint:
    try:
        return as_noun(Checkpoint, row)
    except msgspec.MsgspecError:
        return Checkpoint(0, "unreadable", 0, 0, 0, "")
