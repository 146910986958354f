"""Kaplan–Meier and log-rank against plain oracles (fractions, written from the definitions) and published numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.model.case import Case, CaseState
from sekisho.model.detection import Grade
from sekisho.model.survival import DAY, NORMAL_95, Course, chi_square_tail, course, curve, curves, log_rank

NOW = 1_795_000_000_000
COURSES = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40)


def made(pairs: list[tuple[int, bool]]) -> list[Course]:
    return [Course(f"c{n}", days, healed) for n, (days, healed) in enumerate(pairs)]


def share(pairs: list[tuple[int, bool]], until: int) -> tuple[Fraction, Fraction]:
    """S(t) and Greenwood's sum from the definition: product over the event times up to t."""
    product, sum_ = Fraction(1), Fraction(0)
    for time in sorted({days for days, healed in pairs if healed and days <= until}):
        d = sum(1 for days, healed in pairs if healed and days == time)
        n = sum(1 for days, _ in pairs if days >= time)
        product *= 1 - Fraction(d, n)
        if n > d:
            sum_ += Fraction(d, n * (n - d))
    return product, sum_


@settings(max_examples=300)
@given(COURSES)
def test_the_estimate_is_its_definition(pairs: list[tuple[int, bool]]) -> None:
    found = curve("all", made(pairs))
    assert [one.days for one in found.steps] == sorted({days for days, _ in pairs})
    before = 1.0
    for one in found.steps:
        exact, spread = share(pairs, one.days)
        assert one.infected == pytest.approx(float(exact), abs=1e-12)
        assert one.at_risk == sum(days >= one.days for days, _ in pairs)
        assert 0 <= one.low <= one.infected <= one.high <= 1
        assert one.infected <= before
        before = one.infected
        if 0 < exact < 1:
            middle = math.log(-math.log(exact))
            error = math.sqrt(spread) / abs(math.log(exact))
            assert one.low == pytest.approx(math.exp(-math.exp(middle + NORMAL_95 * error)), abs=1e-9)
            assert one.high == pytest.approx(math.exp(-math.exp(middle - NORMAL_95 * error)), abs=1e-9)


@given(COURSES)
def test_days_to_a_share_are_the_first_at_which_it_holds(pairs: list[tuple[int, bool]]) -> None:
    found = curve("all", made(pairs))
    for mark, said in ((Fraction(1, 2), found.half), (Fraction(1, 5), found.four_fifths)):
        exact = next((day for day in range(13) if share(pairs, day)[0] <= mark), None)
        assert said.days == exact
        if said.low is not None and said.days is not None:
            assert said.low <= said.days
        if said.high is not None:
            assert said.days is not None
            assert said.high >= said.days


@given(COURSES)
def test_nothing_heals_by_being_lost_from_sight(pairs: list[tuple[int, bool]]) -> None:
    lost = curve("all", made([(days, False) for days, _ in pairs]))
    assert all(one.infected == 1 for one in lost.steps)
    assert (lost.half.days, lost.four_fifths.days, lost.healed) == (None, None, 0)


@given(st.lists(COURSES, min_size=2, max_size=2))
def test_log_rank_of_two_is_its_definition(groups: list[list[tuple[int, bool]]]) -> None:
    one, two = groups
    observed, expected, spread = 0, Fraction(0), Fraction(0)
    for time in sorted({days for pairs in groups for days, healed in pairs if healed}):
        risk = [sum(days >= time for days, _ in pairs) for pairs in groups]
        died = [sum(healed and days == time for days, healed in pairs) for pairs in groups]
        n, d = sum(risk), sum(died)
        observed += died[0]
        expected += Fraction(d * risk[0], n)
        if n > 1:
            spread += Fraction(d * risk[0] * risk[1] * (n - d), n * n * (n - 1))
    found = log_rank([curve("one", made(one)), curve("two", made(two))], small=0)
    assert found.expected["one"] == pytest.approx(float(expected))
    if spread:
        square = float((observed - expected) ** 2 / spread)
        assert found.chi_square == pytest.approx(square, abs=1e-9)
        assert found.p == pytest.approx(math.erfc(math.sqrt(square / 2)), abs=1e-12)
    else:
        assert found.p is None or found.chi_square == pytest.approx(0)


