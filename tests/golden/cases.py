"""Golden cases: evidence → observations → finding, one folder per case, written by one command."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from sekisho import plugins
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence
from sekisho.model.observation import Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Finding

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/judge.json"))


def derive(case: Path) -> tuple[Any, Any, Finding]:
    """Return observations, finding (both as JSON values) and the finding itself."""
    evidence = msgspec.json.decode((case / "evidence.json").read_bytes(), type=Evidence)
    terminal = msgspec.convert(tomllib.loads((case / "terminal.toml").read_text(encoding="utf-8")), Terminal)
    asked = json.loads((case / "judge.json").read_text(encoding="utf-8"))
    probe = plugins.unit("probes", case.parent.name)
    facts = tuple(probe.observe(evidence))
    undocumented = {fact.name for fact in facts} - set(probe.facts)
    assert not undocumented, f"facts that the probe does not document: {undocumented}"
    # What a criterion also asks, and what ran beside without a fact of its own.
    beside = dict.fromkeys(asked.get("beside", ()), Attempt(AttemptStatus.DONE))
    observations = Observations(facts, {**beside, evidence.probe: evidence.attempt})
    criterion = plugins.unit("criteria", asked["criterion"])
    finding = criterion.judge(observations, terminal, asked.get("parameters", {}))
    unsaid = {finding.reason, *(detail.reason for detail in finding.details)} - set(criterion.reasons)
    assert not unsaid, f"reasons without a sentence: {unsaid}"
    # Through JSON, so that tuples are lists as they are in the stored files.
    return json.loads(msgspec.json.encode(facts)), json.loads(msgspec.json.encode(finding)), finding
