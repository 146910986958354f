"""Operations on cases and notices."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.errors import AuthorisationError, ConflictError, DescriptionError
from sekisho.formats.flow_rows import line_text
from sekisho.formats.written_text import one_line, several_lines
from sekisho.language import Language, Text
from sekisho.model import case_life
from sekisho.model.account import Permission
from sekisho.model.case import Case, CaseState, CloseReason
from sekisho.model.case_life import Actor, Change, Life
from sekisho.model.detection import Grade
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import CaseFilter
from sekisho.web import filtering
from sekisho.web.api.watching import After, Limit, Line, Moment
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation

# A word in it, not only blanks: the pattern says to a program what the case would refuse.
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"\S")]


Known = Annotated[str, msgspec.Meta(min_length=1, max_length=400, pattern=r"\S")]
Revision = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]


class CaseQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cases; what is left out doesn't narrow. ``assignee`` "" asks for cases of nobody."""

    state: tuple[CaseState, ...] = ()
    line: Line = ""
    key: str = ""
    family: str = ""
    device_model: str = ""
    assignee: str | None = None
    since: Moment = 0
    until: Moment = 0
    after: After = ""
    limit: Limit = 50


class CaseOut(msgspec.Struct, frozen=True):
    """A case; ``revision`` is what a change of it must name."""

    id: str
    line: str
    key: str
    state: CaseState
    grade: Grade
    opened: int
    updated: int
    first_seen: int
    last_seen: int
    detections: int
    family: str
    methods: tuple[str, ...]
    assignee: str
    device_model: str
    notified_at: int
    healed_at: int
    relapses: int
    close_reason: str
    merged_into: str
    revision: int


class CasePageOut(msgspec.Struct, frozen=True):
    """A page, newest change first; ``next`` is the ``after`` of the next one, empty at the end."""

    cases: tuple[CaseOut, ...]
    next: str


class EventOut(msgspec.Struct, frozen=True):
    """One entry of a case's life."""

    seq: int
    at: int
    who: str
    kind: str


class CaseLife(msgspec.Struct, frozen=True):
    """A case with its life."""

    case: CaseOut
    events: tuple[EventOut, ...]


class Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A comment, for the case as it was at ``revision``."""

    text: Words
    revision: Revision


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes the case at ``revision``; "" gives it to nobody."""

    assignee: Annotated[str, msgspec.Meta(max_length=100)]
    revision: Revision


class DeviceModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which device model the case at ``revision`` is of ("" for unknown), and how that is known."""

    model: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^(|.*\S.*)$")]
    known_by: Known
    revision: Revision


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of state of the case at ``revision``; closing needs a reason. Healed is observed, never declared."""

    to: CaseState
    revision: Revision
    reason: CloseReason | None = None
    note: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class NoticeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which notices."""

    state: tuple[NoticeState, ...] = ()
    case: str = ""
    after: str = ""
    limit: Limit = 50


class NoticeOut(msgspec.Struct, frozen=True):
    """A notice without its words."""

    id: str
    case: str
    channel: Channel
    language: Language
    state: NoticeState
    digest: str
    created: int
    updated: int
    approved_by: str
    sent_at: int
    withheld: str
    not_before: int
    attempts: int


class NoticePageOut(msgspec.Struct, frozen=True):
    """A page in the order of ids; ``next`` is the ``after`` of the next one, empty at the end."""

    notices: tuple[NoticeOut, ...]
    next: str


def case_out(one: Case) -> CaseOut:
    """Return a case as the API shows it: its line as a pseudonym in text."""
    kept = {
        name: getattr(one, name)
        for name in CaseOut.__struct_fields__
        if name != "line"
    }  # fmt: skip
    return CaseOut(line=line_text(one.subscriber), **kept)


def notice_out(one: Notice) -> NoticeOut:
    """Return a notice as the API shows it in lists: without its words."""
    return NoticeOut(**{name: getattr(one, name) for name in NoticeOut.__struct_fields__})


def _name(asked: Asked) -> str:
    return asked.who.name if asked.who else ""


def _list(asked: Asked, query: CaseQuery, _body: None) -> CasePageOut:
    wanted = CaseFilter(
        states=query.state, subscriber=filtering.line(query.line), key=query.key, family=query.family,
        device_model=query.device_model, assignee=query.assignee, since=query.since, until=query.until,
    )  # fmt: skip
    page = asked.office.console.casework.cases(wanted, after=query.after, limit=query.limit, who=_name(asked))
    return CasePageOut(tuple(map(case_out, page.cases)), page.next)


def _life(asked: Asked) -> Life | None:
    return asked.office.console.casework.life(asked.part("id"), who=_name(asked))


def _one(asked: Asked, _query: Any, _body: None) -> CaseLife | None:
    life = _life(asked)
    if life is None:
        return None
    events = tuple(EventOut(one.seq, one.at, one.who, one.kind) for one in life.events)
    return CaseLife(case_out(life.case), events)


def _changed(asked: Asked, revision: int, change: Any) -> CaseOut | None:
    """Store a change of the case as the caller saw it: somebody else's change in between is a conflict."""
    life = _life(asked)
    if life is None or asked.who is None:
        return None
    seen = msgspec.structs.replace(life.case, revision=revision)
    done: Change = change(seen, asked.who.actor)
    return case_out(asked.office.console.casework.save(done)[0])


