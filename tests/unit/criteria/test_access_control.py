"""access_control: sides, services that take changes, and what an untested line side means."""

from __future__ import annotations

import msgspec
import pytest

from sekisho.criteria.access_control import CRITERION
from sekisho.model.evidence import Attempt, AttemptStatus
from sekisho.model.observation import Observation, Observations
from sekisho.model.terminal import Exclusion, Interface, Role, Terminal
from sekisho.model.verdict import Verdict

BOTH = Terminal(
    interfaces=(Interface("lan", Role.LAN, ("192.0.2.1",)), Interface("wan", Role.WAN, ("198.51.100.1",)))
)
ONE = Terminal(interfaces=(Interface("lan", Role.LAN, ("192.0.2.1",)),))


def write(who, value, role="lan"):
    place = "" if role == "lan" else f" of web at {role}"
    own = {"who": who, "setting": "dns", "login": "web", "role": role, "port": 80}
    return Observation("setting.write", f"setting dns{place} as {who}", value, own)


def seen(*facts, attempt=None):
    attempts = {"web_login": attempt or Attempt(AttemptStatus.DONE)}
    return Observations(tuple(facts), attempts)


def judge(facts, terminal=ONE, side="all"):
    return CRITERION.judge(facts, terminal, {"side": side})


GUARDED = (write("right", True), write("none", False), write("wrong", False))
SCAN = Observation("port.scan", "wan 198.51.100.1 tcp", True, {"role": "wan"})


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        (GUARDED, Verdict.PASS, "guarded"),
        ((*GUARDED, write("low", True)), Verdict.FAIL, "hole"),
        ((write("none", False),), Verdict.INCONCLUSIVE, "undecided"),
        ((write("right", False), write("none", False)), Verdict.INCONCLUSIVE, "undecided"),
        ((write("right", True), write("none", None)), Verdict.INCONCLUSIVE, "undecided"),
        ((Observation("login.anonymous", "login web", False, {}),), Verdict.INCONCLUSIVE, "nothing-written"),
        ((), Verdict.INCONCLUSIVE, "nothing-written"),
    ],
)
def test_all_sides(facts, verdict, reason):
    finding = judge(seen(*facts))
    assert (finding.verdict, finding.reason) == (verdict, reason)


def test_a_failed_probe_says_why():
    finding = judge(seen(attempt=Attempt(AttemptStatus.FAILED, "timed-out")))
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "timed-out")


def test_a_service_that_takes_changes_is_a_hole_and_one_that_only_reads_is_not():
    opened = Observation(
        "service.anonymous", "lan udp/161", True, {"what": "snmp-write", "changes": True, "role": "lan"}
    )
    reads = Observation(
        "service.anonymous", "lan udp/161", True, {"what": "snmp-read", "changes": False, "role": "lan"}
    )
    assert judge(seen(*GUARDED, opened)).verdict is Verdict.FAIL
    assert judge(seen(*GUARDED, reads)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        ((*GUARDED, SCAN), Verdict.PASS, "line-shut"),
        (GUARDED, Verdict.INCONCLUSIVE, "line-not-scanned"),
        ((write("right", True), write("none", True), SCAN), Verdict.INCONCLUSIVE, "hole-off-line"),
        (
            (
                *GUARDED,
                SCAN,
                Observation("service.protocol", "wan tcp/23", "telnet", {"role": "wan", "port": 23}),
            ),
            Verdict.INCONCLUSIVE,
            "undecided",
        ),
        ((*GUARDED, SCAN, write("right", True, "wan"), write("none", True, "wan")), Verdict.FAIL, "hole"),
        ((*GUARDED, SCAN, write("right", True, "wan"), write("none", False, "wan")), Verdict.PASS, "guarded"),
    ],
)
def test_the_line_side(facts, verdict, reason):
    finding = judge(seen(*facts), BOTH, "line")
    assert (finding.verdict, finding.reason) == (verdict, reason)


LINE_GUARDED = (SCAN, write("right", True, "wan"), write("none", False, "wan"))
LAN_HOLE = (write("right", True), write("none", True))


@pytest.mark.parametrize(
    ("line", "lan", "verdict", "reason"),
    [
        (LINE_GUARDED, GUARDED, Verdict.PASS, "guarded"),
        (LINE_GUARDED, LAN_HOLE, Verdict.INCONCLUSIVE, "hole-off-line"),
        ((SCAN, write("right", True, "wan"), write("none", True, "wan")), LAN_HOLE, Verdict.FAIL, "hole"),
        (
            (SCAN, write("right", True, "wan"), write("none", None, "wan")),
            LAN_HOLE,
            Verdict.INCONCLUSIVE,
            "undecided",
        ),
    ],
)
def test_a_hole_on_another_side_leaves_a_guarded_line_to_a_person(line, lan, verdict, reason):
    finding = judge(seen(*lan, *line), BOTH, "line")
    assert (finding.verdict, finding.reason) == (verdict, reason)
    if reason == "hole-off-line":
        assert finding.arguments == {"count": 1}
        assert [one.subject for one in finding.details] == ["setting dns as none"]
        assert judge(seen(*lan, *line), BOTH, "all").verdict is Verdict.FAIL, "on all sides it is a hole"


def test_public_wifi_counts_as_the_line_when_there_is_no_other():
    wifi = Terminal(interfaces=(Interface("wifi", Role.WLAN, ("192.0.2.1",)),))
    facts = (write("right", True, "wlan"), write("none", False, "wlan"))
    assert judge(seen(*facts), wifi, "line").verdict is Verdict.PASS


def test_every_reason_has_both_sentences():
    for text in CRITERION.reasons.values():
        assert text.ja
        assert text.en


@pytest.mark.parametrize("side", ["line", "all"])
def test_an_excluded_port_may_be_a_path_that_nobody_tried(side):
    excluded = Observation("port.excluded", "tcp/9999", True, {"reason": "factory console"})
    facts = (*GUARDED, SCAN)
    assert judge(seen(*facts), BOTH, side).verdict is Verdict.PASS
    finding = judge(seen(*facts, excluded), BOTH, side)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "excluded")
    assert "tcp/9999" in str(finding.arguments["why"])
    described = msgspec.structs.replace(BOTH, exclusions=(Exclusion("tcp", 9999, "factory console"),))
    assert judge(seen(*facts), described, side).reason == "excluded"
    hole = (*GUARDED, write("low", True), excluded)
    assert judge(seen(*hole), ONE, "all").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "attempt", [Attempt(AttemptStatus.FAILED, "timed-out"), Attempt(AttemptStatus.SKIPPED, "not-allowed")]
)
def test_a_shell_that_nobody_could_look_for_keeps_it_undecided(attempt):
    observations = Observations(GUARDED, {"web_login": Attempt(AttemptStatus.DONE), "ssh_login": attempt})
    finding = judge(observations)
    assert (finding.verdict, finding.details[-1].subject) == (Verdict.INCONCLUSIVE, "ssh_login")
    observations = Observations(GUARDED, {"ssh_login": Attempt(AttemptStatus.DONE, "no-such-service")})
    assert judge(observations).verdict is Verdict.PASS
