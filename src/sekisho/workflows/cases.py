"""The verbs of cases: fold detections into them, and observe which lines have healed.

Both may be killed at any moment and repeated: a detection that a case holds already changes nothing, and a case that is
healed isn't open any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import pyarrow as pa

from sekisho.errors import ConflictError
from sekisho.formats.flow_queries import IN_WINDOW
from sekisho.model.case import Case, CaseEvent, CaseState, Healing
from sekisho.model.case_folding import fold_line
from sekisho.model.case_healing import DAY, HOUR, active_days, healed, observe
from sekisho.model.case_life import Change, Life
from sekisho.model.detection import Detection, Window
from sekisho.model.tables import SENDS
from sekisho.ports.cases import CaseFilter, Page
from sekisho.ports.flows import Query, Tables

_TRIES = 5
_LINES = 200
_PAGE = 10_000
OPEN = tuple(state for state in CaseState if state.open)
_ACTIVITY = f"""
SELECT "c"."number" AS "number",
  CAST(FLOOR(("flowStartMilliseconds" - "c"."since") / {DAY}) AS BIGINT) AS "day", MAX("flowStartMilliseconds") AS "latest"
FROM "FLOW" INNER JOIN "CASES" AS "c" ON "FLOW"."subscriber" = "c"."line"
WHERE {IN_WINDOW} AND "subscriberSide" = {SENDS} AND "flowStartMilliseconds" >= "c"."since"
  AND CAST(FLOOR("flowStartMilliseconds" / {HOUR}) AS BIGINT) IN (SELECT "hour" FROM "LOOKED")
GROUP BY "c"."number", CAST(FLOOR(("flowStartMilliseconds" - "c"."since") / {DAY}) AS BIGINT)
"""  # noqa: S608 - our own words; values go as parameters


class Cases(Protocol):
    """What these verbs need of the store of cases (`ports.cases.CaseStore`, and many at once)."""

    def save_all(self, changes: Sequence[tuple[Case, Sequence[CaseEvent]]]) -> tuple[Case, ...]:
        """Store several cases with their events, all or none."""
        ...

    def find(self, wanted: CaseFilter, *, after: str = "", limit: int = 50) -> Page:
        """Return a page of cases."""
        ...


LivesOf = Callable[[Sequence[int]], Mapping[int, Sequence[Life]]]


class Folded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a folding did: detections looked at, their lines, cases opened, changed, relapsed.

    ``torn`` are the lines of the log that are no detections any more.
    """

    detections: int
    lines: int
    opened: int = 0
    changed: int = 0
    relapsed: int = 0
    torn: tuple[int, ...] = ()


