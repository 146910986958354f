"""Operations on drills, on measures after accidents, and on lessons for others."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.drill import Drill
from sekisho.model.learning import Countermeasure, Lesson
from sekisho.model.lesson import Written
from sekisho.model.timeline import What
from sekisho.web.acting import actor
from sekisho.web.api.duties import Revision, Words, refusing
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation

Long = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class TeamAct(StrEnum):
    """What a team does."""

    KNOWN = "known"
    TOLD = "told"
    REPORTED = "reported"


class MeasuredOut(msgspec.Struct, frozen=True):
    """One time of the team in minutes of the drill; ``met`` null without a limit."""

    id: str
    minutes: float | None
    limit: float | None
    met: bool | None


class HappenedOut(msgspec.Struct, frozen=True):
    """A fact that is known by now."""

    time: datetime
    what: What
    source: str
    note: str


class DrillOut(msgspec.Struct, frozen=True):
    """A drill; ``clock`` is its own time now, ``serious`` the verdict, empty while nothing has happened."""

    id: str
    title: str
    start: datetime
    speed: float
    clock: datetime
    over: bool
    stopped: datetime | None
    serious: str
    happened: tuple[HappenedOut, ...]
    measures: tuple[MeasuredOut, ...]


class DrillsOut(msgspec.Struct, frozen=True):
    """Drills, newest first."""

    drills: tuple[DrillOut, ...]


class StartIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which drill to start: a scenario that is shipped, or the ``facts`` of one (CSV or TOML)."""

    scenario: Annotated[str, msgspec.Meta(max_length=40)] = ""
    facts: str = ""
    speed: Annotated[float, msgspec.Meta(ge=1, le=600)] = 1.0
    target_minutes: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None


class ActIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the team did now."""

    what: TeamAct
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


class LearningOut(msgspec.Struct, frozen=True):
    """Accidents with what was done after them and whether it happened again, newest first."""

    accidents: tuple[Lesson, ...]


class MeasureIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measure after an accident."""

    text: Long
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    due: date


class DoneMeasureIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof that a measure is done; ``withdraw`` takes back what was recorded last instead."""

    on: date | None = None
    proof: Annotated[str, msgspec.Meta(max_length=400)] = ""
    withdraw: bool = False


class MeasuresOut(msgspec.Struct, frozen=True):
    """Every measure by its day."""

    measures: tuple[Countermeasure, ...]


class LessonIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lesson for others; ``revision`` is the one that was seen, 0 for none."""

    revision: Revision
    happened: Long
    learned: Long
    tlp: Words = "green"


class SentOut(msgspec.Struct, frozen=True):
    """That a lesson went out: when (milliseconds), by whom, to which hub, what was sent, what the hub took."""

    at: int
    by: str
    hub: str
    sha256: str
    taken: int
    refused: int
    said: str


class LessonOut(msgspec.Struct, frozen=True):
    """A lesson, and exactly what would leave, as JSON in a text; empty when it isn't written, or names somebody by now."""

    revision: int
    written: Written | None
    leaves: str
    sha256: str = ""
    sent: tuple[SentOut, ...] = ()


def _drill(asked: Asked, drill: Drill) -> DrillOut:
    desk = asked.office.console.drills
    wall, ruling = desk.wall, desk.judged(drill)
    return DrillOut(
        drill.id, drill.about.title, drill.start, drill.speed, drill.clock(wall), drill.over(wall), drill.stopped,
        ruling.serious.value if ruling else "",
        tuple(HappenedOut(one.time, one.what, one.source, one.note) for one in drill.happened(wall)),
        tuple(MeasuredOut(one.id, one.minutes, one.limit, one.met) for one in desk.measures(drill)),
    )  # fmt: skip


def _drills(asked: Asked, _query: Any, _body: None) -> DrillsOut:
    return DrillsOut(tuple(_drill(asked, one) for one in asked.office.console.drills.drills()[:50]))


def _one_drill(asked: Asked, _query: Any, _body: None) -> DrillOut | None:
    found = asked.office.console.drills.drill(asked.part("id"))
    return _drill(asked, found[0]) if found else None


def _start(asked: Asked, _query: Any, body: StartIn) -> DrillOut:
    desk = asked.office.console.drills
    return _drill(
        asked,
        refusing(
            lambda: desk.start(body.scenario, body.facts, body.speed, body.target_minutes, actor(asked))
        ),
    )


