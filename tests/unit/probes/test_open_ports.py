"""The probe's story: what is declared, what is found, what stays unknown, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from fakes.wire import fake_wire
from sekisho.errors import PeerFailure
from sekisho.formats.udp_questions import CONTROL, KNOWN, question
from sekisho.model.assessment import Limits
from sekisho.model.evidence import AttemptStatus, Evidence
from sekisho.model.observation import Observation
from sekisho.model.terminal import Exclusion, Interface, Role, Service, Terminal
from sekisho.ports import Datagram, Endpoint, Scan
from sekisho.probes.open_ports import PROBE

ADDRESS = "192.168.1.1"


class FakeNet:
    """Answers as a terminal with ``tcp`` open and ``udp`` answering; the rest of UDP is refused or ``mute``."""

    def __init__(
        self, tcp: Sequence[int] = (), udp: Sequence[int] = (), mute: Sequence[int] = (), **more: Any
    ) -> None:
        self.tcp, self.udp, self.mute = set(tcp), set(udp), set(mute)
        self.everything_mute = more.get("everything_mute", False)
        self.silent_tcp = more.get("silent_tcp", False)
        self.notes: list[str] = list(more.get("notes", ()))
        self.later: set[int] = set(more.get("later", ()))
        self.gone_after: int = more.get("gone_after", 1_000)
        self.back_after: int = more.get("back_after", 1_000)
        self.drops: set[int] = set(more.get("drops", ()))
        self.scans: list[int] = []
        self.scanned: list[int] = []
        self.asked: list[Endpoint] = []
        self.ask_failure: PeerFailure | None = more.get("ask_failure")

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        self.scanned += ports
        note = self.notes.pop(0) if self.notes else ""
        known = self.tcp | (self.later if len(ports) > 10_000 else set())
        found = tuple(sorted(known & set(ports)))
        gone = self.gone_after <= len(self.scans) < self.back_after
        self.scans.append(len(ports))
        if gone:
            return Scan(endpoint.address, "tcp", (), tuple(ports), (), 0, len(ports), len(ports), 0.1, note)
        silent = tuple(ports) if self.silent_tcp else tuple(set(ports) & self.drops)
        closed = 0 if self.silent_tcp else len(ports) - len(found) - len(silent)
        probed = len(ports) - (5 if note else 0)
        return Scan(endpoint.address, "tcp", found, silent, (), closed, probed, len(ports), 0.1, note)

    async def ask(self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16) -> Any:
        assert payload
        self.asked.append(endpoint)
        if self.ask_failure:
            raise self.ask_failure
        if endpoint.port in self.udp:
            return (Datagram(endpoint.address, endpoint.port, b"answer"),)
        if self.everything_mute or endpoint.port in self.mute:
            return ()
        raise PeerFailure("refused")


def collect(
    net: FakeNet, limits: Limits | None = None, **more: Any
) -> tuple[Evidence, dict[str, list[Observation]]]:
    described: dict[str, Any] = {
        "interfaces": (Interface("lan", addresses=(ADDRESS,), sources=("fd00::9", "192.168.1.9")),),
        "services_complete": True,
        **more,
    }
    wire = fake_wire(PROBE, net=net, limits=limits or Limits())
    evidence = asyncio.run(PROBE.collect(Terminal(**described), wire))
    again = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    facts: dict[str, list[Observation]] = {}
    for fact in PROBE.observe(again):
        assert fact.name in PROBE.facts
        assert fact.because
        facts.setdefault(fact.name, []).append(fact)
    return evidence, facts


WEB = Service("web", "http", 80)


def test_declared_and_found() -> None:
    net = FakeNet(tcp=[80, 23], udp=[1900])
    evidence, facts = collect(net, services=(WEB, Service("ssh", "ssh", 22)))
    assert evidence.attempt.status is AttemptStatus.DONE
    assert sorted(set(net.scanned)) == list(range(1, 65_536))
    assert {one.subject: one.attributes["declared"] for one in facts["port.open"]} == {
        "lan tcp/80": True,
        "lan tcp/23": False,
        "lan udp/1900": False,
    }
    assert [one.subject for one in facts["port.missing"]] == ["lan tcp/22"]
    assert all(one.value is True for one in facts["port.scan"])
    assert [one.value for one in facts["port.second"]] == [False]
    assert "port.unknown" not in facts
    assert {one.source for one in net.asked} == {"192.168.1.9"}


def test_udp_questions_cover_the_known_and_the_declared_ports() -> None:
    net = FakeNet()
    collect(net, services=(Service("x", "snmp", 10_161, transport="udp"),))
    assert {one.port for one in net.asked} == {CONTROL, 10_161, *KNOWN}


def test_silent_udp_is_unknown_and_asked_again() -> None:
    net = FakeNet(mute=[53413])
    _, facts = collect(net)
    (unknown,) = facts["port.unknown"]
    assert (unknown.value, unknown.attributes["ports"], unknown.attributes["filtered"]) == (1, "53413", False)
    assert len([one for one in net.asked if one.port == 53413]) == 4
    assert not [one for one in facts.get("port.open", ()) if one.attributes["transport"] == "udp"]


def test_where_everything_is_silent_the_control_says_so() -> None:
    _, facts = collect(FakeNet(everything_mute=True, silent_tcp=True))
    (unknown,) = facts["port.unknown"]
    assert unknown.value == len(KNOWN)
    assert unknown.attributes["filtered"] is True
    assert [one.attributes["answered"] for one in facts["port.scan"]] == [False, False]


@pytest.mark.parametrize(
    ("note", "reason"), [("stopped answering: port 80", "died"), ("stopped", "interrupted")]
)
def test_a_torn_scan_is_not_whole(note: str, reason: str) -> None:
    evidence, facts = collect(FakeNet(tcp=[80], notes=["", note]))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, reason)
    tcp = facts["port.scan"][0]
    assert tcp.value is False
    assert tcp.attributes["probed"] == 65_530


@pytest.mark.parametrize("tcp", [[80], []])
@pytest.mark.parametrize("back_after", [1_000, 5])
def test_an_address_that_falls_silent_between_two_blocks_is_not_scanned_whole(
    tcp: list[int], back_after: int
) -> None:
    """No block alone shows it: each of the later ones is as silent as behind a filter."""
    net = FakeNet(tcp=tcp, gone_after=3, back_after=back_after)
    evidence, facts = collect(net)
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "died")
    found = facts["port.scan"][0]
    assert (found.value, found.attributes["stopped"]) == (False, True)
    assert {one.step.rpartition("/")[0] for one in found.because} == {
        f"{way}/lan/{ADDRESS}" for way in ("scan", "still")
    }


def test_a_filter_that_drops_whole_blocks_is_told_from_a_terminal_that_went_away() -> None:
    net = FakeNet(tcp=[80], drops=range(81, 65_536))
    evidence, facts = collect(net)
    assert evidence.attempt.status is AttemptStatus.DONE
    assert facts["port.scan"][0].value is True
    assert net.scans.count(1) == 7, "one port that answered before, after each of the seven silent blocks"


@pytest.mark.parametrize("fewer", ["asked", "closed"])
def test_a_scan_that_misses_one_port_is_not_whole(fewer: str) -> None:
    """Whether the port was never asked or no result of it was kept."""
    evidence, facts = collect(FakeNet(tcp=[80]))
    assert facts["port.scan"][0].value is True
    block = evidence.under("scan/")[4]
    counts = {name: block.data[name] - 1 for name in {fewer, "probed" if fewer == "asked" else "closed"}}
    short = msgspec.structs.replace(block, data={**block.data, **counts})
    records = tuple(short if one is block else one for one in evidence.records)
    facts_now = PROBE.observe(msgspec.structs.replace(evidence, records=records))
    found = next(one for one in facts_now if one.name == "port.scan")
    assert (found.value, found.attributes["probed"], found.attributes["asked"]) == (False, 65_534, 65_535)


def test_a_missing_port_says_where_and_whether_it_is_needed() -> None:
    idle = Service("old", "http", 8080, needed=False)
    _, facts = collect(FakeNet(tcp=[80]), services=(WEB, Service("ssh", "ssh", 22), idle))
    found = {one.subject: (one.attributes["role"], one.attributes["needed"]) for one in facts["port.missing"]}
    assert found == {"lan tcp/22": ("lan", True), "lan tcp/8080": ("lan", False)}


def test_a_port_that_appears_in_the_second_scan_is_open_and_said() -> None:
    _, facts = collect(FakeNet(tcp=[80], later=[4444]))
    assert {one.subject for one in facts["port.open"]} == {"lan tcp/80", "lan tcp/4444"}
    assert facts["port.second"][0].value is True
    assert facts["port.second"][0].attributes["appeared"] == "4444"


def test_a_failing_question_leaves_the_scan_in_place() -> None:
    evidence, facts = collect(FakeNet(tcp=[80], ask_failure=PeerFailure("timed-out")))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "timed-out")
    assert [one.value for one in facts["port.scan"]] == [True, False]
    assert facts["port.open"]


def test_excluded_ports_are_not_asked_and_named() -> None:
    net = FakeNet(tcp=[80, 631])
    _, facts = collect(net, services=(WEB,), exclusions=(Exclusion("tcp", 631, "the tester's own printer"),))
    assert 631 not in net.scanned
    assert [one.subject for one in facts["port.excluded"]] == ["tcp/631"]
    assert {one.subject for one in facts["port.open"]} == {"lan tcp/80"}
    assert facts["port.scan"][0].value is True


def test_each_interface_has_its_own_declaration() -> None:
    interfaces = (
        Interface("lan", addresses=(ADDRESS, "fd00::1")),
        Interface("wan", Role.WAN, ("198.18.0.2",)),
    )
    _, facts = collect(FakeNet(tcp=[80]), interfaces=interfaces, services=(WEB,))
    found = {
        (one.subject, one.attributes["address"]): one.attributes["declared"] for one in facts["port.open"]
    }
    assert found == {
        ("lan tcp/80", ADDRESS): True,
        ("lan tcp/80", "fd00::1"): True,
        ("wan tcp/80", "198.18.0.2"): False,
    }


def test_nothing_described_is_skipped() -> None:
    evidence, facts = collect(FakeNet(), interfaces=())
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.SKIPPED, "nothing-declared")
    assert not facts
    assert PROBE.plan(Terminal()) == ()


def test_a_resumed_run_does_not_scan_again() -> None:
    net = FakeNet(tcp=[80])
    wire = fake_wire(PROBE, net=net)
    terminal = Terminal(interfaces=(Interface("lan", addresses=(ADDRESS,)),))
    first = asyncio.run(PROBE.collect(terminal, wire))
    count = len(net.scanned)
    second = asyncio.run(PROBE.collect(terminal, fake_wire(PROBE, net=net, store=wire._bench.store)))
    assert len(net.scanned) == count
    assert second.records == first.records


@pytest.mark.parametrize("port", [*KNOWN, CONTROL])
def test_every_question_has_words(port: int) -> None:
    asked = question(port, "", f"{ADDRESS}:{port}")
    assert asked.payload
    assert asked.protocol == KNOWN.get(port, "empty")


def test_a_declared_protocol_wins_over_the_port() -> None:
    assert question(5000, "upnp", "h").protocol == "ssdp"
    assert question(161, "coap", "h").protocol == "coap"
    assert question(5000, "secret", "h").protocol == "empty"


def test_a_second_scan_is_left_out_where_the_limits_say_so() -> None:
    net = FakeNet(tcp=[80])
    evidence, facts = collect(net, Limits(rescan_seconds=0.0))
    assert evidence.attempt.status is AttemptStatus.DONE
    assert sorted(net.scanned) == list(range(1, 65_536)), "once, and not twice"
    assert "port.second" not in facts