class Observed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an observation found of one open case; ``active_days`` of those that its healing needs."""

    case: str
    state: CaseState
    healing: Healing
    active_days: int
    last_seen: int


def fold_detections(
    store: Cases, lives_of: LivesOf, found: Iterable[Detection], *, window: int, at: int
) -> Folded:
    """Fold detections into the cases of their lines.

    :param lives_of: gives the lives of all cases of some lines
    :param window: milliseconds within which a behaviour belongs to a family
    :param at: now, milliseconds
    :raises ConflictError: somebody else kept changing the same cases
    """
    lines: dict[int, list[Detection]] = {}
    for one in found:
        lines.setdefault(one.subscriber, []).append(one)
    done = Folded(sum(map(len, lines.values())), len(lines))
    names = sorted(lines)
    for begin in range(0, len(names), _LINES):
        part = {name: lines[name] for name in names[begin : begin + _LINES]}
        changes = _fold_some(store, lives_of, part, window, at)
        done = msgspec.structs.replace(
            done,
            opened=done.opened + sum(not one.case.revision for one in changes),
            changed=done.changed + sum(bool(one.case.revision) for one in changes),
            relapsed=done.relapsed + sum(_relapsed(one) for one in changes),
        )
    return done


def _fold_some(
    store: Cases, lives_of: LivesOf, lines: Mapping[int, list[Detection]], window: int, at: int
) -> list[Change]:
    for count in range(_TRIES):
        lives = lives_of(tuple(lines))
        changes = [
            change
            for line, found in lines.items()
            for change in fold_line(lives.get(line, ()), found, window=window, at=at)
        ]
        if not changes:
            return []
        try:
            store.save_all([(one.case, one.events) for one in changes])
        except ConflictError:
            # Somebody worked on one of them: look again. Folding is repeatable, so nothing doubles.
            if count == _TRIES - 1:
                raise
        else:
            return changes
    return []


def _relapsed(change: Change) -> bool:
    return any(event.kind == "healing" and event.body["to"] == CaseState.RELAPSED for event in change.events)


def heal(
    store: Cases,
    tables: Callable[[Window], Tables | None],
    looked: Callable[[Sequence[str], Window], Sequence[int]],
    *,
    now: int,
    days: int,
    silent_hours: int,
) -> Iterator[Observed]:
    """Observe every open case; store those that have healed, and yield what was found of each.

    :param tables: gives the flows of a window, or None when none were ever kept
    :param looked: gives the hours of a window at which all of some methods have looked
    :param days: see `case_healing.observe`; so ``silent_hours``
    """
    every = list(_open_cases(store))
    groups: dict[tuple[str, ...], list[Case]] = {}
    for case in every:
        groups.setdefault(case.methods, []).append(case)
    for methods, cases in groups.items():
        activity = _activity(cases, methods, tables, looked, now)
        changes: list[Change] = []
        for case in cases:
            mine = activity.get(case.id, ())
            found = observe(case, mine, now, days, silent_hours)
            done = healed(case, now, active_days(case, mine, now)) if found is Healing.HEALED else None
            if done:
                changes.append(done)
            yield Observed(
                case.id, done.case.state if done else case.state, found, active_days(case, mine, now), case.last_seen
            )  # fmt: skip
        for begin in range(0, len(changes), _LINES):
            _keep(store, changes[begin : begin + _LINES])


def _keep(store: Cases, changes: Sequence[Change]) -> None:
    """Store healings; one whose case somebody changed meanwhile waits for the next observation."""
    try:
        store.save_all([(one.case, one.events) for one in changes])
    except ConflictError:
        for one in changes:
            try:
                store.save_all([(one.case, one.events)])
            except ConflictError:
                continue


def _open_cases(store: Cases) -> Iterator[Case]:
    after = ""
    while True:
        page = store.find(CaseFilter(states=OPEN), after=after, limit=_PAGE)
        yield from page.cases
        if not page.next:
            return
        after = page.next


def _activity(
    cases: Sequence[Case], methods: Sequence[str], tables: Callable[[Window], Tables | None],
    looked: Callable[[Sequence[str], Window], Sequence[int]], now: int,
) -> dict[str, list[int]]:  # fmt: skip
    """Return, by case, the last moment of each day on which the line sent and the methods looked."""
    window = Window(min(case.last_seen for case in cases), now)
    hours = [hour // HOUR for hour in looked(methods, window)]
    flows = tables(window) if hours else None
    if flows is None:
        return {}
    side = pa.table(
        {
            "number": pa.array(range(len(cases)), pa.int64()),
            "line": pa.array([case.subscriber for case in cases], pa.int64()),
            "since": pa.array([case.last_seen for case in cases], pa.int64()),
        }
    )
    asked = Query(
        "activity",
        _ACTIVITY,
        parameters={"begin": window.begin, "end": window.end},
        tables={"CASES": side, "LOOKED": pa.table({"hour": pa.array(hours, pa.int64())})},
    )
    found: dict[str, list[int]] = {}
    answer = flows.ask(asked)
    for number, latest in zip(answer["number"].to_pylist(), answer["latest"].to_pylist(), strict=True):
        found.setdefault(cases[number].id, []).append(latest)
    return found
