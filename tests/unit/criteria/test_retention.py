"""Kept at every delay, after a cut that was one, with the setting read back before."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.criteria.retention import CRITERION
from sekisho.language import Language
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding, Verdict


def kept(kind: str, value: Any, delay: float = 0.5, **more: Any) -> Observation:
    attributes = {"kind": kind, "delay": delay, "measured": delay, "key": kind, **more}
    return Observation("power.kept", f"{kind} x after {delay:g} s", value, attributes)


def control(value: Any) -> Observation:
    return Observation("power.control", "setting x after 0.5 s", value)


def judged(*facts: Observation, kinds: Any = ("setting", "code"), attempt: Attempt | None = None) -> Finding:
    attempts = {"power_retention": attempt or Attempt(AttemptStatus.DONE)}
    finding = CRITERION.judge(Observations(facts, attempts), Terminal(), {"kinds": list(kinds)})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding


GOOD = (control(True), kept("setting", True), kept("code", True), kept("setting", True, 10.0))


def test_all_kept() -> None:
    finding = judged(*GOOD)
    assert (finding.verdict, finding.arguments["delays"]) == (Verdict.PASS, "0.5, 10")


def test_one_loss_at_one_delay_is_named() -> None:
    finding = judged(*GOOD, kept("setting", False, 2.0))
    assert (finding.verdict, finding.arguments["lost"]) == (Verdict.FAIL, "setting x after 2 s")
    assert finding.arguments["delays"] == "0.5, 2, 10"


def test_other_kinds_do_not_count() -> None:
    assert judged(*GOOD, kept("software", False)).verdict is Verdict.PASS
    assert judged(*GOOD, kept("software", False), kinds=["software"]).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((*GOOD, Observation("power.silent", "cut 0.5 s", False)), "cut-not-seen"),
        ((control(False), *GOOD), "no-control"),
        ((control(True), kept("setting", True)), "not-measured"),
        ((*GOOD, kept("code", None, 10.0)), "not-measured"),
    ],
)
def test_what_was_not_seen_is_open(facts: tuple[Observation, ...], reason: str) -> None:
    finding = judged(*facts)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, reason)


def test_not_coming_back_fails_whatever_was_asked() -> None:
    dead = Observation("power.booted", "cut 0.5 s", False, {"missing": "web"})
    for kinds in (["setting"], ["software"], ["ports"]):
        assert judged(dead, kinds=kinds).reason == "not-booted"


def test_software_must_be_updated_software() -> None:
    old = kept("software", True, updated=False, before="1.0")
    assert judged(old, kinds=["software"]).reason == "not-updated"
    assert judged(kept("software", True, updated=True), kinds=["software"]).verdict is Verdict.PASS
    brick = kept("update", False)
    assert judged(kept("software", True, updated=True), brick, kinds=["software"]).verdict is Verdict.FAIL


def test_a_broken_off_run_and_no_run() -> None:
    partial = Attempt(AttemptStatus.PARTIAL, "interrupted")
    assert judged(*GOOD, attempt=partial).verdict is Verdict.INCONCLUSIVE
    assert judged(attempt=Attempt(AttemptStatus.SKIPPED, "not-allowed")).reason == "not-allowed"
    assert CRITERION.judge(Observations(), Terminal(), {"kinds": ["setting"]}).verdict is Verdict.NONE
    assert judged(kinds=[]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("value", "after", "verdict", "reason"),
    [(True, "1.1.0", Verdict.PASS, "update-kept"), (False, None, Verdict.FAIL, "update-lost")],
)
def test_a_cut_in_an_update_has_words_of_its_own(
    value: bool, after: str | None, verdict: Verdict, reason: str
) -> None:
    # What runs with these facts as the probe gives them: no measured delay, for nothing was saved before.
    attributes = {"kind": "update", "delay": 0.05, "key": "version", "before": "1.0.0", "after": after}
    cut = Observation("power.kept", "software update cut 0.05 s", value, attributes)
    updated = kept("software", True, before="1.1.0", after="1.1.0", updated=True)
    finding = judged(updated, cut, kinds=["software"])
    assert finding.verdict is verdict
    (detail,) = [one for one in finding.details if one.reason == reason]
    for language in Language:
        assert "{" not in CRITERION.reasons[reason].say(language, **detail.arguments)
