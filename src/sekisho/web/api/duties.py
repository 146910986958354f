"""Operations on duties: what is due when, proof, the operator's sites and people, self-checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec

from sekisho.errors import ConflictError, DescriptionError
from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.compliance import Entry, Operator
from sekisho.model.self_check import Answer, Coverage, Difference, coverage, differences
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation
from sekisho.wiring.console_names import HeldName

T = TypeVar("T")
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Year = Annotated[int, msgspec.Meta(ge=2000, le=2099)]
Revision = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
Table = Annotated[
    str, msgspec.Meta(description="CSV, in a body of 64 KiB; larger files are taken by the page")
]


class DutiesOut(msgspec.Struct, frozen=True):
    """Every duty by its day; ``broken`` are accidents that can't be judged, ``more`` that older ones were not looked at."""

    today: date
    duties: tuple[Entry, ...]
    broken: tuple[str, ...]
    more: bool


class DoneIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof that a duty is done."""

    id: Id
    on: date
    proof: Words


class IdIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which one."""

    id: Id


class OperatorOut(msgspec.Struct, frozen=True):
    """What the operator says of itself; ``revision`` 0 when nothing was said yet."""

    revision: int
    operator: Operator


class OperatorIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator says of itself, in place of all before; ``revision`` is the one that was seen."""

    revision: Revision
    operator: Operator


class CheckQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fiscal year."""

    year: Year


class AnsweredOut(msgspec.Struct, frozen=True):
    """An answer with its revision."""

    revision: int
    answer: Answer


class CheckOut(msgspec.Struct, frozen=True):
    """A self-check: how the lists are covered, and every answer."""

    year: int
    years: tuple[int, ...]
    lists: tuple[Coverage, ...]
    answers: tuple[AnsweredOut, ...]


class AnswerIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer; ``revision`` is the one that was seen, 0 for none."""

    year: Year
    revision: Revision
    answer: Answer


class TableIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers of a year as CSV."""

    year: Year
    table: Table


class ItemsIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items of lists as CSV (empty: those before stay), and the operator's class of network."""

    table: Table = ""
    network: Annotated[str, msgspec.Meta(max_length=40)] = ""


class CountOut(msgspec.Struct, frozen=True):
    """How many."""

    count: int


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two fiscal years."""

    year: Year
    before: Year


class ChangesOut(msgspec.Struct, frozen=True):
    """The items whose status changed."""

    changes: tuple[Difference, ...]


class NamesOut(msgspec.Struct, frozen=True):
    """Names of the operator's own people: where they are needed, when they go; those that were erased last."""

    names: tuple[HeldName, ...]


def refusing(do: Callable[[], T]) -> T:
    """Do it; what the request says well-formed but doesn't go with what is on record is a conflict."""
    try:
        return do()
    except DescriptionError as error:
        raise ConflictError(error.what, error.where, error.todo) from error


def _list(asked: Asked, _query: Any, _body: None) -> DutiesOut:
    found = asked.office.console.duties.listed()
    return DutiesOut(found.today, found.entries, found.broken, found.more)


def _done(asked: Asked, _query: Any, body: DoneIn) -> DutiesOut:
    desk = asked.office.console.duties
    refusing(lambda: desk.done(body.id, body.on, body.proof, actor(asked)))
    return _list(asked, None, None)


def _undone(asked: Asked, _query: Any, body: IdIn) -> DutiesOut:
    refusing(lambda: asked.office.console.duties.undone(body.id, actor(asked)))
    return _list(asked, None, None)


def _operator(asked: Asked, _query: Any, _body: None) -> OperatorOut:
    operator, seen = asked.office.console.duties.operator()
    return OperatorOut(seen, operator)


def _say(asked: Asked, _query: Any, body: OperatorIn) -> OperatorOut:
    refusing(lambda: asked.office.console.duties.say(body.operator, body.revision, actor(asked)))
    return _operator(asked, None, None)


