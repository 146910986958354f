"""first_use against a model device: forced, skippable, got round, weak codes, and a known end."""

from __future__ import annotations

import asyncio

import msgspec

from fakes.web_device import Habits, WebDevice, describe
from fakes.wire import Nobody, fake_wire
from sekisho.criteria.code_change import CRITERION as CHANGE
from sekisho.criteria.code_strength import CRITERION as STRENGTH
from sekisho.model.assessment import Limits
from sekisho.model.evidence import AttemptStatus
from sekisho.model.observation import Observations
from sekisho.model.verdict import Verdict
from sekisho.probes.first_use import PROBE
from sekisho.wires.access import LiveAccess

POLICY = {"min_length": 8, "single": True, "sequential": True, "attacked": True}


def assess(habits, terminal=None, *, reset=True, person=None):
    device = WebDevice(habits)
    terminal = terminal or describe(habits)
    limits = Limits()
    wire = fake_wire(
        PROBE,
        net=device,
        access=LiveAccess(device, terminal, limits, device.clock),
        clock=device.clock,
        limits=limits,
        person=person,
        reset=device.factory_reset if reset else None,
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    faults = [one for one in evidence.records if one.failure is not None and one.failure.reason == "tool"]
    assert not faults, faults[0]
    facts = tuple(PROBE.observe(evidence))
    assert {one.name for one in facts} <= set(PROBE.facts)
    return device, terminal, Observations(facts, {PROBE.name: evidence.attempt}), evidence


def judge(criterion, seen, terminal, **parameters):
    return criterion.judge(seen, terminal, parameters)


def values(seen, name):
    return {
        one.subject.removeprefix("login web ").removeprefix("login web"): one.value for one in seen.of(name)
    }


def test_a_forced_change_with_a_policy_passes_in_both_modes():
    device, terminal, seen, evidence = assess(Habits())
    assert evidence.attempt.status is AttemptStatus.DONE
    assert seen.one("change.prompted").value is True
    assert seen.one("change.forced").value is True
    assert set(values(seen, "change.bypass").values()) == {False}
    assert values(seen, "change.accepts") == {
        "same": False,
        "short": False,
        "single": False,
        "sequential": False,
        "attacked": False,
    }
    assert seen.one("change.works").value is True
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.PASS
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.PASS
    assert judge(STRENGTH, seen, terminal, **POLICY).verdict is Verdict.PASS
    assert device.password == "Owner-7291"
    assert seen.one("change.left").value is True


def test_a_prompt_that_can_be_ignored_meets_2020_but_not_the_proposal():
    _, terminal, seen, _ = assess(Habits(forces=False))
    assert seen.one("change.forced").value is False
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.PASS
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.FAIL


def test_no_prompt_at_all_fails_both():
    _, terminal, seen, _ = assess(Habits(forces=False, prompts=False))
    assert seen.one("change.prompted").value is False
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.FAIL
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.FAIL


def test_the_settings_interface_gets_round_a_forced_page():
    _, terminal, seen, _ = assess(Habits(api_before_change=True))
    finding = judge(CHANGE, seen, terminal, mode="force")
    assert finding.verdict is Verdict.FAIL
    assert values(seen, "change.bypass")["by api"] is True


def test_signing_in_again_skips_the_prompt():
    _, terminal, seen, _ = assess(Habits(skips=True))
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.FAIL


def test_the_same_code_taken_as_new_fails_the_proposal():
    _, terminal, seen, _ = assess(Habits(takes_same=True))
    assert values(seen, "change.accepts")["same"] is True
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.FAIL
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.PASS


def test_weak_codes_that_are_taken_are_named_and_the_end_is_still_known():
    device, terminal, seen, _ = assess(Habits(shortest=1, refuses_weak=False))
    accepted = {one.subject.rpartition(" ")[2] for one in seen.of("change.accepts") if one.value}
    assert accepted == {"short", "single", "sequential", "attacked"}
    finding = judge(STRENGTH, seen, terminal, **POLICY)
    assert finding.verdict is Verdict.FAIL
    assert device.password == "Owner-7291"
    assert seen.one("change.left").value is True


def test_seven_characters_taken_fails_eight_and_not_six():
    _, terminal, seen, _ = assess(Habits(shortest=6))
    assert judge(STRENGTH, seen, terminal, **POLICY).verdict is Verdict.FAIL
    assert judge(STRENGTH, seen, terminal, **{**POLICY, "min_length": 6}).verdict is Verdict.PASS


def test_a_dead_change_page_refuses_all_and_proves_nothing():
    device, terminal, seen, _ = assess(Habits(change_works=False))
    assert seen.one("change.works").value is False
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.INCONCLUSIVE
    assert judge(STRENGTH, seen, terminal, **POLICY).verdict is Verdict.INCONCLUSIVE
    assert seen.one("change.left").value is False
    assert device.password == "admin"


def test_without_a_way_back_nothing_is_touched():
    device, terminal, seen, evidence = assess(Habits(factory=True), reset=False)
    assert evidence.attempt.status is AttemptStatus.SKIPPED
    assert device.password == "admin"
    assert judge(CHANGE, seen, terminal, mode="force").reason == "undecided"
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.INCONCLUSIVE


def test_a_person_can_vouch_for_the_factory_state():
    person = Nobody({"first-use-factory": "yes"})
    device, terminal, seen, _ = assess(Habits(factory=True), reset=False, person=person)
    assert judge(CHANGE, seen, terminal, mode="force").verdict is Verdict.PASS
    assert device.password == "Owner-7291"


def test_a_preset_that_does_not_open_the_factory_state_is_no_test():
    habits = Habits()
    terminal = describe(Habits(preset="something-else"))
    _, _, seen, evidence = assess(habits, terminal)
    assert evidence.attempt.reason == "no-control"
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.INCONCLUSIVE


def test_an_equivalent_is_a_claim_for_a_person():
    habits = Habits(forces=False, prompts=False)
    terminal = describe(habits)
    login = msgspec.structs.replace(terminal.logins[0], equivalents=("passkey",))
    _, _, seen, _ = assess(habits, msgspec.structs.replace(terminal, logins=(login,)))
    finding = judge(CHANGE, seen, terminal, mode="force")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.claim == "passkey"


def test_an_undeclared_preset_is_undecided_not_absent():
    habits = Habits()
    terminal = describe(habits)
    login = msgspec.structs.replace(terminal.logins[0], preset=None)
    _, terminal, seen, _ = assess(habits, msgspec.structs.replace(terminal, logins=(login,)))
    assert judge(CHANGE, seen, terminal, mode="prompt").verdict is Verdict.INCONCLUSIVE


def test_no_code_stands_in_the_evidence():
    _, _, _, evidence = assess(Habits(preset="Factory-8812"))
    for secret in ("Owner-7291", "Factory-8812"):
        assert secret not in repr(evidence)


def test_nothing_observed_is_never_a_pass():
    for criterion in (CHANGE, STRENGTH):
        assert judge(criterion, Observations(), describe(Habits())).verdict is Verdict.NONE