@given(st.lists(COURSES, min_size=2, max_size=4), st.randoms())
def test_log_rank_knows_no_order_of_groups(groups: list[list[tuple[int, bool]]], random) -> None:
    named = [curve(f"g{n}", made(pairs)) for n, pairs in enumerate(groups)]
    found = log_rank(named, small=0)
    random.shuffle(named)
    again = log_rank(named, small=0)
    if found.p is not None and again.p is not None:
        assert again.chi_square == pytest.approx(found.chi_square, rel=1e-6, abs=1e-6)
        assert 0 <= found.p <= 1
    total = sum(found.observed.values())
    assert sum(found.expected.values()) == pytest.approx(total)


# Freireich et al. 1963: weeks of remission of 21 patients on 6-MP and 21 on placebo; "+" is censored.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def told(text: str) -> list[Course]:
    return made([(int(word.rstrip("+")), not word.endswith("+")) for word in text.split()])


def test_the_textbooks_example() -> None:
    treated, placebo = curve("6-MP", told(TREATED)), curve("placebo", told(PLACEBO))
    shares = {one.days: round(one.infected, 4) for one in treated.steps if one.healed}
    assert shares == {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert (treated.half.days, placebo.half.days) == (23, 8)
    assert treated.four_fifths.days is None
    found = log_rank([treated, placebo], small=10)
    assert round(found.chi_square, 2) == 16.79
    assert found.p == pytest.approx(4.17e-5, rel=0.01)
    assert found.small == ("6-MP",)


@pytest.mark.parametrize(
    ("value", "freedom", "tail"),
    # 5 % and 1 % points of the printed tables of chi-square.
    [(3.841, 1, 0.05), (5.991, 2, 0.05), (7.815, 3, 0.05), (9.488, 4, 0.05), (11.070, 5, 0.05), (6.635, 1, 0.01),
     (15.086, 5, 0.01), (18.307, 10, 0.05), (0.0, 1, 1.0), (0.0, 4, 1.0)],
)  # fmt: skip
def test_tail_of_chi_square(value: float, freedom: int, tail: float) -> None:
    assert chi_square_tail(value, freedom) == pytest.approx(tail, abs=2e-5)


def case(state: CaseState, **more: object) -> Case:
    fields: dict[str, object] = {"first_seen": NOW, "last_seen": NOW + 10 * DAY} | more
    return Case("c", 1, "family:mirai", state, Grade.LIKELY, NOW, NOW, **fields)  # type: ignore[arg-type]


def test_what_is_a_course() -> None:
    assert course(case(CaseState.HEALED)) == Course("c", 10, healed=True)
    assert course(case(CaseState.RELAPSED, relapses=1)) == Course("c", 10, healed=False)
    assert course(case(CaseState.CLOSED, close_reason="left")) == Course("c", 10, healed=False)
    assert course(case(CaseState.NEW, last_seen=NOW + 10 * DAY + 1)) == Course("c", 11, healed=False)
    for reason in ("false-alarm", "merged", "not-ours"):
        assert course(case(CaseState.CLOSED, close_reason=reason)) is None
    assert course(case(CaseState.HEALED), notified=True) is None
    assert course(case(CaseState.HEALED, notified_at=NOW + 4 * DAY), notified=True) == Course(
        "c", 6, healed=True
    )
    assert course(case(CaseState.HEALED, notified_at=NOW + 40 * DAY), notified=True) is None


def test_relapse_rate_counts_those_that_had_healed() -> None:
    every = [case(CaseState.HEALED), case(CaseState.RELAPSED, relapses=2), case(CaseState.NEW)]
    (one,), _ = curves(("all", one) for one in every)
    assert (one.relapsed, one.ever_healed, one.cases, one.healed) == (1, 2, 3, 1)
