"""Drills measure a team in the time of the drill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sekisho.catalogues.accidents import telling_rules
from sekisho.model.drill import Measure, measure, played
from sekisho.model.incident import Service
from sekisho.model.timeline import Fact, What

START = datetime(2026, 11, 21, 3, tzinfo=UTC)
OLD = datetime(2022, 7, 2, tzinfo=UTC)
SCENARIO = (
    Fact(OLD + timedelta(minutes=180), What.RESTORED, "", Service.VOICE),
    Fact(OLD, What.DOWN, "", Service.VOICE),
)


def at(minutes: float, what: What) -> Fact:
    return Fact(START + timedelta(minutes=minutes), what)


def measured(*team: Fact, speed: float = 1, target: int | None = None) -> dict[str, Measure]:
    facts = played(SCENARIO, START)
    return {one.id: one for one in measure(facts, team, START, speed, telling_rules()[-1], target)}


def test_the_scenario_is_moved_to_now() -> None:
    assert [one.time for one in played(SCENARIO, START)] == [START, START + timedelta(minutes=180)]


def test_what_was_never_done_is_not_in_time() -> None:
    found = measured(target=60)
    assert {name: (one.minutes, one.met) for name, one in found.items()} == {
        "known": (None, None), "told": (None, False), "updates": (None, False), "reported": (None, False),
    }  # fmt: skip
    assert measured()["reported"].met is None


def test_times_in_fast_time() -> None:
    team = (
        at(0.5, What.KNOWN),
        at(2.5, What.TOLD),
        at(8, What.TOLD),
        at(15, What.TOLD),
        at(3, What.REPORTED),
        at(-5, What.TOLD),
    )
    found = measured(*team, speed=10, target=20)
    assert {name: (one.minutes, one.met) for name, one in found.items()} == {
        "known": (5, None), "told": (25, True), "updates": (70, False), "reported": (30, False),
    }  # fmt: skip


def test_the_last_pause_runs_to_the_restoration() -> None:
    found = measured(at(10, What.TOLD), at(60, What.TOLD), at(110, What.TOLD))
    assert found["updates"].minutes == 70


def test_a_pause_is_not_longer_than_the_time_that_has_passed() -> None:
    facts, told = played(SCENARIO, START), [at(7, What.TOLD)]
    rules = telling_rules()[-1]

    def pause(minute: float) -> Measure:
        wall = START + timedelta(minutes=minute)
        return next(one for one in measure(facts, told, START, 1, rules, None, wall) if one.id == "updates")

    assert (pause(40).minutes, pause(40).met) == (33, True)
    assert (pause(70).minutes, pause(70).met) == (63, False)
    assert pause(400).minutes == 173  # to the restoration, and no further
