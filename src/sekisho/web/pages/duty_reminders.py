"""Reminders of duties by mail: switched on or off, to whom, how long before; what would go now, and what went."""

from __future__ import annotations

from starlette.responses import Response

from sekisho.errors import DescriptionError, SekishoError
from sekisho.language import Language, Text
from sekisho.model.account import Permission
from sekisho.model.reminding import Reminding
from sekisho.web import fields
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.page import Page, Route
from sekisho.wiring.console_reminders import Last

_PLACE = "/duties/reminders"
_DAYS = Text(ja="何日前かは数で、空白で区切る", en="lead times are numbers, with blanks between them")
STAGES = {
    "near": Text(ja="近づいた", en="came near"),
    "week": Text(ja="最後の週", en="last week"),
    "late": Text(ja="期日を過ぎた", en="past its day"),
}
STATES = {
    "accepted": ("pass", Text(ja="受け取られた", en="taken")),
    "refused": ("fail", Text(ja="断られた", en="refused")),
    "deferred": ("inconclusive", Text(ja="また試す", en="tried again")),
    "unreachable": ("fail", Text(ja="メールサーバーに届かない", en="the mail server is out of reach")),
    "unknown": ("inconclusive", Text(ja="受け取られたか分からない", en="not known whether it was taken")),
}


def _page(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk = asked.office.console.reminders
    reminding, seen = desk.settings()
    fault, server = None, ""
    try:
        server = desk.server()
    except DescriptionError as error:  # of notices.toml; told here, where it matters
        fault = error
    listed = asked.office.console.duties.listed().entries
    return asked.page(
        "duty_reminders.html",
        status=409 if problem else 200,
        reminding=reminding,
        seen=seen,
        server=server,
        fault=fault,
        fresh=desk.fresh(reminding, listed),
        last=desk.last(),
        went=desk.went(),
        titles={one.id: one.title for one in listed},
        stages=STAGES,
        states=STATES,
        languages=tuple(Language),
        form=asked.form if problem else {},
        problem=problem,
    )


def _say(asked: Asked) -> Response:
    form = asked.form
    try:
        days = [fields.count(one) for one in form.get("days", "").replace(",", " ").split()]
        if any(one is None for one in days):
            raise DescriptionError(_DAYS, form.get("days", "")[:60])
        reminding = Reminding(
            form.get("on") == "1",
            tuple(form.get("to", "").replace(",", " ").split()),
            tuple(one for one in days if one is not None),
            Language.EN if form.get("language") == Language.EN else Language.JA,
        )
        asked.office.console.reminders.say(reminding, fields.count(form.get("seen", "")) or 0, actor(asked))
    except SekishoError as error:
        return _page(asked, error)
    return asked.see_other(_PLACE, asked.t("知らせ方を保存した", "Kept"))


def _send(asked: Asked) -> Response:
    try:
        last = asked.office.console.reminders.send(actor(asked))
    except SekishoError as error:
        return _page(asked, error)
    return asked.see_other(_PLACE, said(last).say(asked.language))


def said(last: Last) -> Text:
    """Return how a sending went, in one sentence."""
    if not last.told:
        return Text(ja="新しく知らせるものはない", en="There is nothing new to tell")
    taken = sum(one.state == "accepted" for one in last.told)
    return Text(
        ja=f"{len(last.told)} 通のうち {taken} 通が受け取られた",
        en=f"{taken} of {len(last.told)} mails were taken",
    )


PAGE = Page(
    "duty_reminders",
    Text(ja="知らせ", en="Reminders"),
    (
        Route("GET", _PLACE, _page, Permission.WORK),
        Route("POST", _PLACE, _say, Permission.SEND, opens=8192),
        Route("POST", f"{_PLACE}/send", _send, Permission.SEND, opens=1024),
    ),
)
