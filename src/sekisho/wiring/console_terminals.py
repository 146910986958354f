"""Terminals and assessments as the console sees them: folders of evidence below ``assessments``, descriptions below ``terminals``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from sekisho.language import Text
from sekisho.model.evidence import Attempt, Transcript
from sekisho.model.registry import (
    AssessmentDetail,
    AssessmentRow,
    MatrixRow,
    Piece,
    TerminalCard,
    terminal_key,
)
from sekisho.ports.registry import AssessmentFilter, AssessmentPage
from sekisho.wiring.console_folder import ConsoleFolder
from sekisho.wiring.refreshing import Refreshing

if TYPE_CHECKING:
    from sekisho.model.requirement import Catalogue
    from sekisho.stores.database.assessments import SqlAssessments
    from sekisho.stores.evidence_folder import Problem

_EVERY = AssessmentFilter()


class Duty(msgspec.Struct, frozen=True):
    """One column of the matrix; ``title`` is None when the catalogue isn't installed any more."""

    catalogue: str
    requirement: str
    clause: str
    title: Text | None
    judged: bool


class Matrix(msgspec.Struct, frozen=True):
    """Terminals and duties: what isn't among a row's verdicts was never judged. ``next`` is empty at the end."""

    catalogues: tuple[str, ...]
    duties: tuple[Duty, ...]
    rows: tuple[MatrixRow, ...]
    next: str = ""


class Checked(msgspec.Struct, frozen=True):
    """How many things of a folder were checked, and what is wrong."""

    checked: int
    problems: tuple[Problem, ...]


