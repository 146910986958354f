"""The SSH probe with the real net and access against a real SSH server on loopback."""

from __future__ import annotations

import asyncio

import msgspec

from fakes.loopback import LIMITS, loopback_access, loopback_net
from fakes.ssh_device import ssh_device
from fakes.wire import fake_wire
from sekisho.model.evidence import AttemptStatus
from sekisho.model.observation import Observations
from sekisho.model.terminal import Code, Interface, Login, Service, Terminal
from sekisho.probes.ssh_login import PROBE
from sekisho.wires.clock import SystemClock

CURRENT = Code("root", "s3cret!")


def assessed(limits=LIMITS, login=None, **options):
    async def run():
        seen = []
        async with ssh_device(seen, **options) as port:
            described = Terminal(
                maker="Acme",
                model="RT-200",
                interfaces=(Interface("lan", addresses=("127.0.0.1",)),),
                services=(Service("shell", "ssh", port),),
                logins=(Login("ssh", "shell", "ssh", **(login or {})),),
            )
            access = loopback_access(described, limits)
            wire = fake_wire(
                PROBE, net=loopback_net(limits), access=access, clock=SystemClock(), limits=limits
            )
            return await PROBE.collect(described, wire), seen

    evidence, seen = asyncio.run(run())
    facts = tuple(PROBE.observe(evidence))
    assert {fact.name for fact in facts} <= set(PROBE.facts)
    return evidence, Observations(facts), seen


def test_a_good_server_refuses_all_but_the_right_code():
    evidence, facts, seen = assessed(login={"current": CURRENT})
    assert facts.one("login.random").value is False
    assert facts.one("login.anonymous").value is False
    assert {(fact.attributes["origin"], fact.value) for fact in facts.of("login.accepted")} == {
        ("current", True)
    }
    assert facts.one("shell.opened").attributes == {
        **facts.one("shell.opened").attributes,
        "by": "current",
        "prompt": "nonce",
    }
    wrong_in_a_row = longest = 0
    for _, user, password in seen:
        if user != "root":
            continue
        wrong_in_a_row = 0 if password == CURRENT.password else wrong_in_a_row + 1
        longest = max(longest, wrong_in_a_row)
    assert longest <= LIMITS.wrong_in_a_row
    assert {password for _, user, password in seen if user == "root"} >= {"xc3511", "00000000", "RT-200"}
    tried = facts.one("login.tried").attributes
    assert (tried["skipped"], tried["budget"]) == (0, True), (
        "only admin, whom nobody declared, ran out of budget"
    )
    assert tried["foreign"] > 0
    assert evidence.attempt.status is AttemptStatus.DONE
    assert CURRENT.password.encode() not in msgspec.json.encode(evidence)


def test_a_preset_of_the_list_is_told_and_listed():
    limits = msgspec.structs.replace(LIMITS, wrong_in_a_row=1)
    _, facts, _ = assessed(limits, {"preset": Code("root", "s3cret!"), "low": Code("user", "user")})
    accepted = {
        (one.attributes["origin"], one.attributes["listed"]): one.value for one in facts.of("login.accepted")
    }
    assert accepted["preset", False] is True
    assert accepted["low", True] is False


def test_a_server_without_authentication_is_open():
    evidence, facts, _ = assessed(open=True)
    assert facts.one("login.anonymous").value is True
    assert facts.one("login.tried").attributes["why"] == "open"
    assert evidence.attempt.status is AttemptStatus.DONE


def test_keys_only_means_no_code_was_sent():
    _, facts, seen = assessed(login={"current": CURRENT}, password=False)
    assert seen == []
    assert facts.one("shell.opened").value is False
