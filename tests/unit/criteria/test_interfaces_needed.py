"""The verdict on open ports: absence is never a pass, and every FAIL names its port."""

from __future__ import annotations

from typing import Any

import pytest

from sekisho.criteria.interfaces_needed import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus, Pointer
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Interface, Role, Service, Terminal
from sekisho.model.verdict import Assurance, Finding, Verdict

ENTRY = ["tcp/23", "udp/53413"]
LAN = Interface("lan", addresses=("192.168.1.1",))
WAN = Interface("wan", Role.WAN, ("198.18.0.2",))
WEB = Service("web", "http", 80, purpose="settings")
HERE = (Pointer("open_ports", "scan/lan"),)


def scan(name: str = "lan", whole: object = True, **more: Any) -> Observation:
    attributes = {
        "interface": name,
        "role": name,
        "answered": True,
        "probed": 65_535,
        "asked": 65_535,
        **more,
    }
    return Observation("port.scan", f"{name} address tcp", whole, attributes, HERE)  # type: ignore[arg-type]


def opened(port: int, name: str = "lan", transport: str = "tcp") -> Observation:
    attributes = {"interface": name, "role": name, "transport": transport, "port": port, "address": "a"}
    return Observation("port.open", f"{name} {transport}/{port}", True, attributes, HERE)  # type: ignore[arg-type]


def judge(
    *facts: Observation,
    attempt: Attempt | None = Attempt(AttemptStatus.DONE),  # noqa: B008  (a frozen value)
    services: tuple[Service, ...] = (WEB,),
    complete: bool = True,
    interfaces: tuple[Interface, ...] = (LAN,),
    side: str = "all",
) -> Finding:
    terminal = Terminal(interfaces=interfaces, services=services, services_complete=complete)
    observations = Observations(facts, {"open_ports": attempt} if attempt else {})
    finding = CRITERION.judge(observations, terminal, {"entry_ports": ENTRY, "side": side})
    assert {finding.reason, *(one.reason for one in finding.details)} <= set(CRITERION.reasons)
    return finding


def verdict(*facts: Observation, **more: Any) -> tuple[str, str]:
    finding = judge(*facts, **more)
    return finding.verdict.name, finding.reason


def test_declared_and_needed_passes() -> None:
    finding = judge(scan(), opened(80))
    assert (finding.verdict, finding.reason) == (Verdict.PASS, "only-needed")
    assert finding.because == HERE


def test_nothing_open_anywhere_never_passes() -> None:
    assert verdict(scan()) == ("INCONCLUSIVE", "nothing-open")
    assert verdict(scan(whole=False))[0] == "INCONCLUSIVE"
    assert verdict(scan(whole=False), opened(80)) == ("INCONCLUSIVE", "incomplete")
    assert verdict(scan(whole=None), opened(80)) == ("INCONCLUSIVE", "incomplete")
    assert verdict(scan(answered=False)) == ("INCONCLUSIVE", "silent-address")


def test_a_terminal_that_went_away_in_the_middle_is_undecided_and_said_so() -> None:
    assert verdict(scan(whole=False, stopped=True), opened(80)) == ("INCONCLUSIVE", "stopped")


def test_no_facts_are_never_a_pass() -> None:
    assert verdict(attempt=None) == ("NONE", "not-run")
    assert verdict(interfaces=()) == ("INCONCLUSIVE", "not-run")
    assert verdict()[0] == "INCONCLUSIVE"
    for status in (AttemptStatus.FAILED, AttemptStatus.SKIPPED, AttemptStatus.STOPPED, AttemptStatus.PARTIAL):
        assert verdict(interfaces=(), attempt=Attempt(status, "timed-out")) == ("INCONCLUSIVE", "timed-out")
        assert verdict(scan(), opened(80), attempt=Attempt(status, "timed-out")) == (
            "INCONCLUSIVE",
            "timed-out",
        )


@pytest.mark.parametrize("attempt", [Attempt(AttemptStatus.DONE), Attempt(AttemptStatus.PARTIAL, "died")])
def test_undeclared_fails_even_when_the_scan_is_torn(attempt: Attempt) -> None:
    finding = judge(scan(whole=False), opened(80), opened(8080), attempt=attempt)
    assert finding.verdict is Verdict.FAIL
    assert [one.subject for one in finding.details if one.verdict is Verdict.FAIL] == ["lan tcp/8080"]


