"""Assessments: the list, the matrix of terminals and duties, and one assessment with its verdicts and what they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.responses import Response

from sekisho import plugins
from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.registry import AssessmentRow, FileRow, State
from sekisho.model.requirement import Status
from sekisho.model.verdict import Verdict
from sekisho.ports.registry import AssessmentFilter
from sekisho.reports.content.shown import flat
from sekisho.stores.assessment_reading import milliseconds
from sekisho.web import filtering
from sekisho.web.asked import Asked
from sekisho.web.assessed import (
    SIGNS,
    STATE_KINDS,
    anchor,
    attempt_kind,
    attempt_words,
    by_probe,
    catalogue,
    judged,
    probe_title,
)
from sekisho.web.page import Page, Route

if TYPE_CHECKING:
    from sekisho.wiring.console_terminals import Matrix

_PAGE, _ROWS, _EXPORTED = 50, 12, 10_000
_WHOLE_ROWS = 50
HEAD = (
    "id", "maker", "model", "kind", "unit", "software", "state", "began_ms", "ended_ms", "person", "place", "number",
    "verdicts", "head", "tool",
)  # fmt: skip
_NONE = Text(ja="その評価はない", en="there is no such assessment")
_EMPTY = ("", "[]", "{}")
_LABELS = {
    "host": Text(ja="試験した計算機", en="Machine that tested"),
    "platform": Text(ja="そのシステム", en="Its system"),
    "person": Text(ja="試験した人", en="Tested by"),
    "place": Text(ja="場所", en="Place"),
    "tool": Text(ja="道具", en="Tool"),
    "target": Text(ja="対象", en="Target"),
    "id": Text(ja="番号", en="Id"),
    "instruments": Text(ja="計器", en="Instruments"),
    "addresses": Text(ja="許された宛先", en="Addresses allowed"),
    "allowed_by": Text(ja="許可した人", en="Allowed by"),
    "organisation": Text(ja="組織", en="Organisation"),
    "role": Text(ja="その立場", en="In which role"),
    "risks": Text(ja="許された強さ", en="What is allowed"),
    "signed_on": Text(ja="署名の日", en="Signed on"),
    "statement": Text(ja="文言", en="Statement"),
    "valid_from": Text(ja="始まり", en="Valid from"),
    "valid_until": Text(ja="終わり", en="Valid until"),
    "public_addresses": Text(ja="公開アドレスを含む", en="Public addresses meant"),
    "macs": Text(ja="MACアドレス", en="MAC addresses"),
    "host_keys": Text(ja="SSHのホスト鍵", en="SSH host keys"),
}


def _list(asked: Asked) -> Response:
    desk, wanted = asked.office.console.terminals, _wanted(asked)
    if "format" in asked.query:
        return asked.export("assessments", HEAD, [_cells(one) for one in _every(asked, wanted)])
    page = desk.assessments(wanted, after=asked.query.get("after", ""), limit=_PAGE)
    filtered = any(asked.query.get(one) for one in ("text", "state", "verdict", "since", "until"))
    chosen = "" if filtered or asked.query.get("after") else _chosen(asked)
    matrix = desk.matrix(chosen, limit=_ROWS) if chosen else None
    return asked.page(
        "assess.html",
        rows=page.assessments,
        living=() if filtered or asked.query.get("after") else asked.office.console.runs.alive(),
        next=page.next,
        matrix=matrix,
        columns=_columns(asked, matrix) if matrix else [],
        chosen=chosen,
        catalogue=catalogue,
        filtered=filtered,
        states=tuple(State),
        verdicts_of=tuple(Verdict),
        kinds=STATE_KINDS,
        signs=SIGNS,
        since=filtering.day(asked, "since"),
        until=filtering.day(asked, "until", ends=True),
    )


def _wanted(asked: Asked) -> AssessmentFilter:
    query = asked.query
    state, verdict = query.get("state", ""), query.get("verdict", "")
    if (state and state not in set(State)) or (verdict and verdict not in Verdict.__members__):
        raise DescriptionError(Text(ja="その値はない", en="there is no such value"), f"{state}{verdict}"[:60])
    return AssessmentFilter(
        states=(State(state),) if state else (),
        verdict=Verdict[verdict] if verdict else None,
        text=query.get("text", "").strip(),
        since=filtering.moment(asked, "since"),
        until=filtering.moment(asked, "until", ends=True),
    )


def _chosen(asked: Asked) -> str:
    """Return the catalogue that the matrix shows: the one that is asked for, else one in force, else any."""
    told = asked.query.get("catalogue", "").strip()
    if told:
        return told
    every = asked.office.console.terminals.matrix(limit=1).catalogues
    force = (name for name in every if (known := catalogue(name)) and known.status is Status.IN_FORCE)
    return next(force, next(iter(every), ""))


def _columns(asked: Asked, matrix: Matrix) -> list[tuple[str, str, str, str]]:
    """Return the columns of the matrix: key, short name, what it asks for, its name on an assessment's page."""
    return [
        (
            f"{one.catalogue}/{one.requirement}",
            one.requirement,
            f"{one.clause} {one.title.say(asked.language) if one.title else ''}".strip(),
            anchor(one.catalogue, one.requirement),
        )
        for one in matrix.duties
    ]


