"""Sekisho's own console under Sekisho's own assessment: a fresh ``sekisho serve`` with TLS on the LAN side of the lab.

It is described as if it were a terminal that is connected directly, so that every duty is put to it, though a program on
a person's own computer is out of the article's scope (proviso of 第34条の10). Its power is that of the host, its set-up
the link that it prints, its update what its manual says: ``sekisho update install`` and a restart. The brake on repeated
login is measured at a second one beside it, since that is waiting mostly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sekisho import __version__
from sekisho.formats.release import MAGIC
from sekisho.model.verdict import Verdict

from .assessing import NO_PAGES, SEKISHO, Outcome, measured
from .console_device import GUEST, GUEST_CODE, ORIGIN, OWNER, OWNER_CODE, PORT, ConsoleDevice
from .description import _toml, authorisation
from .network import LAN4, LAN_MAC, TESTER_LAN4, TESTER_WAN4, WAN4, WAN_MAC, Network

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

# Recommended only: nothing judges it.
WITHOUT_RULE = "JP25-3c"
NEWER, OLDER = "9.9.1", "0.0.9"
BRAKE = "JP25-2d"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/60-operate/as-a-terminal.md"
# What the page says, as a person reads it; see `test_the_page_says_what_was_answered`.
ANSWERS = {
    "manual-four-functions": "yes", "vulnerability-contact": "no", "support-period": "no", "model-label": "yes",
    "update-instructions": "yes", "newest-software-means": "yes", "code-change-simple": "yes",
}  # fmt: skip


@dataclass(frozen=True)
class Assessed:
    """What the assessments brought, and the verdicts where it is described as the program that it is.

    :ivar compared: what ``sekisho update newest`` said before and after the update
    """

    outcome: Outcome
    brake: Outcome
    as_program: dict[str, str]
    compared: tuple[int, int]


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assessed]:
    place, beside = tmp_path_factory.mktemp("console"), tmp_path_factory.mktemp("brake")
    networks = [Network(f"console{os.getpid()}"), Network(f"brake{os.getpid()}")]
    devices = [ConsoleDevice(place, networks[0]), ConsoleDevice(beside, networks[1])]
    releases(place)
    shutil.copytree(place, beside, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tree-*"))
    for network in networks:
        network.create(own_kernel=False)
    try:
        for device in devices:
            device.address()
            device.start()
        table = description(place)
        with ThreadPoolExecutor() as pool:
            brake = pool.submit(
                _assess, networks[1], beside, description(beside), "first_use", "login_throttle"
            )
            before = _newest(place)
            probes = [one for one in PROBES if one != "login_throttle"]
            whole = _assess(networks[0], place, table, *probes)
            compared = before, _newest(place)
            (place / "program-alone").mkdir()
            why = "a program that its user installs on a computer of their own"
            scope = {**table["applicability"], "free_software": True, "free_software_reason": why}
            alone = place / "program-alone"
            program = _assess(networks[0], alone, {**table, "applicability": scope}, "document_check")
            yield Assessed(whole, brake.result(), program.verdicts, compared)
    finally:
        for device in devices:
            device.cut()
        for network in networks:
            network.remove()


PROBES = (
    "document_check", "open_ports", "service_identity", "unit_uniqueness", "first_use", "ssh_login", "telnet_login",
    "web_login", "update_channel", "power_retention", "login_throttle",
)  # fmt: skip


def releases(place: Path) -> None:
    """Make the maker's keys and releases: real wheels of this tree, of other versions."""
    for name in ("maker", "other"):
        private, public = place / f"{name}.key", place / f"{name}.pem"
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, timeout=30
        )
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, timeout=30)
    for version in (NEWER, OLDER):
        wheel = _wheel(place / f"tree-{version}", version)
        for name in ("maker", "other"):
            command = [*SEKISHO, "update", "sign", str(wheel), "--version", version, "--private",
                       str(place / f"{name}.key"), "--out", str(place / f"{name}-{version}.release")]  # fmt: skip
            subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
    lines = (place / f"maker-{NEWER}.release").read_bytes().split(b"\n", 3)
    assert lines[0] == MAGIC
    (place / "unsigned.release").write_bytes(b"\n".join([*lines[:2], b"", lines[3]]))


def _wheel(tree: Path, version: str) -> Path:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tree / "src", ignore=unwanted)
    shutil.copytree(ROOT / "docs", tree / "docs", ignore=unwanted)
    for file in (tree / "pyproject.toml", tree / "src/sekisho/__init__.py"):
        text = file.read_text(encoding="utf-8")
        assert f'"{__version__}"' in text
        file.write_text(text.replace(f'"{__version__}"', f'"{version}"', 1), encoding="utf-8")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tree / "dist")]
    subprocess.run(command, check=True, timeout=120, cwd=tree, stdout=subprocess.DEVNULL)
    (made,) = (tree / "dist").glob("*.whl")
    return made


