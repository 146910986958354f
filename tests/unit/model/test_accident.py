"""Serious accidents: known ones under the rules of their day and of today, and laws that hold for all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.accidents import accident_rules
from sekisho.model.accident import Judgement, judge, rules_for, standing
from sekisho.model.incident import Effect, Equipment, Incident, Service, Standing
from sekisho.reports.accidents.words import why

JST = timezone(timedelta(hours=9))


def accident(
    service: Service,
    begin: datetime,
    hours: float | None,
    least: int,
    most: int | None = None,
    **more: object,
) -> Incident:
    end = None if hours is None else begin + timedelta(hours=hours)
    effect = Effect(service, begin, end, least, least if most is None else most, **more)  # type: ignore[arg-type]
    return Incident("t", begin, begin, end or begin, effects=(effect,))


def verdict(incident: Incident, day: date | None = None) -> Standing:
    return standing(judge(incident, rules_for(day or incident.occurred.date(), accident_rules())))


KNOWN = [
    (
        Service.VOICE_EMERGENCY,
        datetime(2022, 7, 2, 1, 35, tzinfo=JST),
        61 + 25 / 60,
        22_780_000,
        Standing.YES,
    ),
    (Service.INTERNET, datetime(2022, 8, 25, 8, 0, tzinfo=JST), 5 + 47 / 60, 2_110_000, Standing.YES),
    (Service.VOICE_EMERGENCY, datetime(2025, 9, 16, 15, 45, tzinfo=JST), 51 / 60, 2_270_000, Standing.NO),
    (Service.VOICE_EMERGENCY, datetime(2024, 1, 1, tzinfo=JST), 45 / 60, 83_000, Standing.NO),
]


@pytest.mark.parametrize(("service", "begin", "hours", "users", "wanted"), KNOWN)
def test_known_accidents(
    service: Service, begin: datetime, hours: float, users: int, wanted: Standing
) -> None:
    assert verdict(accident(service, begin, hours, users)) is wanted
    assert verdict(accident(service, begin, hours, users), date(2026, 5, 1)) is wanted


def test_a_past_accident_is_judged_by_its_own_date() -> None:
    old = accident(Service.INTERNET, datetime(2026, 3, 31, 23, tzinfo=JST), 1.5, 200_000)
    assert verdict(old) is Standing.NO
    assert verdict(accident(Service.INTERNET, datetime(2026, 4, 1, tzinfo=JST), 1.5, 200_000)) is Standing.YES
    lpwa = accident(Service.LPWA_UNLICENSED, datetime(2018, 1, 1, tzinfo=JST), 3, 40_000)
    assert verdict(lpwa) is Standing.YES
    assert verdict(lpwa, date(2020, 1, 1)) is Standing.NO


def test_free_mail_falls_into_its_class_by_its_size() -> None:
    day = datetime(2026, 6, 1, tzinfo=JST)
    big = accident(Service.FREE_MAIL, day, 5, 150_000, monthly_users=12_000_000)
    assert verdict(big) is Standing.YES
    assert verdict(accident(Service.FREE_MAIL, day, 5, 150_000, monthly_users=9_000_000)) is Standing.NO


def test_a_running_accident_says_when_it_turns_serious() -> None:
    begin = datetime(2026, 11, 21, 12, 20, tzinfo=JST)
    effect = Effect(Service.INTERNET, begin, None, 41_000, 60_000)
    incident = Incident("t", begin, begin, begin + timedelta(minutes=70), effects=(effect,))
    (one,) = judge(incident, rules_for(begin.date(), accident_rules()))
    assert (one.standing, one.class_id, one.reason) == (Standing.UNDECIDED, "6", "still-running")
    assert one.becomes == datetime(2026, 11, 21, 14, 20, tzinfo=JST)


def test_unknown_users_leave_it_undecided_and_no_effect_known_is_not_no() -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    effect = Effect(Service.INTERNET, begin, begin + timedelta(hours=3), 10_000, None)
    assert verdict(Incident("t", begin, begin, begin, effects=(effect,))) is Standing.UNDECIDED
    assert verdict(Incident("t", begin, begin, begin)) is Standing.UNDECIDED


def test_what_is_no_failure_of_equipment_does_not_count() -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    effect = Effect(Service.INTERNET, begin, begin + timedelta(hours=9), 10**6, 10**6, fault=False)
    assert verdict(Incident("t", begin, begin, begin, effects=(effect,))) is Standing.NO


@given(st.dates(date(1990, 1, 1), date(2040, 12, 31)))
def test_every_date_has_exactly_one_rule_set(day: date) -> None:
    rules = rules_for(day, accident_rules())
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for service in Service:
        assert judge(accident(service, begin, 1, 1), rules)


_ORDER = [Standing.NO, Standing.UNDECIDED, Standing.YES]


@given(
    st.sampled_from(list(Service)), st.dates(date(2010, 1, 1), date(2030, 1, 1)), st.floats(0, 100), st.floats(0, 100),
    st.integers(0, 3_000_000), st.integers(0, 3_000_000), st.sampled_from([None, 0, 10**7, 10**8]),
)  # fmt: skip
def test_more_users_or_hours_never_lower_the_duty(
    service: Service,
    day: date,
    hours: float,
    more_hours: float,
    users: int,
    more_users: int,
    monthly: int | None,
) -> None:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    less = verdict(accident(service, begin, hours, users, monthly_users=monthly))
    more = verdict(accident(service, begin, hours + more_hours, users + more_users, monthly_users=monthly))
    assert _ORDER.index(more) >= _ORDER.index(less)


def two(first: Effect, second: Effect, **more: object) -> Standing:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    return verdict(Incident("t", begin, begin, begin + timedelta(days=1), effects=(first, second), **more))  # type: ignore[arg-type]


def test_two_short_failures_are_not_one_long_one() -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    half = timedelta(minutes=30)
    first = Effect(Service.INTERNET, begin, begin + half, 40_000, 40_000)
    second = Effect(Service.INTERNET, begin + 9 * half, begin + 10 * half, 40_000, 40_000)
    assert two(first, second) is Standing.NO


def test_many_for_a_moment_and_few_for_long_is_undecided() -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    first = Effect(Service.INTERNET, begin, begin + timedelta(minutes=10), 40_000, 40_000, "a")
    second = Effect(
        Service.INTERNET, begin + timedelta(minutes=10), begin + timedelta(hours=3), 100, 100, "a"
    )
    incident = Incident("t", begin, begin, begin, effects=(first, second))
    (one,) = judge(incident, rules_for(begin.date(), accident_rules()))
    assert (one.standing, one.reason) == (Standing.UNDECIDED, "readings-differ")


def test_known_users_of_areas_add_up_only_when_the_areas_are_apart() -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    end = begin + timedelta(hours=3)
    east, west = (Effect(Service.INTERNET, begin, end, 20_000, 20_000, area) for area in ("東", "西"))
    assert two(east, west) is Standing.UNDECIDED
    assert two(east, west, areas_apart=True) is Standing.YES


def test_unknown_monthly_users_leave_the_class_open() -> None:
    day = datetime(2026, 6, 1, tzinfo=JST)
    assert verdict(accident(Service.FREE_MAIL, day, 5, 150_000)) is Standing.UNDECIDED
    assert verdict(accident(Service.FREE_MAIL, day, 1, 150_000)) is Standing.NO


def test_degradation_and_cause_count_only_when_somebody_weighed_them() -> None:
    day = datetime(2026, 6, 1, tzinfo=JST)

    def weighed(**more: object) -> Standing:
        return verdict(accident(Service.INTERNET, day, 5, 150_000, **more))

    assert weighed(degraded_only=True) is Standing.UNDECIDED
    assert weighed(degraded_only=True, unusable=True) is Standing.YES
    assert weighed(degraded_only=True, unusable=False) is Standing.NO
    assert weighed(fault=None) is Standing.UNDECIDED
    assert weighed(additional=True) is Standing.NO


@pytest.mark.parametrize(
    ("minutes", "all_traffic", "ended", "wanted", "reason"),
    [
        (120, True, True, Standing.YES, "reached"),
        (119, True, True, Standing.NO, "too-short"),
        (119, True, False, Standing.UNDECIDED, "still-running"),
        (300, None, True, Standing.UNDECIDED, "traffic-unknown"),
        (300, False, True, Standing.NO, "not-all-traffic"),
    ],
)
def test_submarine_cables_count_without_users(
    minutes: int, all_traffic: bool | None, ended: bool, wanted: Standing, reason: str
) -> None:
    begin = datetime(2026, 11, 21, tzinfo=JST)
    now = begin + timedelta(minutes=minutes)
    cable = Equipment("submarine-cable", begin, now if ended else None, all_traffic)
    incident = Incident("t", begin, begin, now, equipment=(cable,))
    (one,) = judge(incident, rules_for(begin.date(), accident_rules()))
    assert (one.standing, one.reason) == (wanted, reason)
    assert standing([one]) is wanted


BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=JST)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def judged(*effects: Effect, now: float = 24, day: datetime = BEGIN, **more: object) -> tuple[Judgement, ...]:
    incident = Incident("t", BEGIN, BEGIN, at(now), effects=effects, **more)  # type: ignore[arg-type]
    return judge(incident, rules_for(day.date(), accident_rules()))


@pytest.mark.parametrize(
    ("day", "first", "second"),
    [
        ("2026-11-21", Service.PRIVATE_DATA, Service.OTHER),
        ("2026-11-21", Service.LPWA_CELLULAR, Service.LPWA_UNLICENSED),
        ("2026-11-21", Service.INTERNET, Service.ACCESS),
        ("2025-11-21", Service.INTERNET, Service.OTHER),
        ("2015-01-21", Service.INTERNET, Service.VOICE),
    ],
)
def test_services_of_one_class_count_together(day: str, first: Service, second: Service) -> None:
    effects = [Effect(one, BEGIN, at(16), 20_000, 20_000) for one in (first, second)]
    found = judged(*effects, day=datetime.fromisoformat(day))
    assert standing(found) is Standing.UNDECIDED
    both = found[-1]
    assert both.services == tuple(sorted((first, second)))
    assert (both.users, both.reason) == ((20_000, 40_000), "users-unknown")
    few = judged(*(msgspec.structs.replace(one, users_least=14_999, users_most=14_999) for one in effects))
    assert standing(few) is Standing.NO
    named = [msgspec.structs.replace(one, area=area) for one, area in zip(effects, "東西", strict=True)]
    apart = judged(*named, day=datetime.fromisoformat(day), areas_apart=True)
    assert standing(apart) is Standing.YES


def test_services_of_other_classes_do_not_count_together() -> None:
    effects = [Effect(one, BEGIN, at(16), 20_000, 20_000) for one in (Service.INTERNET, Service.OTHER)]
    assert standing(judged(*effects)) is Standing.NO


def test_data_whose_way_is_not_told_may_be_of_either_class() -> None:
    def told(service: Service, hours: float) -> Judgement:
        (one,) = judged(Effect(service, BEGIN, at(hours), 150_000, 150_000))
        return one

    assert told(Service.DATA, 70 / 60).standing is Standing.UNDECIDED
    assert told(Service.DATA, 70 / 60).reason == "carried-where"
    assert told(Service.ACCESS, 70 / 60).standing is Standing.YES
    assert told(Service.PRIVATE_DATA, 70 / 60).standing is Standing.NO
    assert told(Service.DATA, 2).standing is Standing.YES  # serious in either class
    (running,) = judged(Effect(Service.DATA, BEGIN, None, 150_000, 150_000), now=0.5)
    assert running.becomes == at(2)  # then for certain; possibly an hour before
    assert running.possible == ((at(1), 100_000),)
    assert running.doubts == ("carried-where",)


def test_where_the_class_is_open_services_together_turn_serious_for_certain_by_the_others_alone() -> None:
    def told(now: float, *users: tuple[Service, int]) -> Judgement:
        effects = (Effect(one, BEGIN, None, many, many, area=one.value) for one, many in users)
        return judged(*effects, now=now, areas_apart=True)[-1]

    fibre, data, access = (Service.INTERNET, 20_000), (Service.DATA, 20_000), (Service.ACCESS, 20_000)
    early = told(1 / 3, fibre, data)
    assert (early.standing, early.becomes) == (Standing.UNDECIDED, None)
    assert early.possible == ((at(2), 30_000),)
    assert "if not restored" not in why(early, lambda _, en: en, str)
    assert told(2.5, fibre, data).standing is Standing.UNDECIDED
    # Without the open one it is the same.
    every = told(1 / 3, fibre, data, access)
    assert (every.standing, every.becomes) == (Standing.UNDECIDED, at(2))
    late = told(2.5, fibre, data, access)
    assert (late.standing, late.services) == (Standing.YES, (Service.ACCESS, Service.INTERNET))


def test_an_outage_with_a_short_restoration_is_not_surely_two() -> None:
    def outages(*spans: tuple[float, float], users: int = 40_000) -> Judgement:
        (one,) = judged(*(Effect(Service.INTERNET, at(a), at(b), users, users) for a, b in spans))
        return one

    blip = outages((0, 119 / 60), (2, 4 - 1 / 60))
    assert (blip.standing, blip.reason) == (Standing.UNDECIDED, "outages-apart")
    # The minute up may have been no restoration: 1 h 59 min and a half, together with it 2 h.
    assert outages((0, 1.5), (1.51, 2)).reason == "outages-apart"
    assert outages((0, 0.5), (4, 4.5)).standing is Standing.NO
    assert outages((0, 119 / 60), (2, 4 - 1 / 60), users=10_000).standing is Standing.NO
    assert outages((0, 2), (3, 5), users=20_000).reason == "outages-apart"
    assert outages((0, 2), (3, 5)).standing is Standing.YES


def test_a_second_outage_that_goes_on_tells_the_earliest_moment() -> None:
    effects = (
        Effect(Service.INTERNET, BEGIN, at(1.5), 40_000, 40_000),
        Effect(Service.INTERNET, at(2), None, 40_000, 40_000),
    )
    (one,) = judged(*effects, now=2.25)
    assert (one.reason, one.becomes, one.possible) == ("still-running", at(4), ((at(2.5), 30_000),))
    (late,) = judged(*effects, now=3)
    assert (late.standing, late.reason, late.becomes) == (Standing.UNDECIDED, "outages-apart", at(4))


def test_what_it_hangs_on_is_what_nobody_has_weighed() -> None:
    def one(**more: object) -> Judgement:
        (found,) = judged(Effect(Service.INTERNET, BEGIN, at(3), 150_000, 160_000, **more))  # type: ignore[arg-type]
        return found

    assert (one(fault=None).reason, one(fault=None).doubts) == ("fault-unknown", ())
    assert one(degraded_only=True).reason == "unusable-unknown"
    assert one(degraded_only=True).users == (150_000, 160_000)
    both = one(degraded_only=True, fault=None)
    assert (both.reason, both.doubts) == ("fault-unknown", ("unusable",))
    (mixed,) = judged(
        Effect(Service.INTERNET, BEGIN, at(1.5), 50_000, 50_000, degraded_only=True),
        Effect(Service.INTERNET, at(1.5), at(3), 50_000, 50_000, continues=True),
    )
    assert mixed.reason == "unusable-unknown"
    (sure,) = judged(
        Effect(Service.INTERNET, BEGIN, at(1.5), 90_000, 90_000, degraded_only=True),
        Effect(Service.INTERNET, at(1.5), at(3.5), 50_000, 50_000, continues=True),
    )
    assert (sure.standing, sure.hours[0], sure.users[0]) == (Standing.YES, 2, 50_000)
    (running,) = judged(Effect(Service.INTERNET, BEGIN, None, 50_000, 50_000, degraded_only=True), now=1)
    assert (running.becomes, running.possible, running.doubts) == (None, ((at(2), 30_000),), ("unusable",))


def test_every_line_that_more_users_would_reach_is_told() -> None:
    (one,) = judged(Effect(Service.INTERNET, BEGIN, at(1.5), 99_999, 99_999))
    assert (one.standing, one.line, one.reason) == (Standing.NO, (2, 30_000), "too-short")
    assert one.others == ((1, 100_000, "too-few"),)
