"""Facts in the order of time, and what they come to at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from sekisho.catalogues.accidents import accident_rules
from sekisho.model.accident import judge, rules_for, standing
from sekisho.model.incident import Service, Standing
from sekisho.model.timeline import About, Fact, TimelineError, What, incident
from sekisho.reports.accidents.words import reading, why
from sekisho.workflows.judge_accident import rule

JST = timezone(timedelta(hours=9))


def _english(_ja: str, en: str) -> str:
    return en


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, tzinfo=JST)


def down(time: datetime, least: int | None = None, most: int | None = None, area: str = "") -> Fact:
    return Fact(time, What.DOWN, "1", Service.INTERNET, area, least, most)


def verdict(*facts: Fact, now: datetime, about: About | None = None) -> tuple[Standing, str, datetime | None]:
    found = judge(incident(about or About(), facts, now), rules_for(now.date(), accident_rules()))
    one = found[0]
    return standing(found), one.reason, one.becomes


def users(time: datetime, least: int, most: int, what: What = What.USERS) -> Fact:
    return Fact(time, what, "2", Service.INTERNET, "", least, most)


def restored(time: datetime) -> Fact:
    return Fact(time, What.RESTORED, "3", Service.INTERNET)


def test_users_of_a_moment_leave_two_readings_and_the_earliest_moment_of_either_is_told() -> None:
    facts = [down(at(12), 5_000, 80_000), users(at(12, 20), 41_000, 60_000, What.USERS_NOW)]
    assert verdict(*facts, now=at(13)) == (Standing.UNDECIDED, "running-readings-differ", at(14))
    assert verdict(*facts, now=at(14, 10)) == (Standing.UNDECIDED, "readings-differ", at(14, 20))
    assert verdict(*facts, now=at(14, 20))[0] is Standing.YES
    back = restored(at(14))
    assert verdict(*facts, back, now=at(15))[:2] == (Standing.UNDECIDED, "readings-differ")
    assert verdict(*facts, back, now=at(13)) == (Standing.UNDECIDED, "running-readings-differ", at(14))
    # What is said of that moment is that of one reading.
    both, one = (rule(About(), told, at(13)) for told in ((down(at(12), 41_000, 80_000),), tuple(facts)))
    assert (both.becomes, reading(both, _english)) == (at(14), "")
    assert (one.becomes, reading(one, _english)) == (at(14), " (the earlier of two readings)")
    assert "goes on; by the whole time and all users serious" in why(one.judgements[0], _english, str)
    assert why(both.judgements[0], _english, str).startswith("goes on; serious if not restored by ")


def test_a_later_count_is_the_number_of_the_whole_outage() -> None:
    facts = [down(at(12, 20)), users(at(13, 10), 45_000, 45_000)]
    assert verdict(*facts, now=at(13, 30)) == (Standing.UNDECIDED, "still-running", at(14, 20))
    assert verdict(*facts, now=at(14, 20))[0] is Standing.YES


def test_a_count_revises_an_earlier_one_and_one_that_is_made_after_the_end() -> None:
    typo = [
        down(at(12)),
        users(at(12, 30), 450_000, 450_000),
        users(at(12, 40), 4_500, 4_500),
        restored(at(15)),
    ]
    assert verdict(*typo, now=at(16))[:2] == (Standing.NO, "too-few")
    few = [down(at(12)), users(at(12, 30), 500, 500), restored(at(14, 20))]
    assert verdict(*few, now=at(16))[:2] == (Standing.NO, "too-few")
    late = [down(at(12)), restored(at(14, 20)), users(at(15), 31_000, 31_000)]
    assert verdict(*late, now=at(16))[:2] == (Standing.YES, "reached")


def test_the_earliest_possible_moment_is_told_while_users_are_unknown() -> None:
    found = judge(incident(About(), [down(at(12))], at(12, 10)), rules_for(at(12).date(), accident_rules()))
    (one,) = found
    assert (one.becomes, one.possible) == (None, ((at(13), 100_000), (at(14), 30_000)))
    straddling = incident(About(), [down(at(12), 5_000, 80_000)], at(12, 10))
    (one,) = judge(straddling, rules_for(at(12).date(), accident_rules()))
    assert (one.becomes, one.possible) == (None, ((at(14), 30_000),))
    (one,) = judge(
        msgspec.structs.replace(straddling, as_of=at(14, 10)), rules_for(at(12).date(), accident_rules())
    )
    assert (one.reason, one.possible) == ("users-unknown", ())


def test_two_short_outages_are_not_one_long_one() -> None:
    facts = [
        down(at(6), 50_000, 50_000),
        restored(at(6, 10)),
        down(at(18), 50_000, 50_000),
        restored(at(18, 10)),
    ]
    assert verdict(*facts, now=at(19))[:2] == (Standing.NO, "too-short")


def test_an_unnamed_area_is_not_added_to_named_ones() -> None:
    facts = [down(at(9), 20_000, 20_000, "東"), down(at(9), 20_000, 20_000), restored(at(12))]
    assert verdict(*facts, now=at(13), about=About(areas_apart=True))[:2] == (
        Standing.UNDECIDED,
        "users-unknown",
    )


def test_later_facts_are_not_looked_at() -> None:
    facts = [down(at(12), 41_000, 41_000), Fact(at(12, 50), What.RESTORED, "2", Service.INTERNET)]
    assert verdict(*facts, now=at(12, 30))[1] == "still-running"
    assert verdict(*facts, now=at(18))[:2] == (Standing.NO, "too-short")


def test_areas_come_back_one_by_one() -> None:
    facts = [
        down(at(9), 20_000, 20_000, "東"),
        down(at(9), 20_000, 20_000, "西"),
        Fact(at(10), What.RESTORED, "3", Service.INTERNET, "東"),
        Fact(at(12), What.RESTORED, "4", Service.INTERNET, "西"),
    ]
    assert verdict(*facts, now=at(13))[:2] == (Standing.UNDECIDED, "users-unknown")
    apart = About(areas_apart=True)
    assert verdict(*facts, now=at(13), about=apart)[:2] == (Standing.UNDECIDED, "readings-differ")


def test_restored_of_nothing_named_means_everything() -> None:
    facts = [
        down(at(9), 1, 1, "東"),
        Fact(at(9), What.DOWN, "2", Service.VOICE),
        Fact(at(10), What.RESTORED, "3"),
    ]
    found = incident(About(), facts, at(11))
    assert [one.end for one in found.effects] == [at(10), at(10)]


def test_clocks() -> None:
    found = incident(About(), [down(at(9))], at(10))
    assert (found.occurred, found.known, found.known_assumed) == (at(9), at(9), True)
    found = incident(About(), [down(at(9)), Fact(at(9, 5), What.KNOWN)], at(10))
    assert (found.known, found.known_assumed) == (at(9, 5), False)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([down(at(20))], "nothing-known-yet"),
        ([Fact(at(9), What.RESTORED, "1", Service.VOICE)], "restored-before-failed"),
        ([down(at(9)), Fact(at(8), What.RESTORED, "2", Service.INTERNET)], "restored-before-failed"),
        ([Fact(at(9), What.USERS, "1", Service.VOICE, "", 3)], "users-of-what-is-not-down"),
        ([Fact(at(9), What.DOWN, "1")], "service-missing"),
        ([down(at(9), 5, 4)], "most-below-least"),
        ([down(at(9)), Fact(at(10), What.OCCURRED, "2")], "failed-before-it-occurred"),
        ([down(at(9)), Fact(at(8), What.KNOWN, "2")], "known-before-it-occurred"),
        ([Fact(at(9), What.EQUIPMENT_RESTORED, "1", equipment="cable")], "restored-before-failed"),
        ([Fact(at(9), What.EQUIPMENT_DOWN, "1")], "equipment-missing"),
    ],
)
def test_contradictions_are_refused(facts: list[Fact], reason: str) -> None:
    with pytest.raises(TimelineError, match=reason):
        incident(About(), facts, at(12))


def test_equipment() -> None:
    facts = [
        Fact(at(9), What.EQUIPMENT_DOWN, equipment="cable", all_traffic=True),
        Fact(at(11), What.EQUIPMENT_RESTORED, equipment="cable"),
    ]
    assert verdict(*facts, now=at(12))[:2] == (Standing.YES, "reached")
    assert verdict(*facts, now=at(10)) == (Standing.UNDECIDED, "still-running", at(11))


def test_a_new_number_of_users_revises_and_a_new_outage_adds() -> None:
    facts = [
        down(at(9), 1, 20_000),
        Fact(at(10), What.USERS, "2", Service.INTERNET, "", 1, 21_000),
        Fact(at(12), What.RESTORED, "3", Service.INTERNET),
    ]
    assert verdict(*facts, now=at(13))[:2] == (Standing.NO, "too-few")
    again = [down(at(12), 1, 20_000), Fact(at(13), What.RESTORED, "5", Service.INTERNET)]
    assert verdict(*facts, *again, now=at(14))[:2] == (Standing.UNDECIDED, "users-unknown")


def test_an_unknown_cause_is_undecided() -> None:
    facts = [down(at(9), 41_000, 41_000), Fact(at(12), What.RESTORED, "2", Service.INTERNET)]
    verdicts = [verdict(*facts, now=at(13), about=About(fault=word))[0] for word in (True, "unknown", False)]
    assert verdicts == [Standing.YES, Standing.UNDECIDED, Standing.NO]
