"""Whole assessments of devices with a kernel of their own, compared with what was built in."""

import json
import subprocess
from pathlib import Path

import pytest

from .assessing import SEKISHO, chain
from .side_by_side import Outcomes

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

_WAN_TCP = {22, 23, 80, 199, 1883}  # what all_weak binds to every address
_LAN_TCP = _WAN_TCP | {5000}


@pytest.mark.assesses("all_weak")
def test_every_planted_fault_of_the_weak_router_is_found_and_none_invented(outcomes: Outcomes) -> None:
    """Every probe; the telnet dictionary is cut short, and bench/assess_router.py runs the whole of it."""
    done = outcomes["all_weak"]
    assert done.code == 1
    opened = {s for s, value in done.fact("port.open").items() if value and " tcp/" in s}
    assert opened == {f"lan tcp/{p}" for p in _LAN_TCP} | {f"wan tcp/{p}" for p in _WAN_TCP}
    anonymous = {
        (one["subject"], one["attributes"]["what"])
        for one in done.facts
        if one["name"] == "service.anonymous" and one["value"]
    }
    both = {("tcp/1883", "mqtt-connect"), ("udp/161", "snmp-read"), ("udp/161", "snmp-write")}
    wanted = {(f"{side} {end}", what) for side in ("lan", "wan") for end, what in both}
    assert anonymous == wanted | {("lan udp/1900", "port-mapping")}, _told_of(done.folder, 161)
    assert done.fact("code.same") == {"units first second": True}
    assert done.fact("setting.write")["setting dns as none"] is True
    assert not any(done.fact("login.anonymous").values()), "no login opens without a code on this device"
    accepted = {
        one["subject"]
        for one in done.facts
        if one["name"] == "login.accepted" and one["value"] and one["attributes"]["origin"] == "preset"
    }
    assert {"login ssh", "login ssh at wan", "login web", "login web at wan"} <= accepted
    # The telnet dictionary ends early, but the codes that open the device come first.
    assert {"login telnet", "login telnet at wan"} <= accepted
    # Three kinds of login that a guesser may use as fast as he likes; the web's delay doesn't hold parallel ones.
    rates = done.fact("throttle.tries")
    assert rates["login web parallel 20"] > 2 * rates["login web serial"]
    assert {name for name, live in done.fact("throttle.live").items() if not live} == set(), (
        "none of them dies of it"
    )
    assert all(done.fact("power.kept").values()), "it keeps what it is told: no fault is planted there"
    failed = {name for name, verdict in done.verdicts.items() if verdict == "FAIL"}
    assert {"JP20-1", "JP25-1", "JP25-2b", "JP25-2c", "JP25-2d", "JP25-5"} <= failed
    assert not failed & {"JP20-3", "JP20-4", "JP25-3", "JP25-4"}, "no fault of update or retention is planted"
    _every_finding_names_its_evidence(done.printed, done.folder)


def _told_of(folder: Path, port: int) -> str:
    """Return what was tried at a port and what the device's console said: nothing else is left of a device."""
    steps = [
        json.dumps(entry["body"]["record"])[:1500]
        for entry in chain(folder)
        if entry["kind"] == "step" and entry["body"]["record"].get("data", {}).get("port") == port
    ]
    return "\n".join([*steps, (folder.parent / "console.log").read_text(encoding="utf-8")[-3000:]])


def _every_finding_names_its_evidence(printed: dict[str, object], folder: Path) -> None:
    steps = {(e["body"]["probe"], e["body"]["record"]["step"]) for e in chain(folder) if e["kind"] == "step"}
    for judged in printed["judged"]:  # type: ignore[attr-defined]
        for finding in judged["findings"]:
            if finding["verdict"] == 4:  # FAIL
                own = [*finding["because"], *(p for detail in finding["details"] for p in detail["because"])]
                assert own, (judged["requirement"], finding)
                for pointer in own:
                    assert (pointer["probe"], pointer["step"]) in steps


