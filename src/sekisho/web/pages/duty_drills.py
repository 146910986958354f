"""Drills: start one in real or fast time, watch it as an accident is watched, act, and see the team's times."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from sekisho.catalogues.drills import scenarios
from sekisho.errors import DescriptionError, SekishoError
from sekisho.formats.incident_words import SERVICES, WHATS
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.drill import TEAM_ACTS, Drill
from sekisho.model.timeline import What
from sekisho.reports.accidents import words
from sekisho.web import fields
from sekisho.web.accident_clocks import clocks
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.live import Shared, parts
from sekisho.web.office import JAPAN
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render
from sekisho.wiring.console import Console

_PLACE = "/duties/drills"
_NONE = Text(ja="その訓練はない", en="there is no such drill")
SPEEDS = (1, 5, 10, 30, 60)
MEASURES = {
    "known": Text(ja="認知まで", en="until known"),
    "told": Text(ja="利用者への初報まで", en="until users were told"),
    "updates": Text(ja="周知の最も長い間", en="longest pause between notices"),
    "reported": Text(ja="第一報まで", en="until first report"),
}
_VERDICTS = {
    "yes": ("fail", "!", Text(ja="重大な事故", en="serious")),
    "undecided": ("inconclusive", "?", Text(ja="まだ決まらない", en="undecided")),
    "no": ("pass", "–", Text(ja="重大でない", en="not serious")),
}
_MET = {
    None: ("none", "–", Text(ja="目標なし", en="no target")),
    True: ("pass", "○", Text(ja="間に合った", en="in time")),
    False: ("fail", "×", Text(ja="間に合わない", en="not in time")),
}
# One source for all browsers that watch one drill; a console forgets the oldest.
_SHARED: WeakKeyDictionary[Console, dict[str, Shared[str]]] = WeakKeyDictionary()
_MOST_WATCHED, _LONGEST_TARGET = 32, 100_000


def _list(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.drills
    return asked.page(
        "duty_drills.html",
        status=409 if problem else 200,
        drills=[(one, titled(one, asked), desk.measures(one)) for one in desk.drills()[:50]],
        scenarios=scenarios(),
        speeds=SPEEDS,
        names=MEASURES,
        met=_MET,
        form=asked.form if problem else {},
        problem=problem,
    )


def titled(drill: Drill, asked: Asked) -> str:
    """Return a drill's title in the reader's language where it is of a scenario that is shipped."""
    known = next((one.title for one in scenarios() if one.title.ja == drill.about.title), None)
    return known.say(asked.language) if known else drill.about.title or drill.id


def _start(asked: Asked) -> Response:
    form = asked.form
    try:
        drill = asked.office.console.drills.start(
            form.get("scenario", ""), form.get("text", ""), _speed(form.get("speed", "1")), _minutes(form.get("target", "")),
            actor(asked),
        )  # fmt: skip
    except SekishoError as error:
        return _list(asked, error)
    return asked.see_other(f"{_PLACE}/{drill.id}", asked.t("訓練が始まった", "The drill has begun"))


def _speed(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DescriptionError(Text(ja="速さが数でない", en="the speed is no number"), text[:20]) from None


def _minutes(text: str) -> int | None:
    found = fields.count(text)
    if text.strip() and (found is None or found > _LONGEST_TARGET):
        raise DescriptionError(Text(ja="分が数でない", en="the minutes are no number"), text[:20])
    return found


def _one(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.drills
    found = desk.drill(asked.part("id"))
    if found is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    drill = found[0]
    return asked.page(
        "duty_drill.html",
        status=409 if problem else 200,
        drill=drill,
        title=titled(drill, asked),
        acts=TEAM_ACTS,
        whats=WHATS,
        live=Markup(_now(asked, drill)),  # noqa: S704 - our own template's output, escaped there
        problem=problem,
    )


def _now(asked: Asked, drill: Drill | None) -> str:
    """Return the part of the page that lives."""
    if drill is None:
        return ""
    desk, zone = asked.office.console.drills, asked.zone or JAPAN
    wall, ruling = desk.wall, desk.judged(drill)
    measures = desk.measures(drill)
    return render(
        "duty_drill_live.html", asked.language, asked.office.zone,
        {
            "drill": drill, "over": drill.over(wall), "happened": drill.happened(wall), "clock_now": drill.clock(wall).astimezone(zone),
            "minutes": (drill.clock(wall) - drill.start).total_seconds() / 60, "ruling": ruling, "mark": _VERDICTS[ruling.serious.value] if ruling else None,
            "clocks": list(clocks(ruling, asked.t)) if ruling and ruling.running and not drill.stopped else [],
            "reasons": [words.reasoning(one, ruling, asked.t) for one in ruling.judgements] if ruling else [],
            "duties": ruling.duties if ruling else (), "measures": measures, "names": MEASURES, "met": _MET,
            "services": SERVICES, "whats": WHATS, "users": words.users_words, "zone_": zone, "acts": TEAM_ACTS,
        },
    )  # fmt: skip


def _stream(asked: Asked) -> Response:
    desk, name = asked.office.console.drills, asked.part("id")[:40]
    if desk.drill(name) is None:
        return asked.problem(404, _NONE, where=name)

    def ask() -> str:
        found = desk.drill(name)
        return _now(asked, found[0] if found else None)

    held = _SHARED.setdefault(asked.office.console, {})
    while len(held) >= _MOST_WATCHED and name not in held:
        held.pop(next(iter(held)), None)
    source = parts(held.setdefault(name, Shared()), asked.language, ask)
    return StreamingResponse(source, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _act(asked: Asked) -> Response:
    what = next((one for one in What if one.value == asked.form.get("what")), What.NOTE)
    return _changing(
        asked,
        partial(asked.office.console.drills.act, asked.part("id"), what, asked.form.get("note", "")),
        asked.t("記録した", "Recorded"),
    )


def _stop(asked: Asked) -> Response:
    done = asked.t("訓練を終えた", "The drill is over")
    return _changing(asked, partial(asked.office.console.drills.stop, asked.part("id")), done)


def _changing(asked: Asked, change: partial[Drill], done: str) -> Response:
    if asked.office.console.drills.drill(asked.part("id")) is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    try:
        drill = change(actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return asked.see_other(f"{_PLACE}/{drill.id}", done)


PAGE = Page(
    "duty_drills",
    Text(ja="訓練", en="Drills"),
    (
        Route("GET", _PLACE, _list, Permission.SEE),
        Route("POST", _PLACE, _start, Permission.WORK, opens=262_144),
        Route("GET", f"{_PLACE}/{{id}}", _one, Permission.SEE),
        Route("GET", f"{_PLACE}/{{id}}/live", _stream, Permission.SEE),
        Route("POST", f"{_PLACE}/{{id}}/acts", _act, Permission.WORK, opens=4096),
        Route("POST", f"{_PLACE}/{{id}}/end", _stop, Permission.WORK, opens=1024),
    ),
)
