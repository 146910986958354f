"""The first page: my work today, what is wrong now, and the loop as a living picture with counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from starlette.responses import Response, StreamingResponse

from sekisho.errors import NothingThere, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.ports.cases import CaseFilter
from sekisho.ports.detections import DetectionFilter
from sekisho.web.accident_clocks import next_due
from sekisho.web.acting import KINDS
from sekisho.web.asked import Asked
from sekisho.web.live import Shared, parts
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render

if TYPE_CHECKING:
    from sekisho.model.assess_run import RunsNow
    from sekisho.model.registry import TerminalCard
    from sekisho.wiring.console import Console
    from sekisho.wiring.console_today import Unsettled
    from sekisho.wiring.figures import Watched

T = TypeVar("T")
_DAY = 86_400_000
_OPEN = ("new", "confirmed", "notified", "acknowledged", "relapsed")
# How often the picture of the loop is drawn anew: it asks every desk once.
_EVERY = 5.0
_SHARED: WeakKeyDictionary[Console, Shared[str]] = WeakKeyDictionary()
_RUNNING = Text(ja="{n} 件を実施中", en="{n} running now")
_ASKING = Text(ja="{n} 件の質問が待つ", en="{n} waiting for an answer")
_GOES_ON = Text(ja="継続中の事故", en="accidents going on")
_REPORTS = Text(ja="{n} 件に報告の期限", en="{n} with a report due")


@dataclass(frozen=True, slots=True)
class Station:
    """A station of the loop: its number is None where nobody has looked yet; that is no nought.

    :ivar more: what goes on there now, in a few words, each with the class of its chip
    """

    name: Text
    href: str
    count: int | None
    sub: Text
    more: tuple[tuple[str, str], ...] = ()


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
    troubles: list[SekishoError] = field(default_factory=list)

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return an answer, None when it can't be had; the page then says so instead of a number."""
        try:
            return question()
        except SekishoError as error:
            self.troubles.append(error)
            return None

    @property
    def waiting(self) -> int | None:
        """How many notices wait for approval or sending."""
        return (
            None if self.notices is None else self.notices.get("draft", 0) + self.notices.get("approved", 0)
        )


def _today(asked: Asked, now: int) -> Today:
    console, who = asked.office.console, asked.who.name if asked.who else ""
    told = Today()
    told.cases = told.ask(lambda: dict(console.casework.counts(who=who)))
    told.notices = told.ask(lambda: dict(console.casework.notice_counts(who=who)))
    told.found = told.ask(lambda: console.watch.counts(DetectionFilter(since=now - _DAY), who=who).total)
    told.watched = told.ask(console.watch.figures)
    if told.watched is None and not told.found:
        told.found = None  # where nothing ever watched, nothing found is no answer
    told.terminals = told.ask(console.terminals.terminals)
    told.runs = told.ask(lambda: console.today.runs(now))
    told.accidents = told.ask(lambda: console.today.accidents(now))
    return told


def _stations(asked: Asked, told: Today) -> tuple[Station, ...]:
    cases, runs = told.cases, told.runs
    opened = None if cases is None else sum(cases.get(state, 0) for state in _OPEN)
    running = None if told.accidents is None else sum(not one.record.ended for one in told.accidents)
    due = sum(bool(one.record.ended) for one in told.accidents or ())
    return (
        Station(Text(ja="評価", en="Assess"), "/assess", _length(told.terminals), Text(ja="端末", en="terminals"), _chips(
            asked, (_RUNNING, len(runs.alive) if runs else 0, "told"), (_ASKING, len(runs.asking) if runs else 0, "inconclusive"),
        )),
        Station(Text(ja="監視", en="Watch"), "/watch", told.found, Text(ja="検出（24時間）", en="found in 24 h")),
        Station(Text(ja="警告", en="Warn"), "/cases", opened, Text(ja="未解決の事案", en="open cases")),
        Station(Text(ja="お知らせ", en="Notices"), "/notices", told.waiting, Text(ja="承認・送信待ち", en="waiting")),
        Station(Text(ja="治癒", en="Healing"), "/healing", cases.get("healed", 0) if cases is not None else None, Text(ja="治った事案", en="healed cases")),
        Station(Text(ja="報告", en="Report"), "/accidents", running, _GOES_ON, _chips(asked, (_REPORTS, due, "inconclusive"))),
    )  # fmt: skip


def _chips(asked: Asked, *some: tuple[Text, int, str]) -> tuple[tuple[str, str], ...]:
    return tuple((text.say(asked.language, n=count), kind) for text, count, kind in some if count)


def _home(asked: Asked) -> Response:
    console, who = asked.office.console, asked.who.name if asked.who else ""
    told = _today(asked, asked.now)
    mine = told.ask(
        lambda: console.casework.cases(CaseFilter(states=(), assignee=who), limit=6, who=who).cases
    )
    failing = [one for one in told.terminals or () if any(v.name == "FAIL" for v in one.verdicts.values())]
    return asked.page(
        "home.html",
        stations=_stations(asked, told),
        told=told,
        running=bool(told.watched and told.watched.running(asked.now)),
        failing=failing,
        accidents=[
            (one, next_due(one.ruling, one.signed, asked.t) if one.ruling else None)
            for one in told.accidents or ()
        ],
        kinds=KINDS,
        mine=mine or (),
        since=asked.now - _DAY,
        troubles=[one for one in told.troubles if not isinstance(one, NothingThere)],
    )


def _stream(asked: Asked) -> Response:
    """Send the picture whenever a number in it changes; all browsers share one look."""
    shared = _SHARED.setdefault(asked.office.console, Shared(_EVERY))

    def picture() -> str:
        stations = _stations(asked, _today(asked, asked.office.now()))
        return render("home_loop.html", asked.language, asked.office.zone, {"stations": stations})

    source = parts(shared, asked.language, picture)
    return StreamingResponse(source, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _length(some: tuple[object, ...] | None) -> int | None:
    return None if some is None else len(some)


PAGE = Page(
    "home",
    Text(ja="ホーム", en="Home"),
    (Route("GET", "/", _home, Permission.SEE), Route("GET", "/live", _stream, Permission.SEE)),
    order=1,
    sign="関",
)
