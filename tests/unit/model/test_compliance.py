"""Duties by date: what comes round, engineers' courses, vacancies; the unknown stays open."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from sekisho.catalogues.accidents import calendar_rules
from sekisho.model.compliance import (
    Done,
    Engineer,
    Entry,
    Installer,
    Operator,
    Site,
    State,
    course_due,
    entries,
    exemption,
    posts,
    unstaffed,
    years,
)

RULES = calendar_rules()
TODAY = date(2026, 11, 21)
TOKYO = Site("第一局", "東京都", "千代田区", date(2020, 4, 1), lines=True)
CHIBA = Site("千葉局", "千葉県", "千葉市中央区", date(2027, 4, 1), lines=False)


def found(operator: Operator, until: date = date(2027, 12, 31)) -> dict[str, Entry]:
    return {one.id: one for one in entries(operator, RULES, TODAY, until)}


def test_reports_come_round_and_are_late_until_there_is_proof() -> None:
    every = found(Operator(users=45_000, voice=True))
    assert every["periodic-accidents-2025-04"].day == date(2026, 5, 31)
    assert every["disaster-measures-2025-04"].state is State.LATE
    assert every["disaster-measures-2026-04"].state is State.DUE
    # Whether an empty report is asked for, and whom 7条の6 binds, is in no source: nobody can say that they are late.
    for name, missing in (("periodic-accidents-2025-04", "nil"), ("equipment-capacity-2025-10", "bound")):
        assert (every[name].state, every[name].missing) == (State.OPEN, missing)
    assert "periodic-accidents-2024-04" not in every  # quarterly then, and past
    assert every["equipment-capacity-2026-04"].day == date(2026, 12, 31)
    done = found(Operator(users=45_000, done=(Done("periodic-accidents-2025-04", TODAY, "佐藤", "受付1"),)))
    assert done["periodic-accidents-2025-04"].state is State.DONE


def test_what_hangs_on_users_is_open_until_they_are_told() -> None:
    assert found(Operator())["disaster-measures-2026-04"].missing == "users"
    assert found(Operator())["disaster-measures-2026-04"].state is State.OPEN
    assert "disaster-measures-2026-04" not in found(Operator(users=29_999))
    assert "disaster-measures-2026-04" in found(Operator(users=30_000))
    assert "voice-quality" not in found(Operator(voice=False))
    # Nor is an operator that tells of no site one that needs no engineer.
    nobody = found(Operator())["appoint"]
    assert (nobody.state, nobody.missing) == (State.OPEN, "sites")
    assert "appoint" not in found(Operator(sites=(TOKYO,)))
    voice = found(Operator(voice=True))["voice-quality"]
    assert (voice.day, voice.state, voice.missing) == (None, State.OPEN, "day")


@pytest.mark.parametrize(
    ("card", "course", "due"),
    [
        (None, None, date(2027, 4, 1)),  # within a year of the appointment
        (date(2025, 6, 1), None, date(2028, 6, 1)),  # a card younger than two years: three years from it
        (date(2024, 4, 1), None, date(2027, 4, 1)),  # two years old: no longer young
        (None, date(2024, 5, 20), date(2027, 5, 31)),  # a course less than two years before counts
        (None, date(2024, 4, 1), date(2027, 4, 1)),  # two years before: not
        (
            date(2025, 6, 1),
            date(2026, 12, 15),
            date(2029, 12, 31),
        ),  # three years from the first of the month after the course: its eve, the safer reading
        (None, date(2026, 6, 15), date(2029, 6, 30)),
    ],
)
def test_courses(card: date | None, course: date | None, due: date) -> None:
    one = Engineer("佐藤", "transmission", (), date(2026, 4, 1), card, course)
    assert course_due(one, RULES.engineers) == due


def test_a_course_proved_when_its_day_was_the_first_of_the_next_month_stays_proved() -> None:
    person = Engineer("甲", "transmission", ("第一局",), date(2024, 3, 1), course=date(2024, 4, 10))
    proof = Done("course-甲-2027-05-01", date(2026, 11, 1), "乙", "修了証")
    before = found(Operator(engineers=(person,), done=(proof,)))
    assert "course-甲-2027-04-30" not in before
    one = before[proof.id]
    assert (one.state, one.done, one.day) == (State.DONE, proof, date(2027, 4, 30))
    other = msgspec.structs.replace(proof, id="course-甲-2027-05-02")
    assert found(Operator(engineers=(person,), done=(other,)))["course-甲-2027-04-30"].state is State.DUE
    # One that is of the day as it is counted now goes first.
    now = msgspec.structs.replace(proof, id="course-甲-2027-04-30")
    assert found(Operator(engineers=(person,), done=(proof, now)))[now.id].done == now


def test_vacancies_by_site_and_prefecture() -> None:
    here = Engineer("佐藤", "transmission", ("第一局", "東京都"), date(2020, 3, 1))
    every = {
        name: one
        for name, one in found(Operator(users=50_000, sites=(TOKYO, CHIBA), engineers=(here,))).items()
        if name.startswith("appoint")
    }
    assert {name: one.state.value for name, one in every.items()} == {
        "appoint-line-第一局": "late", "appoint-line-東京都": "late",
        "appoint-transmission-千葉局": "due", "appoint-transmission-千葉県": "due",
    }  # fmt: skip


def test_a_prefecture_is_the_same_with_blanks_around_it_and_none_is_no_post() -> None:
    blank = msgspec.structs.replace(TOKYO, name="第二局", prefecture="東京都 ", lines=False)
    person = Engineer("甲", "transmission", ("東京都　",), date(2024, 3, 1))
    same = posts(Operator(sites=(TOKYO, blank), engineers=(person,)), RULES.engineers, TODAY)
    assert {one.place for one in same} == {"第一局", "第二局"}
    apart = posts(Operator(sites=(TOKYO, blank, CHIBA), engineers=(person,)), RULES.engineers, TODAY)
    assert [one.place for one in apart if one.people] == ["東京都"]
    assert len({one.place for one in apart}) == 5
    untold = posts(
        Operator(sites=(TOKYO, msgspec.structs.replace(blank, prefecture=""))), RULES.engineers, TODAY
    )
    assert {one.place for one in untold} == {"第一局", "第二局", "東京都"}, "it may be another"


def test_relief_of_wifi_and_lpwa_is_for_the_prefecture_only_and_others_sites_ask_for_nobody() -> None:
    relieved = msgspec.structs.replace(CHIBA, relief=True)
    names = found(Operator(users=50_000, sites=(TOKYO, relieved)))
    assert "appoint-transmission-千葉局" in names
    assert "appoint-transmission-千葉県" not in names
    theirs = msgspec.structs.replace(CHIBA, other_operator="卸元")
    assert not [one for one in found(Operator(users=50_000, sites=(TOKYO, theirs))) if "千葉" in one]


@pytest.mark.parametrize(
    ("users", "qualified", "state"),
    [
        (29_999, True, None),
        (29_999, None, "open"),
        (None, True, "open"),
        (29_999, False, "late"),
        (30_000, True, "late"),
    ],
)
def test_the_exemption_of_small_operators(
    users: int | None, qualified: bool | None, state: str | None
) -> None:
    one = found(Operator(users=users, qualified=qualified, sites=(TOKYO,))).get("appoint-line-第一局")
    assert (one.state.value if one else None) == state


def test_no_year_is_a_leap_too_long() -> None:
    assert years(date(2024, 2, 29), 3) == date(2027, 2, 28)


def test_works_need_somebody_with_the_card_for_them() -> None:
    site = msgspec.structs.replace(TOKYO, works=("digital", "isdn-basic"))
    alone = Operator(sites=(site,))
    assert [work for _, work in unstaffed(alone, RULES.installers)] == ["digital", "isdn-basic"]
    some = msgspec.structs.replace(alone, installers=(Installer("山田", "digital-2", ("第一局",)),))
    # The second class may not go beyond 1 Gbit/s for the Internet.
    assert [work for _, work in unstaffed(some, RULES.installers)] == ["digital", "isdn-basic"]
    both = msgspec.structs.replace(
        alone,
        installers=(Installer("山田", "digital-1", ("東京都",)), Installer("林", "analogue-2", ("第一局",))),
    )
    assert list(unstaffed(both, RULES.installers)) == []
    elsewhere = msgspec.structs.replace(alone, installers=(Installer("山田", "all", ()),))
    assert len(list(unstaffed(elsewhere, RULES.installers))) == 2
    entry = found(alone)["works-digital-第一局"]
    assert (entry.state, entry.day, entry.missing) == (State.OPEN, None, "work")


@pytest.mark.parametrize(
    ("users", "qualified", "answer"),
    [
        (29_999, True, (True, "")),
        (29_999, None, (False, "qualified")),
        (None, True, (False, "users")),
        (30_000, True, (False, "")),
        (29_999, False, (False, "")),
    ],
)
def test_the_exemption_and_what_would_decide_it(
    users: int | None, qualified: bool | None, answer: tuple[bool, str]
) -> None:
    one = Operator(users=users, qualified=qualified, sites=(TOKYO,))
    assert exemption(one, RULES.engineers) == answer
    two = msgspec.structs.replace(one, sites=(TOKYO, CHIBA))
    assert exemption(two, RULES.engineers) == (False, "")


def appointed(operator: Operator) -> dict[str, tuple[str, str]]:
    """Return the posts that aren't filled: id → state, what would decide it."""
    every = found(operator)
    return {name: (one.state.value, one.missing) for name, one in every.items() if name.startswith("appoint")}


