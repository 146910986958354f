"""login_delay: a serial delay alone never passes, a death is no lock, the owner must get in."""

from __future__ import annotations

import pytest

from sekisho.criteria.login_delay import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Login, Terminal
from sekisho.model.verdict import Verdict

TERMINAL = Terminal(logins=(Login("web", "http", "form"),))
MONTH = {"codes": 1_000_000, "seconds": 2_592_000, "lock_out_owner": False}
SLOW, FAST = 30.0, 65_000.0


def fact(name, mode, value, **more):
    subject = f"login web {mode}" if mode else "login web"
    return Observation(name, subject, value, {"mode": mode, "looked_at": 5, **more})


def facts(serial=SLOW, parallel=SLOW, second=SLOW, live=True, owner=True, recovered=True, control=True):
    found = [Observation("throttle.control", "login web", control)]
    for mode, value in (("serial", serial), ("parallel 20", parallel), ("second-source", second)):
        if value is not None:
            found.append(fact("throttle.tries", mode, value))
    found += [
        fact("throttle.live", "serial", live),
        fact("throttle.owner", "serial", owner),
        fact("throttle.recovered", "serial", recovered),
    ]
    return Observations(tuple(found), {"login_throttle": Attempt(AttemptStatus.DONE)})


@pytest.mark.parametrize(
    ("case", "verdict", "reason"),
    [
        ({}, Verdict.PASS, "pace"),
        ({"parallel": FAST}, Verdict.FAIL, "pace"),
        ({"second": FAST}, Verdict.FAIL, "pace"),
        ({"parallel": None}, Verdict.INCONCLUSIVE, "serial-only"),
        ({"second": None}, Verdict.INCONCLUSIVE, "one-address"),
        ({"live": False}, Verdict.FAIL, "died-not-locked"),
        ({"live": None}, Verdict.INCONCLUSIVE, "life-unknown"),
        ({"owner": False}, Verdict.FAIL, "owner-out"),
        ({"owner": None}, Verdict.INCONCLUSIVE, "owner-unknown"),
        ({"recovered": False}, Verdict.INCONCLUSIVE, "not-recovered"),
        ({"control": False}, Verdict.INCONCLUSIVE, "no-right-code"),
        ({"serial": None, "parallel": None, "second": None}, Verdict.INCONCLUSIVE, "not-measured"),
    ],
)
def test_each_way(case, verdict, reason):
    finding = CRITERION.judge(facts(**case), TERMINAL, MONTH)
    assert finding.verdict is verdict
    assert reason in {one.reason for one in finding.details if one.verdict is verdict}


def test_an_owner_who_may_be_locked_out_does_not_count():
    assert (
        CRITERION.judge(facts(owner=False), TERMINAL, {**MONTH, "lock_out_owner": True}).verdict
        is Verdict.PASS
    )


def test_the_figures_are_the_parameters():
    assert CRITERION.judge(facts(), TERMINAL, {**MONTH, "seconds": 1e12}).verdict is Verdict.FAIL
    assert CRITERION.judge(facts(parallel=FAST), TERMINAL, {**MONTH, "seconds": 3600}).verdict is Verdict.PASS


def test_a_login_path_without_a_measurement_keeps_it_undecided():
    two = Terminal(logins=(*TERMINAL.logins, Login("shell", "ssh", "ssh")))
    assert CRITERION.judge(facts(), two, MONTH).verdict is Verdict.INCONCLUSIVE


def test_a_series_that_our_budget_cut_short_is_undecided():
    tries = [
        fact("throttle.tries", mode, FAST, cut=True, held=True)
        for mode in ("serial", "parallel 8", "second-source")
    ]
    whole = Observations(
        (Observation("throttle.control", "login web", True), *tries, fact("throttle.owner", "serial", True))
    )
    finding = CRITERION.judge(whole, TERMINAL, MONTH)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "cut-short" in {one.reason for one in finding.details}
