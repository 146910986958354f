"""One genuine update decides, and nothing else does."""

from __future__ import annotations

import pytest

from sekisho.criteria.software_update import CRITERION
from sekisho.language import Language
from sekisho.model.evidence import Attempt, AttemptStatus, Pointer
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict

WHERE = (Pointer("update_channel", "genuine/after"),)
DONE = {"update_channel": Attempt(AttemptStatus.DONE)}


def genuine(value: bool | None) -> Observation:
    return Observation("update.genuine", "image newer", value, {"before": "1.0", "after": "1.1"}, WHERE)


@pytest.mark.parametrize(
    ("value", "verdict", "reason"),
    [
        (True, Verdict.PASS, "updated"),
        (False, Verdict.INCONCLUSIVE, "no-working-update"),
        (None, Verdict.INCONCLUSIVE, "version-unknown"),
    ],
)
def test_by_the_version(value: bool | None, verdict: Verdict, reason: str) -> None:
    finding = CRITERION.judge(Observations((genuine(value),), DONE), Terminal(), {})
    assert (finding.verdict, finding.reason, finding.because) == (verdict, reason, WHERE)
    for language in Language:
        assert "{" not in CRITERION.reasons[reason].say(language, **finding.arguments)


@pytest.mark.parametrize("status", list(AttemptStatus))
def test_without_the_fact_it_never_passes(status: AttemptStatus) -> None:
    found = Observations((), {"update_channel": Attempt(status, "timed-out")})
    assert CRITERION.judge(found, Terminal(), {}).verdict is Verdict.INCONCLUSIVE
    assert CRITERION.judge(Observations(), Terminal(), {}).verdict is Verdict.NONE
