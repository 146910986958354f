"""web_login against a model device: planted faults are found, none is invented, nothing locks, all is restored."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.web_device import Habits, WebDevice, describe
from fakes.wire import fake_wire
from sekisho.criteria.access_control import CRITERION as ACCESS
from sekisho.criteria.code_guessing import CRITERION as GUESSING
from sekisho.model.assessment import Limits
from sekisho.model.observation import Observations
from sekisho.model.terminal import Exclusion
from sekisho.model.verdict import Verdict
from sekisho.ports import Reading, SignIn
from sekisho.probes.web_login import PROBE
from sekisho.wires.access import LiveAccess
from sekisho.wires.access.session import NoSession


def assess(habits, *, access=LiveAccess, counts=None, **how):
    device = WebDevice(habits)
    terminal = describe(habits, **how)
    limits = Limits()
    wire = fake_wire(
        PROBE,
        net=device,
        access=access(device, terminal, limits, device.clock, counts=counts),
        clock=device.clock,
        limits=limits,
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    faults = [one for one in evidence.records if one.failure is not None and one.failure.reason == "tool"]
    assert not faults, faults[0]
    facts = tuple(PROBE.observe(evidence))
    assert {one.name for one in facts} <= set(PROBE.facts)
    return device, terminal, Observations(facts, {PROBE.name: evidence.attempt}), evidence


def access(seen, terminal, side="all"):
    return ACCESS.judge(seen, terminal, {"side": side})


def test_a_guarded_device_has_no_hole_and_every_listed_code_of_its_user_is_tried():
    device, terminal, seen, _ = assess(Habits())
    finding = access(seen, terminal)
    assert finding.verdict is Verdict.PASS, finding
    assert {one.subject: one.value for one in seen.of("setting.write")} == {
        "setting dns as right": True,
        "setting dns as none": False,
        "setting dns as wrong": False,
        "setting dns as low": False,
    }
    assert [one.value for one in seen.of("setting.restored")] == [True]
    assert device.dns == "192.0.2.53"
    tried = seen.one("login.tried")
    assert tried.attributes["skipped"] == 0
    assert {("admin", "smcadmin"), ("admin", "meinsm")} <= set(device.seen_codes)
    assert GUESSING.judge(seen, terminal, {}).verdict is Verdict.PASS


def test_an_open_device_lacks_access_control_and_is_never_called_a_default_password():
    _, terminal, seen, _ = assess(Habits(asks=False))
    assert [one.value for one in seen.of("login.anonymous")] == [True]
    assert not [one for one in seen.of("login.accepted") if one.value]
    assert access(seen, terminal).verdict is Verdict.FAIL
    guessing = GUESSING.judge(seen, terminal, {})
    assert guessing.verdict is Verdict.FAIL
    assert {one.reason for one in guessing.details} == {"no-code"}


@pytest.mark.parametrize("always", [True, False])
def test_one_unguarded_page_among_thirty_is_found_and_none_is_invented(always):
    _, terminal, seen, _ = assess(Habits(pages=30, hidden="/corner.html", always_200=always))
    opened = [one.attributes["path"] for one in seen.of("page.guarded") if one.value is not True]
    assert opened == ["/corner.html"]
    assert len(seen.of("page.guarded")) >= 31
    finding = access(seen, terminal)
    assert finding.verdict is Verdict.FAIL
    assert [one.arguments["path"] for one in finding.details if one.verdict is Verdict.FAIL] == [
        "/corner.html"
    ]


def test_everything_is_200_and_nothing_is_open():
    _, terminal, seen, _ = assess(Habits(pages=30))
    assert {one.value for one in seen.of("page.guarded")} == {True}
    assert access(seen, terminal).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("habits", "who"),
    [
        (Habits(guards_writes=False), {"none", "wrong", "low"}),
        (Habits(low_may_write=True), {"low"}),
    ],
)
def test_a_write_without_the_right_is_seen_by_reading_back_and_undone(habits, who):
    device, terminal, seen, _ = assess(habits)
    changed = {
        one.attributes["who"]
        for one in seen.of("setting.write")
        if one.value and one.attributes["who"] != "right"
    }
    assert changed == who
    assert device.dns == "192.0.2.53"
    assert access(seen, terminal).verdict is Verdict.FAIL


def test_without_a_working_write_a_refusal_proves_nothing():
    _, terminal, seen, _ = assess(Habits(writes_work=False))
    finding = access(seen, terminal)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "no-write-control" in {one.reason for one in finding.details}


def test_the_preset_is_found_before_a_lock_after_five_and_nothing_locks():
    habits = Habits(password="admin", preset="admin", lock_after=5)
    device, terminal, seen, _ = assess(habits)
    assert device.most_in_a_row < 5
    assert not device.locked
    preset = [one for one in seen.of("login.accepted") if one.attributes["origin"] == "preset"]
    assert [one.value for one in preset] == [True]
    assert seen.one("login.tried").attributes["skipped"] == 0
    assert GUESSING.judge(seen, terminal, {}).verdict is Verdict.FAIL


def test_a_device_that_takes_anything_is_not_credited_with_a_default_password():
    _, terminal, seen, _ = assess(Habits(takes_anything=True))
    assert [one.value for one in seen.of("login.random")] == [True]
    guessing = GUESSING.judge(seen, terminal, {})
    assert {one.reason for one in guessing.details} == {"any-code"}
    assert access(seen, terminal).verdict is Verdict.FAIL


def test_a_hidden_mirai_account_is_found():
    _, terminal, seen, _ = assess(Habits(also=(("admin", "smcadmin"),)))
    hits = [
        one.attributes["shown"]
        for one in seen.of("login.accepted")
        if one.value and one.attributes["origin"] == "mirai"
    ]
    assert hits == ["admin:smcadmin"]
    assert GUESSING.judge(seen, terminal, {}).verdict is Verdict.FAIL


def test_a_hole_on_the_line_side_is_told_from_a_guarded_lan():
    _, terminal, seen, _ = assess(Habits(wan=True, wan_guards=False), wan=True)
    finding = access(seen, terminal, "line")
    assert finding.verdict is Verdict.FAIL
    assert {
        one.attributes["role"]
        for one in seen.of("setting.write")
        if one.value and one.attributes["who"] == "none"
    } == {"wan"}


def test_line_side_guarded_passes_and_line_side_unscanned_does_not():
    _, terminal, seen, _ = assess(Habits(wan=True), wan=True)
    assert access(seen, terminal, "line").verdict is Verdict.PASS
    _, terminal, seen, _ = assess(Habits(wan=False), wan=True)
    assert access(seen, terminal, "line").reason == "line-not-scanned"


def test_without_a_described_line_side_guarded_is_undecided_and_a_hole_fails():
    _, terminal, seen, _ = assess(Habits())
    assert access(seen, terminal, "line").reason == "line-not-described"
    _, terminal, seen, _ = assess(Habits(guards_writes=False))
    assert access(seen, terminal, "line").verdict is Verdict.FAIL


def test_no_secret_stands_in_the_evidence():
    device, _, _, evidence = assess(Habits())
    assert device.habits.password not in repr(evidence)
    assert "Guest-5521" not in repr(evidence)


def test_nothing_observed_is_never_a_pass():
    empty = Observations()
    for criterion in (ACCESS, GUESSING):
        assert criterion.judge(empty, describe(Habits()), {}).verdict is Verdict.NONE


def test_a_terminal_in_its_factory_state_is_set_up_first():
    device, terminal, seen, _ = assess(Habits(factory=True))
    assert device.password == device.habits.password
    assert access(seen, terminal).verdict is Verdict.PASS
    assert seen.one("login.tried").attributes["skipped"] == 0


@settings(max_examples=20, deadline=None)
@given(
    st.builds(
        Habits,
        guards_writes=st.booleans(),
        guards_reads=st.booleans(),
        always_200=st.booleans(),
        low_may_write=st.booleans(),
        hidden=st.sampled_from(["", "/corner.html"]),
        pages=st.integers(2, 8),
        lock_after=st.sampled_from([0, 4, 5, 10]),
        writes_work=st.booleans(),
    )
)
def test_whatever_the_habits_a_hole_fails_no_hole_does_not_and_nothing_is_left_behind(habits):
    device, terminal, seen, _ = assess(habits)
    hole = bool(habits.hidden) or not habits.guards_reads
    hole = hole or (habits.writes_work and (not habits.guards_writes or habits.low_may_write))
    verdict = access(seen, terminal).verdict
    assert (verdict is Verdict.FAIL) == hole
    assert (verdict is Verdict.PASS) == (not hole and habits.writes_work)
    assert device.dns == "192.0.2.53"
    assert not device.locked
    assert device.wrong <= 2 * Limits().wrong_per_account


class Spent(LiveAccess):
    """An access whose budget is used up as soon as the lists begin, also for right codes (a run died there)."""

    spent = False

    async def sign_in(self, login, code, **more):
        self.spent = self.spent or more.get("listed", False)
        if self.spent and code is not None:
            return SignIn(None, "", 0.0, Reading(None), failure="budget"), NoSession()
        return await super().sign_in(login, code, **more)


def test_a_budget_that_an_earlier_run_used_up_is_not_waited_for_like_a_lock():
    """Two minutes of silence per login path looked like a hang; nothing was sent, so nothing can come back."""
    device, terminal, seen, _ = assess(Habits(), access=Spent)
    assert device.clock.offset < 1.0
    tried = seen.one("login.tried")
    assert (tried.value, tried.attributes["why"]) == (0, "budget")
    assert GUESSING.judge(seen, terminal, {}).verdict is Verdict.INCONCLUSIVE


def test_controls_that_the_budget_left_out_are_told():
    device, terminal, seen, _ = assess(Habits(), counts={"admin": (9, 9, 0)})
    assert not [one for one in device.seen_codes if one[0] == "admin"]
    finding = GUESSING.judge(seen, terminal, {})
    assert finding.verdict is Verdict.INCONCLUSIVE
    told = {one.arguments["control"] for one in finding.details if one.reason == "control-untried"}
    assert told == {"random", "preset"}


def test_a_service_that_dies_of_the_lists_is_recorded_as_shut_and_not_as_locked():
    device, terminal, seen, _ = assess(Habits(crash_on=8))
    assert device.dead
    assert seen.one("login.tried").attributes["why"] == "shut"
    assert GUESSING.judge(seen, terminal, {}).verdict is Verdict.INCONCLUSIVE


def test_an_excluded_web_port_gets_nothing_though_it_is_usual_and_declared():
    device, habits = WebDevice(Habits()), Habits()
    terminal = msgspec.structs.replace(describe(habits), exclusions=(Exclusion("tcp", 80, "ours"),))
    wire = fake_wire(
        PROBE, net=device, access=LiveAccess(device, terminal, Limits(), device.clock), clock=device.clock
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    assert (evidence.attempt.status, evidence.attempt.reason) == ("failed", "left-out")
    assert device.seen_codes == []
    facts = tuple(PROBE.observe(evidence))
    assert not [one for one in facts if one.attributes.get("port") == 80]
    seen = Observations(facts, {PROBE.name: evidence.attempt})
    assert access(seen, terminal).verdict is Verdict.INCONCLUSIVE
