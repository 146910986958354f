"""Duties after an accident: which, with which form, from which clock, by which day."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from sekisho.catalogues.accidents import duty_rules
from sekisho.model.duty import TRIGGERS, duties, judge_threat, threat_rules
from sekisho.model.incident import Incident, Standing, Threat

JST = timezone(timedelta(hours=9))
OCCURRED = datetime(2026, 10, 20, 23, 30, tzinfo=JST)
KNOWN = datetime(2026, 10, 21, 0, 10, tzinfo=JST)
FULL = Threat(("fire",), 30_000, 2, False, True, False, False)


def incident(occurred: datetime = OCCURRED, **more: object) -> Incident:
    return Incident("t", occurred, occurred + (KNOWN - OCCURRED), occurred, **more)  # type: ignore[arg-type]


def of(one: Incident, serious: Standing = Standing.NO) -> list[tuple[str, Standing]]:
    return [(duty.rule.trigger, duty.standing) for duty in duties(one, serious, duty_rules())]


def test_every_trigger_has_exactly_one_rule() -> None:
    assert sorted(one.trigger for one in duty_rules().duties) == sorted(TRIGGERS)


def test_a_serious_accident_counts_from_the_day_it_occurred_and_a_leak_from_the_day_it_was_known() -> None:
    found = duties(incident(leaks=("secrecy",)), Standing.YES, duty_rules())
    due = {one.rule.trigger: (one.due, one.rule.form) for one in found}
    assert due == {
        "serious": (date(2026, 11, 19), "様式第50の3"),
        "secrecy": (date(2026, 11, 20), "様式第50の2"),
    }


def test_days_are_those_of_japan() -> None:
    utc = datetime(2026, 10, 20, 15, 30, tzinfo=timezone.utc)  # noqa: UP017 - already the 21st in Japan
    (one,) = duties(Incident("t", utc, utc, utc), Standing.YES, duty_rules())
    assert one.due == date(2026, 11, 20)


def test_the_operators_own_day_wins_and_says_so() -> None:
    (one,) = duties(incident(), Standing.YES, duty_rules(), {"serious": date(2026, 11, 18)})
    assert (one.due, one.by_operator) == (date(2026, 11, 18), True)


def test_no_duty_is_said_only_when_it_surely_is_none() -> None:
    assert of(incident()) == []
    assert of(incident(), Standing.UNDECIDED) == [("serious", Standing.UNDECIDED)]
    assert of(incident(wholesale_cause=True), Standing.YES) == [("wholesale", Standing.YES)]


def test_an_old_accident_says_that_its_forms_are_not_confirmed() -> None:
    old = incident(datetime(2022, 7, 2, 1, 35, tzinfo=JST))
    (one,) = duties(old, Standing.YES, duty_rules())
    assert not one.confirmed


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"designated": True, "leaked_users": 1_001}, Standing.YES),
        ({"designated": True, "handed_abroad": True, "leaked_users": 3}, Standing.YES),
        ({"designated": True, "leaked_users": 1_000}, Standing.UNDECIDED),
        ({"leaked_users": 5_000}, Standing.UNDECIDED),
        ({"designated": True, "leaked_users": 1_000, "handed_abroad": False}, None),
        ({"designated": False, "leaked_users": 5_000}, None),
    ],
)
def test_specified_user_information(facts: dict[str, object], wanted: Standing | None) -> None:
    found = of(incident(leaks=("user-information",), **facts))
    assert found == ([("user-information", wanted)] if wanted else [])


def test_a_threat_is_a_duty_only_while_the_accident_is_not_serious() -> None:
    assert of(incident(threat=FULL)) == [("threat", Standing.YES)]
    assert of(incident(threat=FULL), Standing.YES) == [("serious", Standing.YES)]
    before = datetime(2023, 6, 15, 12, tzinfo=JST)
    assert of(incident(before, threat=FULL)) == []
    assert of(incident(before + timedelta(days=1), threat=FULL)) == [("threat", Standing.YES)]


@pytest.mark.parametrize(
    ("change", "wanted", "reason"),
    [
        ({}, Standing.YES, "fire"),
        ({"carrier_users": 29_999}, Standing.NO, "carrier-users"),
        ({"prefectures": 1}, Standing.NO, "prefectures"),
        ({"terminal_side": True}, Standing.NO, "terminal-side"),
        ({"has_function": None}, Standing.UNDECIDED, "function"),
        ({"natural_disaster": True}, Standing.NO, "natural-disaster"),
        ({"natural_disaster": True, "events": ("fallen",)}, Standing.YES, "fallen"),
        ({"events": ("fire", "satellite-cable"), "prefectures": 1}, Standing.YES, "satellite-cable"),
        ({"events": ()}, Standing.NO, "no-event"),
    ],
)
def test_conditions_of_a_threat(change: dict[str, object], wanted: Standing, reason: str) -> None:
    facts = {name: getattr(FULL, name) for name in FULL.__struct_fields__} | change
    rules = threat_rules(date(2026, 4, 1), duty_rules().threats)
    assert judge_threat(Threat(**facts), rules) == (wanted, reason)  # type: ignore[arg-type]


def test_events_have_their_dates() -> None:
    slow = Threat(("no-switchover",), 30_000, 2, False, True, False, False)
    wrong = Threat(("wrong-configuration",), 30_000, 2, False, True, False, False)
    old, new = (threat_rules(date(2026, month, 1), duty_rules().threats) for month in (3, 4))
    assert judge_threat(slow, old) == (Standing.UNDECIDED, "not-noticed")
    assert judge_threat(slow, new)[0] is Standing.YES
    assert judge_threat(wrong, old)[0] is Standing.NO
    assert judge_threat(wrong, new)[0] is Standing.YES
