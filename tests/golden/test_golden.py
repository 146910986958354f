"""Old evidence gives the same facts and the same verdicts, or a human reads the diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golden.cases import CASES, HERE, derive


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.relative_to(HERE)))
def test_golden(case: Path) -> None:
    observations, finding, judged = derive(case)
    expected = json.loads((case / "judge.json").read_text(encoding="utf-8"))["verdict"]
    assert judged.verdict.name == expected
    assert json.loads((case / "observations.json").read_text(encoding="utf-8")) == observations
    assert json.loads((case / "finding.json").read_text(encoding="utf-8")) == finding
    wanted = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE"}
    assert expected == wanted.get(case.name.split("-")[0], expected)


def test_there_are_cases() -> None:
    assert CASES
