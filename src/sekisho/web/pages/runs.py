"""Runs: an assessment is planned, started, watched, stopped and resumed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from weakref import WeakKeyDictionary

from markupsafe import Markup
from starlette.responses import Response, StreamingResponse

from sekisho import plugins
from sekisho.errors import AuthorisationError, SekishoError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.assess_run import Run, RunState
from sekisho.model.evidence import ATTEMPT_REASONS, Attempt, AttemptStatus
from sekisho.model.requirement import Status
from sekisho.web import quick_code
from sekisho.web.acting import KINDS, NONE, actor, desk
from sekisho.web.asked import Asked
from sekisho.web.assessed import attempt_kind, catalogue, probe_title
from sekisho.web.live import Shared, parts
from sekisho.web.page import Page, Route
from sekisho.web.rendering import render
from sekisho.web.starting import RISKS, shown_of, wanted_of
from sekisho.workflows.authorise import STATEMENT, USUAL_RISKS

if TYPE_CHECKING:
    from sekisho.wiring.console import Console

WHY: dict[str, Text] = {
    "not-authorised": Text(ja="この強さの試験は許されていない", en="this risk isn't allowed"),
    "no-authorisation": Text(ja="許可がない", en="no authorisation"),
    "not-installed": Text(ja="部品がない", en="not installed"),
}
_PAGE = 50
_LOOPBACK = ("localhost", "127.", "::1")
# One source for all browsers that watch one run; a console forgets the oldest.
_SHARED: WeakKeyDictionary[Console, dict[str, Shared[str]]] = WeakKeyDictionary()
_MOST_WATCHED = 32


def _new(asked: Asked) -> Response:
    return _form(
        asked, {"described": asked.query.get("described", ""), "address": asked.query.get("address", "")}
    )


def _form(asked: Asked, form: dict[str, str], fault: SekishoError | None = None) -> Response:
    """Show the form: empty with what is usual, or as it was sent, with what is wrong."""
    cards = {one.described: one for one in asked.office.console.terminals.described()}
    fresh = "days" not in form
    known = [(name, found) for name in sorted(plugins.names("catalogues")) if (found := catalogue(name))]
    usual = {f"catalogue.{name}" for name, found in known if found.status is Status.IN_FORCE}
    usual |= {f"risk.{name}" for name in USUAL_RISKS} | {"ask"}
    role = asked.t("アクセス管理者", "access administrator")
    return asked.page(
        "run_new.html",
        status=403 if isinstance(fault, AuthorisationError) else 400 if fault else 200,
        form=form if not fresh else {"role": role, "days": "30", **form},
        ticked=usual if fresh else {name for name, value in form.items() if value},
        described=[(name, cards.get(name)) for name in desk(asked).described()],
        catalogues=known,
        in_force=Status.IN_FORCE,
        probes=[(name, probe_title(name)) for name in sorted(plugins.names("probes"))],
        risks=RISKS,
        most_days=desk(asked).rules.most_days,
        fault=fault,
    )


def _plan(asked: Asked) -> Response:
    """Show what would be done; nothing is sent."""
    form = dict(asked.form)
    if form.get("edit"):
        return _form(asked, shown_of(form))
    try:
        wanted = wanted_of(form)
        ready = desk(asked).ready(wanted, asked.language)
    except SekishoError as fault:
        return _form(asked, shown_of(form), fault)
    return asked.page(
        "run_plan.html", wanted=wanted, ready=ready, carried={**shown_of(form), "digest": ready.digest}, why=WHY, probe_title=probe_title,
        statement=STATEMENT, catalogue=catalogue, risks=RISKS, limits=ready.limits,
    )  # fmt: skip


def _start(asked: Asked) -> Response:
    name = desk(asked).start(wanted_of(asked.form), actor(asked), asked.language)
    return asked.see_other(_path(name), asked.t("評価を始めた。", "The assessment has begun."))


def _list(asked: Asked) -> Response:
    found = desk(asked).runs(after=asked.query.get("after", "")[:200], limit=_PAGE + 1)
    return asked.page(
        "runs.html", runs=found[:_PAGE], next=found[_PAGE - 1].order.id if len(found) > _PAGE else "", kinds=KINDS,
        progress=_done,
    )  # fmt: skip


def _done(run: Run) -> tuple[int, int]:
    """Return how many probes ended, and how many there are."""
    probes = run.progress.probes if run.progress else ()
    return sum(bool(one.status) for one in probes), len(probes)


def _one(asked: Asked) -> Response:
    run = desk(asked).run(asked.part("id"))
    if run is None:
        return asked.problem(404, NONE, where=asked.part("id")[:80])
    return asked.page(
        "run.html",
        run=run,
        states=RunState,
        kinds=KINDS,
        live=Markup(_live(asked, run)),  # noqa: S704 - our own template's output, escaped there
        code=_code(asked, run),
        catalogue=catalogue,
    )


def _code(asked: Asked, run: Run) -> Markup | None:
    """Return the QR code for a phone; None where a phone can't come: the run is over, or the console is on loopback."""
    host = asked.request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if not run.state.alive or not run.order.ask or name.startswith(_LOOPBACK):
        return None
    address = f"{'https' if asked.office.secure else 'http'}://{host}{_path(run.order.id)}/questions"
    return quick_code.drawing(
        address, asked.t("質問の頁へのQRコード", "QR code of the page with the questions")
    )


