"""The verdict algebra: order, combination, and that absence never becomes a pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.verdict import Verdict, combine, either, whole

verdicts = st.lists(st.sampled_from(Verdict), max_size=6)


def test_nothing_combines_to_none() -> None:
    assert combine([]) is either([]) is whole([]) is Verdict.NONE


@given(verdicts, verdicts)
def test_combine_is_associative_and_commutative(a: list[Verdict], b: list[Verdict]) -> None:
    assert combine(a + b) is combine(b + a) is combine([combine(a), combine(b)])


@given(verdicts)
def test_none_is_the_unit_of_combine(a: list[Verdict]) -> None:
    assert combine([*a, Verdict.NONE]) is combine(a)


@given(verdicts)
def test_pass_needs_a_pass(a: list[Verdict]) -> None:
    for fold in (combine, either, whole):
        if fold(a) is Verdict.PASS:
            assert Verdict.PASS in a


@given(verdicts)
def test_whole_passes_only_when_every_part_was_judged(a: list[Verdict]) -> None:
    if whole(a) in {Verdict.PASS, Verdict.NOT_APPLICABLE}:
        assert not {Verdict.NONE, Verdict.INCONCLUSIVE, Verdict.FAIL} & set(a)


@given(verdicts)
def test_whole_is_never_better_than_combine(a: list[Verdict]) -> None:
    assert whole(a) >= combine(a)


@given(verdicts)
def test_either_fails_only_when_no_branch_may_have_passed(a: list[Verdict]) -> None:
    if either(a) is Verdict.FAIL:
        assert not {Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.NONE} & set(a)


@given(verdicts)
def test_one_passing_branch_suffices(a: list[Verdict]) -> None:
    assert either([*a, Verdict.PASS]) is Verdict.PASS
