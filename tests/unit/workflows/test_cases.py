"""Folding from the log and observing from the flows: repeatable, and never healed by silence."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from fakes.cases import PlainCases
from fakes.watched import START, MemoryTables, flow
from sekisho.errors import ConflictError
from sekisho.language import Text
from sekisho.model.case import Case, CaseEvent, CaseState, Healing
from sekisho.model.detection import Detection, Grade, Window
from sekisho.model.tables import RECEIVES
from sekisho.workflows.cases import Observed, fold_detections, heal

HOUR, DAY = 3_600_000, 86_400_000
DAYS = 3


def seen(line: int, name: str, at: int = 0, family: str = "mirai") -> Detection:
    begin = START + at * HOUR
    return Detection(
        f"{line}-{name}", "known_cc", line, begin, begin + 1000, Grade.LIKELY, "r", family=family
    )


def fold(store: PlainCases, found: Sequence[Detection]) -> tuple[int, int, int]:
    done = fold_detections(store, store.of_lines, found, window=DAY, at=START)
    return done.opened, done.changed, done.relapsed


def observe(
    store: PlainCases,
    rows: Sequence[dict[str, object]],
    later: int,
    looked: bool | Sequence[int] = True,
) -> dict[int, Observed]:
    """Observe ``later`` hours after START; ``looked``: everywhere, nowhere, or in those hours."""
    now = START + later * HOUR
    hours = range(later) if looked is True else looked or ()
    found = heal(
        store,
        lambda window: MemoryTables(list(rows), window),
        lambda _methods, window: [START + h * HOUR for h in hours if window.holds(START + h * HOUR)],
        now=now, days=DAYS, silent_hours=48,
    )  # fmt: skip
    return {store.lives[one.case].case.subscriber: one for one in found}


def daily(line: int, days: Sequence[int], **more: object) -> list[dict[str, object]]:
    return [flow(line, "192.0.2.9", 443, at=day * 86_400 + 7200, **more) for day in days]  # type: ignore[arg-type]


def test_many_lines_fold_once() -> None:
    store = PlainCases()
    found = [seen(line, name, at) for line in range(1, 501) for name, at in (("a", 0), ("b", 3))]
    assert fold(store, found) == (500, 0, 0)
    assert store.saves == 3  # some hundred lines in one transaction
    assert fold(store, found) == (0, 0, 0)
    assert store.saves == 3
    assert fold(store, [seen(7, "c", 9)]) == (0, 1, 0)


class Killed(Exception):
    pass


class Dying(PlainCases):
    """Its process dies after so many transactions; what was stored stays."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def save_all(self, changes: Sequence[tuple[Case, Sequence[CaseEvent]]]) -> tuple[Case, ...]:
        if self.saves == self.most:
            raise Killed
        return super().save_all(changes)


def test_a_killed_folding_is_repeated_and_nothing_doubles() -> None:
    found = [seen(line, name) for line in range(1, 501) for name in ("a", "b")]
    whole = PlainCases()
    fold(whole, found)
    store = Dying(1)
    with pytest.raises(Killed):
        fold(store, found)
    assert 0 < len(store.lives) < 500
    store.most = 99
    fold(store, found)
    assert store.lives == whole.lives


class Contended(PlainCases):
    """Somebody else is faster so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def save_all(self, changes: Sequence[tuple[Case, Sequence[CaseEvent]]]) -> tuple[Case, ...]:
        if self.times:
            self.times -= 1
            raise ConflictError(Text(ja="先", en="somebody was faster"), "")
        return super().save_all(changes)


def test_a_conflict_is_looked_at_again_but_not_for_ever() -> None:
    store = Contended(3)
    assert fold(store, [seen(1, "a")]) == (1, 0, 0)
    with pytest.raises(ConflictError):
        fold(Contended(99), [seen(1, "a")])


def test_healing_takes_a_line_at_work_that_was_looked_at() -> None:
    store = PlainCases()
    fold(store, [seen(line, "a") for line in range(1, 8)])
    rows = [
        *daily(1, [0, 1, 2]),  # at work each day
        *daily(2, []),  # silent
        *daily(3, [0, 1]),  # too few days, then silent for more than 48 hours? no: seen on day 3
        *daily(3, [3]),
        *daily(4, [0, 1, 2], side=RECEIVES),  # only scanned by others: its own silence
        *daily(5, [0]),
    ]
    found = observe(store, rows, 24 * 3 + 3)
    assert {line: one.healing for line, one in found.items()} == {
        1: Healing.HEALED, 2: Healing.UNKNOWN, 3: Healing.QUIET, 4: Healing.UNKNOWN, 5: Healing.UNKNOWN,
        6: Healing.UNKNOWN, 7: Healing.UNKNOWN,
    }  # fmt: skip
    states = {one.case.subscriber: one.case for one in store.lives.values()}
    assert states[1].state is CaseState.HEALED
    assert states[1].healed_at == START + 1000
    assert all(case.state is CaseState.NEW for line, case in states.items() if line != 1)
    assert fold(store, [seen(1, "back", 200)]) == (0, 1, 1)
    assert {one.case.subscriber: one.case.state for one in store.lives.values()}[1] is CaseState.RELAPSED


@pytest.mark.parametrize(
    "looked", [False, list(range(24)), [h for h in range(75) if h % 24 != 2]], ids=["never", "one day", "not then"]
)  # fmt: skip
def test_nothing_heals_where_nobody_looked(looked: bool | list[int]) -> None:
    store = PlainCases()
    fold(store, [seen(1, "a")])
    (one,) = observe(store, daily(1, [0, 1, 2]), 75, looked).values()
    assert one.healing is not Healing.HEALED
    assert store.lives[one.case].case.state is CaseState.NEW


def test_a_case_of_two_methods_needs_looks_of_both() -> None:
    store = PlainCases()
    scan = msgspec.structs.replace(seen(1, "scan", family=""), method="outbound_scan")
    fold(store, [seen(1, "a"), scan])
    asked: list[Sequence[str]] = []

    def looked(methods: Sequence[str], window: Window) -> list[int]:
        asked.append(methods)
        return []

    list(heal(store, lambda _: None, looked, now=START + 9 * DAY, days=3, silent_hours=48))
    assert asked == [("known_cc", "outbound_scan")]
