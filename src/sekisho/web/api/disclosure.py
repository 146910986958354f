"""Operations on the hub's dealings with others: hubs elsewhere, and findings in makers' models.

Without a hub every one of them is a 404. Publication is decided by a person, so that it is no operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from sekisho.language import Text
from sekisho.model.account import Permission
from sekisho.model.device_model import DisclosedFinding, Disclosure
from sekisho.web.acting import actor
from sekisho.web.asked import Asked
from sekisho.web.operations import Operation, standing
from sekisho.wiring.console_hub_others import FindingLife, OthersRoom

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999, description="milliseconds; 0 for none")]


class LaneOut(msgspec.Struct, frozen=True):
    """A lane that is read from a peer: when it last went well, when it was last tried, and why that failed."""

    lane: str
    good: int
    tried: int
    reason: str


class GivenOut(msgspec.Struct, frozen=True):
    """A lane that a peer reads, up to which marking."""

    lane: str
    tlp: str


class PeerOut(msgspec.Struct, frozen=True):
    """A hub elsewhere: what is taken and given, of how many indicators it speaks and was told."""

    member: str
    state: str
    take: tuple[LaneOut, ...]
    take_tlp: str
    give: tuple[GivenOut, ...]
    forward: tuple[str, ...]
    heard: int
    told: int


class PeersOut(msgspec.Struct, frozen=True):
    """The hubs elsewhere."""

    peers: tuple[PeerOut, ...]


class FindingOut(msgspec.Struct, frozen=True):
    """A finding in a maker's model; the end of its embargo publishes nothing."""

    id: str
    maker: str
    vendor: str
    model: str
    title: str
    created: int
    embargo: int
    state: Disclosure
    decided: int
    decided_by: str
    reason: str


class FindingsOut(msgspec.Struct, frozen=True):
    """The findings, those that wait first."""

    findings: tuple[FindingOut, ...]


class StepOut(msgspec.Struct, frozen=True):
    """One step of a timeline."""

    at: int
    kind: str
    whom: str
    who: str
    text: str


class KnowingOut(msgspec.Struct, frozen=True):
    """A member who was told: when first, and when it answered last (0: not yet)."""

    member: str
    told: int
    answered: int


class TimelineOut(msgspec.Struct, frozen=True):
    """A finding with its timeline."""

    finding: FindingOut
    steps: tuple[StepOut, ...]
    knowing: tuple[KnowingOut, ...]


class FindingIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a timeline begins with."""

    maker: Name
    vendor: Name
    model: Name
    title: Words
    embargo: Moment = 0


class ToldIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who was told, or answered, and how or what; a member who was told reads it."""

    member: Name
    text: Words


class EmbargoIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until when it is kept, and why."""

    until: Moment
    text: Words


def _room(asked: Asked) -> OthersRoom | None:
    hub = asked.office.console.hub
    return hub.others if hub else None


def _finding(one: DisclosedFinding) -> FindingOut:
    return FindingOut(
        one.id, one.maker, one.vendor, one.model, one.title, one.created, one.embargo, one.state, one.decided,
        one.decided_by, one.reason,
    )  # fmt: skip


def _timeline(found: FindingLife) -> TimelineOut:
    return TimelineOut(
        _finding(found.finding),
        tuple(StepOut(one.at, one.kind, one.whom, one.who, one.text) for one in found.steps),
        tuple(KnowingOut(*one) for one in found.knowing),
    )


def _peers(asked: Asked, _query: Any, _body: None) -> PeersOut | None:
    room = _room(asked)
    if room is None:
        return None
    return PeersOut(
        tuple(
            PeerOut(
                one.peer.member, one.member.state.value,
                tuple(LaneOut(lane, at.good if at else 0, at.at if at else 0, at.reason if at else "") for lane, at in one.positions),
                one.peer.ceiling.name, tuple(GivenOut(lane, tlp.name) for lane, tlp in one.given), one.peer.forward,
                one.heard, one.told,
            )
            for one in room.peers()
        )
    )  # fmt: skip


def _findings(asked: Asked, _query: Any, _body: None) -> FindingsOut | None:
    room = _room(asked)
    return FindingsOut(tuple(map(_finding, room.findings()))) if room else None


def _one(asked: Asked, _query: Any, _body: None) -> TimelineOut | None:
    room = _room(asked)
    found = room.finding(asked.part("id")) if room else None
    return _timeline(found) if found else None


def _open(asked: Asked, _query: Any, body: FindingIn) -> TimelineOut | None:
    room = _room(asked)
    if room is None:
        return None
    made = standing(
        lambda: room.open(body.maker, body.vendor, body.model, body.title, body.embargo, actor(asked).name)
    )
    found = room.finding(made.id)
    return _timeline(found) if found else None


def _acted(asked: Asked, act: Callable[[OthersRoom, str, str], DisclosedFinding]) -> TimelineOut | None:
    room, name = _room(asked), asked.part("id")
    if room is None or room.finding(name) is None:
        return None
    standing(lambda: act(room, name, actor(asked).name))
    found = room.finding(name)
    return _timeline(found) if found else None


def _tell(asked: Asked, _query: Any, body: ToldIn) -> TimelineOut | None:
    return _acted(asked, lambda room, name, who: room.tell(name, body.member, who, body.text))


def _answered(asked: Asked, _query: Any, body: ToldIn) -> TimelineOut | None:
    return _acted(asked, lambda room, name, who: room.answered(name, body.member, who, body.text))


def _embargo(asked: Asked, _query: Any, body: EmbargoIn) -> TimelineOut | None:
    return _acted(asked, lambda room, name, who: room.embargo(name, body.until, who, body.text))


OPERATIONS = (
    Operation(
        "GET", "/api/v1/hub/peers", "listHubPeers", Text(ja="連携するハブと取り込みの様子", en="Hubs elsewhere, and how reading them goes"),
        Permission.WORK, _peers, PeersOut, others=(404,),
    ),
    Operation(
        "GET", "/api/v1/hub/findings", "listHubFindings", Text(ja="製造者への所見", en="Findings for makers"), Permission.WORK,
        _findings, FindingsOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/hub/findings", "openHubFinding", Text(ja="所見の経過の記録を始める", en="Begin the timeline of a finding"),
        Permission.SEND, _open, TimelineOut, body=FindingIn, others=(404, 409),
    ),
    Operation(
        "GET", "/api/v1/hub/findings/{id}", "getHubFinding", Text(ja="所見と経過", en="A finding with its timeline"), Permission.WORK,
        _one, TimelineOut, others=(404,),
    ),
    Operation(
        "POST", "/api/v1/hub/findings/{id}/told", "recordHubFindingTold", Text(ja="知らせたと記録する", en="Record that a member was told"),
        Permission.SEND, _tell, TimelineOut, body=ToldIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/hub/findings/{id}/answers", "recordHubFindingAnswer", Text(ja="返答を記録する", en="Record an answer"),
        Permission.SEND, _answered, TimelineOut, body=ToldIn, others=(404, 409),
    ),
    Operation(
        "POST", "/api/v1/hub/findings/{id}/embargo", "setHubFindingEmbargo", Text(ja="公表を控える期限を決める", en="Set the embargo"),
        Permission.SEND, _embargo, TimelineOut, body=EmbargoIn, others=(404, 409),
    ),
)  # fmt: skip
