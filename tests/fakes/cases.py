"""A `CaseStore` in a dict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from sekisho.errors import ConflictError
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.case_life import Life
from sekisho.ports.cases import CaseFilter, Page


class PlainCases:
    """Keeps cases and events; what comes back went through JSON, as from a database."""

    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.saves = 0

    def save(self, case: Case, events: Sequence[CaseEvent]) -> Case:
        return self.save_all([(case, events)])[0]

    def save_all(self, changes: Sequence[tuple[Case, Sequence[CaseEvent]]]) -> tuple[Case, ...]:
        for case, _ in changes:
            held = self.lives.get(case.id)
            if (held.case.revision if held else 0) != case.revision:
                raise ConflictError(Text(ja="版", en="revision"), case.id)
        self.saves += 1
        return tuple(self._put(case, events) for case, events in changes)

    def _put(self, case: Case, events: Sequence[CaseEvent]) -> Case:
        old = self.lives[case.id].events if case.id in self.lives else ()
        numbered = [msgspec.structs.replace(one, seq=len(old) + n) for n, one in enumerate(events, 1)]
        kept = msgspec.json.decode(msgspec.json.encode(numbered), type=tuple[CaseEvent, ...])
        stored = msgspec.structs.replace(case, revision=case.revision + 1)
        self.lives[case.id] = Life(stored, (*old, *kept))
        return stored

    def case(self, identifier: str) -> Case | None:
        found = self.lives.get(identifier)
        return found.case if found else None

    def these(self, identifiers: Collection[str]) -> dict[str, Case]:
        return {one: self.lives[one].case for one in identifiers if one in self.lives}

    def find(self, wanted: CaseFilter, *, after: str = "", limit: int = 50) -> Page:
        every = sorted((one.case for one in self.lives.values()), key=lambda one: (-one.updated, one.id))
        kept = [one for one in every if not wanted.states or one.state in wanted.states]
        begin = next((n for n, one in enumerate(kept, 1) if one.id == after), 0)
        page = kept[begin : begin + limit]
        return Page(tuple(page), page[-1].id if begin + limit < len(kept) else "")

    def events(self, case: str) -> tuple[CaseEvent, ...]:
        found = self.lives.get(case)
        return found.events if found else ()

    def counts(self) -> Mapping[str, int]:
        every = [one.case.state for one in self.lives.values()]
        return {state.value: every.count(state) for state in CaseState}

    def of_lines(self, subscribers: Sequence[int]) -> dict[int, list[Life]]:
        found: dict[int, list[Life]] = {}
        for life in self.lives.values():
            if life.case.subscriber in subscribers:
                found.setdefault(life.case.subscriber, []).append(life)
        return found
