"""Operations on runs: what the pages do to start, watch, stop and resume an assessment and to answer its questions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.assess_run import Asking, Run
from sekisho.web.acting import actor, question_number
from sekisho.web.api.watching import After, Limit
from sekisho.web.asked import Asked
from sekisho.web.operations import Nothing, Operation, standing
from sekisho.wiring.console_runs import Wanted
from sekisho.workflows.authorise import MOST_DAYS

Word = Annotated[str, msgspec.Meta(max_length=300)]
Words = Annotated[tuple[Word, ...], msgspec.Meta(max_length=64)]


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which runs: those behind ``after``, newest first."""

    after: After = ""
    limit: Limit = 50


class ProbeOut(msgspec.Struct, frozen=True):
    """One probe: ``status`` is empty until it ended."""

    name: str
    status: str
    reason: str
    steps: int
    seconds: float


class RunOut(msgspec.Struct, frozen=True):
    """A run; its id is that of its assessment as well. ``error`` says why it failed."""

    id: str
    terminal: str
    addresses: tuple[str, ...]
    catalogues: tuple[str, ...]
    by: str
    at: int
    state: str
    resumable: bool
    probe: str
    step: str
    probes: tuple[ProbeOut, ...]
    questions: int
    error: str


class RunPageOut(msgspec.Struct, frozen=True):
    """A page of runs, newest first; ``next`` is the ``after`` of the next one, empty at the end."""

    runs: tuple[RunOut, ...]
    next: str


class StartIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to assess (the file name of a description below ``terminals``) and who allows it.

    ``agreed`` says that the statement of the authorisation is agreed to: the access administrator allows tests that
    include entering identification codes. ``addresses`` are prefixes; none means those of the terminal alone.
    """

    terminal: Word
    catalogues: Annotated[Words, msgspec.Meta(min_length=1)]
    allowed_by: Word
    agreed: bool
    role: Word = ""
    organisation: Word = ""
    addresses: Words = ()
    days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = 30
    risks: Words = ("login", "write", "lockout")
    only: Words = ()
    ask: bool = True
    public_addresses: bool = False
    place: Word = ""
    digest: Annotated[
        str, msgspec.Meta(max_length=64, description="of the description whose plan was seen")
    ] = ""


class PlannedOut(msgspec.Struct, frozen=True):
    """One probe of a plan: whether it runs, and why it doesn't."""

    probe: str
    risk: str
    runs: bool
    why: str


class PlanOut(msgspec.Struct, frozen=True):
    """What a start would do; nothing was sent. Starting with its ``digest`` starts exactly this description."""

    terminal: str
    addresses: tuple[str, ...]
    catalogues: tuple[str, ...]
    probes: tuple[PlannedOut, ...]
    digest: str


class QuestionOut(msgspec.Struct, frozen=True):
    """A question that waits for an answer until ``until``."""

    number: int
    id: str
    text: str
    steps: tuple[str, ...]
    choices: tuple[str, ...]
    attach: bool
    at: int
    until: int


class QuestionsOut(msgspec.Struct, frozen=True):
    """The questions of a run that wait."""

    questions: tuple[QuestionOut, ...]


class AnswerIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer; an empty ``choice`` leaves the question open. Photos are sent by the page."""

    choice: Annotated[str, msgspec.Meta(max_length=40)]
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


def _out(run: Run, asked: Asked) -> RunOut:
    p = run.progress
    ended = p.ended if p else None
    return RunOut(
        run.order.id, run.order.terminal, run.order.addresses, run.order.catalogues, run.order.by, run.order.at,
        run.state.value, run.resumable, p.probe if p else "", p.step if p else "",
        tuple(ProbeOut(one.name, one.status, one.reason, one.steps, one.seconds) for one in p.probes) if p else (),
        len(run.asking), f"{ended.what.say(asked.language)} {ended.where}".strip() if ended and not run.state.alive else "",
    )  # fmt: skip


def _runs(asked: Asked, query: RunsQuery, _body: None) -> RunPageOut:
    found = asked.office.console.runs.runs(after=query.after, limit=query.limit + 1)
    shown = found[: query.limit]
    return RunPageOut(
        tuple(_out(one, asked) for one in shown), shown[-1].order.id if len(found) > query.limit else ""
    )


def _run(asked: Asked, _query: Any, _body: None) -> RunOut | None:
    run = asked.office.console.runs.run(asked.part("id"))
    return _out(run, asked) if run else None


def _wanted(body: StartIn) -> Wanted:
    return Wanted(
        described=body.terminal, catalogues=body.catalogues, digest=body.digest,
        only=body.only, allowed_by=body.allowed_by, role=body.role, organisation=body.organisation,
        addresses=body.addresses, days=body.days, risks=body.risks, public=body.public_addresses,
        agreed=body.agreed, ask=body.ask, place=body.place,
    )  # fmt: skip


def _plan(asked: Asked, _query: Any, body: StartIn) -> PlanOut | None:
    desk = asked.office.console.runs
    if body.terminal not in desk.described():
        return None
    ready = standing(lambda: desk.ready(_wanted(body), asked.language))
    probes = (PlannedOut(one.probe, one.risk.name.lower(), one.runs, one.why) for one in ready.plan.probes)
    return PlanOut(ready.title, ready.addresses, body.catalogues, tuple(probes), ready.digest)


def _start(asked: Asked, _query: Any, body: StartIn) -> RunOut | None:
    desk = asked.office.console.runs
    # Only what is described: a program that tries things must not hit a machine by the chance of an address.
    if body.terminal not in desk.described():
        return None
    run = desk.run(desk.start(_wanted(body), actor(asked), asked.language))
    return _out(run, asked) if run else None


def _stop(asked: Asked, _query: Any, _body: Nothing) -> RunOut | None:
    desk, name = asked.office.console.runs, asked.part("id")
    if desk.run(name) is None:
        return None
    desk.stop(name, actor(asked))
    return _run(asked, None, None)


def _resume(asked: Asked, _query: Any, _body: Nothing) -> RunOut | None:
    desk, name = asked.office.console.runs, asked.part("id")
    if desk.run(name) is None:
        return None
    desk.resume(name, actor(asked), asked.language)
    return _run(asked, None, None)


def _questions(asked: Asked, _query: Any, _body: None) -> QuestionsOut | None:
    run = asked.office.console.runs.run(asked.part("id"))
    if run is None:
        return None
    return QuestionsOut(tuple(_question(one, asked) for one in run.asking))


def _question(one: Asking, asked: Asked) -> QuestionOut:
    steps = tuple(step.say(asked.language) for step in one.steps)
    return QuestionOut(
        one.number, one.id, one.text.say(asked.language), steps, one.choices, one.attach, one.at, one.until
    )


def _answer(asked: Asked, _query: Any, body: AnswerIn) -> QuestionsOut | None:
    desk, name, number = asked.office.console.runs, asked.part("id"), question_number(asked.part("number"))
    if number is None or desk.run(name) is None:
        return None
    desk.answer(name, number, body.choice, actor(asked), asked.now, body.note)
    return _questions(asked, None, None)


OPERATIONS = (
    Operation(
        "GET", "/api/v1/runs", "listRuns", Text(ja="実施の一覧", en="List runs"), Permission.SEE, _runs, RunPageOut,
        RunsQuery,
    ),
    Operation(
        "POST", "/api/v1/runs", "startRun", Text(ja="評価を始める", en="Start an assessment"), Permission.WORK, _start,
        RunOut, body=StartIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/runs/plan", "planRun", Text(ja="何をするか（何も送らない）", en="What a start would do; nothing is sent"),
        Permission.WORK, _plan, PlanOut, body=StartIn, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/runs/{id}", "getRun", Text(ja="実施", en="A run"), Permission.SEE, _run, RunOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/runs/{id}/stop", "stopRun", Text(ja="止める", en="Stop a run"), Permission.WORK, _stop, RunOut,
        body=Nothing, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/runs/{id}/resume", "resumeRun", Text(ja="続ける", en="Go on with a run"), Permission.WORK,
        _resume, RunOut, body=Nothing, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/runs/{id}/questions", "listQuestions", Text(ja="待っている質問", en="Questions that wait"),
        Permission.SEE, _questions, QuestionsOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/runs/{id}/questions/{number}", "answerQuestion", Text(ja="質問に答える", en="Answer a question"),
        Permission.WORK, _answer, QuestionsOut, body=AnswerIn, others=(404, 409),
    ),
)  # fmt: skip