def _comment(asked: Asked, _query: Any, body: Comment) -> CaseOut | None:
    return _changed(
        asked,
        body.revision,
        lambda case, actor: case_life.comment(case, several_lines(body.text), actor, asked.now),
    )


def _assign(asked: Asked, _query: Any, body: Assignment) -> CaseOut | None:
    return _changed(
        asked,
        body.revision,
        lambda case, actor: case_life.assign(case, one_line(body.assignee), actor, asked.now),
    )


def _model(asked: Asked, _query: Any, body: DeviceModel) -> CaseOut | None:
    return _changed(
        asked,
        body.revision,
        lambda case, actor: case_life.name_model(
            case, one_line(body.model), one_line(body.known_by), actor, asked.now
        ),
    )


def _step(asked: Asked, _query: Any, body: Step) -> CaseOut | None:
    if body.to is CaseState.NOTIFIED and not asked.may(Permission.SEND):
        raise AuthorisationError(
            Text(ja="注意喚起したと言えるのは送る人だけ", en="only a sender says that a subscriber was told")
        )

    def change(case: Case, actor: Actor) -> Change:
        if body.reason is not None:
            return case_life.close(case, body.reason, actor, asked.now, several_lines(body.note))
        return case_life.step(case, body.to, actor, asked.now)

    try:
        return _changed(asked, body.revision, change)
    except DescriptionError as error:
        # Where a case stands is no fault of the request's form.
        raise ConflictError(error.what, error.where, error.todo) from error


def _notices(asked: Asked, query: NoticeQuery, _body: None) -> NoticePageOut:
    found = asked.office.console.casework.notices(
        query.state, case=query.case, after=query.after, limit=query.limit + 1, who=_name(asked)
    )
    shown = found[: query.limit]
    return NoticePageOut(tuple(map(notice_out, shown)), shown[-1].id if len(found) > query.limit else "")


OPERATIONS = (
    Operation(
        "GET", "/api/v1/cases", "listCases", Text(ja="事案の一覧", en="List cases"), Permission.SEE, _list, CasePageOut,
        CaseQuery,
    ),
    Operation(
        "GET", "/api/v1/cases/{id}", "getCase", Text(ja="事案とその経過", en="A case and its life"), Permission.SEE, _one,
        CaseLife, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/comments", "commentCase", Text(ja="事案に書き込む", en="Comment on a case"),
        Permission.WORK, _comment, CaseOut, body=Comment, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/assignee", "assignCase", Text(ja="事案の担当を決める", en="Assign a case"),
        Permission.WORK, _assign, CaseOut, body=Assignment, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/model", "nameDeviceModel", Text(ja="事案の機種を書く", en="Say which device model a case is of"),
        Permission.WORK, _model, CaseOut, body=DeviceModel, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/cases/{id}/state", "stepCase", Text(ja="事案の状態を変える", en="Change a case's state"),
        Permission.WORK, _step, CaseOut, body=Step, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/notices", "listNotices", Text(ja="お知らせの一覧", en="List notices"), Permission.SEE, _notices,
        NoticePageOut, NoticeQuery,
    ),
)  # fmt: skip
