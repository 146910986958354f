"""login_throttle against a model device: serial delay, locks, silent locks, crashes, owners locked out."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from fakes.web_device import Habits, WebDevice, describe
from fakes.wire import fake_wire
from sekisho.criteria.login_delay import CRITERION as DELAY
from sekisho.model.assessment import Limits
from sekisho.model.observation import Observations
from sekisho.model.terminal import Power
from sekisho.model.verdict import Verdict
from sekisho.probes.login_throttle import PROBE
from sekisho.wires.access import LiveAccess

THIRTY_DAYS = {"codes": 1_000_000, "seconds": 2_592_000, "lock_out_owner": False}


def assess(habits, **how):
    device = WebDevice(habits)
    terminal = describe(habits, **how)
    limits = Limits(requests_per_second=1000.0)
    wire = fake_wire(
        PROBE,
        net=device,
        access=LiveAccess(device, terminal, limits, device.clock),
        clock=device.clock,
        limits=limits,
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    faults = [one for one in evidence.records if one.failure is not None and one.failure.reason == "tool"]
    assert not faults, faults[0]
    facts = tuple(PROBE.observe(evidence))
    assert {one.name for one in facts} <= set(PROBE.facts)
    seen = Observations(facts, {PROBE.name: evidence.attempt})
    return device, seen, DELAY.judge(seen, terminal, THIRTY_DAYS), evidence


def pace(seen, mode):
    return next(one.value for one in seen.of("throttle.tries") if one.attributes["mode"] == mode)


def test_no_brake_at_all_fails():
    _, seen, finding, _ = assess(Habits())
    assert finding.verdict is Verdict.FAIL
    assert seen.one("throttle.million").value < 2_592_000


def test_a_delay_that_holds_only_one_by_one_does_not_pass_and_the_parallel_pace_is_right():
    delay = 0.8  # a busy machine may add a fifth of it
    _, seen, finding, _ = assess(Habits(delay=delay, delay_serial_only=True))
    assert finding.verdict is Verdict.FAIL
    assert pace(seen, "serial") == pytest.approx(3600 / delay, rel=0.2)
    assert pace(seen, "parallel 20") == pytest.approx(20 / delay * 3600, rel=0.2)
    assert seen.one("throttle.million").attributes["mode"] == "parallel 20"


def test_a_lock_after_five_by_address_passes_and_is_waited_out():
    device, seen, finding, _ = assess(Habits(lock_after=5, lock_seconds=86_400.0 / 2), lock=True)
    del device
    live = {one.value for one in seen.of("throttle.live")}
    assert live == {True}
    assert {one.value for one in seen.of("throttle.owner")} == {True}
    serial = next(one for one in seen.of("throttle.tries") if one.attributes["mode"] == "serial")
    assert serial.attributes["locked_after"] == 5
    assert finding.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}


@pytest.mark.parametrize("silent", [False, True])
def test_a_lock_of_an_hour_is_measured_and_the_right_code_works_again(silent):
    habits = Habits(lock_after=5, lock_seconds=1700.0, silent_lock=silent)
    device, seen, finding, _ = assess(habits, lock=True)
    assert {one.value for one in seen.of("throttle.recovered")} == {True}
    serial = next(one for one in seen.of("throttle.tries") if one.attributes["mode"] == "serial")
    assert serial.attributes["lock_seconds"] == pytest.approx(1700, rel=0.12)
    million = seen.one("throttle.million")
    assert million.attributes["tries_per_hour"] < 100
    assert finding.verdict is Verdict.PASS, finding
    assert device.clock.monotonic() > 0


def test_a_lock_of_the_account_locks_the_owner_out():
    _, seen, finding, _ = assess(Habits(lock_after=5, lock_seconds=600.0, lock_scope="account"), lock=True)
    reasons = {one.reason for one in finding.details if one.verdict is Verdict.FAIL}
    owners = [one for one in seen.of("throttle.owner") if one.attributes["mode"] == "serial"]
    assert owners[0].attributes["address"] is False
    # A session that the owner had before goes on, but signing in anew is shut: both stand in the fact.
    assert (owners[0].value, owners[0].attributes["session"]) == (False, True)
    assert "owner-out" in reasons


@pytest.mark.parametrize("most", [8.0, 30.0])
def test_a_doubling_delay_is_taken_at_its_later_pace(most):
    _, seen, _, _ = assess(Habits(doubling=most))
    assert 3600 / most <= pace(seen, "serial") <= 3 * 3600 / most
    # The burst got no further than one after another would: it gains nothing.
    assert pace(seen, "parallel 20") == pytest.approx(pace(seen, "serial"), rel=0.5)


def test_a_crash_on_the_third_try_is_no_lock():
    _, seen, finding, evidence = assess(Habits(crash_on=3))
    assert finding.verdict is Verdict.FAIL
    assert "died-not-locked" in {one.reason for one in finding.details}
    assert False in {one.value for one in seen.of("throttle.live")}
    assert evidence.attempt.reason == "died"
    # The dead hold nobody off: no pace, no lock and no years until a million codes are made of their silence.
    assert {one.value for one in seen.of("throttle.tries")} == {None}
    assert {one.attributes.get("locked_after") for one in seen.of("throttle.tries")} == {None}
    assert seen.of("throttle.million") == ()


def test_a_wrong_right_code_ends_it_before_the_first_try():
    habits = Habits()
    device = WebDevice(Habits(password="Somebody-else"))
    terminal = describe(habits)
    wire = fake_wire(
        PROBE, net=device, access=LiveAccess(device, terminal, Limits(), device.clock), clock=device.clock
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    seen = Observations(tuple(PROBE.observe(evidence)), {PROBE.name: evidence.attempt})
    assert device.wrong == 1
    finding = DELAY.judge(seen, terminal, THIRTY_DAYS)
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_from_one_address_only_it_stays_undecided():
    _, _, finding, _ = assess(Habits(lock_after=5, lock_seconds=1700.0), lock=True, second=False)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "one-address" in {one.reason for one in finding.details}


def test_the_budget_of_tries_holds():
    device, _, _, _ = assess(Habits())
    assert device.wrong <= Limits().throttle_tries


def test_nothing_observed_is_never_a_pass():
    assert DELAY.judge(Observations(), describe(Habits()), THIRTY_DAYS).verdict is Verdict.NONE


class Cord:
    """The power cord of the model: a cut forgets the locks."""

    def __init__(self, device):
        self.device = device
        self.cuts = 0

    async def cut(self):
        self.device.dead = True

    async def restore(self):
        self.cuts += 1
        self.device.reset_now()


def with_cord(habits, *, allowed, lock):
    device = WebDevice(habits)
    cord = Cord(device)
    terminal = msgspec.structs.replace(describe(habits, lock=lock), power=Power("command", off_seconds=1.0))
    wire = fake_wire(
        PROBE,
        net=device,
        access=LiveAccess(device, terminal, Limits(), device.clock),
        clock=device.clock,
        power=cord,
        risks=("lockout", "power") if allowed else ("lockout",),
    )
    evidence = asyncio.run(PROBE.collect(terminal, wire))
    return cord, terminal, Observations(tuple(PROBE.observe(evidence)), {PROBE.name: evidence.attempt})


@pytest.mark.parametrize("allowed", [True, False])
def test_a_reboot_that_lifts_the_lock_is_shown_and_never_cut_without_leave(allowed):
    cord, terminal, seen = with_cord(Habits(lock_after=5, lock_seconds=1700.0), allowed=allowed, lock=True)
    after = [one for one in seen.of("throttle.tries") if one.attributes["mode"] == "after-reboot"]
    assert cord.cuts == int(allowed)
    assert [one.attributes["kept"] for one in after] == ([False] if allowed else [])
    finding = DELAY.judge(seen, terminal, THIRTY_DAYS)
    assert finding.verdict is Verdict.PASS
    assert ("reboot-lifts" in {one.reason for one in finding.details}) is allowed


def test_no_power_is_cut_where_there_is_no_brake_to_lift():
    cord, terminal, seen = with_cord(Habits(), allowed=True, lock=False)
    assert seen.one("throttle.million")
    assert cord.cuts == 0
    assert DELAY.judge(seen, terminal, THIRTY_DAYS).verdict is Verdict.FAIL
