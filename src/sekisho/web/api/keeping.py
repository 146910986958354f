"""Operations on assessments, terminals and the audit log."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.registry import AssessmentRow
from sekisho.model.verdict import Scalar, Verdict
from sekisho.web.api.watching import After, Limit, Moment
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation


class Me(msgspec.Struct, frozen=True):
    """Who asks, and what this request may do."""

    name: str
    permissions: tuple[Permission, ...]


class AssessmentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which assessments."""

    maker: str = ""
    model: str = ""
    text: str = ""
    after: After = ""
    limit: Limit = 50


class AssessmentOut(msgspec.Struct, frozen=True):
    """One assessment; verdicts by catalogue are words."""

    id: str
    terminal: str
    maker: str
    model: str
    unit: str
    software: str
    began: int
    ended: int
    person: str
    state: str
    problem: str
    verdicts: dict[str, str]


class AssessmentPageOut(msgspec.Struct, frozen=True):
    """A page, newest first; ``next`` is the ``after`` of the next one, empty at the end."""

    assessments: tuple[AssessmentOut, ...]
    next: str


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries; ``before`` is the number of the last entry of the page before."""

    who: str = ""
    act: str = ""
    object: str = ""
    since: Moment = 0
    until: Moment = 0
    before: Annotated[int, msgspec.Meta(ge=0, le=(1 << 62))] = 0
    limit: Limit = 50


class AuditOut(msgspec.Struct, frozen=True):
    """One entry with its links of the chain."""

    seq: int
    at: int
    who: str
    role: str
    act: str
    object: str
    basis: str
    reason: str
    details: dict[str, Scalar]
    prev: str
    hash: str


class AuditPageOut(msgspec.Struct, frozen=True):
    """Entries, newest first."""

    entries: tuple[AuditOut, ...]


def _me(asked: Asked, _query: Any, _body: None) -> Me:
    return Me(asked.who.name if asked.who else "", tuple(sorted(asked.permissions)))


def _row(one: AssessmentRow) -> AssessmentOut:
    words: dict[str, str] = {name: Verdict(verdict).name for name, verdict in one.verdicts.items()}
    return AssessmentOut(
        one.id, one.terminal, one.maker, one.model, one.unit, one.software, one.began, one.ended, one.person,
        one.state.value, one.problem, words,
    )  # fmt: skip


def _assessments(asked: Asked, query: AssessmentQuery, _body: None) -> AssessmentPageOut:
    from sekisho.ports.registry import AssessmentFilter

    wanted = AssessmentFilter(maker=query.maker, model=query.model, text=query.text)
    page = asked.office.console.terminals.assessments(wanted, after=query.after, limit=query.limit)
    return AssessmentPageOut(tuple(map(_row, page.assessments)), page.next)


def _assessment(asked: Asked, _query: Any, _body: None) -> AssessmentOut | None:
    found = asked.office.console.terminals.assessment(asked.part("id"))
    return _row(found) if found else None


def _audit(asked: Asked, query: AuditQuery, _body: None) -> AuditPageOut:
    from sekisho.stores.database.audit_pages import AuditFilter

    wanted = AuditFilter(
        who=query.who, act=query.act, object=query.object, since=query.since, until=query.until
    )
    name = asked.who.name if asked.who else ""
    found = asked.office.console.keeping.audit(wanted, before=query.before, limit=query.limit, who=name)
    return AuditPageOut(
        tuple(
            AuditOut(**{field: getattr(one, field) for field in AuditOut.__struct_fields__}) for one in found
        )
    )


OPERATIONS = (
    Operation("GET", "/api/v1/me", "whoAmI", Text(ja="わたしは誰か", en="Who asks"), Permission.SEE, _me, Me),
    Operation(
        "GET", "/api/v1/assessments", "listAssessments", Text(ja="評価の一覧", en="List assessments"), Permission.SEE,
        _assessments, AssessmentPageOut, AssessmentQuery,
    ),
    Operation(
        "GET", "/api/v1/assessments/{id}", "getAssessment", Text(ja="評価", en="An assessment"), Permission.SEE,
        _assessment, AssessmentOut, others=(404,),
    ),
    Operation(
        "GET", "/api/v1/audit", "listAudit", Text(ja="監査記録", en="The audit log"), Permission.WORK, _audit,
        AuditPageOut, AuditQuery,
    ),
)  # fmt: skip
