"""How data are kept, as the console sees it: the audit log, what is held of a line, rules, deletions and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from sekisho.model.audit import AuditEntry
from sekisho.model.purpose import Purpose, Receipt, Stage
from sekisho.model.verdict import Scalar
from sekisho.wiring.console_folder import ConsoleFolder

if TYPE_CHECKING:
    from sekisho.catalogues.handling import Handling
    from sekisho.model.holding import Held
    from sekisho.stores.database import Verified
    from sekisho.stores.database.audit_pages import AuditFilter
    from sekisho.wiring.kept import Kept

_SHOWN = 1000


class KeepingDesk:
    """The audit log and what it proves. Looking at a line is itself recorded."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder

    def audit(
        self, wanted: AuditFilter | None = None, *, before: int = 0, limit: int = 50, who: str = ""
    ) -> tuple[AuditEntry, ...]:
        """Return entries, newest first; ``before`` is the number of the last one of the page before.

        :raises PurposeError: the audit log is not for looking
        """
        self._folder.ready()
        from sekisho.stores.database.audit_pages import AuditFilter, audit_page

        self._folder.holdings.gate.check("audit", self._reading, who)
        return audit_page(self._folder.database, wanted or AuditFilter(), before=before, limit=limit)

    def verify_audit(self, head: str = "") -> Verified:
        """Check the whole chain; ``head`` is a hash that was noted before."""
        self._folder.ready()
        from sekisho.stores.database import SqlAudit

        return SqlAudit(self._folder.database).verify(head)

    def record(
        self, who: str, role: str, act: str, object_: str, *, reason: str = "", basis: str = "",
        details: Mapping[str, Scalar] | None = None,
    ) -> AuditEntry:  # fmt: skip
        """Add an entry; it is on the disk when this returns.

        :raises StoreError: it isn't: what was to be recorded must not happen then
        """
        self._folder.ready()
        from sekisho.stores.database import SqlAudit

        log = SqlAudit(self._folder.database)
        return log.append(
            who, role, act, object_, at=self._folder.now(), basis=basis, reason=reason, details=details
        )

    def held(self, pseudonym: int, who: str, role: str) -> Held:
        """Return everything that is held of a line; the look is in the audit log before."""
        self._folder.ready()
        from sekisho.wiring.held import held

        return held(self._folder.holdings, pseudonym, who, role)

    def rules(self) -> Mapping[Stage, Handling]:
        """Return how long data of each stage is kept, what for, and on which ground."""
        return self._folder.rules

    def kept(self) -> tuple[Kept, ...]:
        """Return what no expiry deletes."""
        self._folder.ready()
        from sekisho.wiring.kept import kept

        return tuple(kept(self._folder.folder, self._folder.database))

    def receipts(self) -> tuple[Receipt, ...]:
        """Return the proofs of deletion, newest first, a thousand at most."""
        self._folder.ready()
        from sekisho.stores.ledger import RECEIPTS, lines

        found: list[Receipt] = []
        for file in (self._folder.folder / RECEIPTS, self._folder.folder / "records" / RECEIPTS):
            for row in lines(file):
                try:
                    found.append(
                        msgspec.convert({name: row[name] for name in Receipt.__struct_fields__}, Receipt)
                    )
                except (KeyError, msgspec.ValidationError):
                    continue
        return tuple(sorted(found, key=lambda one: -one.at)[:_SHOWN])

    def refusals(self) -> tuple[Mapping[str, Any], ...]:
        """Return the questions that were refused for their purpose, newest first, a thousand at most."""
        self._folder.ready()
        from sekisho.stores.ledger import REFUSALS, lines

        files = (self._folder.folder / REFUSALS, self._folder.folder / "records" / REFUSALS)
        found = [row for file in files for row in lines(file)]
        return tuple(sorted(found, key=lambda row: -int(row.get("at", 0)))[:_SHOWN])

    @property
    def _reading(self) -> Purpose:
        return self._folder.rules[Stage.AUDIT].purposes[0]