def test_who_is_appointed_only_later_fills_no_post_yet() -> None:
    coming = Engineer("佐藤", "transmission", ("第一局",), date(2029, 3, 1))
    site = msgspec.structs.replace(TOKYO, lines=False)
    operator = Operator(users=50_000, sites=(site,), engineers=(coming,))
    assert appointed(operator) == {"appoint-transmission-第一局": ("late", "")}
    assert "2029-03-01" in str(found(operator)["appoint-transmission-第一局"].remark)
    (post,) = posts(operator, RULES.engineers, TODAY)
    assert (post.filled, post.people, post.coming) == (False, (), (coming,))
    (later,) = posts(operator, RULES.engineers, date(2029, 3, 1))
    assert later.filled


def test_one_person_at_several_sites_is_full_time_at_none_for_certain() -> None:
    osaka = Site("大阪局", "大阪府", "大阪市北区", date(2020, 4, 1), lines=False)
    tokyo = msgspec.structs.replace(TOKYO, lines=False)
    both = Engineer("佐藤", "transmission", ("第一局", "大阪局", "東京都", "大阪府"), date(2020, 3, 1))
    operator = Operator(users=50_000, sites=(tokyo, osaka), engineers=(both,))
    assert set(appointed(operator).values()) == {("open", "full-time")}
    assert len(appointed(operator)) == 4
    here = Engineer("林", "transmission", ("第一局", "東京都"), date(2020, 3, 1))
    two = msgspec.structs.replace(operator, engineers=(both, here))
    assert set(appointed(two)) == {"appoint-transmission-大阪局", "appoint-transmission-大阪府"}


