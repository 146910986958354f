"""The first page: my work today, what is wrong now, and the loop as a living picture with counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.responses import Response

from sekisho.errors import NothingThere, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.ports.cases import CaseFilter
from sekisho.ports.detections import DetectionFilter
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route

T = TypeVar("T")
_DAY = 86_400_000
_OPEN = ("new", "confirmed", "notified", "acknowledged", "relapsed")


@dataclass(frozen=True, slots=True)
class Station:
    """A station of the loop: its number is None where nobody has looked yet; that is no nought."""

    name: Text
    href: str
    count: int | None
    sub: Text


def _home(asked: Asked) -> Response:
    console, who = asked.office.console, asked.who.name if asked.who else ""
    since = asked.now - _DAY
    troubles: list[SekishoError] = []
    cases = _told(troubles, lambda: dict(console.casework.counts(who=who)))
    notices = _told(troubles, lambda: dict(console.casework.notice_counts(who=who)))
    found = _told(troubles, lambda: console.watch.counts(DetectionFilter(since=since), who=who))
    watched = _told(troubles, console.watch.figures)
    terminals = _told(troubles, console.terminals.terminals)
    failing = [one for one in terminals or () if any(v.name == "FAIL" for v in one.verdicts.values())]
    mine = _told(
        troubles, lambda: console.casework.cases(CaseFilter(states=(), assignee=who), limit=6, who=who).cases
    )
    opened = None if cases is None else sum(cases.get(state, 0) for state in _OPEN)
    waiting = None if notices is None else notices.get("draft", 0) + notices.get("approved", 0)
    stations = (
        Station(Text(ja="評価", en="Assess"), "/assess", _length(terminals), Text(ja="端末", en="terminals")),
        Station(Text(ja="監視", en="Watch"), "/watch", found.total if found else None, Text(ja="検出（24時間）", en="found in 24 h")),
        Station(Text(ja="警告", en="Warn"), "/cases", opened, Text(ja="未解決の事案", en="open cases")),
        Station(Text(ja="お知らせ", en="Notices"), "/notices", waiting, Text(ja="承認・送信待ち", en="waiting")),
        Station(Text(ja="治癒", en="Healing"), "/healing", cases.get("healed", 0) if cases else None, Text(ja="治った事案", en="healed cases")),
    )  # fmt: skip
    return asked.page(
        "home.html",
        stations=stations,
        cases=cases,
        found=found,
        watched=watched,
        running=bool(watched and watched.running(asked.now)),
        failing=failing,
        mine=mine or (),
        waiting=waiting,
        since=since,
        troubles=[one for one in troubles if not isinstance(one, NothingThere)],
    )


def _told(troubles: list[SekishoError], ask: Callable[[], T]) -> T | None:
    """Return an answer, None when it can't be had; the page then says so instead of a number."""
    try:
        return ask()
    except SekishoError as error:
        troubles.append(error)
        return None


def _length(some: tuple[object, ...] | None) -> int | None:
    return None if some is None else len(some)


PAGE = Page(
    "home",
    Text(ja="ホーム", en="Home"),
    (Route("GET", "/", _home, Permission.SEE),),
    order=1,
    sign="関",
)
