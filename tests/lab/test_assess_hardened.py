"""Acceptance: the hardened twin of the weak router. Nothing is found where nothing is, and hardly anything stays open.

Every probe, both Japanese catalogues, under user-mode-linux: its power cord is a real one.
"""

import pytest

from .flavours import FIRST_VERSION, NEWER_VERSION
from .side_by_side import Outcomes

pytestmark = [
    pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.assesses("hardened"),
]  # fmt: skip

# Its maker declares no means to confirm the newest version, and nobody answers for him.
_UNDECIDED = "JP25-3a"
# Of information only: its codes differ per unit, which is the other branch, so no change of them is forced.
_BRANCH = "JP25-2a"
_SHARE = 0.9


def test_no_requirement_fails_and_nine_in_ten_pass(outcomes: Outcomes) -> None:
    done = outcomes["hardened"]
    failed = [name for name, verdict in done.verdicts.items() if verdict in {"FAIL", "ERROR"}]
    assert set(failed) <= {_BRANCH}, done.printed
    assert _BRANCH not in done.binding
    judged = done.binding
    passed = {name for name, verdict in judged.items() if verdict == "PASS"}
    assert len(passed) >= _SHARE * len(judged), judged
    assert set(judged) - passed <= {_UNDECIDED}, judged
    assert done.code == 3, "one is undecided, and the exit code says so"


def test_every_binding_requirement_was_judged(outcomes: Outcomes) -> None:
    """A share of nine in ten is worth nothing when the other requirements fell out of the count."""
    binding = {
        one["requirement"]
        for one in outcomes["hardened"].printed["judged"]
        if one.get("note") != "information"
    }
    assert binding == set(outcomes["hardened"].binding)
    assert binding >= {f"JP20-{number}" for number in range(1, 5)}
    assert binding >= {f"JP25-{number}" for number in ("1", "2", "2c", "2d", "3", "3a", "3b", "4", "5")}


def test_the_passes_rest_on_what_was_tried(outcomes: Outcomes) -> None:
    """Each refusal has its positive control: the same thing done rightly worked, and the device lived after it."""
    done = outcomes["hardened"]
    opened = {subject for subject, value in done.fact("port.open").items() if value and " tcp/" in subject}
    assert opened == {"lan tcp/443"}
    scans = [one for one in done.facts if one["name"] == "port.scan" and one["attributes"]["role"] == "wan"]
    assert scans
    assert all(one["value"] for one in scans if one["attributes"]["transport"] == "tcp"), "scanned whole"
    writes = done.fact("setting.write")
    assert (writes["setting dns as none"], writes["setting dns as right"]) == (False, True)
    assert set(done.fact("setting.restored").values()) == {True}
    assert set(done.fact("throttle.control").values()) == {True}
    assert set(done.fact("throttle.live").values()) == {True}
    taken = done.fact("change.accepts")
    weak = {f"login web {kind}" for kind in ("short", "single", "sequential", "attacked")}
    assert {name for name, value in taken.items() if value is False} == weak
    # Where nothing has to be changed, offering the same code again shows nothing.
    assert {name for name, value in taken.items() if value is None} == {"login web same"}
    assert set(done.fact("change.works").values()) == {True}, "a good one is"
    refused = done.fact("update.refused")
    assert set(refused) >= {f"image {name}" for name in ("flipped", "truncated", "other_key", "unsigned")}
    assert set(refused.values()) == {True}
    assert done.fact("update.genuine") == {"image newer": True}
    assert done.fact("update.downgrade") == {"image older": True}, "it refuses to go back"
    versions = {one["value"] for one in done.facts if one["name"] == "update.version"}
    assert {FIRST_VERSION, NEWER_VERSION} <= versions


def test_it_keeps_its_state_over_every_cut(outcomes: Outcomes) -> None:
    facts = [one for one in outcomes["hardened"].facts if one["name"] == "power.kept"]
    assert {one["attributes"]["kind"] for one in facts} >= {"setting", "code", "software", "ports"}
    assert {one["attributes"]["delay"] for one in facts if one["attributes"]["kind"] == "setting"} == {
        0.5,
        8.0,
    }
    assert all(one["value"] is True for one in facts), facts
