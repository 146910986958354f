"""Operations on accidents: what is on record, how it is judged now, and one more fact."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.accident_record import AccidentRecord
from sekisho.model.accident_statistics import Year
from sekisho.model.account import Permission
from sekisho.model.case_life import Actor
from sekisho.model.incident import Service
from sekisho.model.timeline import What
from sekisho.reports.accidents.words import reasoning
from sekisho.web.api.watching import Limit
from sekisho.web.asked import Asked
from sekisho.web.counted_accidents import statistics_of
from sekisho.web.office import JAPAN
from sekisho.web.operations import Operation, standing

Words = Annotated[str, msgspec.Meta(max_length=400)]
After = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9]{1,15}\.A[0-9a-f]{12})?$", description="the next of the page before")
]
# Until the year 2100: the last that a day of a report can be counted in.
When = Annotated[int, msgspec.Meta(ge=0, le=4_102_412_399_999, description="milliseconds")]
Users = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]


class StatisticsOut(msgspec.Struct, frozen=True):
    """Fiscal years, one's own counts beside the published ones; ``broken`` are accidents that can't be judged."""

    years: tuple[Year, ...]
    gaps: str
    broken: tuple[str, ...]


class AccidentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of accidents."""

    after: After = ""
    limit: Limit = 50


class AccidentOut(msgspec.Struct, frozen=True):
    """One accident; ``serious`` is yes, no or undecided as known at ``changed``; ``ended`` 0 while it goes on."""

    id: str
    title: str
    occurred: int
    ended: int
    serious: str
    changed: int
    changed_by: str
    revision: int


class AccidentPageOut(msgspec.Struct, frozen=True):
    """Accidents, newest first; ``next`` is the ``after`` of the next page, empty at the end."""

    accidents: tuple[AccidentOut, ...]
    next: str


class DutyOut(msgspec.Struct, frozen=True):
    """A duty to report: by which day, on which form, since which moment; ``confirmed`` false is "unverified".

    ``confidence`` is that of the rule, ``due_confidence`` that of the day: A read in the law, B secondary, C unconfirmed.
    """

    trigger: str
    standing: str
    article: str
    form: str
    due: str
    started: int
    confidence: str
    confirmed: bool
    due_confidence: str


class JudgedOut(msgspec.Struct, frozen=True):
    """An accident as it is judged now. ``becomes``: when it turns serious if nothing changes; 0 for never or already.

    ``unasked``: what is not judged since nobody has answered it. ``reported``: the first report on record; 0 for none.
    """

    accident: AccidentOut
    serious: str
    rules: str
    reasoning: tuple[str, ...]
    becomes: int
    first_notice_due: int
    update_due: int
    duties: tuple[DutyOut, ...]
    periodic: str
    periodic_due: str
    unasked: tuple[str, ...]
    reported: int


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fact. Without ``users_most`` there may be more."""

    time: When
    what: What
    service: Service | None = None
    area: Words = ""
    users_least: Users | None = None
    users_most: Users | None = None
    source: Words = ""
    note: Words = ""
    equipment: Words = ""
    unusable: bool | None = None
    all_traffic: bool | None = None


class FactIn(Fact, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A further fact; ``revision`` is that of the accident which was seen.

    ``instead``: the fact, counted from 1, whose place it takes: that one is withdrawn by the same act; 0 for none.
    """

    instead: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    revision: Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]


def accident_out(one: AccidentRecord) -> AccidentOut:
    """Return an accident as the API shows it in lists."""
    return AccidentOut(**{name: getattr(one, name) for name in AccidentOut.__struct_fields__})


def _list(asked: Asked, query: AccidentQuery, _body: None) -> AccidentPageOut:
    found = asked.office.console.accidents.find(after=query.after, limit=query.limit)
    return AccidentPageOut(
        tuple(map(accident_out, found)), found[-1].place if len(found) == query.limit else ""
    )


def _one(asked: Asked, _query: Any, _body: None) -> JudgedOut | None:
    record = asked.office.console.accidents.accident(asked.part("id"))
    return judged_out(asked, record) if record else None


def judged_out(asked: Asked, record: AccidentRecord) -> JudgedOut:
    """Return an accident with what is said of it now."""
    ruling = asked.office.console.accidents.judged(record.told(), asked.now)
    telling = ruling.telling
    return JudgedOut(
        accident_out(record),
        ruling.serious.value,
        ruling.rules.id,
        tuple(reasoning(one, ruling, asked.t) for one in ruling.judgements),
        _milliseconds(ruling.becomes),
        _milliseconds(telling.first_due if telling and telling.first is None else None),
        _milliseconds(telling.update_due if telling and telling.first is not None else None),
        tuple(
            DutyOut(
                one.rule.trigger, one.standing.value, one.rule.article, one.rule.form, one.due.isoformat(),
                _milliseconds(one.started), one.rule.confidence, one.confirmed, one.due_confidence,
            )
            for one in ruling.duties
        ),
        ruling.periodic.standing.value,
        ruling.periodic.due.isoformat(),
        ruling.unasked,
        _milliseconds(ruling.reported),
    )  # fmt: skip


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000) if moment else 0


def _add(asked: Asked, _query: Any, body: FactIn) -> JudgedOut | None:
    desk = asked.office.console.accidents
    record = desk.accident(asked.part("id"))
    if record is None or asked.who is None:
        return None
    actor = Actor(asked.who.name, asked.who.role.value)
    seen = msgspec.structs.replace(record, revision=body.revision)
    zone = asked.zone or JAPAN
    cells = cells_of(asked, body)
    return judged_out(asked, standing(lambda: desk.add_fact(seen, cells, zone, actor, instead=body.instead)))


def cells_of(asked: Asked, body: Fact) -> dict[str, str]:
    """Return a fact as a row of a file of facts has it."""
    flags = {None: "", True: "yes", False: "no"}
    return {
        "time": datetime.fromtimestamp(body.time / 1000, JAPAN).isoformat(), "what": body.what.value, "service": body.service.value if body.service else "",
        "area": body.area, "users_least": _number(body.users_least), "users_most": _number(body.users_most), "source": body.source or (asked.who.name if asked.who else ""),
        "note": body.note, "equipment": body.equipment, "unusable": flags[body.unusable], "all_traffic": flags[body.all_traffic],
    }  # fmt: skip


def _number(users: int | None) -> str:
    return "" if users is None else str(users)


def _statistics(asked: Asked, _query: Any, _body: None) -> StatisticsOut:
    found = statistics_of(asked.office.console)
    return StatisticsOut(found.years, found.published.gaps.say(asked.language), found.broken)


OPERATIONS = (
    Operation(
        "GET", "/api/v1/accidents", "listAccidents", Text(ja="事故の一覧", en="List accidents"), Permission.SEE, _list,
        AccidentPageOut, AccidentQuery,
    ),
    Operation(
        "GET", "/api/v1/accidents/statistics", "getAccidentStatistics", Text(ja="年度ごとの件数", en="Accidents by fiscal year"),
        Permission.SEE, _statistics, StatisticsOut,
    ),
    Operation(
        "GET", "/api/v1/accidents/{id}", "getAccident", Text(ja="事故と今の判定", en="An accident as it is judged now"),
        Permission.SEE, _one, JudgedOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/facts", "addAccidentFact", Text(ja="事実を加える", en="Add a fact"),
        Permission.WORK, _add, JudgedOut, body=FactIn, others=(404, 409),
    ),
)  # fmt: skip
