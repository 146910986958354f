"""Judging again and reporting from the console: old evidence, the catalogues that are installed, no device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.model.assessment import Assessment
from sekisho.model.verdict import Verdict

if TYPE_CHECKING:
    from types import ModuleType

    from sekisho.model.case_life import Actor
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk


class Changes(msgspec.Struct, frozen=True):
    """The last two judgements of an assessment, and where they differ under the catalogues that both used.

    ``before`` is None when there is only one.
    """

    before: Assessment | None
    after: Assessment
    changed: tuple[tuple[str, str, Verdict | None, Verdict | None], ...]


class JudgingDesk:
    """Judgements and reports of one data folder's assessments. Every act is in the audit log before it happens."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk) -> None:
        self._folder = folder
        self._root = folder.folder / "assessments"
        self._keeping = keeping

    def rejudge(self, identifier: str, catalogues: Sequence[str], who: Actor) -> None:
        """Judge again and write the reports.

        :raises DescriptionError: no such assessment
        :raises EvidenceError: altered evidence, or a run holds the folder
        """
        folder, judging = self._place(identifier), self._judging
        judging.assessing.catalogues(catalogues)  # an unknown one is refused before it is written up
        self._keeping.record(
            who.name, who.role, "rejudge", identifier, details={"catalogues": " ".join(catalogues)}
        )
        judging.rejudge(folder, catalogues)

    def report(self, identifier: str, formats: Sequence[str], who: Actor) -> None:
        """Write reports of the last judgement; no ``formats`` means all. :raises EvidenceError: as `rejudge`."""
        folder, judging = self._place(identifier), self._judging
        self._keeping.record(
            who.name, who.role, "make-reports", identifier, details={"formats": " ".join(formats) or "all"}
        )
        judging.report_again(folder, formats)

    def changes(self, identifier: str) -> Changes | None:
        """Return what the last judgement changed; None before there was any. :raises EvidenceError: altered evidence."""
        folder = self._place(identifier)
        from sekisho.stores import assessment_reading as reading

        found = reading.judgements(folder, reading.read_chain(folder))
        if not found:
            return None
        before = found[-2] if len(found) > 1 else None
        return Changes(before, found[-1], tuple(self._judging.changed(before, found[-1])))

    def _place(self, identifier: str) -> Path:
        self._folder.ready()
        from sekisho.stores.assessment_reading import folder_of

        return folder_of(self._root, identifier)

    @property
    def _judging(self) -> ModuleType:
        def load() -> ModuleType:
            from sekisho.wiring import judging

            return judging

        return self._folder.once("wiring.judging", load)