def _newest(place: Path) -> int:
    command = [*SEKISHO, "update", "newest", str(place / f"maker-{NEWER}.release.newest"),
               "--into", str(place / "program"), "--key", str(place / "maker.pem")]  # fmt: skip
    return subprocess.run(command, check=False, timeout=60, stdout=subprocess.DEVNULL).returncode


def description(place: Path) -> dict[str, Any]:
    """Return what the maker would say of it; the setting is what a person may do here, which only an owner changes."""
    ours = {"origin": ORIGIN}
    cord = [sys.executable, "-m", "tests.lab.console_device", str(place)]
    return {
        "maker": "Sekisho", "model": "console", "kind": "server", "software": __version__, "services_complete": True,
        "interfaces": [
            {"name": "lan", "role": "lan", "addresses": [LAN4], "sources": list(TESTER_LAN4), "mac": LAN_MAC, "device": "lan"},
            {"name": "wan", "role": "wan", "addresses": [WAN4], "sources": [TESTER_WAN4], "mac": WAN_MAC, "device": "wan"},
        ],
        "services": [
            {"name": "web", "protocol": "https", "port": PORT, "interface": "lan", "tls": True, "manages": True,
             "purpose": "the console"},
        ],
        "logins": [{
            "name": "web", "service": "web", "kind": "form", "no_preset": True,
            "set_up": {
                "link": [*cord, "link"], "after": [*cord, "people"], "lifetime": 900.0,
                "make": {"method": "POST", "path": "{link}", "headers": ours,
                         "fields": {"name": "{user}", "password": "{password}", "again": "{password}"}},
            },
            "current": {"user": OWNER, "password": OWNER_CODE}, "low": {"user": GUEST, "password": GUEST_CODE},
            "sign_in": {"method": "POST", "path": "/sign-in", "page": "/sign-in", "headers": ours,
                        "fields": {"name": "{user}", "password": "{password}"}},
            "proof": {"path": "/account", "pattern": '(action="/account/sessions/end)'},
            "guarded": ["/", "/people", "/account", "/cases", "/watch", "/assess", "/audit"],
            "change": {"method": "POST", "path": "/account/password", "headers": ours,
                       "fields": {"old": "{old}", "password": "{new}", "again": "{new}"}},
            "lock": {"tries": 5, "seconds": 5.0}, "code_space": 1e18,
        }],
        "settings": [{
            "name": "role", "login": "web", "values": ["viewer", "analyst"],
            "read": {"path": "/people", "pattern": f'(?s)scope="row"[^>]*>{GUEST} .*?<option value="([a-z]+)" selected>'},
            "write": {"method": "POST", "path": "/people/role", "headers": ours,
                      "fields": {"id": "{guest}", "role": "{value}"}},
        }],
        "update": {
            "version": {"path": "/api/v1/openapi.json", "json": "/info/version"}, "version_service": "web",
            "install": [*cord, "install", "{file}"], "settle_seconds": 4.0,
            "images": {"newer": str(place / f"maker-{NEWER}.release"), "older": str(place / f"maker-{OLDER}.release"),
                       "other_key": str(place / f"other-{NEWER}.release"),
                       "unsigned": str(place / "unsigned.release")},
        },
        "documents": {"manual": str(PAGE)},
        "reset": {"driver": "command", "command": [*cord, "reset"], "ready_seconds": 40.0},
        "power": {"driver": "command", "cut": [*cord, "cut"], "restore": [*cord, "restore"], "delays": [0.5, 3.0],
                  "ready_seconds": 40.0},
        "applicability": {"digital_data_line": True, "internet_protocol": True, "settings_over_line": True,
                          "free_software": False, "connection": "direct"},
    }  # fmt: skip


def _assess(network: Network, place: Path, table: dict[str, Any], *only: str) -> Outcome:
    (place / "device.toml").write_text("".join(_toml(table)), encoding="utf-8")
    (place / "authorisation.toml").write_text(authorisation(), encoding="utf-8")
    # A killed process loses nothing that the kernel has taken over: there is no lazy medium to wait for.
    (place / "limits.toml").write_text(
        "throttle_tries = 60\nstep_seconds = 240.0\npatience_seconds = 34.0\nquiet_seconds = 1.0\n"
        "rescan_seconds = 0.0\n"
    )
    told = "".join(
        f'[{question}]\nchoice = "{choice}"\nattachments = ["{PAGE}"]\n'
        for question, choice in ANSWERS.items()
    )
    (place / "answers.toml").write_text(f'person = "関守"\n{told}', encoding="utf-8")
    command = [*SEKISHO, "assess", str(place / "device.toml"), "-a", str(place / "authorisation.toml"),
               "-o", str(place / "run"), "--limits", str(place / "limits.toml"), "--json", *NO_PAGES,
               "--answers", str(place / "answers.toml"), *(word for one in only for word in ("--only", one))]  # fmt: skip
    return measured(network.command(command), place / "run", 800.0)


