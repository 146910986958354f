"""Folding: which detections of a line are one case.

A detection that names a family belongs to ``family:…``. One that names none belongs to the family whose detection on
the same line is nearest in time, if any is within the window (ties: the first name); else to ``method:…``. So the
key of each depends on the line's set of detections alone, not on the order in which they came. A family that becomes
known late draws the behaviours near it out of cases that nobody has touched; what a person has touched stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sekisho.model.case import Case, CaseEvent, CaseState, CloseReason
from sekisho.model.case_life import GRADES, WATCH, Change, Life, Sighting, held, sighting, summed
from sekisho.model.detection import Detection, Grade

# These were closed for what the line is, not for what was seen: more of the same changes nothing.
_FINAL = frozenset({CloseReason.NOT_OURS.value, CloseReason.OPTED_OUT.value})


def key_of(one: Sighting, families: Iterable[Sighting], window: int) -> str:
    """Return the key of a sighting beside the line's sightings with a family; ``window`` in milliseconds."""
    if one.family:
        return f"family:{one.family}"
    near = [(gap, other.family) for other in families if (gap := _gap(one, other)) <= window]
    return f"family:{min(near)[1]}" if near else f"method:{one.method}"


def fold(life: Life | None, found: Detection, at: int) -> Change | None:
    """Fold one detection into its case, or open one; None when that very detection is there already.

    `fold_line` chooses the case. The grade rises and never falls. A healed case relapses when it was seen later than
    the last time; a closed one only counts.
    """
    one = sighting(found)
    if life is None:
        key = key_of(one, (), 0)
        return _opened(found.subscriber, key, [one], at, ())
    return _added(life, [one], at)


def fold_line(
    lives: Sequence[Life], found: Sequence[Detection], *, window: int, at: int
) -> tuple[Change, ...]:
    """Fold detections of one line into the line's cases; return the changes, none when all were there already.

    :param lives: all cases of the line, closed ones too
    :param window: milliseconds within which a behaviour belongs to a family
    """
    return _Line(lives, window, at).fold(found)


class _Line:
    """The line's cases while detections are folded."""

    def __init__(self, lives: Sequence[Life], window: int, at: int) -> None:
        self.lives = {life.case.id: life for life in lives}
        self.sightings = {life.case.id: life.sightings for life in lives}
        self.window, self.at = window, at
        self.place = {
            name: identifier
            for identifier, every in self.sightings.items()
            for name in every
            if not self.lives[identifier].case.merged_into
        }

    def fold(self, found: Sequence[Detection]) -> tuple[Change, ...]:
        adds: dict[str, list[Sighting]] = {}
        fresh: list[Sighting] = []
        for one in {item.id: sighting(item) for item in found}.values():
            home = self.place.get(one.id)
            if home is None:
                fresh.append(one)
            else:
                adds.setdefault(home, []).append(one)
        families = self._families(fresh)
        drops = self._drawn(families)
        moved = [self.sightings[home][name] for home, names in drops.items() for name in names]
        groups: dict[str, list[Sighting]] = {}
        for one in sorted((*fresh, *moved), key=lambda item: (item.begin, item.id)):
            groups.setdefault(key_of(one, families, self.window), []).append(one)
        opened = []
        for key, items in groups.items():
            open_now: list[Sighting] = []
            # The surest first: whether a closed case is opened anew must not hang on the order.
            for one in sorted(items, key=lambda item: (-GRADES.index(item.grade), item.begin, item.id)):
                home = None if open_now else self._home(key, one)
                if home is None:
                    open_now.append(one)
                else:
                    adds.setdefault(home, []).append(one)
            if open_now:
                subscriber = found[0].subscriber
                opened.append(_opened(subscriber, key, open_now, self.at, self.lives))
        targets = {key: change.case.id for change in opened for key in (change.case.key,)}
        return (*opened, *self._changed(adds, drops, families, targets))

    def _families(self, fresh: Sequence[Sighting]) -> list[Sighting]:
        """Return the sightings with a family that may draw behaviours: not those of closed cases."""
        old = [
            one
            for identifier, every in self.sightings.items()
            if self.lives[identifier].case.state is not CaseState.CLOSED
            for one in every.values()
            if one.family
        ]
        return [*old, *(one for one in fresh if one.family and not self._closed_home(one))]

    def _closed_home(self, one: Sighting) -> bool:
        """Say whether a sighting only counts in a closed case; such a one must not hide behaviours with it."""
        home = self._home(f"family:{one.family}", one)
        return home is not None and self.lives[home].case.state is CaseState.CLOSED

    def _drawn(self, families: Sequence[Sighting]) -> dict[str, list[str]]:
        """Return, by case that nobody has touched, the sightings that belong elsewhere by now."""
        return {
            identifier: names
            for identifier, life in self.lives.items()
            if untouched(life)
            and (
                names := [
                    name
                    for name, one in self.sightings[identifier].items()
                    if key_of(one, families, self.window) != life.case.key
                ]
            )
        }

    def _home(self, key: str, one: Sighting) -> str | None:
        """Return the id of the case that takes a sighting of ``key``; None when a new one is due."""
        cases = [self._merged_to(life.case) for life in self.lives.values() if life.case.key == key]
        there = [case for case in cases if case is not None and not case.merged_into]
        live = [case for case in there if case.state is not CaseState.CLOSED]
        if live:
            return min(live, key=lambda case: (_distance(case, one), -case.opened, case.id)).id
        closed = max(there, key=lambda case: (case.opened, case.id), default=None)
        return closed.id if closed is not None and _only_counts(closed, one) else None

    def _merged_to(self, case: Case) -> Case | None:
        """Follow a person's merge; one that the folding emptied leads nowhere."""
        seen = set()
        while case.merged_into and case.id not in seen:
            seen.add(case.id)
            last = [event for event in self.lives[case.id].events if event.kind in {"merged", "undone"}]
            if not last or last[-1].who == WATCH.name or case.merged_into not in self.lives:
                return None
            case = self.lives[case.merged_into].case
        return case

    def _changed(
        self, adds: dict[str, list[Sighting]], drops: dict[str, list[str]], families: Sequence[Sighting],
        opened: dict[str, str],
    ) -> list[Change]:  # fmt: skip
        changes = []
        for identifier in dict.fromkeys((*adds, *drops)):
            life = self.lives[identifier]
            dropped = drops.get(identifier, [])
            into = ""
            if dropped and len(dropped) == len(self.sightings[identifier]) and not adds.get(identifier):
                key = key_of(self.sightings[identifier][dropped[0]], families, self.window)
                into = opened.get(key) or self._home(key, self.sightings[identifier][dropped[0]]) or ""
            change = _added(life, adds.get(identifier, []), self.at, dropped, into)
            if change is not None:
                changes.append(change)
        return changes


