"""One seen means suffices; a claim does not."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.criteria.update_newest import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict

SIGNED = {"person": "試験 花子", "at": "2026-11-21"}


def verdict(answer: str = "", signed: Any = SIGNED, **means: Any) -> Verdict:
    facts = [Observation("update.newest", kind, value) for kind, value in means.items()]
    if answer:
        facts.append(Observation("answer", "newest-software-means", answer, signed))
    found = Observations(tuple(facts), {"update_channel": Attempt(AttemptStatus.DONE)})
    finding = CRITERION.judge(found, Terminal(), {})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding.verdict


@pytest.mark.parametrize(
    ("means", "answer", "expected"),
    [
        ({"device": True}, "", Verdict.PASS),
        ({"device": False, "web": True}, "", Verdict.PASS),
        ({"device": False}, "", Verdict.INCONCLUSIVE),
        ({"device": None}, "", Verdict.INCONCLUSIVE),
        ({"web": None}, "", Verdict.INCONCLUSIVE),
        ({"manual": True}, "", Verdict.INCONCLUSIVE),
        ({"manual": True}, "yes", Verdict.PASS),
        ({}, "yes", Verdict.PASS),
        ({}, "no", Verdict.FAIL),
        ({"device": False}, "no", Verdict.FAIL),
        ({"device": None}, "no", Verdict.INCONCLUSIVE),
        ({"device": True}, "no", Verdict.PASS),
        ({}, "unknown", Verdict.INCONCLUSIVE),
        ({}, "", Verdict.INCONCLUSIVE),
    ],
)
def test_either_means(means: dict[str, Any], answer: str, expected: Verdict) -> None:
    assert verdict(answer, **means) is expected


def test_an_unsigned_answer_decides_nothing() -> None:
    assert verdict("yes", {"person": "", "at": ""}) is Verdict.INCONCLUSIVE


def test_never_run() -> None:
    assert CRITERION.judge(Observations(), Terminal(), {}).verdict is Verdict.NONE
