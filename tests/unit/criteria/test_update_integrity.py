"""Refusals count only beside a working update, and every acceptance counts."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.criteria.update_integrity import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding, Verdict

ALL = ["flipped", "truncated", "other_key"]


def judged(
    *, genuine: Any = True, older: Any = ..., live: tuple[str, ...] = (), asked: Any = None, **images: Any
) -> Finding:
    facts = [Observation("update.refused", f"image {name}", value) for name, value in images.items()]
    if genuine is not ...:
        facts.append(Observation("update.genuine", "image newer", genuine, {"before": "1", "after": "2"}))
    if older is not ...:
        facts.append(Observation("update.downgrade", "image older", older))
    facts += [Observation("update.live", name, False) for name in live]
    found = Observations(tuple(facts), {"update_channel": Attempt(AttemptStatus.DONE)})
    finding = CRITERION.judge(found, Terminal(), asked or {"mutants": ALL, "downgrade": False})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding


REFUSED = {"flipped": True, "truncated": True, "other_key": True}


def test_all_refused_beside_a_working_update() -> None:
    assert judged(**REFUSED).verdict is Verdict.PASS
    assert judged(**{**REFUSED, "late": False}).verdict is Verdict.FAIL


@pytest.mark.parametrize("genuine", [False, None, ...])
def test_no_control_no_pass(genuine: Any) -> None:
    finding = judged(genuine=genuine, **REFUSED)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "no-control")


@pytest.mark.parametrize("name", [*ALL, "repaired", "unsigned"])
def test_one_acceptance_fails_with_or_without_control(name: str) -> None:
    assert judged(**{**REFUSED, name: False}).verdict is Verdict.FAIL
    assert judged(genuine=..., **{**REFUSED, name: False}).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", ALL)
def test_what_is_unknown_or_untried_is_open(name: str) -> None:
    assert judged(**{**REFUSED, name: None}).reason == "unknown"
    rest = {key: value for key, value in REFUSED.items() if key != name}
    finding = judged(**rest)
    assert (finding.verdict, finding.reason, finding.arguments["images"]) == (
        Verdict.INCONCLUSIVE,
        "not-tried",
        name,
    )


def test_a_silenced_terminal_fails() -> None:
    assert judged(live=("image flipped",), **{**REFUSED, "flipped": None}).reason == "killed"
    assert judged(live=("quiet",), genuine=..., **REFUSED).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("older", "free", "asked"),
    [
        (True, Verdict.PASS, Verdict.PASS),
        (False, Verdict.PASS, Verdict.FAIL),
        (None, Verdict.PASS, Verdict.INCONCLUSIVE),
        (..., Verdict.PASS, Verdict.INCONCLUSIVE),
    ],
)
def test_downgrade_by_parameter(older: Any, free: Verdict, asked: Verdict) -> None:
    assert judged(older=older, **REFUSED).verdict is free
    strict = {"mutants": ALL, "downgrade": True}
    assert judged(older=older, asked=strict, **REFUSED).verdict is asked


def test_nothing_measured() -> None:
    assert CRITERION.judge(Observations(), Terminal(), {"mutants": ALL}).verdict is Verdict.NONE
    found = Observations((), {"update_channel": Attempt(AttemptStatus.FAILED, "refused")})
    finding = CRITERION.judge(found, Terminal(), {"mutants": ALL})
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "refused")
    assert judged(genuine=True).verdict is Verdict.INCONCLUSIVE
    assert judged(genuine=True, asked={"mutants": []}).verdict is Verdict.INCONCLUSIVE
