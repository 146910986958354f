"""Announces deletions before they happen: in the audit log, and in a list of the data folder while there is none.

The time of personal data does not stop because a database server can't be reached. What was announced in the folder
meanwhile goes into the audit log as soon as it is there again; the receipts are in the folder's own list in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sekisho.errors import SekishoError
from sekisho.model.purpose import Receipt
from sekisho.ports.cases import AuditLog
from sekisho.stores.ledger import add, drain
from sekisho.workflows.expire import DELETE

ANNOUNCED = "announced.jsonl"
_ITSELF = "audit"


class Announcing:
    """Announces for one run. Without ``audit`` everything goes into the folder; ``fault`` says why it did."""

    def __init__(
        self, folder: Path, audit: AuditLog | None, who: str, role: str, now: Callable[[], int]
    ) -> None:
        self.fault = ""
        self._list = folder / ANNOUNCED
        self._audit = audit
        self._who, self._role, self._now = who, role, now

    def catch_up(self) -> None:
        """Tell the audit log what was announced while it was away; what breaks off half way is told again."""
        with self._audit_or_none() as audit:
            if audit is not None and self._list.exists():
                drain(self._list, lambda row: self._append(audit, row, row["at"]))

    def __call__(self, due: Sequence[Receipt]) -> None:
        """Announce what is due. :raises OSError: neither the audit log nor the folder takes it.

        Not so the audit log's own entries: what says that they go is stored in the transaction that deletes them.
        """
        for one in due:
            if one.dataset == _ITSELF:
                continue
            row = {"at": self._now(), "who": self._who, "role": self._role, "dataset": one.dataset,
                   "reason": one.reason, "rows": one.rows, "octets": one.octets}  # fmt: skip
            with self._audit_or_none() as audit:
                if audit is not None:
                    self._append(audit, row)
                    continue
            add(self._list, row)

    @contextmanager
    def _audit_or_none(self) -> Iterator[AuditLog | None]:
        """Give the audit log; when it refuses, no more is tried with it: each try may wait for an absent server."""
        try:
            yield self._audit
        except SekishoError as error:
            self.fault = f"{error.what.en}: {error.where}"
            self._audit = None

    def _append(self, audit: AuditLog, row: dict[str, Any], announced: int = 0) -> None:
        said = {"rows": row["rows"], "octets": row["octets"]}
        if announced:
            said["announced"] = announced
        audit.append(
            row["who"],
            row["role"],
            DELETE,
            row["dataset"],
            at=self._now(),
            reason=row["reason"],
            details=said,
        )
