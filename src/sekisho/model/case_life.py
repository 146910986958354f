"""The life of a case: which step is allowed from where and by whom, what people do to it, and how it is undone.

Every change is a value: the case as it will be and the events that say so; a store keeps both or neither. What a
case holds are its sightings; they are never stored as such but follow from its events (``adds`` and ``drops``), so that
no two truths exist. A healed case is only ever made by the watch: nobody can declare it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sekisho.errors import AuthorisationError, DescriptionError
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason
from sekisho.model.detection import Detection, Grade
from sekisho.model.verdict import Scalar

RECEIVES = 2  # `model.tables.RECEIVES`, without loading Arrow
_MOMENTS = 32  # more than the rows of evidence that a detection keeps
GRADES = (Grade.WATCH, Grade.LIKELY, Grade.CONFIRMED)


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a case keeps of a detection: the columns that the stage of cases allows, and the detection's id.

    The flow rows stay with the detection, under its own and shorter expiry. ``moments`` are (port of the line,
    milliseconds) of some of them: behind a CGN, an address alone names nobody.
    """

    id: str
    method: str
    begin: int
    end: int
    grade: Grade
    reason: str
    arguments: dict[str, Scalar] = {}
    family: str = ""
    remotes: tuple[str, ...] = ()
    rows: int = 0
    sampling: int = 1
    moments: tuple[tuple[int, int], ...] = ()


def sighting(detection: Detection) -> Sighting:
    """Return what a case keeps of a detection."""
    same = {name: getattr(detection, name) for name in Sighting.__struct_fields__ if name != "moments"}
    return Sighting(**same, moments=_moments(detection.evidence))


