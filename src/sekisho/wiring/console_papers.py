"""Papers of duties in a console: read as nouns, written with the audit log before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sekisho.formats.written_text import readable
from sekisho.model.paper import Paper
from sekisho.model.reminding import parts
from sekisho.wiring.staff_names import Hidden, StaffNames, course_of

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.verdict import Scalar
    from sekisho.stores.database import SqlPapers
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.console_keeping import KeepingDesk

Noun = TypeVar("Noun")
DONE, REMINDED = "done", "reminded"
#: Kinds whose papers are named after a duty, and so perhaps after a person.
NAMED = (DONE, REMINDED)


class Written:
    """What is to be stored: the name, the version that was seen (0 for none), the noun; None takes it back."""

    __slots__ = ("name", "noun", "seen")

    def __init__(self, name: str, seen: int, noun: msgspec.Struct | None) -> None:
        self.name, self.seen, self.noun = name, seen, noun


class Papers:
    """The papers of one data folder."""

    def __init__(self, folder: ConsoleFolder, keeping: KeepingDesk, names: StaffNames) -> None:
        self._folder = folder
        self._keeping = keeping
        self._names = names

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
        paper = self.store.paper(kind, self._place(kind, name))
        if paper is None or not paper.body:
            return None
        (paper,) = self._names.papers([paper])
        return msgspec.json.decode(paper.body, type=noun), paper

    def every(self, kind: str, noun: type[Noun]) -> tuple[tuple[Noun, Paper], ...]:
        """Return the newest of each, without those that were taken back."""
        return tuple((msgspec.json.decode(one.body, type=noun), one) for one in self.newest(kind) if one.body)

    def gathered(self, kinds: Mapping[str, type[Any]]) -> dict[str, list[tuple[Any, Paper]]]:
        """Return the newest of each of several kinds at once, as `every` does: kind → nouns with their papers."""
        found: dict[str, list[tuple[Any, Paper]]] = {kind: [] for kind in kinds}
        for one in self.newest(*kinds):
            if one.body:
                found[one.kind].append((msgspec.json.decode(one.body, type=kinds[one.kind]), one))
        return found

    def newest(self, *kinds: str) -> tuple[Paper, ...]:
        """Return the newest of each of these kinds with its names, those that were taken back too."""
        return self._names.papers(self.store.newest(*kinds))

    def versions(self, kind: str, name: str) -> tuple[Paper, ...]:
        """Return every version of one with its names, newest first."""
        return self._names.papers(self.store.versions(kind, self._place(kind, name)))

    def write(
        self,
        kind: str,
        written: Iterable[Written],
        actor: Actor,
        act: str,
        object_: str,
        details: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Store further versions, after the audit log; names go into their own table, and tokens into the papers.

        :raises ConflictError: somebody was faster
        """
        given = tuple(Written(one.name, one.seen, readable(one.noun)) for one in written)
        nouns = [one.noun for one in given if one.noun is not None]
        hidden = self._names.hide(
            nouns, actor.name, *(who for one in given for who in _inside(kind, one.name))
        )
        papers = [
            Paper(
                kind,
                self._place(kind, one.name, hidden),
                one.seen + 1,
                self.now,
                hidden.name(actor.name),
                msgspec.json.encode(hidden.noun(one.noun), order="sorted").decode()
                if one.noun is not None
                else "",
            )
            for one in given
        ]
        self._keeping.record(actor.name, actor.role, act, object_, details=details)
        self.store.add(papers)

    def record(self, actor: Actor, act: str, object_: str, details: Mapping[str, Scalar]) -> None:
        """Put an act into the audit log that writes no paper by itself."""
        self._keeping.record(actor.name, actor.role, act, object_, details=details)

    def version(self, kind: str, name: str) -> int:
        """Return the number of the newest version, 0 for none; what was taken back counts on."""
        paper = self.store.paper(kind, self._place(kind, name))
        return paper.version if paper else 0

    def _place(self, kind: str, name: str, hidden: Hidden | None = None) -> str:
        """Return the name under which a paper is kept: duties that name a person are kept by the token."""
        inside = _inside(kind, name)
        if not inside:
            return name
        if kind == DONE and self.store.paper(kind, name):  # written before names had a table of their own
            return name
        hidden = hidden or self._names.known(*inside)
        return hidden.reminder(name) if kind == REMINDED else hidden.duty(name)


def _inside(kind: str, name: str) -> list[str]:
    """Return the people whom the name of a paper names: an engineer, and whom a reminder went to."""
    if kind not in NAMED:
        return []
    return [*course_of(name), *([parts(name)[0]] if kind == REMINDED else [])]