def test_a_municipality_or_lines_that_nobody_told_decide_nothing() -> None:
    blank = [msgspec.structs.replace(TOKYO, name=name, municipality="", lines=False) for name in "一二"]
    operator = Operator(users=20_000, qualified=True, sites=tuple(blank))
    assert exemption(operator, RULES.engineers) == (False, "municipality")
    assert set(appointed(operator).values()) == {("open", "municipality")}
    apart = msgspec.structs.replace(
        operator, sites=(TOKYO, msgspec.structs.replace(blank[0], prefecture="大阪府"))
    )
    assert exemption(apart, RULES.engineers) == (False, "")
    untold = Operator(users=50_000, sites=(msgspec.structs.replace(TOKYO, lines=None),))
    assert appointed(untold) == {
        "appoint-transmission-第一局": ("late", ""), "appoint-line-第一局": ("open", "lines"),
    }  # fmt: skip


def test_no_proof_fills_a_post_and_none_counts_before_its_day() -> None:
    proof = Done("appoint-line-第一局", date(2026, 6, 20), "鈴木", "届出 123")
    vacant = found(Operator(users=50_000, sites=(TOKYO,), done=(proof,)))["appoint-line-第一局"]
    assert (vacant.state, vacant.done) == (State.LATE, None)
    name = "disaster-measures-2026-04"
    for on, state in (
        (date(1999, 1, 1), State.DUE),
        (date(2027, 3, 31), State.DUE),
        (date(2027, 4, 1), State.DONE),
    ):
        one = found(Operator(users=45_000, done=(Done(name, on, "鈴木", "受付"),)))[name]
        assert (one.state, one.since) == (state, date(2027, 4, 1))
        assert (str(on) in str(one.remark)) == (state is State.DUE)
