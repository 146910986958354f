"""Reports, standings, disputes and the ledger in SQL; see `ports.hub`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    union,
    update,
)

from sekisho.model.audit import Act
from sekisho.model.corroboration import Dispute, Report, Standing
from sekisho.ports.hub import LedgerEntry, LedgerPage
from sekisho.stores.database.audit import chained
from sekisho.stores.database.hub_pages import place_of
from sekisho.stores.database.hub_tables import DISPUTES, LEDGER, OUTCOMES, REPORTS, STANDINGS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row, askable, insertion
from sekisho.stores.database.sqlite import overwriting, overwritten

_AT_ONCE = 400


def _cut(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    good = [one for one in keys if askable(one)]
    for first in range(0, len(good), _AT_ONCE):
        yield good[first : first + _AT_ONCE]


class SqlReports:
    """A `ReportStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, reports: Sequence[Report]) -> None:
        """Store reports; see the port."""
        with self._database.writing() as connection:
            folded: dict[tuple[str, str], Report] = {}
            for some in _cut([one.key for one in reports]):
                members = {one.member for one in reports}
                asked = select(REPORTS).where(REPORTS.c.key.in_(some), REPORTS.c.member.in_(members))
                for row in connection.execute(asked):
                    old = as_noun(Report, row)
                    folded[old.key, old.member] = old
            for one in reports:
                folded[one.key, one.member] = _added(folded.get((one.key, one.member)), one)
            _replace(connection, REPORTS, ("key", "member"), [as_row(one) for one in folded.values()])

    def withdraw(self, member: str, keys: Sequence[str]) -> None:
        """Forget what a member said of some keys."""
        with self._database.writing() as connection:
            for some in _cut(keys):
                gone = (REPORTS.c.member == member) & REPORTS.c.key.in_(some)
                connection.execute(delete(REPORTS).where(gone))

    def reports(self, keys: Sequence[str]) -> tuple[Report, ...]:
        """Return all reports about some keys."""
        return tuple(
            as_noun(Report, row)
            for some in _cut(keys)
            for row in self._rows(REPORTS, REPORTS.c.key.in_(some), order=("key", "member"))
        )

    def of(self, member: str, after: str = "", limit: int = 1000) -> tuple[Report, ...]:
        """Return a member's reports behind a key, in the order of the keys."""
        mine = (REPORTS.c.member == member) & (REPORTS.c.key > after)
        return tuple(as_noun(Report, row) for row in self._rows(REPORTS, mine, order=("key",), limit=limit))

    def keys(self, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Return the keys that anything is reported of or stands under, behind one, in order."""
        both = union(*(
            select(table.c.key).where(table.c.key > after).order_by(table.c.key).limit(limit).subquery().select()
            for table in (REPORTS, STANDINGS)
        ))  # fmt: skip
        with self._database.reading() as connection:
            return tuple(sorted(connection.execute(both).scalars())[:limit])

    def standings(self, keys: Sequence[str]) -> tuple[Standing, ...]:
        """Return what stands under some keys."""
        return self._standings("key", keys)

    def by_ids(self, ids: Sequence[str]) -> tuple[Standing, ...]:
        """Return what is published under some ids."""
        return self._standings("id", ids)

    def settle(self, standings: Iterable[Standing]) -> None:
        """Store what stands now."""
        rows = [as_row(one) for one in standings]
        with self._database.writing() as connection:
            _replace(connection, STANDINGS, ("key",), rows)

    def changed(self, ceiling: int) -> int:
        """Return when anything up to a marking last went out or was taken back; 0 for never."""
        asked = select(func.max(STANDINGS.c.published)).where(STANDINGS.c.level <= ceiling)
        with self._database.reading() as connection:
            return max(0, int(connection.execute(asked).scalar() or 0))

    def usable(self, *, grades: Sequence[str]) -> tuple[Standing, ...]:
        """Return what is confirmed, of some grades, in the order of the keys."""
        mine = (STANDINGS.c.state == "confirmed") & STANDINGS.c.grade.in_(grades)
        return tuple(as_noun(Standing, row) for row in self._rows(STANDINGS, mine, order=("key",)))

    def due(self, limit: int | None = 1000) -> tuple[Standing, ...]:
        """Return standings whose object is to be written anew; all of them without a limit."""
        # As a word of the statement: an index of some rows is taken only where the statement says which.
        mine = STANDINGS.c.published == literal_column("0")
        return tuple(
            as_noun(Standing, row) for row in self._rows(STANDINGS, mine, order=("key",), limit=limit)
        )

    def _standings(self, column: str, values: Sequence[str]) -> tuple[Standing, ...]:
        return tuple(
            as_noun(Standing, row)
            for some in _cut(values)
            for row in self._rows(STANDINGS, STANDINGS.c[column].in_(some), order=("key",))
        )

    def _rows(
        self, table: Table, which: ColumnElement[bool], *, order: Sequence[str], limit: int | None = None
    ) -> Sequence[Any]:
        asked = select(table).where(which).order_by(*(table.c[name] for name in order)).limit(limit)
        with self._database.reading() as connection:
            return connection.execute(asked).all()


class SqlDisputes:
    """A `DisputeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, dispute: Dispute, act: Act) -> bool:
        """Store one; False when this member disputes this key already."""
        mine = (DISPUTES.c.key == dispute.key) & (DISPUTES.c.member == dispute.member)
        with self._database.writing() as connection:
            if connection.execute(select(DISPUTES.c.id).where(mine, DISPUTES.c.decided == 0)).first():
                return False
            connection.execute(insert(DISPUTES), as_row(dispute))
            chained(connection, act)
        return True

    def disputes(self, keys: Sequence[str] | None = None, *, member: str = "") -> tuple[Dispute, ...]:
        """Return the disputes about some keys, or all, the newest first; of one member where it is named."""
        asked = select(DISPUTES).order_by(DISPUTES.c.at.desc(), DISPUTES.c.id)
        if member:
            asked = asked.where(DISPUTES.c.member == member)
        questions = (
            [asked] if keys is None else [asked.where(DISPUTES.c.key.in_(some)) for some in _cut(keys)]
        )
        with self._database.reading() as connection:
            return tuple(as_noun(Dispute, row) for one in questions for row in connection.execute(one))

    def decide(self, dispute: Dispute, act: Act) -> bool:
        """Store a decision; False when it was decided already."""
        open_ = (DISPUTES.c.id == dispute.id) & (DISPUTES.c.decided == 0)
        with self._database.writing() as connection:
            if connection.execute(update(DISPUTES).where(open_).values(as_row(dispute))).rowcount != 1:
                return False
            chained(connection, act)
        return True

    def outcome(self, members: Sequence[str], key: str, at: int, *, good: bool) -> None:
        """Write that the reports of members about a key were found true, or not; the last word counts."""
        rows = [{"member": one, "key": key, "at": at, "good": int(good)} for one in members]
        with self._database.writing() as connection:
            _replace(connection, OUTCOMES, ("member", "key"), rows)

    def outcomes(self) -> dict[str, list[tuple[int, bool]]]:
        """Return for each member when which of its reports was found true or not."""
        found: dict[str, list[tuple[int, bool]]] = {}
        asked = select(OUTCOMES.c.member, OUTCOMES.c.at, OUTCOMES.c.good)
        with self._database.reading() as connection:
            for member, at, good in connection.execute(asked):
                found.setdefault(member, []).append((at, bool(good)))
        return found