@pytest.mark.assesses("dead_updater")
def test_dead_updater_never_passes(outcomes: Outcomes) -> None:
    done = outcomes["dead_updater"]
    # It refuses all mutants, and the genuine image too: nothing is proven about integrity.
    assert all(value is True for value in done.fact("update.refused").values())
    assert done.fact("update.genuine") == {"image newer": False}
    assert done.verdicts["JP25-3b"] == "INCONCLUSIVE"
    assert done.verdicts["JP20-3"] in {"FAIL", "INCONCLUSIVE"}


@pytest.mark.assesses("crc_only")
def test_checksum_only_updater_fails_by_the_repaired_copy(outcomes: Outcomes) -> None:
    done = outcomes["crc_only"]
    refused = done.fact("update.refused")
    assert (refused["image flipped"], refused["image repaired"]) == (True, False)
    assert done.verdicts["JP25-3b"] == "FAIL"
    assert done.verdicts["JP20-3"] == "PASS", "it does update"


@pytest.mark.assesses("swupdate_signed")
def test_signed_updater_passes_by_its_version_and_judges_again_offline(outcomes: Outcomes) -> None:
    done = outcomes["swupdate_signed"]
    refused = [one for one in done.facts if one["name"] == "update.refused"]
    assert {one["subject"] for one in refused} >= {
        f"image {name}" for name in ("flipped", "truncated", "other_key", "unsigned", "repaired")
    }
    assert all(one["value"] is True for one in refused)
    # SWUpdate answers 200 to images that it refuses: the verdict is the version's, not the status'.
    assert 200 in {one["attributes"]["status"] for one in refused}
    assert done.fact("update.genuine") == {"image newer": True}
    assert done.fact("update.downgrade") == {"image older": False}, "the downgrade is reported"
    assert done.verdicts["JP25-3b"] == "PASS"
    # Another catalogue on the same evidence, in a network namespace without any interface that is up.
    again = subprocess.run(
        ["unshare", "--net", *SEKISHO, "rejudge", str(done.folder), "-c", "jp-2025-report",
         "-c", "en303645-v2.1.1", "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert again.returncode in {0, 1, 3}, again.stderr
    printed = json.loads(again.stdout)
    assert set(printed["verdicts"]) == {"jp-2025-report", "en303645-v2.1.1"}
    assert not [one for one in printed["changes"] if one["catalogue"] == "jp-2025-report"]
    name = [one for one in chain(done.folder) if one["kind"] == "judged"][-1]["body"]["assessment"]
    judged = json.loads((done.folder / "evidence" / name).read_bytes())["judged"]
    foreign = {one["requirement"]: one["verdict"] for one in judged if one["catalogue"] == "en303645-v2.1.1"}
    assert (foreign["5.3-9"], foreign["5.3-10"]) == (2, 2), "the same facts serve another standard"


@pytest.mark.assesses("lazy_writer", "fsync_writer")
def test_writer_without_fsync_fails_and_its_twin_passes(outcomes: Outcomes) -> None:
    lazy = outcomes["lazy_writer"]
    kept = lazy.fact("power.kept")
    assert (kept["setting dns after 0.5 s"], kept["setting dns after 8 s"]) == (False, True)
    assert lazy.verdicts["JP20-4"] == "FAIL"
    assert "dns" in json.dumps(lazy.arguments("JP20-4", "retention")), "the lost key is named"
    sound = outcomes["fsync_writer"]
    assert sound.verdicts["JP20-4"] != "FAIL"
    found = sound.arguments("JP20-4", "retention")[0]
    assert (found["delays"], "dns" in found["keys"]) == ("0.5, 8", True)
    reports = [Path(one) for one in sound.printed["reports"] if one.endswith(".html")]
    assert reports
    assert all("0.5" in one.read_text(encoding="utf-8") for one in reports)
    leaf = next(one for one in sound.printed["judged"] if one["requirement"] == "JP20-4")["findings"][0]
    assert leaf["verdict"] == 2, "PASS"