def _act(asked: Asked, _query: Any, body: ActIn) -> DrillOut | None:
    desk, name = asked.office.console.drills, asked.part("id")
    if desk.drill(name) is None:
        return None
    return _drill(asked, refusing(lambda: desk.act(name, What(body.what.value), body.note, actor(asked))))


def _end(asked: Asked, _query: Any, _body: None) -> DrillOut | None:
    desk, name = asked.office.console.drills, asked.part("id")
    return _drill(asked, refusing(lambda: desk.stop(name, actor(asked)))) if desk.drill(name) else None


def _learning(asked: Asked, _query: Any, _body: None) -> LearningOut:
    return LearningOut(asked.office.console.learning.lessons())


def _measure(asked: Asked, _query: Any, body: MeasureIn) -> Countermeasure | None:
    name = asked.part("id")
    if asked.office.console.accidents.accident(name) is None:
        return None
    desk = asked.office.console.learning
    return refusing(lambda: desk.add(name, body.text, body.owner, body.due, actor(asked)))


def _done(asked: Asked, _query: Any, body: DoneMeasureIn) -> MeasuresOut | None:
    desk, name = asked.office.console.learning, asked.part("id")
    if not any(one.id == name for one in desk.measures()):
        return None
    if body.withdraw:
        refusing(lambda: desk.withdraw(name, actor(asked)))
    else:
        refusing(lambda: desk.done(name, body.on or desk.today, body.proof, actor(asked)))
    return MeasuresOut(desk.measures())


def _lesson(asked: Asked, _query: Any, _body: None) -> LessonOut | None:
    console, name = asked.office.console, asked.part("id")
    if console.accidents.accident(name) is None:
        return None
    written, seen = console.lessons.lesson(name)
    octets = refusing(lambda: console.lessons.preview(name)) if written else b""
    sent = tuple(
        SentOut(at, by, one.hub, one.digest, one.taken, one.refused, one.said)
        for one, at, by in console.lessons.sent(name)
    )
    digest = hashlib.sha256(octets).hexdigest() if octets else ""
    return LessonOut(seen, written, octets.decode(), digest, sent)


def _write(asked: Asked, _query: Any, body: LessonIn) -> LessonOut | None:
    console, name = asked.office.console, asked.part("id")
    if console.accidents.accident(name) is None:
        return None
    written = Written(body.happened, body.learned, body.tlp)
    refusing(lambda: console.lessons.write(name, written, body.revision, actor(asked)))
    return _lesson(asked, None, None)


OPERATIONS = (
    Operation(
        "GET", "/api/v1/duties/drills", "listDrills", Text(ja="訓練の一覧", en="List drills"), Permission.SEE, _drills, DrillsOut,
    ),
    Operation(
        "POST", "/api/v1/duties/drills", "startDrill", Text(ja="訓練を始める", en="Start a drill"), Permission.WORK, _start, DrillOut,
        body=StartIn, others=(409,),
    ),
    Operation(
        "GET", "/api/v1/duties/drills/{id}", "getDrill", Text(ja="訓練と測った時間", en="A drill and its times"), Permission.SEE, _one_drill,
        DrillOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/duties/drills/{id}/acts", "actInDrill", Text(ja="訓練で動く", en="Act in a drill"), Permission.WORK, _act, DrillOut,
        body=ActIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/duties/drills/{id}/end", "endDrill", Text(ja="訓練を終える", en="End a drill"), Permission.WORK, _end, DrillOut,
        others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/duties/learning", "listLearning", Text(ja="事故・対策・再発", en="Accidents, measures, and what happened again"),
        Permission.SEE, _learning, LearningOut,
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/measures", "addMeasure", Text(ja="再発防止策を加える", en="Add a measure after an accident"),
        Permission.WORK, _measure, Countermeasure, body=MeasureIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/duties/measures/{id}", "recordMeasureDone", Text(ja="再発防止策を済みにする", en="Record a measure as done"),
        Permission.WORK, _done, MeasuresOut, body=DoneMeasureIn, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/accidents/{id}/lesson", "getLesson", Text(ja="教訓と、出るもの", en="A lesson, and what would leave"), Permission.SEE,
        _lesson, LessonOut, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/accidents/{id}/lesson", "writeLesson", Text(ja="教訓を書く", en="Write a lesson"), Permission.WORK, _write, LessonOut,
        body=LessonIn, others=(404, 409),
    ),
)  # fmt: skip
