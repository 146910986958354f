"""The first page: my work today, what is wrong now, and the loop as a living picture with counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from starlette.responses import Response, StreamingResponse

from sekisho.errors import NothingThere
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.ports.cases import CaseFilter
from sekisho.web.accident_clocks import first_report, next_due
from sekisho.web.acting import KINDS
from sekisho.web.asked import Asked
from sekisho.web.duty_marks import MARKS
from sekisho.web.live import Shared, parts
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render
from sekisho.web.today import DAY, Today, today
from sekisho.workflows.list_duties import MEASURE

if TYPE_CHECKING:
    from sekisho.wiring.console import Console

# How often the picture of the loop is drawn anew: it asks every desk once.
_EVERY = 5.0
_SHARED: WeakKeyDictionary[Console, Shared[str]] = WeakKeyDictionary()
_RUNNING = Text(ja="{n} 件を実施中", en="{n} running now")
_ASKING = Text(ja="{n} 件の質問が待つ", en="{n} waiting for an answer")
_GOES_ON = Text(ja="継続中の事故", en="accidents going on")
_REPORTS = Text(ja="{n} 件に報告の期限", en="{n} with a report due")
_LATE = Text(ja="義務 {n} 件が遅れ", en="duties late: {n}")
_SHOWN_DUTIES = 5


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


def _stations(asked: Asked, told: Today) -> tuple[Station, ...]:
    cases, runs = told.cases, told.runs
    due = sum(not one.going for one in told.accidents or ())
    return (
        Station(Text(ja="評価", en="Assess"), "/assess", _length(told.terminals), Text(ja="端末", en="terminals"), _chips(
            asked, (_RUNNING, len(runs.alive) if runs else 0, "told"), (_ASKING, len(runs.asking) if runs else 0, "inconclusive"),
        )),
        Station(Text(ja="監視", en="Watch"), "/watch", told.found, Text(ja="検出（24時間）", en="found in 24 h")),
        Station(Text(ja="警告", en="Warn"), "/cases", told.opened, Text(ja="未解決の事案", en="open cases")),
        Station(Text(ja="お知らせ", en="Notices"), "/notices", told.waiting, Text(ja="承認・送信待ち", en="waiting")),
        Station(Text(ja="治癒", en="Healing"), "/healing", cases.get("healed", 0) if cases is not None else None, Text(ja="治った事案", en="healed cases")),
        Station(Text(ja="報告", en="Report"), "/accidents", told.going, _GOES_ON, _chips(
            asked, (_REPORTS, due, "inconclusive"), (_LATE, told.late or 0, "fail"),
        )),
    )  # fmt: skip


def _chips(asked: Asked, *some: tuple[Text, int, str]) -> tuple[tuple[str, str], ...]:
    return tuple((text.say(asked.language, n=count), kind) for text, count, kind in some if count)


def _home(asked: Asked) -> Response:
    console, who = asked.office.console, asked.who.name if asked.who else ""
    told = today(asked, asked.now)
    mine = told.ask(
        lambda: console.casework.cases(CaseFilter(states=(), assignee=who), limit=6, who=who).cases
    )
    accidents = [
        (
            one,
            next_due(one.ruling, one.signed, asked.t) if one.ruling else None,
            first_report(one.ruling, asked.t) if one.ruling else None,
        )
        for one in told.accidents or ()
    ]
    # An accident whose next day is shown already tells of its reports itself.
    telling = {one.record.id for one, due, first in accidents if due or first}
    duties = [one for one in told.duties or () if one.accident not in telling or one.id.startswith(MEASURE)]
    failing = [one for one in told.terminals or () if any(v.name == "FAIL" for v in one.verdicts.values())]
    return asked.page(
        "home.html",
        stations=_stations(asked, told),
        told=told,
        running=bool(told.watched and told.watched.running(asked.now)),
        failing=failing,
        accidents=accidents,
        duties=[
            (one, MARKS[one.state.value], (one.day - console.duties.today).days)
            for one in duties[:_SHOWN_DUTIES]
            if one.day
        ],
        more_duties=max(0, len(duties) - _SHOWN_DUTIES),
        kinds=KINDS,
        mine=mine or (),
        since=asked.now - DAY,
        troubles=[one for one in told.troubles if not isinstance(one, NothingThere)],
    )


def _stream(asked: Asked) -> Response:
    """Send the picture whenever a number in it changes; all browsers share one look."""
    shared = _SHARED.setdefault(asked.office.console, Shared(_EVERY))

    def picture() -> str:
        stations = _stations(asked, today(asked, asked.office.now()))
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