def test_every_duty_passes(assessed: Assessed) -> None:
    """Each duty of both catalogues that binds, by what was seen; what is of information only may be another branch."""
    judged = {**assessed.outcome.binding, BRAKE: assessed.brake.binding[BRAKE]}
    assert {name for name in judged if name.startswith("JP20-")} == {
        f"JP20-{number}" for number in range(1, 5)
    }
    wanted = {f"JP25-{one}" for one in ("1", "2", "2c", "2d", "3", "3a", "3b", "4", "5")}
    assert wanted <= set(judged)
    assert {name: verdict for name, verdict in judged.items() if verdict != "PASS"} == {}, (
        assessed.outcome.printed
    )
    assert not {"FAIL", "ERROR"} & {*assessed.outcome.verdicts.values(), *assessed.brake.verdicts.values()}


def test_its_settings_are_guarded(assessed: Assessed) -> None:
    """From strangers, wrong codes and people of lesser right; who may, can: the control."""
    writes = assessed.outcome.fact("setting.write")
    assert {name.rpartition(" ")[2]: value for name, value in writes.items()} == {
        "none": False, "wrong": False, "low": False, "right": True,
    }  # fmt: skip
    assert set(assessed.outcome.fact("setting.restored").values()) <= {True}


def test_nothing_opens_before_the_first_user_has_made_a_code(assessed: Assessed) -> None:
    """Shut before, made by the one link that was given, which serves once; weak codes are no codes."""
    seen = assessed.outcome
    assert _finding(seen, "JP20-2", "code_change")["reason"] == "made-by-user"
    assert seen.fact("preset.exists") == {"login web": False}
    assert seen.fact("setup.works") == {"login web": True}
    assert seen.fact("setup.shut") == {"login web": True}
    assert seen.fact("setup.link") == {"login web wrong link": True, "login web used link": True}
    kinds = {f"login web {kind}" for kind in ("short", "single", "sequential", "attacked")}
    assert seen.fact("setup.accepts") == dict.fromkeys(kinds, False)
    assert {
        name: value for name, value in seen.fact("change.accepts").items() if name in kinds
    } == dict.fromkeys(kinds, False)
    assert _finding(seen, "JP25-2c", "code_guessing")["verdict"] == Verdict.PASS


def test_an_update_is_proven_before_it_is_installed(assessed: Assessed) -> None:
    refused = assessed.outcome.fact("update.refused")
    assert {name.removeprefix("image ") for name in refused} >= {
        "flipped",
        "truncated",
        "other_key",
        "unsigned",
    }
    assert set(refused.values()) == {True}
    assert set(assessed.outcome.fact("update.genuine").values()) == {True}
    assert set(assessed.outcome.fact("update.downgrade").values()) == {True}
    assert assessed.compared == (3, 0), "a newer one is told of before the update, and none after it"


@pytest.mark.parametrize("duty", ["JP20-4", "JP25-4"])
def test_what_it_holds_outlives_its_host(assessed: Assessed, duty: str) -> None:
    """Its access control, and its updated software: also where the power went in the middle of an installation."""
    assert _finding(assessed.outcome, duty, "retention", "setting role")["verdict"] == Verdict.PASS
    assert _finding(assessed.outcome, duty, "retention", "software version")["verdict"] == Verdict.PASS
    kept = [one for one in assessed.outcome.facts if one["name"] == "power.kept"]
    cuts = [one for one in kept if one["attributes"]["kind"] == "update"]
    assert [one["value"] for one in cuts] == [True] * 3


def test_the_page_says_what_was_answered() -> None:
    """An answer of yes has a passage in the page that is attached; what the project doesn't have is answered no."""
    text = PAGE.read_text(encoding="utf-8")
    for question, choice in ANSWERS.items():
        assert f"| `{question}` | {choice} |" in text


def test_described_as_what_it_is_the_article_does_not_reach_it(assessed: Assessed) -> None:
    """A program that a person puts on a computer of their own, with a reason that the report prints."""
    judged = {name: verdict for name, verdict in assessed.as_program.items() if name != WITHOUT_RULE}
    assert set(judged.values()) == {"NOT_APPLICABLE"}


def _finding(outcome: Outcome, duty: str, criterion: str, key: str = "") -> dict[str, Any]:
    (judged,) = [one for one in outcome.printed["judged"] if one["requirement"] == duty]
    (found,) = [
        one
        for one in judged["findings"]
        if one["criterion"] == criterion and key in str(one.get("arguments", {}).get("keys", ""))
        and (not key or "keys" in one.get("arguments", {}))
    ]  # fmt: skip
    return dict(found)
