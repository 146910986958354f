"""Learning from accidents: cause, measure, done?, again?; and the lesson that others may read, exactly as it would leave."""

from __future__ import annotations

import hashlib

import msgspec
from starlette.responses import Response

from sekisho.errors import DescriptionError, PeerFailure, SekishoError
from sekisho.formats.incident_words import SERVICES
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.lesson import Written
from sekisho.web import fields
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.workflows.share_lesson import LEVELS

_PLACE = "/duties/learning"
_NONE = Text(ja="その事故はない", en="there is no such accident")
AGAIN = {
    "yes": ("fail", "!", Text(ja="再発した", en="it happened again")),
    "undecided": ("inconclusive", "?", Text(ja="分からない（原因が書かれていない）", en="not known (a cause isn’t written)")),
    "no": ("pass", "○", Text(ja="記録では再発していない", en="not again on record")),
}  # fmt: skip


def _list(asked: Asked) -> Response:
    desk = asked.office.console.learning
    found = desk.lessons()
    titles = {one.case.id: one.case.title for one in found}
    today = desk.today
    measures = [one for lesson in found for one in lesson.measures]
    return asked.page(
        "duty_learning.html",
        lessons=found,
        titles=titles,
        again=AGAIN,
        services=SERVICES,
        today=today,
        counts={
            "late": sum(one.late(today) for one in measures),
            "open": sum(one.done_on is None and not one.late(today) for one in measures),
            "done": sum(one.done_on is not None for one in measures),
            "again": sum(one.again.value == "yes" for one in found),
        },
        without=sum(not one.measures for one in found),
        problem=None,
    )


def _one(asked: Asked, problem: SekishoError | None = None) -> Response:
    console, name = asked.office.console, asked.part("id")
    lesson = next((one for one in console.learning.lessons() if one.case.id == name), None)
    if lesson is None:
        return asked.problem(404, _NONE, where=name[:40])
    written, seen = console.lessons.lesson(name)
    shown, digest, fault, member = "", "", None, None
    if written is not None:
        try:
            octets = console.lessons.preview(name)
            shown, digest = msgspec.json.format(octets, indent=2).decode(), hashlib.sha256(octets).hexdigest()
            member = console.lessons.membership()
        except DescriptionError as error:
            fault = error
    form = asked.form if problem else {}
    return asked.page(
        "duty_lesson.html",
        status=409 if problem else 200,
        lesson=lesson,
        titles={one.case.id: one.case.title for one in console.learning.lessons()} if lesson.same or lesson.alike else {},
        again=AGAIN,
        services=SERVICES,
        today=console.learning.today,
        written=Written(form["happened"], form.get("learned", ""), form.get("tlp", "green")) if "happened" in form else written,
        seen=seen,
        shown=shown,
        digest=digest,
        member=member,
        fault=fault,
        sent=console.lessons.sent(name),
        levels=tuple(LEVELS),
        form=form,
        problem=problem,
    )  # fmt: skip


def _add(asked: Asked) -> Response:
    form, name = asked.form, asked.part("id")
    try:
        asked.office.console.learning.add(
            name, form.get("text", ""), form.get("owner", ""), fields.day(asked, "due"), actor(asked)
        )
    except SekishoError as error:
        return _one(asked, error)
    return asked.see_other(f"{_PLACE}/{name}", asked.t("対策を加えた", "The measure is recorded"))


def _done(asked: Asked) -> Response:
    desk, name = asked.office.console.learning, asked.part("id")
    measure = asked.form.get("measure", "")[:40]
    try:
        if "withdraw" in asked.form:
            desk.withdraw(measure, actor(asked))
        else:
            desk.done(measure, fields.day(asked, "on"), asked.form.get("proof", ""), actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return asked.see_other(f"{_PLACE}/{name}", asked.t("記録した", "Recorded"))


def _write(asked: Asked) -> Response:
    form, name = asked.form, asked.part("id")
    number = fields.count(form.get("seen", "")) or 0
    try:
        written = Written(form.get("happened", ""), form.get("learned", ""), form.get("tlp", "green"))
        asked.office.console.lessons.write(name, written, number, actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return asked.see_other(
        f"{_PLACE}/{name}#leaves",
        asked.t("教訓を保存した。まだ何も出ていない", "The lesson is kept; nothing has left"),
    )


def _send(asked: Asked) -> Response:
    name = asked.part("id")
    try:
        sent = asked.office.console.lessons.send_as_member(
            name, asked.form.get("digest", "")[:64], actor(asked)
        )
    except PeerFailure as failure:
        words = Text(ja="ハブが受け取らない", en="the hub did not take it")
        return _one(asked, SekishoError(words, f"{failure.reason} {failure.detail}".strip()[:300]))
    except SekishoError as error:
        return _one(asked, error)
    refused = Text(ja="ハブが断った（下の記録）", en="the hub refused it (see below)")
    taken = Text(ja="ハブが受け取った", en="the hub took it")
    return asked.see_other(
        f"{_PLACE}/{name}#sent", (refused if sent.refused or not sent.taken else taken).say(asked.language)
    )


PAGE = Page(
    "duty_learning",
    Text(ja="学び", en="Learning"),
    (
        Route("GET", _PLACE, _list, Permission.SEE),
        Route("GET", f"{_PLACE}/{{id}}", _one, Permission.SEE),
        Route("POST", f"{_PLACE}/{{id}}/measures", _add, Permission.WORK, opens=16_384),
        Route("POST", f"{_PLACE}/{{id}}/done", _done, Permission.WORK, opens=16_384),
        Route("POST", f"{_PLACE}/{{id}}/lesson", _write, Permission.WORK, opens=65_536),
        Route("POST", f"{_PLACE}/{{id}}/send", _send, Permission.SEND, opens=1024, fresh=True),
    ),
)
