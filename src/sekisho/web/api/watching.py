"""Operations on what the watch found."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.formats.flow_rows import line_text
from sekisho.language import Language, Text
from sekisho.model.account import Permission
from sekisho.model.detected import Listed
from sekisho.model.detection import Grade
from sekisho.model.verdict import Scalar
from sekisho.ports.detections import DetectionFilter
from sekisho.web import filtering
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation

Limit = Annotated[int, msgspec.Meta(ge=1, le=500)]
# A pseudonym of 63 bits in hexadecimal digits; empty asks for all lines.
Line = Annotated[str, msgspec.Meta(pattern=r"^(L([0-7][0-9a-f]{15}|[0-9a-f]{1,15}))?$")]
After = Annotated[str, msgspec.Meta(pattern=r"^(\d{1,18}\..+)?$", description="the next of the page before")]
Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999, description="milliseconds")]


class DetectionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which detections; what is left out doesn't narrow."""

    method: tuple[str, ...] = ()
    grade: tuple[Grade, ...] = ()
    family: str | None = None
    line: Line = ""
    remote: str = ""
    since: Moment = 0
    until: Moment = 0
    after: After = ""
    limit: Limit = 50


class DetectionOut(msgspec.Struct, frozen=True):
    """A detection without its flow rows; ``sentence`` is in the language asked for."""

    id: str
    method: str
    line: str
    begin: int
    end: int
    grade: Grade
    reason: str
    sentence: str
    arguments: dict[str, Scalar]
    family: str
    remotes: tuple[str, ...]
    remote_count: int
    rows: int
    sampling: int
    sources: tuple[str, ...]
    found: int
    expires: int


class DetectionPageOut(msgspec.Struct, frozen=True):
    """A page, newest first; ``next`` is the ``after`` of the next one, empty at the end."""

    detections: tuple[DetectionOut, ...]
    next: str


class DetectionEvidence(msgspec.Struct, frozen=True):
    """A detection with its flow rows; None when their time is over and they were deleted."""

    detection: DetectionOut
    evidence: tuple[dict[str, Any], ...] | None


class CountsOut(msgspec.Struct, frozen=True):
    """How many; not ``exact`` when only the newest were counted."""

    total: int
    exact: bool
    methods: dict[str, int]
    grades: dict[str, int]
    families: dict[str, int]


def _told(asked: Asked, one: Listed, reasons: dict[str, Any]) -> DetectionOut:
    method = reasons.get(one.method)
    text: Text | None = method.reasons.get(one.reason) if method else None
    return DetectionOut(
        one.id, one.method, line_text(one.subscriber), one.begin, one.end, one.grade, one.reason,
        text.say(Language(asked.language), **one.arguments) if text else "", one.arguments, one.family, one.remotes,
        one.remote_count, one.rows, one.sampling, one.sources, one.found, one.expires,
    )  # fmt: skip


def _filter(query: DetectionQuery) -> DetectionFilter:
    return DetectionFilter(
        methods=query.method, grades=query.grade, family=query.family, subscriber=filtering.line(query.line),
        remote=query.remote, since=query.since, until=query.until,
    )  # fmt: skip


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


def _list(asked: Asked, query: DetectionQuery, _body: None) -> DetectionPageOut:
    desk = asked.office.console.watch
    page = desk.detections(_filter(query), after=query.after, limit=query.limit, who=_name(asked))
    reasons = dict(desk.methods())
    return DetectionPageOut(tuple(_told(asked, one, reasons) for one in page.listed), page.next)


def _counts(asked: Asked, query: DetectionQuery, _body: None) -> CountsOut:
    told = asked.office.console.watch.counts(_filter(query), who=_name(asked))
    return CountsOut(told.total, told.exact, told.methods, told.grades, told.families)


def _one(asked: Asked, _query: Any, _body: None) -> DetectionEvidence | None:
    desk = asked.office.console.watch
    found = desk.detection(asked.part("id"), who=_name(asked))
    if found is None:
        return None
    return DetectionEvidence(_told(asked, found.listed, dict(desk.methods())), found.evidence)


OPERATIONS = (
    Operation(
        "GET", "/api/v1/detections", "listDetections", Text(ja="検出の一覧", en="List detections"), Permission.SEE,
        _list, DetectionPageOut, DetectionQuery,
    ),
    Operation(
        "GET", "/api/v1/detections/counts", "countDetections", Text(ja="検出の件数", en="Count detections"),
        Permission.SEE, _counts, CountsOut, DetectionQuery,
    ),
    Operation(
        "GET", "/api/v1/detections/{id}", "getDetection", Text(ja="検出と根拠のフロー", en="A detection and its flows"),
        Permission.SEE, _one, DetectionEvidence, others=(404,),
    ),
)  # fmt: skip
