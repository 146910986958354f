"""Questions for the person beside the terminal, answered on a phone: one at a time, with big buttons and the camera."""

from __future__ import annotations

from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.assess_run import Run
from sekisho.web.acting import KINDS, NONE, actor, desk, question_number
from sekisho.web.asked import Asked
from sekisho.web.live import Shared, parts
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render
from sekisho.wires.person import CHOICES

# What one answer may bring; how large and how many its files may be says `RunRules`.
_OPENS = 52 * 1024 * 1024


def _questions(asked: Asked) -> Response:
    run = desk(asked).run(asked.part("id"))
    if run is None:
        return asked.problem(404, NONE, where=asked.part("id")[:80])
    rules = desk(asked).rules
    return asked.page(
        "questions.html", run=run, kinds=KINDS, words=CHOICES, files=rules.files,
        megabytes=rules.file_octets // 1_048_576, live=Markup(_waiting(asked, run)),  # noqa: S704 - our own template's output, escaped there
    )  # fmt: skip


def _waiting(asked: Asked, run: Run | None) -> str:
    """Return what stands there while nothing is asked; it leads on as soon as something is."""
    return render("questions_live.html", asked.language, asked.office.zone, {"run": run, "kinds": KINDS})


def _stream(asked: Asked) -> Response:
    name = asked.part("id")
    if desk(asked).run(name) is None:
        return asked.problem(404, NONE, where=name[:80])
    source = parts(Shared[str](), asked.language, lambda: _waiting(asked, desk(asked).run(name)))
    return StreamingResponse(source, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _answer(asked: Asked) -> Response:
    """Take an answer. Its moment is when the request came, before its photo was read."""
    name, told = asked.part("id"), asked.part("number")
    number = question_number(told)
    if number is None:
        raise DescriptionError(Text(ja="その質問はない", en="there is no such question"), told[:40])
    choice = asked.form.get("choice")
    if choice is None:
        raise DescriptionError(Text(ja="答えを一つ選ぶ", en="choose an answer"))
    files = [(file or "photo", content) for _, file, content in asked.files if content]
    desk(asked).answer(
        name, number, choice, actor(asked), asked.now, asked.form.get("note", "").strip(), files
    )
    return asked.see_other(
        f"/assess/runs/{quote(name)}/questions", asked.t("答えを受け取った。", "The answer was taken.")
    )


PAGE = Page(
    "questions",
    Text(ja="質問", en="Questions"),
    (
        Route("GET", "/assess/runs/{id}/questions", _questions, Permission.WORK),
        Route("GET", "/assess/runs/{id}/questions/live", _stream, Permission.WORK),
        Route("POST", "/assess/runs/{id}/questions/{number}", _answer, Permission.WORK, opens=_OPENS),
    ),
)
