"""The facts about shells: a try that was never sent says why, and is no refusal."""

from __future__ import annotations

import pytest

from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.shell_facts import login_facts

WHEN = "2026-11-21T00:00:00+00:00"


def record(step, origin, accepted, failure=""):
    data = {
        "login": "shell",
        "base": "shell",
        "door": {},
        "code": origin,
        "accepted": accepted,
        "proof": "",
        "sign_in_failure": failure,
    }
    return Record(f"ssh/login/shell/code {step}", WHEN, WHEN, 0.0, data)


@pytest.mark.parametrize(
    ("accepted", "failure", "told"),
    [(False, "", None), (None, "budget", "budget"), (None, "timed-out", "timed-out"), (True, "", None)],
)
@pytest.mark.parametrize(("origin", "name"), [("random", "login.random"), ("preset", "login.accepted")])
def test_why_a_control_is_missing_is_part_of_the_fact(origin, name, accepted, failure, told):
    one = record(origin, origin, accepted, failure)
    evidence = Evidence("ssh_login", "1", Attempt(AttemptStatus.DONE), (one,))
    (fact,) = [fact for fact in login_facts(evidence, "ssh", "ssh") if fact.name == name]
    assert fact.value is accepted
    assert fact.attributes.get("sign_in_failure") == told
