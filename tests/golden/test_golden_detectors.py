"""Old flows give the same detections and the same sentences, or a human reads the diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golden.detector_cases import CASES, HERE, STATES, look


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.relative_to(HERE)))
def test_golden(case: Path) -> None:
    state, found = look(case)
    assert state == STATES[case.name.split("-")[0]]
    assert json.loads((case / "finds.json").read_text(encoding="utf-8")) == found


def test_there_are_cases_of_each_kind() -> None:
    kinds = {(case.parent.name, case.name.split("-")[0]) for case in CASES}
    assert {("known_cc", kind) for kind in STATES} <= kinds