class SqlLedger:
    """A `LedgerStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, entries: Sequence[LedgerEntry]) -> None:
        """Add entries; one that is there stays."""
        with self._database.writing() as connection:
            there: set[str] = set()
            for some in _cut([one.id for one in entries]):
                there |= set(connection.execute(select(LEDGER.c.id).where(LEDGER.c.id.in_(some))).scalars())
            rows = {one.id: as_row(one) for one in entries if one.id not in there}
            if rows:
                connection.execute(insert(LEDGER), list(rows.values()))

    def receipt(self, ids: Sequence[str], carrier: str, at: int) -> None:
        """Write when a carrier fetched what was delivered to it; the first time counts."""
        with self._database.writing() as connection:
            for some in _cut(ids):
                mine = LEDGER.c.id.in_(some) & (LEDGER.c.carrier == carrier) & (LEDGER.c.receipt == 0)
                connection.execute(update(LEDGER).where(mine).values(receipt=at))

    def entries(self, *, carrier: str = "", after: str = "", limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """Return entries by their ids, behind one; of one carrier where it is named."""
        asked = select(LEDGER).where(LEDGER.c.id > after).order_by(LEDGER.c.id).limit(limit)
        if carrier:
            asked = asked.where(LEDGER.c.carrier == carrier)
        with self._database.reading() as connection:
            return tuple(as_noun(LedgerEntry, row) for row in connection.execute(asked))

    def newest(self, *, carrier: str = "", after: str = "", limit: int = 50) -> LedgerPage:
        """Return a page, the last received first; see the port."""
        asked = select(LEDGER).order_by(LEDGER.c.received.desc(), LEDGER.c.id.desc()).limit(limit + 1)
        if carrier:
            asked = asked.where(LEDGER.c.carrier == (carrier if askable(carrier) else ""))
        if after:
            asked = asked.where(tuple_(LEDGER.c.received, LEDGER.c.id) < place_of(after))
        with self._database.reading() as connection:
            rows = [as_noun(LedgerEntry, row) for row in connection.execute(asked)]
        more = rows[limit - 1] if len(rows) > limit else None
        return LedgerPage(tuple(rows[:limit]), f"{more.received}.{more.id}" if more else "")

    def forget_items(self, delivered_before: int) -> int:
        """Empty the log items of what was delivered before a time; return how many."""
        old = (LEDGER.c.notified < delivered_before) & (LEDGER.c.log_items != "")
        with self._database.writing() as connection:
            overwriting(connection)
            done = connection.execute(update(LEDGER).where(old).values(log_items=""))
            return overwritten(connection, done.rowcount)

    def expire(self, now: int) -> int:
        """Delete entries that are past their five years; return how many."""
        with self._database.writing() as connection:
            overwriting(connection)
            done = connection.execute(delete(LEDGER).where(LEDGER.c.expires <= now))
            return overwritten(connection, done.rowcount)


def _added(old: Report | None, new: Report) -> Report:
    """Fold a report into the one before: sightings add up, and the later word holds."""
    if old is None:
        return new
    later = new if new.last >= old.last else old
    return msgspec.structs.replace(
        later,
        first=min(old.first, new.first),
        last=max(old.last, new.last),
        sightings=old.sightings + new.sightings,
    )


def _replace(
    connection: Connection, table: Table, key: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    """Lay rows in the place of those with the same key; of several with one key the last holds.

    In the order of their keys, so that two writers wait for each other instead of both for the other.
    """
    last = {tuple(row[name] for name in key): row for row in rows}
    if not last:
        return
    made = insertion(table, connection.dialect.name)
    rest = {one.name: made.excluded[one.name] for one in table.columns if one.name not in key}
    connection.execute(
        made.on_conflict_do_update(index_elements=list(key), set_=rest), [last[one] for one in sorted(last)]
    )
