"""first_use where nothing is preset: shut before, made by the one link, open to the made code alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.loopback import LIMITS, loopback_access
from fakes.set_up_device import OWNER, SetUpDevice, describe
from fakes.web_server import web_server
from fakes.wire import FakeClock, fake_wire
from sekisho.criteria.code_change import CRITERION as CHANGE
from sekisho.criteria.code_strength import CRITERION as STRENGTH
from sekisho.model.observation import Observations
from sekisho.model.terminal import Code
from sekisho.model.verdict import Finding, Verdict
from sekisho.ports import Wire
from sekisho.probes.first_use import PROBE

POLICY = {"min_length": 8, "single": True, "sequential": True, "attacked": True}


class Seen:
    """What the probe observed of a device, and the judgements of it."""

    def __init__(self, device: SetUpDevice, clock: FakeClock | None = None, **more: Any) -> None:
        self.device, self.clock = device, clock or FakeClock()
        asyncio.run(self._assess(more))

    async def _assess(self, more: dict[str, Any]) -> None:
        async with web_server(self.device) as port:
            self.terminal = describe(port, **more)
            access = loopback_access(self.terminal)
            wire: Wire = fake_wire(
                PROBE,
                access=access,
                clock=self.clock,
                limits=LIMITS,
                reset=self.device.reset,
                host=self.device,
            )
            self.evidence = await PROBE.collect(self.terminal, wire)
        faults = [
            one for one in self.evidence.records if one.failure is not None and one.failure.reason == "tool"
        ]
        assert not faults, faults[0]
        facts = tuple(PROBE.observe(self.evidence))
        assert {one.name for one in facts} <= set(PROBE.facts)
        self.facts = Observations(facts, {PROBE.name: self.evidence.attempt})

    def change(self, mode: str = "force") -> Finding:
        return CHANGE.judge(self.facts, self.terminal, {"mode": mode})

    def values(self, name: str) -> dict[str, Any]:
        return {one.subject.removeprefix("login web").strip(): one.value for one in self.facts.of(name)}


def test_nothing_opens_before_the_code_is_made() -> None:
    seen = Seen(SetUpDevice())
    assert seen.values("setup.shut") == {"": True}
    assert seen.values("setup.works") == {"": True}
    assert seen.values("setup.link") == {"wrong link": True, "used link": True}
    assert set(seen.values("setup.accepts").values()) == {False}
    assert (seen.change().verdict, seen.change("prompt").reason) == (Verdict.PASS, "made-by-user")
    assert STRENGTH.judge(seen.facts, seen.terminal, POLICY).verdict is Verdict.PASS
    assert seen.device.codes == {OWNER.user: OWNER.password}
    assert seen.evidence.record("first/web/set-up people").data == {"values": {"guest": "4711"}}  # type: ignore[union-attr]


def test_the_link_is_not_in_the_evidence() -> None:
    seen = Seen(SetUpDevice())
    assert seen.device.link.encode() not in repr(seen.evidence.records).encode()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"opens_early": True}, "open-before-set-up"),
        ({"back_door": Code("admin", "admin")}, "open-before-set-up"),
        ({"back_door": OWNER}, "open-before-set-up"),
        ({"takes_any_link": True}, "link-serves"),
        ({"link_serves_again": True}, "link-serves"),
    ],
)
def test_each_fault_is_found(fault: dict[str, Any], reason: str) -> None:
    finding = Seen(SetUpDevice(**fault)).change()
    assert (finding.verdict, finding.details[0].reason) == (Verdict.FAIL, reason)


@pytest.mark.parametrize("fault", [{"breaks": True}, {"never_opens": True}])
def test_without_the_control_nothing_is_decided(fault: dict[str, Any]) -> None:
    seen = Seen(SetUpDevice(**fault))
    assert seen.change().verdict is Verdict.INCONCLUSIVE
    assert STRENGTH.judge(seen.facts, seen.terminal, POLICY).verdict is Verdict.INCONCLUSIVE


def test_a_weak_code_that_the_set_up_takes_fails() -> None:
    seen = Seen(SetUpDevice(takes_weak=True))
    taken = {name for name, value in seen.values("setup.accepts").items() if value}
    assert taken == {"short", "single", "sequential", "attacked"}
    assert STRENGTH.judge(seen.facts, seen.terminal, POLICY).verdict is Verdict.FAIL
    assert seen.device.codes == {OWNER.user: OWNER.password}


class Ageing(FakeClock):
    """A clock by which the device's link runs out."""

    def __init__(self, device: SetUpDevice, *, runs_out: bool) -> None:
        super().__init__()
        self._device, self._runs_out = device, runs_out

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._device.late = self._device.late or (self._runs_out and seconds > 60)


@pytest.mark.parametrize("runs_out", [True, False])
def test_a_link_that_soon_runs_out_is_waited_for(runs_out: bool) -> None:
    device = SetUpDevice()
    seen = Seen(device, clock=Ageing(device, runs_out=runs_out), lifetime=60.0)
    assert seen.values("setup.link")["expired link"] is runs_out
    assert seen.change().verdict is (Verdict.PASS if runs_out else Verdict.FAIL)


def test_a_claim_that_nobody_looked_at_stays_undecided() -> None:
    device = SetUpDevice()

    async def nothing() -> Observations:
        terminal = describe(1)
        wire: Wire = fake_wire(PROBE, access=loopback_access(terminal), limits=LIMITS)
        evidence = await PROBE.collect(terminal, wire)
        return Observations(tuple(PROBE.observe(evidence)), {PROBE.name: evidence.attempt})

    found = CHANGE.judge(asyncio.run(nothing()), describe(1), {"mode": "prompt"})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert device.codes == {}
