"""Marries containment: cases, audit log, flows, settings and re-identification of one data folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sekisho.catalogues.popular_services import popular_services
from sekisho.catalogues.virtual_patches import holes_of, virtual_patches
from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.containment import Hole, RuleText, Scope
from sekisho.model.detection import Window
from sekisho.model.identity import Identified, Person
from sekisho.model.purpose import LegalBasis, Purpose
from sekisho.ports.flows import Tables
from sekisho.reports.containment.rule_texts import texts
from sekisho.stores.database import Database, SqlAudit
from sekisho.wiring.holdings import Holdings
from sekisho.wiring.watch import Watch
from sekisho.wiring.whole_file import whole_file
from sekisho.workflows import contain
from sekisho.workflows.reidentify import Asked, reidentify
from sekisho.workflows.reidentify import Parts as Identifying


class Containment:
    """Containment of one data folder, open."""

    def __init__(self, holdings: Holdings, database: Database) -> None:
        self._holdings = holdings
        self._database = database
        settings = holdings.watch.settings
        self.parts = contain.Parts(
            holdings.cases(database, Purpose.NOTICE),
            SqlAudit(database),
            self._tables,
            settings.containment,
            settings.customers,
            popular_services(),
            holdings.now,
        )

    def person(self, name: str, via: str) -> Person:
        """Return who acts, with the role that the settings give the name."""
        return self._holdings.person(name, via)

    def hole(self, name: str, case: str) -> Hole:
        """Return the hole called ``name``, or without one the only one that the case's device model is known for.

        :raises DescriptionError: there is none, or more than one
        """
        held = self.parts.cases.case(case)
        model = held.device_model if held else ""
        found = [one for one in virtual_patches() if one.id == name] if name else list(holes_of(model))
        if len(found) != 1:
            known = ", ".join(one.id for one in (found or virtual_patches()))
            raise DescriptionError(
                Text(ja="どの既知の弱点か決まらない", en="it isn't clear which known hole is meant"),
                f"{name or model or '-'}",
                Text(ja=f"--hole で選ぶ：{known}", en=f"choose with --hole: {known}"),
            )
        return found[0]

    def text(
        self, case: str, rule: str, person: Person, *, basis: LegalBasis | None = None, reason: str = "",
        request: int = 0,
    ) -> tuple[RuleText, ...]:  # fmt: skip
        """Return the files of a rule, without what applies it when its time is over; one of a line re-identifies its subscriber on ``basis`` first.

        When the case is over, only for a rule that is in force and has to be taken back.

        :raises AuthorisationError: refused by re-identification or containment
        """
        # Whether it may be written is asked first: nobody is looked up, and no request is used, in vain.
        one = contain.writable(case, rule, person, self.parts)
        found: Identified | None = None
        if one.proposal.match.scope is Scope.LINE and basis is not None:
            held = self.parts.cases.case(case)
            over = held is not None and not held.state.open
            asked = Asked(case, basis, reason, rule if over else "")
            found = reidentify(asked, person, self.identifying(person.name), released=request)
        made = texts(contain.ready(case, rule, person, self.parts, found))
        if contain.only_undone(one, self.parts):
            return tuple(msgspec.structs.replace(each, apply="") for each in made)
        return made

    def identifying(self, who: str) -> Identifying:
        """Return what re-identification is married with; it knows which rules are in force."""
        way = self._holdings.identifying(self._database, who)
        return msgspec.structs.replace(way, in_force=self._in_force)

    def _in_force(self, case: str, rule: str) -> bool:
        found = (one for one in contain.standings(case, self.parts) if one.proposal.id == rule)
        return any(contain.undoes(one) and one.proposal.match.scope is Scope.LINE for one in found)

    def _tables(self, window: Window, purpose: Purpose) -> Tables | None:
        return self._holdings.records(window, purpose) if self._holdings.watch.has_records() else None


@contextmanager
def containment(folder: Path) -> Iterator[Containment]:
    """Open a data folder.

    :raises DescriptionError: there is none, or no database of cases
    """
    with Watch(folder, create=False) as watch:
        holdings = Holdings(watch)
        with holdings.database() as database:
            if database is None:
                raise DescriptionError(
                    Text(ja="事案のデータベースがまだない", en="there is no database of cases yet"),
                    str(folder),
                )
            yield Containment(holdings, database)


def write(files: Sequence[RuleText], rule: str, folder: Path) -> tuple[Path, ...]:
    """Write the files of a rule and of its undo, readable by their owner only; return where they are.

    Older ones of the same rule are replaced, whoever could read them.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for one in files:
        for name, text in ((f"{rule}.{one.name}", one.apply), (f"{rule}.undo.{one.name}", one.undo)):
            path = folder / name
            if text:
                whole_file(path, text.encode())
                written.append(path)
            else:
                path.unlink(missing_ok=True)  # what was written in its time must not be loaded now
    return tuple(written)
