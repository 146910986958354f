"""The telnet probe with the real net and access against devices on loopback."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from fakes.loopback import LIMITS, loopback_access, loopback_net
from fakes.telnet_device import TelnetDevice, telnet_device
from fakes.wire import MemoryStore, fake_wire
from sekisho.model.evidence import AttemptStatus
from sekisho.model.observation import Observations
from sekisho.model.terminal import Code, Interface, Login, Service, Terminal
from sekisho.probes.telnet_login import PROBE
from sekisho.wires.clock import SystemClock

PRESET, CURRENT = Code("root", "Label-7731"), Code("root", "s3cret-word!")


def terminal(port, **login):
    return Terminal(
        maker="Acme",
        model="RT-200",
        interfaces=(Interface("lan", addresses=("127.0.0.1",)),),
        services=(Service("shell", "telnet", port),),
        logins=(Login("shell", "shell", "telnet", **login),),
    )


def assessed(device, limits=LIMITS, store=None, **login):
    async def run():
        async with telnet_device(device) as port:
            described = terminal(port, **login)
            wire = fake_wire(
                PROBE,
                net=loopback_net(limits),
                access=loopback_access(described, limits),
                clock=SystemClock(),
                limits=limits,
                store=store,
            )
            return await PROBE.collect(described, wire)

    evidence = asyncio.run(run())
    facts = tuple(PROBE.observe(evidence))
    assert {fact.name for fact in facts} <= set(PROBE.facts)
    return evidence, Observations(facts)


def origins(facts):
    return {(fact.attributes["origin"], fact.value) for fact in facts.of("login.accepted")}


@pytest.mark.slow
def test_a_good_device_opens_to_the_right_code_only():
    device = TelnetDevice({"root": CURRENT.password})
    few = msgspec.structs.replace(LIMITS, wrong_per_account=8)
    evidence, facts = assessed(device, few, current=CURRENT, preset=PRESET)
    assert origins(facts) == {("current", True), ("preset", False)}
    assert facts.one("login.random").value is False
    assert facts.one("login.anonymous").value is False
    assert [fact.value for fact in facts.of("login.live")] == [True, True]
    assert facts.one("shell.opened").attributes["by"] == "current"
    assert facts.one("shell.offered", f"lan tcp/{facts.one('login.path').attributes['port']}").value is True
    assert {fact.value for fact in facts.of("shell.offered") if not fact.attributes["declared"]} <= {
        False,
        None,
    }
    tried = facts.one("login.tried")
    assert tried.attributes["budget"] is True
    assert evidence.attempt.status is AttemptStatus.PARTIAL
    wrong = [pair for pair in device.tried if pair[0] == "root" and pair[1] != CURRENT.password]
    assert len(wrong) <= 8, "the budget counts what the device saw"
    raw = msgspec.json.encode(evidence)
    assert CURRENT.password.encode() not in raw
    assert PRESET.password.encode() not in raw


@pytest.mark.slow
def test_the_whole_list_goes_out_with_right_logins_between_and_no_lock():
    device = TelnetDevice({"root": CURRENT.password, "support": "support"}, lock=4, hang_up=True)
    limits = msgspec.structs.replace(LIMITS, read_seconds=1.0, wrong_in_a_row=2)
    _, facts = assessed(device, limits, current=CURRENT)
    found = [fact for fact in facts.of("login.accepted") if fact.attributes["origin"] == "mirai"]
    assert [fact.attributes["shown"] for fact in found] == ["support:support"]
    sent = {pair for pair in device.tried if pair[0] == "root"}
    assert ("root", "00000000") in sent
    assert ("root", "xc3511") in sent


def test_nonsense_that_opens_is_the_finding_and_no_list_is_tried():
    evidence, facts = assessed(TelnetDevice(accept_all=True), current=CURRENT)
    assert facts.one("login.random").value is True
    assert facts.one("login.tried").attributes["why"] == "nonsense-accepted"
    assert facts.one("login.tried").value == 0
    assert evidence.attempt.status is AttemptStatus.DONE


def test_an_open_shell_is_never_reported_as_a_default_password():
    _, facts = assessed(TelnetDevice(open=True), preset=Code("root", "root"))
    assert facts.one("login.anonymous").value is True
    assert facts.one("shell.opened").attributes["by"] == "none"
    assert not [fact for fact in facts.of("login.accepted") if fact.value]


def test_no_telnet_at_all_is_done_and_says_so():
    async def run():
        described = Terminal(interfaces=(Interface("lan", addresses=("127.0.0.1",)),))
        wire = fake_wire(PROBE, net=loopback_net(), access=loopback_access(described), clock=SystemClock())
        return await PROBE.collect(described, wire)

    evidence = asyncio.run(run())
    facts = Observations(tuple(PROBE.observe(evidence)))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.DONE, "no-such-service")
    assert {fact.value for fact in facts.of("shell.offered")} == {False}
    assert facts.of("login.path") == ()


def test_nothing_to_look_at_is_skipped():
    wire = fake_wire(PROBE)
    evidence = asyncio.run(PROBE.collect(Terminal(), wire))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.SKIPPED, "not-described")
    assert PROBE.plan(Terminal()) == ()
    assert PROBE.plan(terminal(23))


def test_a_resumed_run_sends_nothing_again():
    device, store = TelnetDevice(accept_all=True), MemoryStore()
    first, _ = assessed(device, store=store, current=CURRENT)
    before = list(device.tried)

    async def again():
        (port,) = {one.data["door"]["port"] for one in first.under("telnet/door/") if one.data.get("speaks")}
        described = terminal(port, current=CURRENT)
        wire = fake_wire(PROBE, store=store)
        return await PROBE.collect(described, wire)

    second = asyncio.run(again())
    assert device.tried == before
    assert second.records == first.records
