"""Profiles abroad: products, shares, a person's word; and what is unverified says so."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.catalogues.accidents import foreign_profiles
from sekisho.model.foreign import Foreign, judge_abroad
from sekisho.model.incident import Effect, Incident, Service, Standing

UTC5 = timezone(timedelta(hours=-5))
BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC5)
PROFILES = {one.id: one for one in foreign_profiles()}


def abroad(
    profile: str, minutes: float | None, least: int, most: int | None = None, *, service: Service = Service.VOICE,
    significant: bool | None = None, subscribers: int | None = None,
) -> Foreign:  # fmt: skip
    end = None if minutes is None else BEGIN + timedelta(minutes=minutes)
    effect = Effect(service, BEGIN, end, least, least if most is None else most, subscribers=subscribers)
    incident = Incident("t", BEGIN, BEGIN, end or BEGIN + timedelta(minutes=10), effects=(effect,))
    return judge_abroad(incident, PROFILES[profile], significant=significant)


@pytest.mark.parametrize(
    ("minutes", "least", "most", "wanted"),
    [
        (30, 30_000, None, Standing.YES),
        (29, 40_000, None, Standing.UNDECIDED),
        (30, 29_999, None, Standing.UNDECIDED),
        (90, 10_000, None, Standing.YES),
        (90, 9_000, 11_000, Standing.UNDECIDED),
        (None, 10_000, None, Standing.UNDECIDED),
    ],
)
def test_user_minutes(minutes: float | None, least: int, most: int | None, wanted: Standing) -> None:
    found = abroad("us-fcc-nors", minutes, least, most)
    assert found.standing is wanted
    below = most is None and wanted is Standing.UNDECIDED and minutes is not None
    assert (found.missing == "not-judged") is below  # special offices and the like: a person looks


def test_broadband_is_not_asked_for() -> None:
    assert abroad("us-fcc-nors", 600, 10**6, service=Service.INTERNET).standing is Standing.NO


def test_deadlines_run_from_knowing() -> None:
    found = abroad("us-fcc-nors", 60, 30_000)
    assert found.due == tuple(BEGIN + timedelta(hours=hours) for hours in (2, 72, 720))
    assert abroad("eu-nis2", 60, 1).due[2] == datetime(2026, 2, 28, 12, tzinfo=UTC5)
    assert abroad("de-tkg-168", 60, 1).due == (None,)


@pytest.mark.parametrize(
    ("word", "wanted"), [(None, Standing.UNDECIDED), (True, Standing.YES), (False, Standing.NO)]
)
def test_significance_is_a_persons_word(word: bool | None, wanted: Standing) -> None:
    assert abroad("eu-nis2", 600, 10**6, significant=word).standing is wanted


def test_shares_need_the_base() -> None:
    assert abroad("eu-enisa", 90, 1_000).missing == "subscribers"
    found = abroad("eu-enisa", 90, 1_000, subscribers=5_000)
    assert (found.standing, found.unverified) == (Standing.YES, True)
    assert abroad("eu-enisa", 90, 1_000, subscribers=50_000).standing is Standing.NO
    sure = abroad("eu-enisa", 60, 1_000_000, subscribers=50_000_000)
    assert (sure.standing, sure.unverified) == (Standing.YES, False)


def test_drafts_say_so() -> None:
    found = abroad("uk-ofcom-2026-draft", 1, 100_000, subscribers=10**7)
    assert (found.standing, found.unverified) == (Standing.YES, True)


def test_nothing_known_is_not_no() -> None:
    empty = Incident("t", BEGIN, BEGIN, BEGIN)
    assert {judge_abroad(empty, one).standing for one in foreign_profiles()} == {Standing.UNDECIDED}


@given(st.sampled_from(sorted(PROFILES)), st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 2_000_000), st.integers(0, 2_000_000))  # fmt: skip
def test_more_never_lowers_it(name: str, minutes: int, longer: int, users: int, more: int) -> None:
    order = [Standing.NO, Standing.UNDECIDED, Standing.YES]
    less = abroad(name, minutes, users, subscribers=2_000_000)
    greater = abroad(name, minutes + longer, users + more, subscribers=2_000_000)
    assert order.index(greater.standing) >= order.index(less.standing)
