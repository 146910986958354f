"""Operations on what was assessed: terminals, where they stand on each duty, findings, evidence; judging again; descriptions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho import plugins
from sekisho.errors import ConflictError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.verdict import Scalar, Verdict
from sekisho.web.acting import actor
from sekisho.web.api.watching import Limit
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation, standing

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=32)]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,79}\.toml$")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]


class TerminalQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of terminals in the order of their names; ``text`` is in the name."""

    text: Annotated[str, msgspec.Meta(max_length=200)] = ""
    after: Annotated[str, msgspec.Meta(max_length=400)] = ""
    limit: Limit = 50


class TerminalOut(msgspec.Struct, frozen=True):
    """A terminal; verdicts by catalogue are those of its newest assessments. ``described`` names its description."""

    terminal: str
    maker: str
    model: str
    kind: str
    software: str
    units: tuple[str, ...]
    described: str
    problem: str
    assessments: int
    latest: str
    began: int
    verdicts: dict[str, str]


class TerminalPageOut(msgspec.Struct, frozen=True):
    """A page; ``next`` is the ``after`` of the next one, empty at the end."""

    terminals: tuple[TerminalOut, ...]
    next: str


class MatrixQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which catalogue ("" for all) and which page of terminals."""

    catalogue: Annotated[str, msgspec.Meta(max_length=100)] = ""
    after: Annotated[str, msgspec.Meta(max_length=400)] = ""
    limit: Limit = 50


class MatrixRowOut(msgspec.Struct, frozen=True):
    """A terminal's verdicts by ``catalogue/requirement``; a duty that isn't named was never judged."""

    terminal: str
    assessments: dict[str, str]
    verdicts: dict[str, str]


class MatrixOut(msgspec.Struct, frozen=True):
    """Terminals and duties; ``next`` is the ``after`` of the next page, empty at the end."""

    catalogues: tuple[str, ...]
    rows: tuple[MatrixRowOut, ...]
    next: str


class FindingOut(msgspec.Struct, frozen=True):
    """What a criterion says: an id of a reason and its arguments; ``claim`` is the maker's, shown as such."""

    criterion: str
    verdict: str
    reason: str
    arguments: dict[str, Scalar]
    claim: str


class DutyOut(msgspec.Struct, frozen=True):
    """The verdict on one requirement, and why."""

    catalogue: str
    requirement: str
    verdict: str
    note: str
    findings: tuple[FindingOut, ...]


class PieceOut(msgspec.Struct, frozen=True):
    """A file of the evidence; its octets are at ``/assess/{id}/files/{sha256}``, with the same token."""

    path: str
    sha256: str
    size: int
    kind: str
    name: str


class JudgementOut(msgspec.Struct, frozen=True):
    """An assessment's last judgement (no duties before there was one), its attempts by probe, and its evidence."""

    id: str
    duties: tuple[DutyOut, ...]
    attempts: dict[str, str]
    evidence: tuple[PieceOut, ...]


class ChangeOut(msgspec.Struct, frozen=True):
    """A requirement whose verdict the last judgement changed; None: it was not judged then."""

    catalogue: str
    requirement: str
    before: str | None
    after: str | None


class ChangesOut(msgspec.Struct, frozen=True):
    """What the last judgement changed against the one before; ``first`` when there was none before."""

    first: bool
    catalogues: tuple[str, ...]
    changed: tuple[ChangeOut, ...]


class CheckedOut(msgspec.Struct, frozen=True):
    """How many things of an evidence folder were checked, and what is wrong with it: nothing, when it is whole."""

    checked: int
    problems: tuple[str, ...]


class Rejudging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By which catalogues the same evidence is judged again."""

    catalogues: Annotated[Names, msgspec.Meta(min_length=1)]


class Reporting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which formats the reports are written; none means all."""

    formats: Names = ()


class DescriptionsOut(msgspec.Struct, frozen=True):
    """The names of the descriptions."""

    descriptions: tuple[str, ...]


class DescriptionOut(msgspec.Struct, frozen=True):
    """A description without its text, which may hold codes; ``digest`` is what a replacement must name."""

    name: str
    digest: str
    maker: str
    model: str
    fault: str


class DescriptionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A description to check, and with ``keep`` to keep; ``replaces`` is the digest of the one that it takes the place of."""

    name: FileName
    text: Annotated[str, msgspec.Meta(max_length=50_000)]
    replaces: Digest = ""
    keep: bool = False


def _words(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {name: Verdict(one).name for name, one in verdicts.items()}


def _terminals(asked: Asked, query: TerminalQuery, _body: None) -> TerminalPageOut:
    every = asked.office.console.terminals.terminals()
    wanted = query.text.casefold()
    found = [one for one in every if one.terminal > query.after and wanted in one.terminal.casefold()]
    shown = found[: query.limit]
    return TerminalPageOut(
        tuple(
            TerminalOut(
                one.terminal, one.maker, one.model, one.kind, one.software, one.units, one.described, one.problem,
                one.assessments, one.latest, one.began, _words(one.verdicts),
            )
            for one in shown
        ),
        shown[-1].terminal if len(found) > query.limit else "",
    )  # fmt: skip


def _matrix(asked: Asked, query: MatrixQuery, _body: None) -> MatrixOut:
    found = asked.office.console.terminals.matrix(query.catalogue, after=query.after, limit=query.limit)
    rows = (MatrixRowOut(one.terminal, one.assessments, _words(one.verdicts)) for one in found.rows)
    return MatrixOut(found.catalogues, tuple(rows), found.next)


def _there(asked: Asked) -> bool:
    return asked.office.console.terminals.assessment(asked.part("id")) is not None


def _judgement(asked: Asked, _query: Any, _body: None) -> JudgementOut | None:
    found = asked.office.console.terminals.detail(asked.part("id"))
    if found is None:
        return None
    judged = found.assessment.judged if found.assessment else ()
    duties = (
        DutyOut(
            one.catalogue, one.requirement, one.verdict.name, one.note,
            tuple(FindingOut(f.criterion, f.verdict.name, f.reason, f.arguments, f.claim) for f in one.findings),
        )
        for one in judged
    )  # fmt: skip
    pieces = (PieceOut(one.path, one.sha256, one.size, one.kind, one.name) for one in found.files)
    attempts = {name: one.status.value for name, one in found.attempts.items()}
    return JudgementOut(found.row.id, tuple(duties), attempts, tuple(pieces))


def _changes(asked: Asked, _query: Any, _body: None) -> ChangesOut | None:
    found = asked.office.console.judging.changes(asked.part("id")) if _there(asked) else None
    if found is None:
        return None
    changed = (
        ChangeOut(catalogue, requirement, before.name if before is not None else None, after.name if after is not None else None)
        for catalogue, requirement, before, after in found.changed
    )  # fmt: skip
    return ChangesOut(found.before is None, found.after.catalogues, tuple(changed))


def _verify(asked: Asked, _query: Any, _body: None) -> CheckedOut | None:
    if not _there(asked):
        return None
    found = standing(lambda: asked.office.console.terminals.verify(asked.part("id")))
    return CheckedOut(
        found.checked, tuple(f"{one.kind} {one.where} {one.detail}".strip() for one in found.problems)
    )


def _rejudge(asked: Asked, _query: Any, body: Rejudging) -> ChangesOut | None:
    if not _there(asked):
        return None
    _known("catalogues", body.catalogues)
    standing(lambda: asked.office.console.judging.rejudge(asked.part("id"), body.catalogues, actor(asked)))
    return _changes(asked, None, None)


def _report(asked: Asked, _query: Any, body: Reporting) -> JudgementOut | None:
    if not _there(asked):
        return None
    _known("renderers", body.formats)
    standing(lambda: asked.office.console.judging.report(asked.part("id"), body.formats, actor(asked)))
    return _judgement(asked, None, None)


def _known(kind: str, wanted: tuple[str, ...]) -> None:
    unknown = [one for one in wanted if one not in plugins.names(kind)]
    if unknown:
        raise ConflictError(Text(ja="入っていない", en="not installed here"), ", ".join(unknown)[:200])


def _descriptions(asked: Asked, _query: Any, _body: None) -> DescriptionsOut:
    return DescriptionsOut(asked.office.console.runs.described())


def _description(asked: Asked, _query: Any, _body: None) -> DescriptionOut | None:
    name = asked.part("name")
    return _kept(asked, name) if name in asked.office.console.runs.described() else None


def _kept(asked: Asked, name: str) -> DescriptionOut | None:
    found = standing(lambda: asked.office.console.descriptions.kept(name))
    if found is None:
        return None
    maker, model = (found.terminal.maker, found.terminal.model) if found.terminal else ("", "")
    return DescriptionOut(found.name, found.digest, maker, model, found.fault)


def _describe(asked: Asked, _query: Any, body: DescriptionIn) -> DescriptionOut | None:
    desk = asked.office.console.descriptions
    if body.keep:
        standing(lambda: desk.put(body.name, body.text, actor(asked), replaces=body.replaces))
        return _kept(asked, body.name)
    good = standing(lambda: desk.check(body.text))
    return DescriptionOut(body.name, "", good.maker, good.model, "")


OPERATIONS = (
    Operation(
        "GET", "/api/v1/terminals", "listTerminals", Text(ja="端末の一覧", en="List terminals"), Permission.SEE, _terminals,
        TerminalPageOut, TerminalQuery,
    ),
    Operation(
        "GET", "/api/v1/matrix", "getMatrix", Text(ja="端末×義務の表", en="Terminals by duties"), Permission.SEE, _matrix,
        MatrixOut, MatrixQuery,
    ),
    Operation(
        "GET", "/api/v1/assessments/{id}/judgement", "getJudgement", Text(ja="義務ごとの判定と証跡", en="Verdicts by duty, and the evidence"),
        Permission.SEE, _judgement, JudgementOut, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/assessments/{id}/changes", "getChanges", Text(ja="最後の判定で変わったこと", en="What the last judgement changed"),
        Permission.SEE, _changes, ChangesOut, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/assessments/{id}/verified", "verifyAssessment", Text(ja="証跡の改変を調べる", en="Check the evidence for changes"),
        Permission.SEE, _verify, CheckedOut, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/assessments/{id}/rejudge", "rejudge", Text(ja="同じ証跡を判定し直す", en="Judge the same evidence again"),
        Permission.WORK, _rejudge, ChangesOut, body=Rejudging, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/assessments/{id}/reports", "makeReports", Text(ja="報告書を書く", en="Write reports"), Permission.WORK,
        _report, JudgementOut, body=Reporting, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/descriptions", "listDescriptions", Text(ja="機器記述の一覧", en="List descriptions of terminals"),
        Permission.SEE, _descriptions, DescriptionsOut,
    ),
    Operation(
        "GET", "/api/v1/descriptions/{name}", "getDescription", Text(ja="機器記述（本文は出さない）", en="A description, without its text"),
        Permission.WORK, _description, DescriptionOut, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/descriptions", "putDescription", Text(ja="機器記述を確かめる、保存する", en="Check a description, keep it"),
        Permission.WORK, _describe, DescriptionOut, body=DescriptionIn, others=(404, 409),
    ),
)  # fmt: skip
