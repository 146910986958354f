"""code_change: urged, forced or possible, and which controls each needs."""

from __future__ import annotations

import pytest

from sekisho.criteria.code_change import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Terminal
from sekisho.model.verdict import Verdict

SUBJECT = "login web"


def fact(name, value, subject=SUBJECT, **attributes):
    return Observation(name, subject, value, attributes)


def judge(mode, *facts, attempt=None):
    attempts = {"first_use": attempt or Attempt(AttemptStatus.DONE)}
    return CRITERION.judge(Observations(tuple(facts), attempts), Terminal(), {"mode": mode})


PRESET = (fact("preset.exists", True), fact("preset.works", True))
WORKS = fact("change.works", True, code="current", new=True, old=False)
FORCED = (*PRESET, fact("change.forced", True), fact("change.accepts", False, f"{SUBJECT} same"), WORKS)


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        ((*PRESET, WORKS), Verdict.PASS, "changeable"),
        # A shipped code is not needed: what counts is that the code can be changed.
        ((fact("preset.exists", False), WORKS), Verdict.PASS, "changeable"),
        (
            (*PRESET, fact("change.works", False, code="current", new=True, old=True)),
            Verdict.FAIL,
            "old-still-opens",
        ),
        # Refused as a new code: it may break a rule that we do not know. No positive control, no verdict.
        (
            (*PRESET, fact("change.works", False, code="plain", new=False, old=True)),
            Verdict.INCONCLUSIVE,
            "no-change-control",
        ),
        (
            (*PRESET, fact("change.works", None, code="plain", new=None, old=None)),
            Verdict.INCONCLUSIVE,
            "no-change-control",
        ),
        (PRESET, Verdict.INCONCLUSIVE, "no-change-control"),
    ],
)
def test_possible_rests_on_the_change_itself(facts, verdict, reason):
    finding = judge("possible", *facts)
    assert (finding.verdict, finding.details[0].reason) == (verdict, reason)


def test_possible_asks_every_login_path():
    shell = fact("preset.exists", True, "login shell")
    assert judge("possible", *PRESET, WORKS, shell).verdict is Verdict.INCONCLUSIVE
    follows = fact("change.bypass", False, f"{SUBJECT} by telnet", other="shell", way="telnet", when="after")
    assert judge("possible", *PRESET, WORKS, shell, follows).verdict is Verdict.PASS
    stays = fact("change.bypass", True, f"{SUBJECT} by telnet", other="shell", way="telnet", when="after")
    assert judge("possible", *PRESET, WORKS, shell, stays).verdict is Verdict.FAIL


def test_possible_says_so_in_its_own_words():
    assert judge("possible", *PRESET, WORKS).reason == "can-change"
    kept = fact("change.works", False, code="current", new=True, old=True)
    assert judge("possible", *PRESET, kept).reason == "no-real-change"


@pytest.mark.parametrize("mode", ["prompt", "force", "possible"])
def test_nothing_measured_is_no_pass(mode):
    assert CRITERION.judge(Observations(), Terminal(), {"mode": mode}).verdict is Verdict.NONE
    assert judge(mode).verdict is Verdict.INCONCLUSIVE
    failed = judge(mode, attempt=Attempt(AttemptStatus.FAILED, "timed-out"))
    assert (failed.verdict, failed.reason) == (Verdict.INCONCLUSIVE, "timed-out")


@pytest.mark.parametrize(
    ("facts", "prompt", "force"),
    [
        (FORCED, Verdict.PASS, Verdict.PASS),
        ((*PRESET, fact("change.prompted", True), fact("change.forced", False)), Verdict.PASS, Verdict.FAIL),
        ((*PRESET, fact("change.prompted", False), fact("change.forced", False)), Verdict.FAIL, Verdict.FAIL),
        ((*FORCED, fact("change.bypass", True, f"{SUBJECT} by url")), Verdict.PASS, Verdict.FAIL),
        (FORCED[:-1], Verdict.PASS, Verdict.INCONCLUSIVE),
        ((PRESET[0], fact("preset.works", False)), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ((fact("preset.exists", False),), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ((fact("preset.exists", None),), Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
    ],
)
def test_urged_and_forced(facts, prompt, force):
    assert (judge("prompt", *facts).verdict, judge("force", *facts).verdict) == (prompt, force)


def test_a_claimed_equivalent_keeps_a_failure_undecided():
    claimed = fact("preset.exists", True, equivalents="passkey")
    finding = judge("force", claimed, PRESET[1], fact("change.forced", False))
    assert (finding.verdict, finding.claim) == (Verdict.INCONCLUSIVE, "passkey")


def test_an_unknown_mode_is_a_fault_and_never_a_verdict():
    with pytest.raises(ValueError, match="mode maybe"):
        judge("maybe", *FORCED)


MADE = (
    fact("preset.exists", False),
    fact("setup.works", True),
    fact("setup.shut", True),
    fact("setup.link", True, f"{SUBJECT} wrong link", link="wrong"),
    fact("setup.link", True, f"{SUBJECT} used link", link="used"),
)


def instead(name, value, subject=SUBJECT):
    return tuple(
        fact(name, value, subject) if (one.name, one.subject) == (name, subject) else one for one in MADE
    )


@pytest.mark.parametrize("mode", ["prompt", "force"])
@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        (MADE, Verdict.PASS, "made-by-user"),
        (MADE[:1], Verdict.INCONCLUSIVE, "set-up-unseen"),
        (MADE[:2], Verdict.INCONCLUSIVE, "set-up-unseen"),
        (instead("setup.works", False), Verdict.INCONCLUSIVE, "no-set-up-control"),
        (instead("setup.works", None), Verdict.INCONCLUSIVE, "no-set-up-control"),
        (instead("setup.shut", None), Verdict.INCONCLUSIVE, "unknown"),
        (instead("setup.shut", False), Verdict.FAIL, "open-before-set-up"),
        (instead("setup.link", None, f"{SUBJECT} used link"), Verdict.INCONCLUSIVE, "unknown"),
        (instead("setup.link", False, f"{SUBJECT} wrong link"), Verdict.FAIL, "link-serves"),
    ],
)
def test_nothing_preset_is_met_by_the_set_up_that_was_seen(mode, facts, verdict, reason):
    finding = judge(mode, *facts)
    assert (finding.verdict, finding.details[0].reason) == (verdict, reason)
    assert (finding.reason == "made-by-user") is (verdict is Verdict.PASS)
