"""Papers of duties in a console: read as nouns, written with the audit log before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sekisho.model.paper import Paper

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.verdict import Scalar
    from sekisho.stores.database import SqlPapers
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk

Noun = TypeVar("Noun")


class Written:
    """What is to be stored: the name, the version that was seen (0 for none), the noun; None takes it back."""

    __slots__ = ("name", "noun", "seen")

    def __init__(self, name: str, seen: int, noun: msgspec.Struct | None) -> None:
        self.name, self.seen, self.noun = name, seen, noun


class Papers:
    """The papers of one data folder."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk) -> None:
        self._folder = folder
        self._keeping = keeping

    @property
    def now(self) -> int:
        """This moment in milliseconds."""
        return self._folder.now()

    @property
    def store(self) -> SqlPapers:
        """Where they are. :raises DescriptionError: there is no database yet."""
        self._folder.ready()
        from sekisho.stores.database import SqlPapers

        return SqlPapers(self._folder.database)

    def one(self, kind: str, name: str, noun: type[Noun]) -> tuple[Noun, Paper] | None:
        """Return one with its paper; None when there is none, or it was taken back."""
        paper = self.store.paper(kind, name)
        return (msgspec.json.decode(paper.body, type=noun), paper) if paper and paper.body else None

    def every(self, kind: str, noun: type[Noun]) -> tuple[tuple[Noun, Paper], ...]:
        """Return the newest of each, without those that were taken back."""
        found = self.store.newest(kind)
        return tuple((msgspec.json.decode(one.body, type=noun), one) for one in found if one.body)

    def gathered(self, kinds: Mapping[str, type[Any]]) -> dict[str, list[tuple[Any, Paper]]]:
        """Return the newest of each of several kinds at once, as `every` does: kind → nouns with their papers."""
        found: dict[str, list[tuple[Any, Paper]]] = {kind: [] for kind in kinds}
        for one in self.store.newest(*kinds):
            if one.body:
                found[one.kind].append((msgspec.json.decode(one.body, type=kinds[one.kind]), one))
        return found

    def write(
        self,
        kind: str,
        written: Iterable[Written],
        actor: Actor,
        act: str,
        object_: str,
        details: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Store further versions, after the audit log. :raises ConflictError: somebody was faster."""
        papers = [
            Paper(
                kind,
                one.name,
                one.seen + 1,
                self.now,
                actor.name,
                msgspec.json.encode(one.noun, order="sorted").decode() if one.noun is not None else "",
            )
            for one in written
        ]
        self._keeping.record(actor.name, actor.role, act, object_, details=details)
        self.store.add(papers)

    def record(self, actor: Actor, act: str, object_: str, details: Mapping[str, Scalar]) -> None:
        """Put an act into the audit log that writes no paper by itself."""
        self._keeping.record(actor.name, actor.role, act, object_, details=details)

    def version(self, kind: str, name: str) -> int:
        """Return the number of the newest version, 0 for none; what was taken back counts on."""
        paper = self.store.paper(kind, name)
        return paper.version if paper else 0
