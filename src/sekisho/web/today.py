"""What the desks tell of today: for the first page, and for programs that ask the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sekisho.errors import SekishoError
from sekisho.model.compliance import State
from sekisho.ports.detections import DetectionFilter

if TYPE_CHECKING:
    from sekisho.model.assess_run import RunsNow
    from sekisho.model.compliance import Entry
    from sekisho.model.registry import TerminalCard
    from sekisho.web.asked import Asked
    from sekisho.wiring.console_today import Unsettled
    from sekisho.wiring.figures import Watched

T = TypeVar("T")
DAY = 86_400_000
_OPEN = ("new", "confirmed", "notified", "acknowledged", "relapsed")


@dataclass(slots=True)
class Today:
    """What the desks told; None for what can't be had, with the reason among the troubles."""

    cases: Mapping[str, int] | None = None
    notices: Mapping[str, int] | None = None
    watched: Watched | None = None
    found: int | None = None
    terminals: tuple[TerminalCard, ...] | None = None
    runs: RunsNow | None = None
    accidents: tuple[Unsettled, ...] | None = None
    duties: tuple[Entry, ...] | None = None
    troubles: list[SekishoError] = field(default_factory=list)

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return an answer, None when it can't be had; the page then says so instead of a number."""
        try:
            return question()
        except SekishoError as error:
            self.troubles.append(error)
            return None

    @property
    def opened(self) -> int | None:
        """How many cases are not over."""
        return None if self.cases is None else sum(self.cases.get(state, 0) for state in _OPEN)

    @property
    def going(self) -> int | None:
        """How many accidents go on."""
        return None if self.accidents is None else sum(one.going for one in self.accidents)

    @property
    def late(self) -> int | None:
        """How many duties are past their day without proof."""
        return None if self.duties is None else sum(one.state is State.LATE for one in self.duties)

    @property
    def waiting(self) -> int | None:
        """How many notices wait for approval or sending."""
        return (
            None if self.notices is None else self.notices.get("draft", 0) + self.notices.get("approved", 0)
        )


def today(asked: Asked, now: int) -> Today:
    """Ask every desk once; what one can't tell doesn't keep the others from telling."""
    console, who = asked.office.console, asked.who.name if asked.who else ""
    told = Today()
    told.cases = told.ask(lambda: dict(console.casework.counts(who=who)))
    told.notices = told.ask(lambda: dict(console.casework.notice_counts(who=who)))
    told.found = told.ask(lambda: console.watch.counts(DetectionFilter(since=now - DAY), who=who).total)
    told.watched = told.ask(console.watch.figures)
    if told.watched is None and not told.found:
        told.found = None  # where nothing ever watched, nothing found is no answer
    told.terminals = told.ask(console.terminals.terminals)
    told.runs = told.ask(lambda: console.today.runs(now))
    told.accidents = told.ask(lambda: console.today.accidents(now))
    told.duties = told.ask(console.duties.near)
    return told
