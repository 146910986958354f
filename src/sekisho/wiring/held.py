"""Gathers what is held of one line from every dataset. It counts and gives no contents, and each look is in the audit log.

Records are counted under a purpose that all their labels share; the other datasets by their keys. Datasets by account
(contacts, assignments) can't be reached from a pseudonym: that they exist, why and until when is said all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from sekisho.errors import AuthorisationError, PurposeError
from sekisho.language import Text
from sekisho.model.audit import AuditEntry
from sekisho.model.case import Case
from sekisho.model.detection import Window
from sekisho.model.holding import Counted, Held, Holding
from sekisho.model.identity import ROLE_HINT
from sekisho.model.purpose import Label, LegalBasis, Purpose, Receipt, Stage
from sekisho.ports.cases import CaseFilter
from sekisho.ports.flows import Query
from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices
from sekisho.stores.ledger import RECEIPTS, lines
from sekisho.stores.purpose_gate import DATASETS
from sekisho.stores.records_duckdb import expiry
from sekisho.stores.records_duckdb.layout import HOUR
from sekisho.wiring.data_folder import DATASET, bounds
from sekisho.wiring.holdings import Holdings

INVENTORY, REFUSED = "inventory", "refused"
# Where two datasets share a stage, its title would name both.
_TITLES = {"notices": Text(ja="注意喚起の文（案と送ったもの）", en="notices, drafted and sent")}
_WHOLE = Window(-(1 << 60), 1 << 60)
_DAY = 86_400_000
_PAGE = 1000
_COUNT = """
SELECT "flowStartMilliseconds" // 3600000 AS "hour", COUNT(*) AS "n", MIN("flowStartMilliseconds") AS "first",
MAX("flowEndMilliseconds") AS "last" FROM "FLOW" WHERE "subscriber" = $line GROUP BY ALL
"""
_SUM = """
SELECT "hour", CAST(SUM("n") AS BIGINT) AS "n", MIN("first") AS "first", MAX("last") AS "last" FROM "PART" GROUP BY "hour"
"""


def held(holdings: Holdings, subscriber: int, who: str, role: str = "operator") -> Held:
    """Return everything held of a line; that ``who`` looked is in the audit log before.

    :raises AuthorisationError: the settings name people, and not this one; the refusal is in the audit log
    """
    line, now = f"L{subscriber:x}", holdings.now()
    gathering = _Gathering(holdings, subscriber, now)
    with holdings.database() as database:
        if not role:
            if database is not None:
                details = {"of": INVENTORY, "why": "role"}
                SqlAudit(database).append(who, role, REFUSED, line, at=now, details=details)
            raise AuthorisationError(
                Text(ja="この人は設定にない", en="the settings don't know this person"), who or "-", ROLE_HINT
            )
        entry = 0
        if database is not None:
            entry = SqlAudit(database).append(who, role, INVENTORY, line, at=now).seq
        found = (
            gathering.records(),
            gathering.detections(),
            *gathering.database(database, line),
            gathering.contacts(),
            gathering.assignments(),
        )
    return Held(line, subscriber, now, found, tuple(_receipts(holdings)), entry)


class _Gathering:
    """The datasets one by one."""

    def __init__(self, holdings: Holdings, subscriber: int, now: int) -> None:
        self._held = holdings
        self._line = subscriber
        self._now = now

    def records(self) -> Holding:
        watch = self._held.watch
        state = watch.store.state()["datasets"].get(DATASET, {})
        labels = [msgspec.convert(one, Label) if one else None for one in state.get("labels", {}).values()]
        hurt = len(state.get("damaged", ()))
        if not state.get("rows") and not hurt:
            return self._holding("records", 0, [])
        known = [one for one in labels if one is not None]
        common = [one for one in Purpose if all(one in label.purposes for label in known)]
        if len(known) < len(labels) or not common:
            return self._holding("records", None, known, counted=Counted.REFUSED, damaged=hurt)
        try:
            asked = watch.store.tables(DATASET, _WHOLE, common[0])
            rows = asked.ask(Query("held", _COUNT, _SUM, {"line": self._line})).to_pylist()
        except PurposeError:
            return self._holding("records", None, known, counted=Counted.REFUSED, damaged=hurt)
        hurt = max(hurt, len(asked.damaged()))
        hours = {row["hour"] * HOUR for row in rows}
        ends = list(expiry.ends(watch.store.root, DATASET, hours, bounds(watch.rules)))
        times = [row[name] for row in rows for name in ("first", "last")]
        count = sum(row["n"] for row in rows)
        return self._holding("records", count, known, times, damaged=hurt, ends=ends)

    def detections(self) -> Holding:
        found = self._held.watch.log.held(self._line)
        times = [moment for one in found for moment in (one.detection.begin, one.detection.end)]
        return self._holding("detections", len(found), [one.label for one in found], times)

    def database(self, database: Database | None, line: str) -> Iterator[Holding]:
        cases = list(_cases(database, self._line)) if database else []
        labels = [self._case_label(one) for one in cases]
        times = [moment for one in cases for moment in (one.first_seen, one.last_seen)]
        yield self._holding("cases", len(cases), labels, times)
        notices = [
            (one, label)
            for case, label in zip(cases, labels, strict=True)
            for one in (SqlNotices(database).find((), case=case.id, limit=10_000) if database else ())
        ]
        yield self._holding(
            "notices", len(notices), [label for _, label in notices], [one.created for one, _ in notices]
        )
        names = {line, *(one.id for one in cases)}
        entries = [(one, ends) for one, ends in self._ending(database) if one.object in names]
        kept = [
            msgspec.structs.replace(self._held.gate.label("audit", one.at), expires=ends)
            for one, ends in entries
        ]
        yield self._holding("audit", len(entries), kept, [one.at for one, _ in entries])

    def _ending(self, database: Database | None) -> Iterator[tuple[AuditEntry, int]]:
        """Yield the audit log's entries with when they go: none goes before those in front of it."""
        if database is None:
            return
        from sekisho.wiring.audit_holding import expires

        rule, latest = self._held.rules[Stage.AUDIT], 0
        for one in _entries(database):
            if one.at <= self._now:  # a clock that ran ahead holds nothing back
                latest = max(latest, one.at)
            yield one, expires(rule, max(latest, one.at))

    def contacts(self) -> Holding:
        label = self._held.table.label() if self._held.table.file.exists() else None
        return self._by_account("contacts", self._held.table.rows(), [label] if label else [])

    def assignments(self) -> Holding:
        state = self._held.logs.held()
        return self._by_account(
            "assignments",
            state["rows"],
            [one["label"] for one in state["labels"] if one["label"]],
            state["damaged"],
        )

    def _by_account(self, dataset: str, rows: int, labels: list[Label], damaged: int = 0) -> Holding:
        if not rows and not damaged:
            return self._holding(dataset, 0, [])
        return self._holding(dataset, None, labels, counted=Counted.BY_ACCOUNT, damaged=damaged)

    def _case_label(self, case: Case) -> Label:
        label = self._held.gate.label("cases", case.updated)
        longest = case.opened + int(self._held.rules[Stage.CASE].most_days * _DAY)
        return msgspec.structs.replace(label, expires=min(label.expires, longest))

    def _holding(
        self, dataset: str, rows: int | None, labels: list[Label], times: Iterable[int | None] = (),
        *, counted: Counted = Counted.YES, damaged: int = 0, ends: Sequence[int] = (),
    ) -> Holding:  # fmt: skip
        stage = DATASETS[dataset]
        told = [one for one in times if one is not None]
        used = labels if rows != 0 or damaged else []
        purposes = dict.fromkeys(one for label in used for one in label.purposes)
        basis: dict[LegalBasis, None] = dict.fromkeys(label.basis for label in used)
        until = ends or [one.expires for one in used]
        return Holding(
            dataset, stage, _TITLES.get(dataset, self._held.rules[stage].title), rows, counted, min(told, default=0), max(told, default=0),
            tuple(purposes), tuple(basis), min(until, default=0), max(until, default=0), damaged,
        )  # fmt: skip


def _cases(database: Database, subscriber: int) -> Iterator[Case]:
    after = ""
    while True:
        page = SqlCases(database).find(CaseFilter(subscriber=subscriber), after=after, limit=_PAGE)
        yield from page.cases
        after = page.next
        if not after:
            return


def _entries(database: Database) -> Iterator[AuditEntry]:
    log, after = SqlAudit(database), 0
    while page := log.entries(after, _PAGE):
        yield from page
        after = page[-1].seq


def _receipts(holdings: Holdings) -> Iterator[Receipt]:
    """Yield what was deleted, the oldest first: of the record store's own list and of all other datasets."""
    found = []
    for file in (holdings.watch.store.root / RECEIPTS, holdings.folder / RECEIPTS):
        for row in lines(file):
            row.pop("token", None)
            found.append(msgspec.convert(row, Receipt))
    yield from sorted(found, key=lambda one: one.at)
