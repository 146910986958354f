"""Statistics by fiscal year, and accidents of the past judged under the rules of their day and of today."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import msgspec
import pytest

from sekisho.catalogues.accidents import accident_rules, published_accidents
from sekisho.model.accident import judge, rules_for, standing
from sekisho.model.accident_statistics import Published, Year, band, fiscal_year, statistics
from sekisho.model.incident import Effect, Incident, Service, Standing
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.workflows.judge_accident import rule

JST = timezone(timedelta(hours=9))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+09:00")


def judged(day: str, minutes: int, least: int, most: int | None, cause: str = "") -> tuple[About, Ruling]:
    begin = at(f"{day}T12:00")
    about = About(report=Details(cause_class=cause))
    facts = (
        Fact(begin, What.DOWN, "", Service.INTERNET, "", least, most),
        Fact(begin + timedelta(minutes=minutes), What.RESTORED, "", Service.INTERNET),
    )
    return about, rule(about, facts, begin + timedelta(days=1))


def test_years_are_fiscal_and_gaps_stay_gaps() -> None:
    assert [fiscal_year(date(2026, month, 1)) for month in (3, 4)] == [2025, 2026]
    every = [
        judged("2025-03-31", 180, 50_000, 50_000, "雷"),
        judged("2026-11-21", 60, 100, 900),
        judged("2026-12-01", 300, 0, None),
    ]
    found = {one.year: one for one in statistics(every, published_accidents())}
    assert min(found) == 2008
    assert max(found) == 2026
    assert found[2019] == Year(2019, None)
    assert (found[2022].published and found[2022].published.total, found[2022].own) == (7_500, 0)
    assert found[2008].published
    assert found[2008].published.total is None
    assert (found[2024].own, found[2024].serious, found[2024].causes) == (1, 1, {"雷": 1})
    assert (found[2026].own, found[2026].undecided, found[2026].causes) == (2, 1, {"": 2})
    assert found[2026].sizes == {-1: 2}
    assert statistics([], Published((), published_accidents().gaps)) == ()


@pytest.mark.parametrize(
    ("least", "most", "size"),
    [
        (100, 499, 0),
        (500, 4_999, 500),
        (499, 500, -1),
        (30_000, None, 30_000),
        (29_999, None, -1),
        (70_000, 90_000, 30_000),
    ],
)
def test_size_bands(least: int, most: int | None, size: int) -> None:
    assert band(judged("2026-11-21", 60, least, most)[1]) == size


# What is published of them (facts, grade B); users as told, the rest of the interval open.
VOICE, DATA = Service.VOICE_EMERGENCY, Service.INTERNET
KDDI_2022 = ("2022-07-02T01:35", "2022-07-04T15:00", ((VOICE, 23_160_000), (DATA, 7_750_000)))
WEST_2022 = (
    "2022-08-25T08:00",
    "2022-08-25T13:47",
    ((DATA, 2_110_000),),
)  # its hour of beginning is not told: 5 h 47 min
WEST_2025 = ("2025-09-16T15:45", "2025-09-16T16:36", ((VOICE, 2_270_000),))
SHORT = ("2025-06-01T10:00", "2025-06-01T10:45", ((VOICE, 83_000),))


@pytest.mark.parametrize(
    ("told", "serious"),
    [(KDDI_2022, Standing.YES), (WEST_2022, Standing.YES), (WEST_2025, Standing.NO), (SHORT, Standing.NO)],
)
@pytest.mark.parametrize("day", [None, date(2026, 4, 1)])
def test_accidents_of_the_past_under_the_rules_of_their_day_and_of_today(
    told: tuple[str, str, tuple[tuple[Service, int], ...]], serious: Standing, day: date | None
) -> None:
    begin, end = at(told[0]), at(told[1])
    effects = tuple(Effect(service, begin, end, users, users) for service, users in told[2])
    known = Incident("past", begin, begin, end, effects=effects)
    assert standing(judge(known, rules_for(day or begin.date(), accident_rules()))) is serious


def test_the_seventh_class_of_2026_lowered_the_threshold_of_data() -> None:
    begin = at("2026-04-01T00:00")
    one = Incident(
        "x", begin, begin, begin, effects=(Effect(DATA, begin, begin + timedelta(hours=1), 100_000, 100_000),)
    )
    new, old = (rules_for(day, accident_rules()) for day in (date(2026, 4, 1), date(2026, 3, 31)))
    assert standing(judge(one, new)) is Standing.YES
    assert standing(judge(one, old)) is Standing.NO
    more = msgspec.structs.replace(one.effects[0], users_least=1_000_000, users_most=1_000_000)
    assert standing(judge(msgspec.structs.replace(one, effects=(more,)), old)) is Standing.YES
