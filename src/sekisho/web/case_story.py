"""The story of a case as its page tells it: a band of states over time, entries in order, detections with their proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sekisho.errors import SekishoError
from sekisho.language import Language, Text
from sekisho.model.case import CaseEvent, CaseState
from sekisho.model.case_life import Life, Sighting
from sekisho.web.asked import Asked
from sekisho.web.telling import CASE_KINDS, happened, links_of, remark, said_of
from sekisho.workflows.contain import Standing, standings_of

_SHOWN, _MOST_SHOWN, _WITH_ROWS, _ROWS, _TICKS = 12, 500, 3, 12, 240
_ENTRIES, _MOST_ENTRIES = 60, 2000
WIDTH = 1000.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A state's share of the band, in thousandths of its length; ``begin`` and ``end`` in milliseconds."""

    x: float
    width: float
    state: CaseState
    begin: int
    end: int

    @property
    def kind(self) -> str:
        """Return the class of its colour."""
        return CASE_KINDS[self.state.value]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the life: what, what a person wrote with it, and which ids it speaks of."""

    event: CaseEvent
    what: Text
    remark: str
    links: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Return the class of its dot: the state that it led to, or what it is."""
        to = str(self.event.body.get("to", "")) if self.event.kind in ("state", "healing") else ""
        return CASE_KINDS.get(
            to, {"comment": "remark", "detection": "seen", "opened": "seen"}.get(self.event.kind, "deed")
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """One detection in words.

    :ivar rows: its flow rows; None when they weren't asked for here
    :ivar kept: False when they are no longer kept
    """

    one: Sighting
    title: Text
    said: str
    rows: tuple[dict[str, Any], ...] | None = None
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the page of a case tells."""

    begin: int
    end: int
    band: tuple[Stretch, ...]
    ticks: tuple[float, ...]
    told: tuple[float, ...]
    entries: tuple[Entry, ...]
    more_entries: int
    proofs: tuple[Proof, ...]
    more_proofs: int
    rules: tuple[Standing, ...]
    trouble: SekishoError | None


def entry(event: CaseEvent, language: Language) -> Entry:
    """Return one entry in words."""
    return Entry(event, happened(event), remark(event, language), links_of(event))


def story(asked: Asked, life: Life) -> Story:
    """Tell a life; detections whose rows can't be read now are told all the same, and why."""
    case, whole = life.case, asked.query.get("all") == "1"
    newest = sorted(life.sightings.values(), key=lambda one: (-one.begin, one.id))
    begin = min([case.first_seen or case.opened, case.opened])
    end = max(asked.now, case.updated, case.last_seen, begin + 1)
    shown = newest[: _MOST_SHOWN if whole else _SHOWN]
    proofs, trouble = _proofs(asked, shown)
    events = life.events[::-1][: _MOST_ENTRIES if whole else _ENTRIES]
    return Story(
        begin,
        end,
        _band(life, begin, end),
        _places([one.begin for one in newest], begin, end),
        _places(
            [event.at for event in life.events if event.body.get("to") == CaseState.NOTIFIED], begin, end
        ),
        tuple(entry(one, asked.language) for one in events),
        len(life.events) - len(events),
        proofs,
        len(newest) - len(shown),
        standings_of(life.events, asked.now),
        trouble,
    )


def _proofs(asked: Asked, shown: Sequence[Sighting]) -> tuple[tuple[Proof, ...], SekishoError | None]:
    """Tell detections; the newest, and the one that the address asks for, with their flow rows."""
    desk, trouble = asked.office.console.watch, None
    methods = desk.methods()
    opened = {one.id for one in shown[:_WITH_ROWS]} | {asked.query.get("rows", "")}
    who = asked.who.name if asked.who else ""
    found = []
    for one in shown:
        title = methods[one.method].title if one.method in methods else Text(ja=one.method, en=one.method)
        proof = Proof(one, title, said_of(one, methods, asked.language))
        if one.id in opened and trouble is None:
            try:
                held = desk.detection(one.id, who=who)
            except SekishoError as error:
                trouble = error
            else:
                rows = held.evidence if held else None
                proof = Proof(one, title, proof.said, (rows or ())[:_ROWS], rows is not None)
        found.append(proof)
    return tuple(found), trouble


def _band(life: Life, begin: int, end: int) -> tuple[Stretch, ...]:
    """Return the states one after the other; undone ones stay: they were what was thought then."""
    turns: list[tuple[int, CaseState]] = [(begin, CaseState.NEW)]
    for event in life.events:
        to = event.body.get("to")
        if event.kind in ("state", "healing") and to in tuple(CaseState):
            turns.append((max(event.at, begin), CaseState(to)))
        elif (
            event.kind == "undone"
            and "before" in event.body
            and event.body.get("kind") in ("state", "merged")
        ):
            turns.append((max(event.at, begin), life.case.state))
        elif event.kind == "merged" and "into" in event.body:
            turns.append((max(event.at, begin), CaseState.CLOSED))
    found = []
    for number, (at, state) in enumerate(turns):
        until = turns[number + 1][0] if number + 1 < len(turns) else end
        if until > at or number + 1 == len(turns):
            x = _place(at, begin, end)
            found.append(Stretch(x, max(_place(until, begin, end) - x, 2.0), state, at, until))
    return tuple(found)


def _places(moments: Sequence[int], begin: int, end: int) -> tuple[float, ...]:
    """Return where moments stand; those at one place stand once."""
    return tuple(sorted({round(_place(one, begin, end)) * 1.0 for one in moments})[:_TICKS])


def _place(at: int, begin: int, end: int) -> float:
    return round(max(0.0, min(1.0, (at - begin) / (end - begin))) * WIDTH, 1)