def _moments(evidence: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, int], ...]:
    """Return port and time of the flows that show it; behind a CGN the port is the one that was seen outside."""
    found = dict.fromkeys(
        (int(port), int(row["flowStartMilliseconds"]))
        for row in evidence
        if row.get("flowStartMilliseconds") and (port := _own_port(row))
    )
    every = sorted(found, key=lambda one: one[1])
    return tuple(every if len(every) <= _MOMENTS else (*every[: _MOMENTS // 2], *every[-_MOMENTS // 2 :]))


def _own_port(row: Mapping[str, Any]) -> int:
    if row.get("subscriberSide") == RECEIVES:
        return int(row.get("destinationTransportPort") or 0)
    return int(row.get("postNAPTSourceTransportPort") or row.get("sourceTransportPort") or 0)


class Actor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts, in which role: viewer, analyst, sender, admin; or the watch itself."""

    name: str
    role: str


WATCH = Actor("sekisho", "watch")
VIEWER, ANALYST, SENDER, ADMIN = "viewer", "analyst", "sender", "admin"
ROLES = (VIEWER, ANALYST, SENDER, ADMIN)
_HANDLING = frozenset({ANALYST, ADMIN})
_SENDING = frozenset({SENDER, ADMIN})
_ANSWER = frozenset({ANALYST, SENDER, ADMIN})
_OBSERVED = frozenset({WATCH.role})
_S = CaseState
STEPS: Mapping[tuple[CaseState, CaseState], frozenset[str]] = {
    (_S.NEW, _S.CONFIRMED): _HANDLING,
    (_S.RELAPSED, _S.CONFIRMED): _HANDLING,
    (_S.NEW, _S.NOTIFIED): _SENDING,  # only with the highest grade, see `allowed`
    (_S.CONFIRMED, _S.NOTIFIED): _SENDING,
    (_S.RELAPSED, _S.NOTIFIED): _SENDING,
    (_S.CONFIRMED, _S.ACKNOWLEDGED): _ANSWER,
    (_S.NOTIFIED, _S.ACKNOWLEDGED): _ANSWER,
    (_S.RELAPSED, _S.ACKNOWLEDGED): _ANSWER,
    **{(one, _S.HEALED): _OBSERVED for one in _S if one.open},
    (_S.HEALED, _S.RELAPSED): _OBSERVED,
    **{(one, _S.CLOSED): _HANDLING for one in _S if one is not _S.CLOSED},
}
_STATE = ("state", "close_reason", "merged_into", "healed_at", "notified_at")
# What an act changes, and so what its undo puts back; the sums follow from the sightings.
_RESTORED: Mapping[str, tuple[str, ...]] = {
    "state": _STATE,
    "assigned": ("assignee",),
    "model": ("device_model",),
    "comment": (),
    "merged": _STATE,
    "split": (),
}


class Life(msgspec.Struct, frozen=True):
    """A case and its events so far, in order."""

    case: Case
    events: tuple[CaseEvent, ...]

    @property
    def sightings(self) -> dict[str, Sighting]:
        """The sightings that the case holds now, by id."""
        return held(self.events)


class Change(msgspec.Struct, frozen=True):
    """The next revision of a case, and the events that belong to it; to be stored together."""

    case: Case
    events: tuple[CaseEvent, ...]


def held(events: Iterable[CaseEvent]) -> dict[str, Sighting]:
    """Return the sightings that follow from ``events``, by id."""
    found: dict[str, Sighting] = {}
    for event in events:
        for one in event.body.get("adds", ()):
            item = one if isinstance(one, Sighting) else msgspec.convert(one, Sighting)
            found[item.id] = item
        for name in event.body.get("drops", ()):
            found.pop(name, None)
    return found


def summed(case: Case, sightings: Iterable[Sighting]) -> Case:
    """Return ``case`` with what follows from its sightings; one without any keeps its times and grade.

    What overlapping windows showed of the same doing counts once.
    """
    every = list(sightings)
    if not every:
        return msgspec.structs.replace(case, detections=0)
    return msgspec.structs.replace(
        case,
        detections=_doings(every),
        methods=tuple(sorted({one.method for one in every})),
        grade=max((one.grade for one in every), key=GRADES.index),
        first_seen=min(one.begin for one in every),
        last_seen=max(one.end for one in every),
    )


def _doings(sightings: Sequence[Sighting]) -> int:
    """Return how many doings were seen: sightings of one method with a remote in common and times that overlap are one."""
    count = 0
    unended: list[tuple[int, frozenset[str]]] = []
    method = ""
    for one in sorted(sightings, key=lambda item: (item.method, item.begin, item.id)):
        unended = [doing for doing in unended if doing[0] >= one.begin] if one.method == method else []
        method, remotes = one.method, frozenset(one.remotes)
        mine = [doing for doing in unended if doing[1] & remotes]
        unended = [doing for doing in unended if not doing[1] & remotes]
        unended.append(
            (max([one.end, *(doing[0] for doing in mine)]), remotes.union(*(doing[1] for doing in mine)))
        )
        count += 1 - len(mine)
    return count


def allowed(case: Case, to: CaseState, role: str) -> bool:
    """Say whether that role may take that step. An unconfirmed case is notified only with the highest grade."""
    if case.state is CaseState.NEW and to is CaseState.NOTIFIED and case.grade is not Grade.CONFIRMED:
        return False
    return role in STEPS.get((case.state, to), frozenset())


def step(case: Case, to: CaseState, actor: Actor, at: int, **shown: Any) -> Change:
    """Take a step.

    :raises DescriptionError: there is no such step from here
    :raises AuthorisationError: there is, but not for that role
    """
    if not allowed(case, to, actor.role):
        where = f"{case.id}: {case.state} → {to}, {actor.name} ({actor.role})"
        if (case.state, to) in STEPS:
            raise AuthorisationError(
                Text(ja="この役割（又は確度）ではできない", en="not in this role, or not at this grade"),
                where,
            )
        raise DescriptionError(
            Text(ja="この状態からその状態には移れない", en="there is no such step from this state"), where
        )
    body = {"from": case.state.value, "to": to.value, **shown}
    notified = case.notified_at or (at if to is CaseState.NOTIFIED else 0)
    return acted(case, "state", actor, at, body, state=to, notified_at=notified, healed_at=0)


def close(case: Case, reason: CloseReason, actor: Actor, at: int, note: str = "") -> Change:
    """Close without healing. :raises SekishoError: as `step`."""
    done = step(case, CaseState.CLOSED, actor, at, reason=reason.value, note=note)
    return Change(
        msgspec.structs.replace(done.case, close_reason=reason.value, healed_at=case.healed_at), done.events
    )


def assign(case: Case, assignee: str, actor: Actor, at: int) -> Change:
    """Give the case to somebody, or to nobody (empty). :raises AuthorisationError: not in that role."""
    _may_handle(case, actor)
    body = {"from": case.assignee, "to": assignee}
    return acted(case, "assigned", actor, at, body, assignee=assignee)


def name_model(case: Case, model: str, known_by: str, actor: Actor, at: int) -> Change:
    """Say which device model it is (maker and model), or that it isn't known after all (empty).

    ``known_by`` says how: from the subscriber's words, a photo, an assessment. The words of notices, containment
    and healing curves follow the model, so nobody guesses it: a person says it and is named for it.

    :raises DescriptionError: a model without a word of how it is known
    :raises AuthorisationError: not in that role
    """
    _may_handle(case, actor)
    model, known_by = model.strip(), known_by.strip()
    if model and not known_by:
        raise DescriptionError(
            Text(ja="機種をどうして知ったかが空である", en="how the model is known is empty"), case.id
        )
    body = {"from": case.device_model, "to": model, "known_by": known_by}
    return acted(case, "model", actor, at, body, device_model=model)


def comment(case: Case, text: str, actor: Actor, at: int) -> Change:
    """Write a remark.

    :raises DescriptionError: it is empty
    :raises AuthorisationError: a viewer only looks
    """
    if actor.role not in {*_ANSWER, WATCH.role}:
        raise _not_you(case, actor)
    if not text.strip():
        raise DescriptionError(Text(ja="メモが空である", en="the comment is empty"), case.id)
    return acted(case, "comment", actor, at, {"text": text})


def merge(into: Life, other: Life, actor: Actor, at: int) -> tuple[Change, Change]:
    """Put everything of ``other`` into ``into``; ``other`` is closed and points there.

    :raises DescriptionError: they are of two lines, the same, or one was merged already
    :raises AuthorisationError: not in that role
    """
    one, two = into.case, other.case
    _may_handle(one, actor)
    if one.id == two.id or one.subscriber != two.subscriber or one.merged_into or two.merged_into:
        raise DescriptionError(
            Text(ja="同じ回線の、統合されていない二つの事案だけを統合できる", en="only two cases of one line, none of them merged, can be merged"),
            f"{one.id}, {two.id}",
        )  # fmt: skip
    mine, theirs = into.sightings, other.sightings
    added = [item for name, item in theirs.items() if name not in mine]
    notified = min((when for when in (one.notified_at, two.notified_at) if when), default=0)
    grown = msgspec.structs.replace(summed(one, [*mine.values(), *added]), notified_at=notified)
    closed = msgspec.structs.replace(
        summed(two, ()), state=CaseState.CLOSED, close_reason=CloseReason.MERGED.value, merged_into=one.id
    )
    return (
        acted(one, "merged", actor, at, {"with": two.id, "adds": _plain(added)}, becomes=grown),
        acted(two, "merged", actor, at, {"into": one.id, "drops": list(theirs)}, becomes=closed),
    )


def split(life: Life, chosen: Sequence[str], actor: Actor, at: int, identifier: str) -> tuple[Change, Change]:
    """Take the chosen sightings out into a new case with ``identifier``; it begins as `CaseState.NEW`.

    :raises DescriptionError: none, all, or unknown ones are chosen
    :raises AuthorisationError: not in that role
    """
    case, every = life.case, life.sightings
    _may_handle(case, actor)
    names = dict.fromkeys(chosen)
    if not names or set(names) - set(every) or len(names) == len(every):
        raise DescriptionError(
            Text(
                ja="事案の検出の一部（全部ではない）を選ぶ", en="choose some detections of the case, not all"
            ),
            f"{case.id}: {', '.join(names)}",
        )
    taken = [every[name] for name in names]
    rest = [item for name, item in every.items() if name not in names]
    key, family = key_of_all(taken, case)
    new = summed(
        Case(identifier, case.subscriber, key, CaseState.NEW, Grade.WATCH, at, at, 0, 0, family=family,
             device_model=case.device_model),
        taken,
    )  # fmt: skip
    body = {"out_of": case.id, "adds": _plain(taken)}
    return (
        acted(case, "split", actor, at, {"into": identifier, "drops": list(names)}, becomes=summed(case, rest)),
        Change(new, (CaseEvent(identifier, 0, at, actor.name, "opened", body),)),
    )  # fmt: skip


def key_of_all(sightings: Sequence[Sighting], case: Case) -> tuple[str, str]:
    """Return key and family of a case made of ``sightings`` of ``case``: their one family, or the first method."""
    families = sorted({one.family for one in sightings if one.family})
    if len(families) == 1:
        return f"family:{families[0]}", families[0]
    if families and case.family in families:
        return case.key, case.family
    if families:
        return f"family:{families[0]}", families[0]
    return f"method:{min(one.method for one in sightings)}", ""


def last_act(life: Life) -> CaseEvent | None:
    """Return the last act of a person that was not undone yet."""
    undone = {event.body.get("undoes") for event in life.events if event.kind == "undone"}
    acts = (
        event
        for event in reversed(life.events)
        if event.kind in _RESTORED and "before" in event.body and event.who != WATCH.name
    )
    return next((event for event in acts if event.seq not in undone), None)


def undo(life: Life, partner: Life | None, actor: Actor, at: int) -> tuple[Change, ...]:
    """Undo the last act; ``partner`` is the other case of a merge or a split (`partner_of`). Detections stay.

    :raises DescriptionError: there is nothing to undo, or something has happened since that stands on it
    :raises AuthorisationError: not in that role
    """
    _may_handle(life.case, actor)
    act = last_act(life)
    if act is None:
        raise DescriptionError(Text(ja="取り消せる操作がない", en="there is nothing to undo"), life.case.id)
    if act.kind == "state" and life.case.state.value != act.body["to"]:
        raise _overtaken(life.case)
    if act.kind not in {"merged", "split"}:
        return (_put_back(life, act, actor, at),)
    if partner is None or partner.case.id != partner_of(act):
        raise DescriptionError(Text(ja="相手の事案がない", en="the other case is missing"), partner_of(act))
    if act.kind == "merged":
        first, second = (life, partner) if "with" in act.body else (partner, life)
        return _unmerge(first, second, actor, at)
    return _unsplit(life, partner, act, actor, at)


def partner_of(act: CaseEvent) -> str:
    """Return the id of the other case of a merge or split; empty for other acts."""
    return str(act.body.get("with") or act.body.get("into") or "")


def _unmerge(into: Life, other: Life, actor: Actor, at: int) -> tuple[Change, Change]:
    mine, theirs = last_act(into), last_act(other)
    if (
        mine is None or theirs is None or mine.kind != "merged" or theirs.kind != "merged"
        or other.case.merged_into != into.case.id or partner_of(mine) != other.case.id
    ):  # fmt: skip
        raise _overtaken(into.case)
    now = into.sightings
    back = [now[name] for name in theirs.body["drops"] if name in now]
    gone = {one["id"] for one in msgspec.to_builtins(mine.body["adds"])}
    return (
        _put_back(into, mine, actor, at, drops=[name for name in now if name in gone]),
        _put_back(other, theirs, actor, at, adds=back),
    )


def _unsplit(life: Life, part: Life, act: CaseEvent, actor: Actor, at: int) -> tuple[Change, Change]:
    if last_act(part) is not None or part.case.state is not CaseState.NEW:
        raise _overtaken(part.case)
    now = part.sightings
    closed = msgspec.structs.replace(
        summed(part.case, ()),
        state=CaseState.CLOSED,
        close_reason=CloseReason.MERGED.value,
        merged_into=life.case.id,
    )
    body = {"into": life.case.id, "drops": list(now)}
    return (
        _put_back(life, act, actor, at, adds=list(now.values())),
        acted(part.case, "undone", actor, at, body, becomes=closed),
    )


def _put_back(
    life: Life, act: CaseEvent, actor: Actor, at: int, adds: Sequence[Sighting] = (), drops: Sequence[str] = ()
) -> Change:  # fmt: skip
    before = msgspec.convert(act.body["before"], Case)
    old = {name: getattr(before, name) for name in _RESTORED[act.kind]}
    body: dict[str, Any] = {"undoes": act.seq, "kind": act.kind}
    if adds:
        body["adds"] = _plain(adds)
    if drops:
        body["drops"] = list(drops)
    now = held([*life.events, CaseEvent(life.case.id, 0, at, actor.name, "undone", body)])
    becomes = summed(msgspec.structs.replace(life.case, **old), now.values())
    return acted(life.case, "undone", actor, at, body, becomes=becomes)


def acted(
    case: Case,
    kind: str,
    actor: Actor,
    at: int,
    body: Mapping[str, Any],
    *,
    becomes: Case | None = None,
    **fields: Any,
) -> Change:
    """Return the change of an act: the case with new ``fields`` (or as it ``becomes``), and the event with ``before``."""
    event = CaseEvent(
        case.id, 0, at, actor.name, kind, {**body, "role": actor.role, "before": msgspec.to_builtins(case)}
    )
    new = msgspec.structs.replace(becomes or case, updated=at, **fields)
    return Change(new, (event,))


def _plain(sightings: Iterable[Sighting]) -> list[Any]:
    return [msgspec.to_builtins(one) for one in sightings]


def _may_handle(case: Case, actor: Actor) -> None:
    if actor.role not in _HANDLING:
        raise _not_you(case, actor)


def _not_you(case: Case, actor: Actor) -> AuthorisationError:
    return AuthorisationError(
        Text(ja="この役割ではできない", en="not in this role"), f"{case.id}: {actor.name} ({actor.role})"
    )


def _overtaken(case: Case) -> DescriptionError:
    return DescriptionError(
        Text(
            ja="その後に別のことが起きたので、取り消せない",
            en="something has happened since that stands on it; it can't be undone",
        ),
        case.id,
    )
