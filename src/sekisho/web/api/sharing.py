"""Operations on the sharing hub that is run here: what stands now, and one indicator with the inputs of its score.

Without a hub every one of them is a 404. What only a person may do (decide, verify) is no operation.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.corroboration import IndicatorState, Side, Standing, Use
from sekisho.ports.hub import StandingFilter
from sekisho.web.api import disclosure
from sekisho.web.api.watching import Limit
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation

After = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9]{1,15}\.[!-~]{1,400})?$", description="the next of the page before")
]
Value = Annotated[
    str, msgspec.Meta(max_length=253, description="an address as a network, or a domain, as it is stored")
]


class IndicatorQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which indicators; empty fields ask for all."""

    after: After = ""
    limit: Limit = 50
    state: tuple[IndicatorState, ...] = ()
    grade: tuple[Use, ...] = ()
    value: Value = ""


class IndicatorOut(msgspec.Struct, frozen=True):
    """One indicator; ``sentence`` says why it stands so, with no number of fewer than k voices unless one may work on it."""

    id: str
    use: str
    kind: str
    value: str
    port: int
    protocol: int
    family: str
    state: IndicatorState
    grade: Use
    tlp: str
    since: int
    first: int
    last: int
    reason: str
    sentence: str


class IndicatorPageOut(msgspec.Struct, frozen=True):
    """Indicators, newest change first; ``next`` is the ``after`` of the next page, empty at the end."""

    indicators: tuple[IndicatorOut, ...]
    next: str


class IndicatorLifeOut(msgspec.Struct, frozen=True):
    """One indicator with the inputs of its score; numbers are null where fewer than ``k`` voices are told to nobody.

    ``lines``: on how many lines members who tell it saw it, sums of days: who works here is told of
    the last seven days, everybody else of the last seven that are closed (see ``/counts/`` of the hub).
    """

    indicator: IndicatorOut
    k: int
    sides: tuple[Side, ...] | None
    reports: int | None
    groups: int | None
    sightings: int | None
    disputes: int
    lines: int | None


def _out(one: Standing, said: Text, asked: Asked) -> IndicatorOut:
    return IndicatorOut(
        one.id, one.use, one.kind, one.value, one.port, one.protocol, one.family, one.state, one.grade, one.level.name,
        one.since, one.first, one.last, one.reason, said.say(asked.language),
    )  # fmt: skip


def _list(asked: Asked, query: IndicatorQuery, _body: None) -> IndicatorPageOut | None:
    room = asked.office.console.hub
    if room is None:
        return None
    wanted = StandingFilter(query.state, query.grade, values=(query.value,) if query.value else ())
    page = room.listed(wanted, after=query.after, limit=query.limit)
    said = room.sentences(page.standings, whole=asked.may(Permission.WORK))
    rows = zip(page.standings, said, strict=True)
    return IndicatorPageOut(tuple(_out(one, words, asked) for one, words in rows), page.next)


def _one(asked: Asked, _query: Any, _body: None) -> IndicatorLifeOut | None:
    room = asked.office.console.hub
    found = room.indicator(asked.part("id"), whole=asked.may(Permission.WORK)) if room else None
    if found is None:
        return None
    return IndicatorLifeOut(
        _out(found.standing, found.said, asked), found.k, found.sides, found.reports, found.groups, found.sightings,
        len(found.disputes), found.lines,
    )  # fmt: skip


OPERATIONS = (
    Operation(
        "GET", "/api/v1/hub/indicators", "listHubIndicators", Text(ja="共有ハブの指標", en="Indicators of the sharing hub"),
        Permission.SEE, _list, IndicatorPageOut, IndicatorQuery, others=(404,),
    ),
    Operation(
        "GET", "/api/v1/hub/indicators/{id}", "getHubIndicator",
        Text(ja="指標と点数の元", en="An indicator with the inputs of its score"), Permission.SEE, _one, IndicatorLifeOut,
        others=(404,),
    ),
    *disclosure.OPERATIONS,
)  # fmt: skip
