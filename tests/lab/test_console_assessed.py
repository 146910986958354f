"""Sekisho's own console under Sekisho's own assessment: a fresh ``sekisho serve`` with TLS on the LAN side of the lab.

It is described as if it were a terminal that is connected directly, so that every duty is put to it, though a program on
a person's own computer is out of the article's scope (proviso of 第34条の10). Its power is that of the host.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sekisho.model.verdict import Verdict

from .assessing import SEKISHO, Outcome, measured
from .console_device import GUEST, GUEST_CODE, ORIGIN, OWNER, OWNER_CODE, PORT, ConsoleDevice, Visitor
from .description import _toml, authorisation
from .network import LAN4, LAN_MAC, TESTER_LAN4, TESTER_WAN4, WAN4, WAN_MAC, Network

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

# Nothing is preset, so nothing can be changed from it; a description can't say so yet, and absence is never a pass.
NO_PRESET = {"JP20-2", "JP25-2", "JP25-2c"}
# Recommended only: nothing judges it.
WITHOUT_RULE = "JP25-3c"
# The host's packages update it: no image goes through the console, and none was installed before the power was cut.
HOSTS_UPDATES = {"JP20-3", "JP20-4", "JP25-3", "JP25-3a", "JP25-3b", "JP25-4"}


@dataclass(frozen=True)
class Assessed:
    """What the assessment brought, and the verdicts where it is described as the program that it is."""

    outcome: Outcome
    as_program: dict[str, str]


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assessed]:
    place = tmp_path_factory.mktemp("console")
    network = Network(f"console{os.getpid()}")
    device = ConsoleDevice(place, network)
    network.create(own_kernel=False)
    try:
        device.address()
        told = device.start()
        table = description(place, _set_up(network, told["set_up"]))
        (place / "program").mkdir()
        why = "a program that its user installs on a computer of their own"
        scope = {**table["applicability"], "free_software": True, "free_software_reason": why}
        program = _assess(network, place / "program", {**table, "applicability": scope}, "document_check")
        yield Assessed(_assess(network, place, table), program.verdicts)
    finally:
        device.cut()
        network.remove()


def _set_up(network: Network, link: str) -> str:
    """Go through the first use as a person does: the owner by the link, a guest by the owner's; return the guest's id."""
    assert link.startswith(f"{ORIGIN}/set-up/"), link
    owner, guest = Visitor(network), Visitor(network)
    owner.post(link.removeprefix(ORIGIN), name=OWNER, password=OWNER_CODE, again=OWNER_CODE)
    page = owner.post("/people", name=GUEST, role="viewer", language="ja")
    invited = re.search(r"/set-up/[A-Za-z0-9_-]+", page)
    assert invited
    guest.post(invited[0], name=GUEST, password=GUEST_CODE, again=GUEST_CODE)
    found = re.search(rf'scope="row">{GUEST} .*?name="id" value="([^"]+)"', owner.get("/people"), re.DOTALL)
    assert found
    return found[1]


def description(place: Path, guest: str) -> dict[str, Any]:
    """Return what the maker would say of it; the setting is what a person may do here, which only an owner changes."""
    ours = {"origin": ORIGIN}
    cord = [sys.executable, "-m", "tests.lab.console_device", str(place)]
    return {
        "maker": "Sekisho", "model": "console", "kind": "server", "software": "0", "services_complete": True,
        "interfaces": [
            {"name": "lan", "role": "lan", "addresses": [LAN4], "sources": list(TESTER_LAN4), "mac": LAN_MAC, "device": "lan"},
            {"name": "wan", "role": "wan", "addresses": [WAN4], "sources": [TESTER_WAN4], "mac": WAN_MAC, "device": "wan"},
        ],
        "services": [
            {"name": "web", "protocol": "https", "port": PORT, "interface": "lan", "tls": True, "manages": True,
             "purpose": "the console"},
        ],
        "logins": [{
            "name": "web", "service": "web", "kind": "form",
            "current": {"user": OWNER, "password": OWNER_CODE}, "low": {"user": GUEST, "password": GUEST_CODE},
            "sign_in": {"method": "POST", "path": "/sign-in", "page": "/sign-in", "headers": ours,
                        "fields": {"name": "{user}", "password": "{password}"}},
            "proof": {"path": "/account", "pattern": '(action="/account/sessions/end)'},
            "guarded": ["/", "/people", "/account", "/cases", "/watch", "/assess", "/audit"],
            "change": {"method": "POST", "path": "/account/password", "headers": ours,
                       "fields": {"old": "{old}", "password": "{new}", "again": "{new}"}},
            "lock": {"tries": 5, "seconds": 5.0}, "equivalents": ["passkey"], "code_space": 1e18,
        }],
        "settings": [{
            "name": "role", "login": "web", "values": ["viewer", "analyst"],
            "read": {"path": "/people", "pattern": f'(?s)value="{guest}"><label.*?<option value="([a-z]+)" selected>'},
            "write": {"method": "POST", "path": "/people/role", "headers": ours,
                      "fields": {"id": guest, "role": "{value}"}},
        }],
        "power": {"driver": "command", "cut": [*cord, "cut"], "restore": [*cord, "restore"], "delays": [0.5, 8.0],
                  "ready_seconds": 40.0},
        "applicability": {"digital_data_line": True, "internet_protocol": True, "settings_over_line": True,
                          "free_software": False, "connection": "direct"},
    }  # fmt: skip


def _assess(network: Network, place: Path, table: dict[str, Any], *only: str) -> Outcome:
    (place / "device.toml").write_text("".join(_toml(table)), encoding="utf-8")
    (place / "authorisation.toml").write_text(authorisation(), encoding="utf-8")
    (place / "limits.toml").write_text("throttle_tries = 60\nstep_seconds = 120.0\n")
    command = [*SEKISHO, "assess", str(place / "device.toml"), "-a", str(place / "authorisation.toml"),
               "-o", str(place / "run"), "--limits", str(place / "limits.toml"), "--json",
               *(word for one in only for word in ("--only", one))]  # fmt: skip
    return measured(network.command(command), place / "run", 800.0)


def test_nothing_fails(assessed: Assessed) -> None:
    failed = {name for name, verdict in assessed.outcome.verdicts.items() if verdict in ("FAIL", "ERROR")}
    assert failed == set(), assessed.outcome.printed


@pytest.mark.parametrize("duty", ["JP20-1", "JP25-1", "JP25-2d", "JP25-5"])
def test_what_the_console_itself_answers_for_passes(assessed: Assessed, duty: str) -> None:
    """Its settings are guarded from strangers, wrong codes and people of lesser right; guessing is slow, one port is
    open, and needed.
    """
    assert assessed.outcome.verdicts[duty] == "PASS", assessed.outcome.printed
    writes = assessed.outcome.fact("setting.write")
    assert {name.rpartition(" ")[2]: value for name, value in writes.items()} == {
        "none": False, "wrong": False, "low": False, "right": True,
    }  # fmt: skip


def test_no_code_that_a_stranger_could_guess_opens_it(assessed: Assessed) -> None:
    assert _finding(assessed, "JP25-2c", "code_guessing")["verdict"] == Verdict.PASS


@pytest.mark.parametrize("duty", ["JP20-4", "JP25-4"])
def test_its_access_control_outlives_its_host(assessed: Assessed, duty: str) -> None:
    assert _finding(assessed, duty, "retention", "setting role")["verdict"] == Verdict.PASS
    assert set(assessed.outcome.fact("setting.restored").values()) <= {True}


def test_what_stays_open_is_what_a_prober_can_not_reach(assessed: Assessed) -> None:
    """See docs/10-assess/limits.md: a terminal without any preset code, and software that its host updates."""
    undecided = {name for name, verdict in assessed.outcome.binding.items() if verdict == "INCONCLUSIVE"}
    assert undecided <= NO_PRESET | HOSTS_UPDATES, assessed.outcome.printed


def test_described_as_what_it_is_the_article_does_not_reach_it(assessed: Assessed) -> None:
    """A program that a person puts on a computer of their own, with a reason that the report prints."""
    judged = {name: verdict for name, verdict in assessed.as_program.items() if name != WITHOUT_RULE}
    assert set(judged.values()) == {"NOT_APPLICABLE"}


def _finding(assessed: Assessed, duty: str, criterion: str, key: str = "") -> dict[str, Any]:
    (judged,) = [one for one in assessed.outcome.printed["judged"] if one["requirement"] == duty]
    (found,) = [
        one
        for one in judged["findings"]
        if one["criterion"] == criterion and key in str(one.get("arguments", {}).get("keys", ""))
        and (not key or "keys" in one.get("arguments", {}))
    ]  # fmt: skip
    return dict(found)
