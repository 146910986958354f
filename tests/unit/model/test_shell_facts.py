"""The facts about shells: a try that was never sent says why, and is no refusal."""

from __future__ import annotations

import pytest

from sekisho.criteria.code_guessing import CRITERION
from sekisho.formats.codes import shape
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.observation import Observation, Observations
from sekisho.model.shell_facts import documented, login_facts
from sekisho.model.shell_login import Guess, doors, told
from sekisho.model.terminal import Code, Interface, Login, Service, Terminal
from sekisho.model.verdict import Verdict

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


def test_a_preset_that_opens_a_shell_is_told_with_its_weakness():
    login = Login("shell", "shell", "ssh", preset=Code("admin", "11111111"), unique_per_unit=True)
    terminal = Terminal(
        interfaces=(Interface("lan", addresses=("192.0.2.1",)),),
        services=(Service("shell", "ssh", 22),),
        logins=(login,),
    )
    door = doors(terminal, "ssh", (22,))[0]
    guess = Guess("preset", "preset", "admin", "11111111")
    reply = {"excerpt": ""}
    answer = {"accepted": True, "proof": "nonce", "seconds": 0.1, "prompted": False, "locked": False}
    data = told(door, guess, {**answer, "failure": "", "reply": reply}, shape("admin", "11111111"))
    assert "11111111" not in str(data), "the code itself is kept nowhere"
    evidence = Evidence(
        "ssh_login",
        "1",
        Attempt(AttemptStatus.DONE),
        (Record("ssh/login/shell/code preset", WHEN, WHEN, 0.0, data),),
    )
    facts = tuple(login_facts(evidence, "ssh", "ssh"))
    (fact,) = [one for one in facts if one.name == "login.accepted"]
    assert (fact.attributes["single"], fact.attributes["length"]) == (True, 8)
    # Unique per unit is no excuse for one that anybody guesses.
    refused = Observation("login.random", "login shell", False)
    found = CRITERION.judge(Observations((*facts, refused), {}), terminal, {})
    assert (found.verdict, found.details[0].reason) == (Verdict.FAIL, "accepted")


def test_what_a_fact_means_is_said_for_the_protocol():
    assert set(documented("SSH")) == set(documented("telnet"))
    assert "SSH" in documented("SSH")["shell.offered"].en