def untouched(life: Life) -> bool:
    """Say whether the case is new and no person has done anything to it."""
    return life.case.state is CaseState.NEW and all(event.who == WATCH.name for event in life.events)


def _only_counts(closed: Case, one: Sighting) -> bool:
    if closed.close_reason in _FINAL:
        return True
    if closed.close_reason == CloseReason.FALSE_ALARM.value:
        return GRADES.index(one.grade) <= GRADES.index(closed.grade)
    return one.end <= closed.last_seen


def _opened(
    subscriber: int, key: str, items: Sequence[Sighting], at: int, taken: Iterable[str]
) -> Change:  # fmt: skip
    identifier = case_id(subscriber, key, items[0].id, taken)
    family = key.removeprefix("family:") if key.startswith("family:") else ""
    bare = Case(identifier, subscriber, key, CaseState.NEW, Grade.WATCH, at, at, 0, 0, family=family)
    body = {"adds": [msgspec.to_builtins(one) for one in items]}
    return Change(summed(bare, items), (CaseEvent(identifier, 0, at, WATCH.name, "opened", body),))


def case_id(subscriber: int, key: str, first: str, taken: Iterable[str]) -> str:
    """Return the id of a case: the same beginning gives the same one, so a repeated folding opens no second."""
    used, count = set(taken), 0
    while True:
        text = f"{subscriber}|{key}|{first}|{count}"
        identifier = "C" + hashlib.sha256(text.encode()).hexdigest()[:12]
        if identifier not in used:
            return identifier
        count += 1


def _added(
    life: Life, items: Sequence[Sighting], at: int, drops: Sequence[str] = (), into: str = ""
) -> Change | None:  # fmt: skip
    before, case = life.sightings, life.case
    news = []
    for one in items:
        old = before.get(one.id)
        if old and GRADES.index(old.grade) > GRADES.index(one.grade):
            one = msgspec.structs.replace(one, grade=old.grade)  # noqa: PLW2901 - a second look never makes less of it
        if one != old:
            news.append(one)
    if not news and not drops:
        return None
    body: dict[str, Any] = {"adds": [msgspec.to_builtins(one) for one in news]}
    if drops:
        body["drops"] = list(drops)
    events = [CaseEvent(case.id, 0, at, WATCH.name, "detection", body)]
    grown = msgspec.structs.replace(summed(case, held((*life.events, *events)).values()), updated=at)
    if case.state is CaseState.HEALED and grown.last_seen > case.healed_at:
        grown = msgspec.structs.replace(
            grown, state=CaseState.RELAPSED, healed_at=0, relapses=case.relapses + 1
        )
        told = {"from": case.state.value, "to": grown.state.value, "healed_at": case.healed_at}
        events.append(CaseEvent(case.id, 0, at, WATCH.name, "healing", told))
    if into:
        grown = msgspec.structs.replace(
            grown, state=CaseState.CLOSED, close_reason=CloseReason.MERGED.value, merged_into=into
        )
        events.append(CaseEvent(case.id, 0, at, WATCH.name, "merged", {"into": into}))
    return Change(grown, tuple(events))


def _gap(one: Sighting, other: Sighting) -> int:
    return max(0, one.begin - other.end, other.begin - one.end)


def _distance(case: Case, one: Sighting) -> int:
    return max(0, case.first_seen - one.end, one.begin - case.last_seen)