def _shared(asked: Asked, identifier: str) -> Shared[str]:
    held = _SHARED.setdefault(asked.office.console, {})
    while len(held) >= _MOST_WATCHED and identifier not in held:
        held.pop(next(iter(held)), None)
    return held.setdefault(identifier, Shared())


def _live(asked: Asked, run: Run | None) -> str:
    """Return the part of the page that lives."""
    office = asked.office
    return render(
        "run_live.html", asked.language, office.zone,
        {
            "run": run, "now": office.now(), "kinds": KINDS, "states": RunState, "probe_title": probe_title,
            "words": _words, "why": WHY, "done": _done(run) if run else (0, 0),
        },
    )  # fmt: skip


def _words(one: Any) -> tuple[Text, str]:
    """Return how a probe ended, and the class of its mark."""
    attempt = Attempt(AttemptStatus(one.status), one.reason or "complete", one.detail)
    return ATTEMPT_REASONS.get(attempt.reason) or Text(ja=one.reason, en=one.reason), attempt_kind(attempt)


def _stream(asked: Asked) -> Response:
    run = desk(asked).run(asked.part("id"))
    if run is None:
        return asked.problem(404, NONE, where=asked.part("id")[:80])
    name = run.order.id
    source = parts(_shared(asked, name), asked.language, lambda: _live(asked, desk(asked).run(name)))
    return StreamingResponse(source, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _stop(asked: Asked) -> Response:
    name = asked.part("id")
    how = desk(asked).stop(name, actor(asked))
    said = (
        asked.t(
            "止めるように伝えた。2秒以内に止まる。", "It was told to stop and does so within two seconds."
        )
        if how.interrupted
        else asked.t(
            "処理に直接は伝わらなかったが、止める依頼を置いた。始まっていれば数秒で止まる。止まったことを確かめる。",
            "Its process could not be reached; a request to stop was left for it, which it finds within seconds "
            "once it runs. See that it has stopped.",
        )
    )
    if how.unrecorded:
        why = "; ".join(f"{one.what.say(asked.language)} {one.where}".strip() for one in how.unrecorded)
        said += asked.t(
            f" だれが止めたかは記録できなかった：{why}", f" Who stopped it could not be recorded: {why}"
        )
    return asked.see_other(_path(name), said)


def _resume(asked: Asked) -> Response:
    name = asked.part("id")
    desk(asked).resume(name, actor(asked), asked.language)
    return asked.see_other(_path(name), asked.t("続きを始めた。", "It goes on."))


def _path(name: str) -> str:
    return f"/assess/runs/{quote(name)}"


PAGE = Page(
    "runs",
    Text(ja="評価の実施", en="Runs"),
    (
        Route("GET", "/assess/runs", _list, Permission.SEE),
        Route("GET", "/assess/new", _new, Permission.WORK),
        Route("POST", "/assess/new", _plan, Permission.WORK, opens=65_536),
        Route("POST", "/assess/runs", _start, Permission.WORK, opens=65_536),
        Route("GET", "/assess/runs/{id}", _one, Permission.SEE),
        Route("GET", "/assess/runs/{id}/live", _stream, Permission.SEE),
        Route("POST", "/assess/runs/{id}/stop", _stop, Permission.WORK),
        Route("POST", "/assess/runs/{id}/resume", _resume, Permission.WORK),
    ),
)