def test_an_unneeded_service_fails() -> None:
    services = (WEB, Service("ftp", "ftp", 21, needed=False))
    assert judge(scan(), opened(21), services=services).details[0].reason == "unneeded"
    assert verdict(scan(), opened(21), services=services)[0] == "FAIL"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (None, "FAIL"),
        (Service("t", "telnet", 23), "FAIL"),
        (Service("t", "telnet", 23, needed=False, purpose="repair"), "FAIL"),
        (Service("t", "telnet", 23, purpose="repair by the carrier"), "INCONCLUSIVE"),
    ],
)
def test_an_entry_port_needs_a_stated_need_and_then_a_person(service: Service | None, expected: str) -> None:
    finding = judge(scan(), opened(23), services=(service,) if service else (WEB,))
    assert finding.verdict.name == expected
    if expected == "INCONCLUSIVE":
        assert finding.claim == "lan tcp/23"
        assert finding.assurance is Assurance.DECLARED


def test_udp_entry_ports_count_too() -> None:
    assert verdict(scan(), opened(53413, transport="udp"), services=(), complete=False)[0] == "FAIL"


def test_nothing_declared_is_undecided_unless_an_entry_port_is_open() -> None:
    assert verdict(scan(), opened(80), services=(), complete=False) == ("INCONCLUSIVE", "unknown-need")
    assert verdict(scan(), opened(23), services=(), complete=False)[0] == "FAIL"
    assert verdict(scan(), opened(80), services=(), complete=True)[0] == "FAIL"


def test_the_line_side_allows_only_what_is_declared() -> None:
    both: dict[str, Any] = {"interfaces": (LAN, WAN), "side": "line"}
    assert verdict(scan(), scan("wan"), opened(8080), **both) == ("PASS", "none-open")
    assert verdict(scan(), scan("wan"), opened(443, "wan"), services=(), complete=False, **both)[0] == "FAIL"
    assert verdict(scan(), scan("wan"), opened(80, "wan"), **both)[0] == "FAIL"
    wan_web = (Service("web", "http", 80, interface="wan"),)
    assert verdict(scan("wan"), opened(80, "wan"), services=wan_web, **both) == ("PASS", "only-needed")


def test_a_silent_line_side_passes_when_the_terminal_answers_elsewhere() -> None:
    both: dict[str, Any] = {"interfaces": (LAN, WAN), "side": "line"}
    assert verdict(scan(), opened(80), scan("wan", answered=False), **both) == ("PASS", "none-open")
    assert verdict(scan(answered=False), scan("wan", answered=False), **both)[1] == "silent-address"


def test_an_interface_without_a_scan_is_undecided() -> None:
    seen = (scan(), opened(80))
    assert verdict(*seen, interfaces=(LAN, WAN)) == ("INCONCLUSIVE", "not-scanned")
    assert verdict(*seen, interfaces=(LAN, WAN), side="line") == ("INCONCLUSIVE", "not-scanned")
    assert verdict(*seen, side="line") == ("INCONCLUSIVE", "no-line-side")


@pytest.mark.parametrize(
    ("undeclared", "filtered", "expected"),
    [
        ("53413", False, ("INCONCLUSIVE", "udp-silent")),
        ("", False, ("PASS", "only-needed")),
        ("53", True, ("PASS", "only-needed")),
    ],
)
def test_silent_udp(undeclared: str, filtered: bool, expected: tuple[str, str]) -> None:
    attributes: dict[str, Any] = {
        "interface": "lan",
        "role": "lan",
        "ports": "53",
        "undeclared": undeclared,
        "filtered": filtered,
    }
    unknown = Observation("port.unknown", "lan address udp", 1, attributes, HERE)
    assert verdict(scan(), opened(80), unknown) == expected
    assert (
        any(one.subject == "lan address udp" for one in judge(scan(), opened(80), unknown).details)
        or not undeclared
    )


@pytest.mark.parametrize(("value", "reason"), [(True, "second-differs"), (None, "second-unfinished")])
def test_a_second_scan_that_differs_or_is_torn(value: bool | None, reason: str) -> None:
    again = Observation(
        "port.second", "lan address tcp", value, {"role": "lan", "appeared": "1", "gone": ""}, HERE
    )
    assert verdict(scan(), opened(80), again) == ("INCONCLUSIVE", reason)


def test_what_is_missing_or_left_out_is_shown() -> None:
    missing = Observation("port.missing", "lan tcp/22", True, {"service": "ssh", "needed": False}, HERE)
    left = Observation("port.excluded", "tcp/631", True, {"reason": "ours"}, HERE)
    finding = judge(scan(), opened(80), missing, left)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "excluded")
    assert [one.reason for one in finding.details] == ["needed", "missing", "excluded"]
    gone = Observation("port.missing", "lan tcp/443", True, {"service": "web", "needed": True}, HERE)
    assert verdict(scan(), opened(80), gone) == ("INCONCLUSIVE", "missing")
    hidden = Observation("port.excluded", "tcp/23", True, {"reason": "ours"}, HERE)
    assert verdict(scan(), opened(80), hidden) == ("INCONCLUSIVE", "excluded-entry")
