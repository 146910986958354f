"""code_guessing: which accepted codes a stranger could have guessed."""

from __future__ import annotations

import msgspec
import pytest

from sekisho.criteria.code_guessing import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Code, Exclusion, Login, Service, Terminal
from sekisho.model.verdict import Verdict

PRESET, CURRENT = Code("admin", "k3-Label-99"), Code("admin", "Owner-7291")


def terminal(**more):
    return Terminal(logins=(Login("web", "http", "form", preset=PRESET, current=CURRENT, **more),))


def accepted(origin, value=True, **more):
    return Observation("login.accepted", "login web", value, {"origin": origin, "login": "web", **more})


SHUT = (
    Observation("login.anonymous", "login web", False),
    Observation("login.random", "login web", False),
    accepted("current"),
    Observation("login.tried", "login web", 30, {"skipped": 0, "foreign": 40}),
)


@pytest.mark.parametrize(
    ("facts", "more", "verdict", "reason"),
    [
        (SHUT, {}, Verdict.PASS, "login-held"),
        ((*SHUT, accepted("mirai", shown="admin:smcadmin")), {}, Verdict.FAIL, "accepted"),
        ((*SHUT, accepted("weak", shown="admin:12345678")), {}, Verdict.FAIL, "accepted"),
        ((*SHUT, accepted("mirai", shown="admin:Owner-7291")), {}, Verdict.INCONCLUSIVE, "chosen"),
        ((*SHUT, accepted("preset")), {}, Verdict.FAIL, "preset-open"),
        ((*SHUT, accepted("preset")), {"unique_per_unit": True}, Verdict.PASS, "login-held"),
        ((*SHUT, accepted("preset", attacked=True)), {"unique_per_unit": True}, Verdict.FAIL, "accepted"),
        (SHUT[:2], {}, Verdict.INCONCLUSIVE, "no-right-code"),
        ((SHUT[0], *SHUT[2:]), {}, Verdict.INCONCLUSIVE, "no-random"),
        (SHUT[:3], {}, Verdict.INCONCLUSIVE, "not-all"),
        ((Observation("login.anonymous", "login web", True),), {}, Verdict.FAIL, "no-code"),
        ((SHUT[0], Observation("login.random", "login web", True)), {}, Verdict.FAIL, "any-code"),
    ],
)
def test_each_case(facts, more, verdict, reason):
    observations = Observations(tuple(facts), {"web_login": Attempt(AttemptStatus.DONE)})
    finding = CRITERION.judge(observations, terminal(**more), {})
    assert finding.verdict is verdict
    assert reason in {one.reason for one in finding.details}


def test_a_login_path_nobody_tested_keeps_it_undecided():
    shell = Login("shell", "ssh", "ssh")
    both = Terminal(services=(Service("ssh", "ssh", 22),), logins=(*terminal().logins, shell))
    observations = Observations(SHUT, {"web_login": Attempt(AttemptStatus.DONE)})
    assert CRITERION.judge(observations, both, {}).verdict is Verdict.INCONCLUSIVE
    away = (*SHUT, Observation("shell.offered", "lan tcp/22", False))
    observations = Observations(away, {"web_login": Attempt(AttemptStatus.DONE)})
    assert CRITERION.judge(observations, both, {}).verdict is Verdict.PASS


@pytest.mark.parametrize(("name", "control"), [("login.random", "random"), ("login.anonymous", "none")])
def test_a_control_that_the_budget_left_out_is_undecided_and_says_so(name, control):
    untried = Observation(name, "login web", None, {"sign_in_failure": "budget"})
    facts = (*(one for one in SHUT if one.name != name), untried)
    finding = CRITERION.judge(Observations(facts, {"web_login": Attempt(AttemptStatus.DONE)}), terminal(), {})
    assert finding.verdict is Verdict.INCONCLUSIVE
    (detail,) = [one for one in finding.details if one.reason == "control-untried"]
    assert detail.arguments == {"control": control, "why": "budget"}


def test_a_preset_that_was_never_tried_is_no_preset_that_was_refused():
    untried = accepted("preset", None, sign_in_failure="budget")
    observations = Observations((*SHUT, untried), {"web_login": Attempt(AttemptStatus.DONE)})
    finding = CRITERION.judge(observations, terminal(), {})
    assert (finding.verdict, finding.details[0].arguments["control"]) == (Verdict.INCONCLUSIVE, "preset")
    # What did open counts all the same: a missing control hides no hole.
    observations = Observations(
        (*SHUT, untried, accepted("mirai", shown="admin:admin")), {"web_login": Attempt(AttemptStatus.DONE)}
    )
    assert CRITERION.judge(observations, terminal(), {}).verdict is Verdict.FAIL


@pytest.mark.parametrize("why", ["locked", "shut"])
@pytest.mark.parametrize(
    ("live", "verdict", "reason"),
    [
        (True, Verdict.PASS, "login-braked"),
        (False, Verdict.INCONCLUSIVE, "died-not-locked"),
        (None, Verdict.INCONCLUSIVE, "not-all"),
    ],
)
def test_a_brake_is_one_only_while_the_service_lives(live, verdict, reason, why):
    """A service that dies looks locked from outside: it worked before and is shut now."""
    cut = Observation("login.tried", "login web", 21, {"skipped": 0, "weak": 9, "foreign": 40, "why": why})
    after = [Observation("login.live", "login web", live, {"when": "after"})] if live is not None else []
    before = Observation("login.live", "login web", True, {"when": "before"})
    facts = (*SHUT[:3], cut, before, *after)
    finding = CRITERION.judge(Observations(facts, {"web_login": Attempt(AttemptStatus.DONE)}), terminal(), {})
    assert (finding.verdict, finding.details[0].reason) == (verdict, reason)


def test_an_excluded_tcp_port_may_hold_a_login_path():
    observations = Observations(SHUT, {"web_login": Attempt(AttemptStatus.DONE)})
    for transport, verdict in (("tcp", Verdict.INCONCLUSIVE), ("udp", Verdict.PASS)):
        left = msgspec.structs.replace(terminal(), exclusions=(Exclusion(transport, 9999, "ours"),))
        assert CRITERION.judge(observations, left, {}).verdict is verdict
    opened = Observations((*SHUT, accepted("preset")), observations.attempts)
    left = msgspec.structs.replace(terminal(), exclusions=(Exclusion("tcp", 9999, "ours"),))
    assert CRITERION.judge(opened, left, {}).verdict is Verdict.FAIL
