"""Enough units, all different, none derived."""

from __future__ import annotations

import pytest

from sekisho.criteria.code_uniqueness import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Code, Login, Terminal
from sekisho.model.verdict import Finding, Verdict


def judged(
    count: int = 2, *, same: bool = False, derived: bool = False, ruled: bool = False, units: int = 2
) -> Finding:
    facts = (
        Observation("code.units", "units", count),
        Observation("code.same", "units A B", same),
        Observation("code.derived", "unit A", derived, {"rule": "mac itself" if derived else ""}),
        Observation("code.pattern", "units A B", ruled, {"rule": "counter (base 10)" if ruled else ""}),
    )
    found = Observations(facts, {"unit_uniqueness": Attempt(AttemptStatus.DONE)})
    return CRITERION.judge(found, Terminal(), {"units": units})


def test_different() -> None:
    assert judged().verdict is Verdict.PASS
    assert judged(units=3).reason == "too-few"


@pytest.mark.parametrize("flaw", ["same", "derived", "ruled"])
def test_each_flaw_fails_even_with_too_few_units(flaw: str) -> None:
    assert judged(**{flaw: True}).verdict is Verdict.FAIL  # type: ignore[arg-type]
    assert judged(1, **{flaw: True}).verdict is Verdict.FAIL  # type: ignore[arg-type]


def test_the_branch_that_nobody_claims_passes_nothing() -> None:
    skipped = Observations((), {"unit_uniqueness": Attempt(AttemptStatus.SKIPPED, "nothing-declared")})
    shared = Login("web", "web", "form", preset=Code("admin", "admin"))
    own = Login("web", "web", "form", preset=Code("admin", "x"), unique_per_unit=True)
    assert CRITERION.judge(skipped, Terminal(logins=(shared,)), {}).verdict is Verdict.NOT_APPLICABLE
    assert CRITERION.judge(skipped, Terminal(logins=(own,)), {}).verdict is Verdict.INCONCLUSIVE
    assert CRITERION.judge(skipped, Terminal(), {}).verdict is Verdict.INCONCLUSIVE
    made, mixed = (
        Login("web", "web", "form", current=Code("a", "b"), no_preset=True),
        (Login("x", "web", "form", current=Code("a", "c")),),
    )
    found = CRITERION.judge(skipped, Terminal(logins=(made,)), {})
    assert (found.verdict, found.reason) == (Verdict.NOT_APPLICABLE, "no-preset")
    assert CRITERION.judge(skipped, Terminal(logins=(made, *mixed)), {}).verdict is Verdict.INCONCLUSIVE
    failed = Observations((), {"unit_uniqueness": Attempt(AttemptStatus.FAILED, "tool")})
    assert CRITERION.judge(failed, Terminal(logins=(shared,)), {}).verdict is Verdict.INCONCLUSIVE
    assert CRITERION.judge(Observations(), Terminal(logins=(shared,)), {}).verdict is Verdict.NONE