def _check(asked: Asked, query: CheckQuery, _body: None) -> CheckOut:
    desk = asked.office.console.checks
    answers = desk.answers(query.year)
    given = [one for one, _ in answers.values()]
    return CheckOut(
        query.year,
        desk.years(),
        tuple(coverage(one, given) for one in desk.lists(desk.imported()[0])),
        tuple(AnsweredOut(paper.version, one) for one, paper in answers.values()),
    )


def _answer(asked: Asked, _query: Any, body: AnswerIn) -> CheckOut:
    desk = asked.office.console.checks
    refusing(lambda: desk.answer(body.year, body.answer, body.revision, actor(asked)))
    return _check(asked, CheckQuery(body.year), None)


def _take(asked: Asked, _query: Any, body: TableIn) -> CountOut:
    desk = asked.office.console.checks
    return CountOut(refusing(lambda: desk.take_answers(body.year, body.table.encode(), actor(asked))))


def _items(asked: Asked, _query: Any, body: ItemsIn) -> CountOut:
    desk = asked.office.console.checks
    return CountOut(refusing(lambda: desk.take_items(body.table.encode(), body.network, actor(asked))))


def _changes(asked: Asked, query: ChangesQuery, _body: None) -> ChangesOut:
    desk = asked.office.console.checks
    sides = [[one for one, _ in desk.answers(year).values()] for year in (query.before, query.year)]
    return ChangesOut(differences(*sides))


def _names(asked: Asked, _query: Any, _body: None) -> NamesOut:
    return NamesOut(asked.office.console.names.names())


OPERATIONS = (
    Operation(
        "GET", "/api/v1/duties", "listDuties", Text(ja="義務を期日の順に", en="Duties by their days"), Permission.SEE, _list, DutiesOut,
    ),
    Operation(
        "POST", "/api/v1/duties/done", "recordDutyDone", Text(ja="義務を済みにする", en="Record a duty as done"), Permission.WORK, _done,
        DutiesOut, body=DoneIn, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/duties/undone", "takeDutyBack", Text(ja="済みの記録を取り消す", en="Take the proof of a duty back"),
        Permission.WORK, _undone, DutiesOut, body=IdIn, others=(409,),
    ),
    Operation(
        "GET", "/api/v1/duties/operator", "getOperator", Text(ja="事業者・事業場・人", en="The operator, its sites and people"),
        Permission.SEE, _operator, OperatorOut,
    ),
    Operation(
        "POST", "/api/v1/duties/operator", "sayOperator", Text(ja="事業者・事業場・人を書く", en="Say what the operator, its sites and people are"),
        Permission.WORK, _say, OperatorOut, body=OperatorIn, others=(409,),
    ),
    Operation(
        "GET", "/api/v1/duties/names", "listStaffNames", Text(ja="自社の人の名前", en="Names of the operator's own people"), Permission.WORK,
        _names, NamesOut,
    ),
    Operation(
        "GET", "/api/v1/duties/checks", "getSelfCheck", Text(ja="自己点検", en="A self-check"), Permission.SEE, _check, CheckOut, CheckQuery,
    ),
    Operation(
        "POST", "/api/v1/duties/checks", "answerSelfCheck", Text(ja="自己点検に答える", en="Answer an item of a self-check"),
        Permission.WORK, _answer, CheckOut, body=AnswerIn, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/duties/checks/answers", "importSelfCheck", Text(ja="自己点検の答えを取り込む", en="Import answers of a self-check"),
        Permission.WORK, _take, CountOut, body=TableIn, others=(409,),
    ),
    Operation(
        "POST", "/api/v1/duties/checks/items", "importSelfCheckItems", Text(ja="自己点検の項目を取り込む", en="Import items of self-checks"),
        Permission.WORK, _items, CountOut, body=ItemsIn, others=(409,),
    ),
    Operation(
        "GET", "/api/v1/duties/checks/changes", "getSelfCheckChanges", Text(ja="自己点検の違い", en="What changed between two years"),
        Permission.SEE, _changes, ChangesOut, ChangesQuery,
    ),
)  # fmt: skip