def _matrix(asked: Asked) -> Response:
    desk, chosen = asked.office.console.terminals, _chosen(asked)
    matrix = desk.matrix(chosen, after=asked.query.get("after", ""), limit=_WHOLE_ROWS)
    columns = _columns(asked, matrix)
    if "format" in asked.query:
        rows = [
            (row.terminal, row.assessments.get(chosen, ""), *(row.verdicts[key].name if key in row.verdicts else "" for key, *_ in columns))
            for row in matrix.rows
        ]  # fmt: skip
        return asked.export(
            f"matrix-{chosen}", ("terminal", "assessment", *(name for _, name, *_ in columns)), rows
        )
    return asked.page(
        "matrix.html", matrix=matrix, columns=columns, chosen=chosen, catalogue=catalogue, signs=SIGNS,
        next=matrix.next, anchor=anchor,
    )  # fmt: skip


def _every(asked: Asked, wanted: AssessmentFilter) -> Iterator[AssessmentRow]:
    after, count = "", 0
    while count < _EXPORTED:
        page = asked.office.console.terminals.assessments(wanted, after=after, limit=1000)
        yield from page.assessments
        count, after = count + len(page.assessments), page.next
        if not after:
            return


def _cells(one: AssessmentRow) -> tuple[str | int, ...]:
    verdicts = " ".join(f"{name}={verdict.name}" for name, verdict in sorted(one.verdicts.items()))
    return (
        one.id, one.maker, one.model, one.kind, one.unit, one.software, one.state.value, one.began, one.ended,
        one.person, one.place, one.number, verdicts, one.head, one.tool,
    )  # fmt: skip


def _one(asked: Asked) -> Response:
    detail = asked.office.console.terminals.detail(asked.part("id"))
    if detail is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:80])
    steps = by_probe(detail.steps)
    reports = [one for one in detail.files if one.kind == "report"]
    # Of each report the newest that was written since the last judgement; what is older is of another one.
    since = detail.row.ended // 1000
    newest = {_short(one): one for one in reports if milliseconds(one.at) // 1000 >= since}
    newest = newest or {_short(one): one for one in reports}
    others = [one for one in detail.files if one.kind not in ("report", "transcript")]
    return asked.page(
        "assessment.html",
        row=detail.row,
        run=asked.office.console.runs.run(detail.row.id),
        terminal=detail.terminal,
        parts=tuple(judged(detail.row.id, detail.assessment, asked.language)) if detail.assessment else (),
        attempts=[
            (name, probe_title(name), attempt, attempt_words(attempt), attempt_kind(attempt), len(steps.get(name, ())))
            for name, attempt in detail.attempts.items()
        ],
        running=[name for name in steps if name not in detail.attempts],
        probe_title=probe_title,
        reports=list(newest.values()),
        older=len(reports) - len(newest),
        formats=plugins.names("renderers"),
        catalogues=[(name, found) for name in plugins.names("catalogues") if (found := catalogue(name))],
        used={part.catalogue for part in detail.assessment.judged} if detail.assessment else set(),
        files=others,
        transcripts=len([one for one in detail.files if one.kind == "transcript"]),
        authorisation=[(name, value) for name, value in flat(detail.authorisation) if name and value not in _EMPTY],
        provenance=[(name, value) for name, value in flat(detail.provenance) if name and value not in _EMPTY],
        labels=_LABELS,
        kinds=STATE_KINDS,
        signs=SIGNS,
        anchor=anchor,
        short=_short,
    )  # fmt: skip


def _short(file: FileRow) -> str:
    return file.path.rpartition("/")[2] if file.kind != "blob" else file.name


PAGE = Page(
    "assess",
    Text(ja="評価", en="Assess"),
    (
        Route("GET", "/assess", _list, Permission.SEE),
        Route("GET", "/assess/matrix", _matrix, Permission.SEE),
        Route("GET", "/assess/{id}", _one, Permission.SEE),
    ),
    order=2,
    sign="評",
)
