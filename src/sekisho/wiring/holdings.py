"""Marries everything that an installation holds of its customers: each dataset behind its purpose, basis and expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.catalogues import handling
from sekisho.errors import SekishoError
from sekisho.formats.contact_csv import ContactsRead
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.model.detection import Window
from sekisho.model.identity import Person, Role
from sekisho.model.purpose import Label, LegalBasis, Purpose, Receipt, Stage
from sekisho.ports.flows import Tables
from sekisho.stores.assignments import AssignmentStore
from sekisho.stores.contacts import BoundContacts, ContactTable
from sekisho.stores.detection_log import Logged
from sekisho.stores.keys import read_key
from sekisho.stores.ledger import RECEIPTS, REFUSALS, add
from sekisho.stores.purpose_gate import DATASETS, PurposeGate
from sekisho.stores.records_duckdb.due import due as records_due
from sekisho.stores.spool_expiry import SPOOL, PerishableSpool
from sekisho.wiring.announcing import Announcing
from sekisho.wiring.data_folder import DATASET, DataFolder, bounds
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.spools import spools
from sekisho.wiring.warn import assignments, open_database
from sekisho.workflows.expire import Expired, Perishable, expire
from sekisho.workflows.reidentify import Parts

if TYPE_CHECKING:
    from sekisho.stores.database import Database, SqlAudit, SqlCases, SqlNotices
    from sekisho.stores.database.expiry import Past

_CONTACTS, _DATABASE = "contacts.db", "cases.db"
_DAY = 86_400_000
REPLACE = "replace"


class Holdings:
    """The datasets of a watch's data folder. Every way to one goes through its purpose; refusals are logged."""

    def __init__(self, watch: DataFolder, now: Callable[[], int] = milliseconds) -> None:
        self.watch = watch
        self.now = now
        self.folder = watch.folder
        self.rules = watch.rules
        self.gate = PurposeGate(self._label, self.folder / REFUSALS, now)
        self.table = ContactTable(self.folder / _CONTACTS)
        self.logs: AssignmentStore = assignments(self.folder)

    def _label(self, stage: Stage, at: int) -> Label:
        rule, basis = self.rules[stage], self.watch.settings.basis
        if stage is Stage.AUDIT and basis is not LegalBasis.NOT_COMMUNICATION:
            basis = LegalBasis.LEGITIMATE_BUSINESS  # proof of one's own acts rests on nobody's consent
        more = (Purpose.DEMONSTRATION,) if basis is LegalBasis.NOT_COMMUNICATION else ()
        return handling.label(self.rules, stage, (*rule.purposes, *more), basis, at)

    @contextmanager
    def database(self) -> Iterator[Database | None]:
        """Open the database of cases, notices and audit; None when this installation has none yet."""
        url = self.watch.settings.database
        if not url and not (self.folder / _DATABASE).exists():
            yield None
            return
        with closing(open_database(self.folder, url, create=False)) as database:
            yield database

    def records(self, window: Window, purpose: Purpose) -> Tables:
        """Return the flows of a window. :raises PurposeError: their labels don't allow it."""
        return self.watch.store.tables(DATASET, window, purpose)

    def detections(self, purpose: Purpose, who: str = "") -> tuple[Logged, ...]:
        """Return the detections. :raises PurposeError: their labels don't allow it."""
        return tuple(self.watch.log.found(purpose, self.now(), who))

    def cases(self, database: Database, purpose: Purpose, who: str = "") -> SqlCases:
        """Return the cases that are not past their time. :raises PurposeError: cases are not for that."""
        self.gate.check("cases", purpose, who)
        from sekisho.stores.database import SqlCases

        return SqlCases(database, self._past)

    def notices(self, database: Database, purpose: Purpose, who: str = "") -> SqlNotices:
        """Return the notices of cases not past their time. :raises PurposeError: notices are not for that."""
        self.gate.check("notices", purpose, who)
        from sekisho.stores.database import SqlNotices

        return SqlNotices(database, self._past)

    def _past(self) -> Past:
        from sekisho.stores.database.expiry import Past

        rule, now = self.rules[Stage.CASE], self.now()
        return Past(now - rule.milliseconds, now - int(rule.most_days * _DAY))

    def audit(self, database: Database, purpose: Purpose, who: str = "") -> SqlAudit:
        """Return the audit log. :raises PurposeError: it is not for that."""
        self.gate.check("audit", purpose, who)
        from sekisho.stores.database import SqlAudit

        return SqlAudit(database)

    def contacts(self, purpose: Purpose, who: str = "") -> BoundContacts:
        """Return the table of contacts. :raises PurposeError: it is not for that, or its time is over."""
        self.gate.check("contacts", purpose, who)
        return self.table.bound(purpose, self.now(), who)

    def assignments(self, purpose: Purpose, who: str = "") -> AssignmentStore:
        """Return who had which address. :raises PurposeError: it is not for that."""
        self.gate.check("assignments", purpose, who)
        return self.logs

    def take_contacts(
        self, source: Path, who: str = "", role: str = "operator", *, empty: bool = False
    ) -> ContactsRead:
        """Replace the table of contacts by a CSV file of the operator, under the label of its stage.

        A file without one account is refused unless ``empty`` says that this is meant.

        With ``who``, that it was replaced is in the audit log, which is made when there is none yet.
        """
        if not who:
            return self.table.take(source, self.gate.label("contacts", self.now()), empty=empty)
        from sekisho.stores.database import SqlAudit

        with closing(open_database(self.folder, self.watch.settings.database)) as database:
            before = self.table.rows()
            read = self.table.take(source, self.gate.label("contacts", self.now()), empty=empty)
            details = {"rows": read.rows, "before": before, "doubts": read.doubts.total()}
            SqlAudit(database).append(who, role, REPLACE, "contacts", at=self.now(), details=details)
        return read

    def person(self, name: str, via: str = "") -> Person:
        """Return a person with the role that the settings give the name; while they name nobody, all are analysts."""
        people = self.watch.settings.people
        return Person(name, people.get(name) if people else Role.ANALYST, via)

    def identifying(self, database: Database, who: str) -> Parts:
        """Return what re-identification is married with; the key is read, and the gates are passed, only by it."""
        from sekisho.stores.database import SqlAudit, SqlCases

        self.gate.check("cases", Purpose.NOTICE, who)
        settings = self.watch.settings

        def door() -> Pseudonyms:
            return Pseudonyms(
                read_key(self.watch.key),
                [ip_network(one) for one in settings.customers],
                prefix_preserving=settings.prefix_preserving,
                delegated=settings.delegated,
            )

        return Parts(
            cases=SqlCases(database),  # one past its time is refused by that name
            audit=SqlAudit(database),
            door=door,
            assignments=lambda: self.assignments(Purpose.NOTICE, who),
            contacts=lambda: self.contacts(Purpose.NOTICE, who),
            rules=self.rules,
            ground=settings.basis,
            now=self.now,
            four_eyes=settings.four_eyes,
            request_milliseconds=int(settings.request_hours * 3_600_000),
        )

    def expire(self, who: str, *, role: str = "watch", dry: bool = False) -> Expired:
        """Let every dataset give up what is past its time; see `workflows.expire`.

        A database that can't be reached keeps its cases, which is a fault, and stops nothing else.
        """
        with ExitStack() as stack:
            found: dict[str, Perishable] = {
                "records": _Records(self.watch),
                SPOOL: PerishableSpool(spools(self.folder), self.rules[Stage.SPOOL].milliseconds),
                "detections": self.watch.log,
                "contacts": self.table,
                "assignments": self.logs,
            }
            audit: SqlAudit | None = None
            try:
                database = stack.enter_context(self.database())
            except SekishoError as error:
                found["cases"] = _OutOfReach(error)
            else:
                if database is not None:
                    from sekisho.stores.database import SqlAudit
                    from sekisho.wiring.audit_holding import PerishableAudit
                    from sekisho.wiring.case_holding import PerishableCases, PerishableDetections
                    from sekisho.wiring.name_holding import NAMES, PerishableNames

                    found["detections"] = PerishableDetections(self.watch.log, database)
                    rule = self.rules[Stage.CASE]
                    found["cases"] = PerishableCases(database, rule.milliseconds, int(rule.most_days * _DAY))
                    found[NAMES] = PerishableNames(database, self.rules[Stage.STAFF])
                    found["audit"] = PerishableAudit(database, self.rules[Stage.AUDIT], who, role)
                    audit = SqlAudit(database)
            announce = Announcing(self.folder, audit, who, role, self.now)
            if not dry:
                announce.catch_up()
            done = expire(found, self.now(), announce=announce, keep=self._keep, dry=dry)
        if announce.fault:
            return msgspec.structs.replace(done, faults=done.faults | {"audit": announce.fault})
        return done

    def _keep(self, receipt: Receipt) -> None:
        if receipt.dataset in {
            *DATASETS,
            SPOOL,
            "staff-names",
        }:  # the record store names its own datasets and keeps its own list
            add(self.folder / RECEIPTS, msgspec.to_builtins(receipt))


class _OutOfReach:
    """Cases in a database that doesn't answer."""

    def __init__(self, error: SekishoError) -> None:
        self._error = error

    def due(self, _: int) -> tuple[Receipt, ...]:
        raise self._error

    def expire(self, _: int) -> tuple[Receipt, ...]:
        raise self._error


class _Records:
    def __init__(self, watch: DataFolder) -> None:
        self._store = watch.store
        self._settings = bounds(watch.rules)

    def due(self, now: int) -> tuple[Receipt, ...]:
        return records_due(self._store.root, now, self._settings, self._store.writing)

    def expire(self, now: int) -> tuple[Receipt, ...]:
        return self._store.expire(now)
