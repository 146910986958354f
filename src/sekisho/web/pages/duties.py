"""Every duty of the operator by its day: what is late, due, undecided, done with proof; the same as iCalendar."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from starlette.responses import Response

from sekisho.errors import ConflictError, DescriptionError, SekishoError
from sekisho.formats.icalendar import calendar
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.compliance import State
from sekisho.reports.accidents.words import due_words
from sekisho.web import fields
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.duty_marks import MARKS, MEANINGS
from sekisho.web.page import Page, Route
from sekisho.wiring.console_duties import AHEAD
from sekisho.workflows.judge_accident import due_day
from sekisho.workflows.list_duties import MISSING, events_of

_CARDS = {"late": "alarm", "due": "", "open": "caution", "done": "good"}


def _list(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.duties
    listed = desk.listed()
    wanted = asked.query.get("state", "")
    wanted = wanted if wanted in MARKS else ""
    counted = Counter(one.state.value for one in listed.entries)
    shown = [one for one in listed.entries if not wanted or one.state.value == wanted]
    shown.sort(key=lambda one: one.state is State.DONE)  # what is done stands last, else by day
    return asked.page(
        "duties.html",
        status=409 if problem else 200,
        listed=listed,
        entries=[(one, "" if one.day is None else one.day.isoformat() if one.done else due_words(due_day(one.day, listed.today), asked.t)) for one in shown],
        counts=[(state, counted[state]) for state in MARKS],
        wanted=wanted,
        said=listed.said,
        ahead=AHEAD,
        marks=MARKS,
        cards=_CARDS,
        meanings=MEANINGS,
        missing=MISSING,
        form=asked.form if problem else {},
        problem=problem,
    )  # fmt: skip


def _calendar(asked: Asked) -> Response:
    events = events_of(asked.office.console.duties.listed().entries, asked.language)
    made = datetime.fromtimestamp(asked.now / 1000, UTC)
    answer = Response(
        calendar(asked.t("関所：義務", "Sekisho: duties"), events, made), media_type="text/calendar"
    )
    answer.headers["content-disposition"] = 'attachment; filename="duties.ics"'
    return answer


def _done(asked: Asked) -> Response:
    try:
        asked.office.console.duties.done(
            asked.form.get("id", ""), fields.day(asked, "on"), asked.form.get("proof", ""), actor(asked)
        )
    except (ConflictError, DescriptionError) as error:
        return _list(asked, error)
    return asked.see_other("/duties", asked.t("済みの証拠を記録した", "The proof is on record"))


def _undone(asked: Asked) -> Response:
    try:
        asked.office.console.duties.undone(asked.form.get("id", ""), actor(asked))
    except DescriptionError as error:
        return _list(asked, error)
    return asked.see_other("/duties", asked.t("済みの記録を取り消した", "The proof is taken back"))


PAGE = Page(
    "duties",
    Text(ja="義務", en="Duties"),
    (
        Route("GET", "/duties", _list, Permission.SEE),
        Route("GET", "/duties/calendar.ics", _calendar, Permission.SEE),
        Route("POST", "/duties/done", _done, Permission.WORK, opens=8192),
        Route("POST", "/duties/undone", _undone, Permission.WORK, opens=4096),
    ),
    order=9,
    sign="務",
)