class TerminalDesk:
    """Assessments by their registry, which follows the folders by itself; evidence is read from the folder and checked."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder
        self._root = folder.folder / "assessments"
        self._described: dict[str, tuple[str, TerminalCard]] = {}
        self.fresh = Refreshing(self._register)

    def assessments(
        self, wanted: AssessmentFilter = _EVERY, *, after: str = "", limit: int = 50
    ) -> AssessmentPage:
        """Return a page of assessments, newest first. :raises DescriptionError: ``after`` is no key of a page."""
        self.fresh()
        return self._index.find(wanted, after=after, limit=limit)

    def assessment(self, identifier: str) -> AssessmentRow | None:
        """Return one assessment as it is in the list."""
        self.fresh()
        return self._index.one(identifier)

    def detail(self, identifier: str) -> AssessmentDetail | None:
        """Return one assessment with all that its chain of evidence tells, read from the folder now."""
        self._folder.ready()
        from sekisho.errors import DescriptionError, EvidenceError
        from sekisho.stores import assessment_reading as reading

        try:
            folder = reading.folder_of(self._root, identifier)
        except DescriptionError:
            return None
        chain = reading.read_chain(folder)
        row = reading.register(folder, "").row
        try:
            assessment = reading.assessment_of(folder, chain)
            terminal = reading.terminal_of(folder, chain)
        except EvidenceError:
            assessment = terminal = None  # the row says what is wrong
        attempts = {
            str(one.body["probe"]): msgspec.convert(one.body["attempt"], Attempt)
            for one in chain.events
            if one.kind == "probe"
        }
        opened = {name: value for name, value in chain.body("opened").items() if not isinstance(value, dict)}
        return AssessmentDetail(
            row, assessment, terminal, attempts, reading.steps(chain), reading.files(chain),
            chain.body("authorisation"), opened,
        )  # fmt: skip

    def evidence(self, identifier: str, sha256: str) -> Piece | None:
        """Return a piece of evidence by its digest; None when there is no such assessment, or it doesn't list it.

        :raises EvidenceError: it is missing, or was altered
        """
        self._folder.ready()
        from sekisho.errors import DescriptionError
        from sekisho.stores import assessment_reading as reading

        try:
            folder = reading.folder_of(self._root, identifier)
        except DescriptionError:
            return None
        return reading.piece(folder, reading.files(reading.read_chain(folder)), sha256)

    def transcript(self, identifier: str, sha256: str) -> Transcript | None:
        """Return a conversation by its digest; None when there is none. :raises EvidenceError: as `evidence`."""
        found = self.evidence(identifier, sha256)
        if found is None or found.file.kind != "transcript":
            return None
        return msgspec.msgpack.decode(found.content, type=Transcript)

    def verify(self, identifier: str, head: str = "") -> Checked:
        """Check a whole folder; ``head`` is a hash from a report. :raises DescriptionError: there is no such assessment."""
        self._folder.ready()
        from sekisho.stores.assessment_reading import folder_of
        from sekisho.stores.evidence_folder import verify

        count, problems = verify(folder_of(self._root, identifier), head)
        return Checked(count, tuple(problems))

    def matrix(self, catalogue: str = "", *, after: str = "", limit: int = 100) -> Matrix:
        """Return where terminals stand on each duty, by their newest judgement under each catalogue."""
        self.fresh()
        every = self._index.catalogues()
        rows = self._index.matrix(catalogue, after=after, limit=limit + 1)
        shown = rows[:limit]
        chosen = (catalogue,) if catalogue else every
        duties = tuple(duty for name in chosen for duty in self._duties(name, shown))
        return Matrix(every, duties, shown, shown[-1].terminal if len(rows) > limit else "")

    def terminals(self) -> tuple[TerminalCard, ...]:
        """Return every terminal that is described or was assessed, in the order of their keys."""
        self.fresh()
        cards = {card.terminal: card for _, card in self._described.values()}
        for row, count in self._index.newest():
            held = cards.get(row.terminal)
            cards[row.terminal] = TerminalCard(
                row.terminal, row.maker, row.model, row.kind, row.software,
                held.units if held else tuple(one for one in row.unit.split(", ") if one),
                held.described if held else "", held.problem if held else "", count, row.id, row.state, row.began,
                row.verdicts,
            )  # fmt: skip
        return tuple(card for _, card in sorted(cards.items()))

    def described(self) -> tuple[TerminalCard, ...]:
        """Return the terminals that have a description, as their descriptions say."""
        self.fresh()
        return tuple(card for _, card in self._described.values())

    def history(self, terminal: str, limit: int = 100) -> tuple[AssessmentRow, ...]:
        """Return the assessments of a terminal, newest first."""
        return self.assessments(AssessmentFilter(terminal=terminal), limit=limit).assessments

    def catch_up(self) -> int:
        """Read new and changed folders now; return how many there were."""
        return self.fresh.now()

    def _register(self) -> int:
        self._folder.ready()
        from sekisho.workflows.register_assessments import register_assessments

        self._described = dict(self._descriptions())
        done = register_assessments(self._root, self._index)
        return done.read + done.gone

    def _descriptions(self) -> Iterator[tuple[str, tuple[str, TerminalCard]]]:
        """Yield the descriptions, those that changed read anew; no secret that they name is looked up."""
        self._folder.ready()
        from sekisho.errors import DescriptionError
        from sekisho.model.terminal import Terminal
        from sekisho.workflows.describe import read_table

        for path in sorted((self._folder.folder / "terminals").glob("*.toml")):
            try:
                found = path.stat()
            except OSError:
                continue
            mark = f"{found.st_size}.{found.st_mtime_ns}"
            held = self._described.get(path.name)
            if held and held[0] == mark:
                yield path.name, held
                continue
            try:
                one = read_table(path, Terminal)
            except DescriptionError as error:
                card = TerminalCard(path.stem, described=path.name, problem=error.where)
            else:
                units = tuple(unit.serial or unit.id for unit in one.units)
                key = terminal_key(one.maker, one.model, path.stem)
                card = TerminalCard(key, one.maker, one.model, one.kind, one.software, units, path.name)
            yield path.name, (mark, card)

    def _duties(self, catalogue: str, rows: tuple[MatrixRow, ...]) -> Iterator[Duty]:
        known = self._catalogue(catalogue)
        if known is not None:
            for one in known.requirements:
                yield Duty(catalogue, one.id, one.clause, one.title, one.rule is not None)
            return
        prefix = f"{catalogue}/"
        names = {name for row in rows for name in row.verdicts if name.startswith(prefix)}
        for name in sorted(names):
            yield Duty(catalogue, name.removeprefix(prefix), "", None, judged=True)

    def _catalogue(self, name: str) -> Catalogue | None:
        self._folder.ready()
        from sekisho import plugins
        from sekisho.errors import SekishoError

        def made() -> Catalogue | None:
            try:
                found: Catalogue = plugins.unit("catalogues", name)()
            except SekishoError:
                return None
            return found

        return self._folder.once(f"catalogue {name}", made)

    @property
    def _index(self) -> SqlAssessments:
        self._folder.ready()
        from sekisho.stores.database.assessments import SqlAssessments

        return self._folder.once("assessments", lambda: SqlAssessments(self._folder.database))
