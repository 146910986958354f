"""The operation that answers what the law asks of an accident beside its facts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from sekisho.language import Text
from sekisho.model.accident_record import Told
from sekisho.model.account import Permission
from sekisho.model.incident import Threat
from sekisho.web.accident_answers import answered
from sekisho.web.acting import actor
from sekisho.web.api.accidents import JudgedOut, Users, judged_out
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation, standing

Event = Annotated[str, msgspec.Meta(max_length=40)]


class ThreatIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What 58条の2 asks; null is "not known" and never "no". ``events``: [] when none happened."""

    events: Annotated[tuple[Event, ...], msgspec.Meta(max_length=20)] | None = None
    carrier_users: Users | None = None
    prefectures: Annotated[int, msgspec.Meta(ge=0, le=47)] | None = None
    terminal_side: bool | None = None
    has_function: bool | None = None
    expected: bool | None = None
    natural_disaster: bool | None = None
    not_noticed: bool | None = None


class AnswersIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answers of the accident at ``revision``; null is "nobody has answered". All of them are replaced.

    ``leaks``: [] when there was none.
    """

    revision: Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]
    leaks: tuple[Literal["secrecy", "user-information", "facility-information"], ...] | None = None
    stopped_business: bool | None = None
    threat: ThreatIn | None = None
    fault: bool | Literal["unknown"] = True
    other_equipment: bool | None = None
    wholesale_cause: bool = False
    unhurt: bool = False
    minor: bool = False
    facility: Literal["", "base-station", "remote-unit", "dslam"] = ""
    designated: bool | None = None
    leaked_users: Users | None = None
    handed_abroad: bool | None = None


def _answer(asked: Asked, _query: Any, body: AnswersIn) -> JudgedOut | None:
    desk = asked.office.console.accidents
    record = desk.accident(asked.part("id"))
    if record is None:
        return None
    seen, told = msgspec.structs.replace(record, revision=body.revision), record.told()
    answers = {name: getattr(body, name) for name in AnswersIn.__struct_fields__ if name != "revision"}
    if body.threat:
        answers["threat"] = Threat(**msgspec.structs.asdict(body.threat))
    return judged_out(
        asked,
        standing(lambda: desk.change(seen, Told(answered(told.about, answers), told.facts), actor(asked))),
    )


OPERATIONS = (
    Operation(
        "POST", "/api/v1/accidents/{id}/answers", "answerOfAccident",
        Text(ja="事実のほかに法令が聞くことに答える", en="Answer what the law asks beside the facts"),
        Permission.WORK, _answer, JudgedOut, body=AnswersIn, others=(404, 409),
    ),
)  # fmt: skip
