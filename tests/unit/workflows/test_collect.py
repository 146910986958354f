"""The plan: what runs by which permission; without the permission to log in no code is entered."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from fakes.web_device import Habits, WebDevice, describe
from sekisho import plugins
from sekisho.model.assessment import Authorisation, Limits
from sekisho.model.terminal import Code
from sekisho.wires.access import LiveAccess
from sekisho.workflows.authorise import RISKS
from sekisho.workflows.collect import plan

ENTERING = {"first_use", "login_throttle", "ssh_login", "telnet_login", "web_login"}


def running(*risks: str) -> set[str]:
    today = date(2026, 11, 21)
    allowed = Authorisation(
        allowed_by="Sato",
        role="",
        statement="",
        signed_on=today,
        addresses=("127.0.0.9/32",),
        valid_from=today,
        valid_until=today,
        risks=risks,
    )
    catalogue = plugins.unit("catalogues", "jp-2025-report")()
    units = plugins.units("criteria"), plugins.units("probes")
    return {one.probe for one in plan(describe(Habits()), [catalogue], *units, allowed).probes if one.runs}


@pytest.mark.parametrize("risks", [("read", "write"), tuple(one for one in RISKS if one != "login")])
def test_what_enters_codes_needs_the_risk_login(risks: tuple[str, ...]) -> None:
    assert not ENTERING & running(*risks)
    assert "open_ports" in running(*risks)


def test_each_risk_lets_its_own_probes_run() -> None:
    assert ENTERING & running("read", "login") == {"ssh_login", "telnet_login"}
    assert running(*RISKS) >= ENTERING


def test_no_code_is_sent_without_the_permission_whoever_asks() -> None:
    device = WebDevice(Habits())
    terminal = describe(Habits())
    access = LiveAccess(device, terminal, Limits(), device.clock, codes=False)
    (login,) = terminal.logins
    answer, session = asyncio.run(access.sign_in(login, Code("admin", "x")))
    assert (answer.accepted, answer.failure) == (None, "not-allowed")
    assert device.seen_codes == []
    assert access.counts == {}
    asyncio.run(session.close())
    # Looking at the page of the login as nobody is no code.
    anonymous, _ = asyncio.run(access.sign_in(login, None))
    assert anonymous.failure != "not-allowed"
