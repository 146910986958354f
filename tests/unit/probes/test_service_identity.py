"""What speaks on a port is told by talking to it; what it lets anybody do, by doing it and undoing it."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from fakes import services as peers
from fakes.loopback import loopback_net
from fakes.services import ADDRESS, services
from fakes.wire import fake_wire
from sekisho.model.evidence import AttemptStatus
from sekisho.model.terminal import Exclusion, Interface, Role, Service, Terminal
from sekisho.ports import Found
from sekisho.probes import service_identity
from sekisho.probes.service_identity import PROBE, controls, datagrams, facts, talking
from sekisho.wires.clock import SystemClock


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Peers on loopback answer at once: don't wait as long as for a real device."""
    monkeypatch.setattr(talking, "GREETING", 0.25)
    monkeypatch.setattr(talking, "ANSWER", 0.5)
    monkeypatch.setattr(talking, "IDLE", 0.1)
    monkeypatch.setattr(datagrams, "SECONDS", 0.1)
    monkeypatch.setattr(controls, "_ASK", 0.1)
    monkeypatch.setattr(service_identity, "USUAL_TCP", ())
    monkeypatch.setattr(datagrams, "USUAL", {})


def terminal(*declared, role=Role.LAN, exclusions=()):
    return Terminal(
        interfaces=(Interface(role.value, role, (ADDRESS,)),),
        services=tuple(
            Service(f"{transport}{port}", "declared", port, role.value, transport)
            for transport, port in declared
        ),
        exclusions=exclusions,
    )


async def collect(dut, found=()):
    wire = fake_wire(PROBE, net=loopback_net(), clock=SystemClock(), found=found)
    return await PROBE.collect(dut, wire)


def run(story):
    """Run a story that returns evidence; give back evidence and facts."""

    async def go():
        async with services() as room:
            return await story(room)

    evidence = asyncio.run(asyncio.wait_for(go(), 60))
    return evidence, tuple(PROBE.observe(evidence))


def identify(handler, *, tls=False):
    async def story(room):
        port = await room.tcp(handler, tls=tls)
        return await collect(terminal(("tcp", port)))

    evidence, found = run(story)
    assert evidence.attempt.status is AttemptStatus.DONE
    return found


def identify_udp(answer):
    async def story(room):
        return await collect(terminal(("udp", await room.udp(answer))))

    return run(story)


def only(found, name, what=None):
    chosen = [one for one in found if one.name == name and what in {None, one.attributes.get("what")}]
    assert len(chosen) == 1, chosen
    return chosen[0]


PLAIN = [
    (peers.says(b"\xff\xfb\x01\xff\xfd\x18\r\nlogin: "), "telnet", "login"),
    (peers.says(b"BusyBox v1.19 built-in shell\r\n\r\n# "), "telnet", "shell"),
    (peers.says(b"SSH-2.0-dropbear_2022.83\r\n"), "ssh", ""),
    (peers.says(b"220 router FTP server ready\r\n"), "ftp", ""),
    (peers.says(b"220 mail.example.jp ESMTP\r\n"), "smtp", ""),
    (peers.says(b"RFB 003.008\n"), "vnc", ""),
    (peers.says(b"\x01\x02gibberish\x03"), "unknown", ""),
    (peers.web(peers.page()), "http", ""),
    (peers.web(peers.page("401 Unauthorized", "", 'WWW-Authenticate: Digest realm="cwmp"\r\n')), "tr069", ""),
    (peers.web(b"<html><title>old</title></html>"), "http", ""),
    (peers.rtsp_camera("401 Unauthorized"), "rtsp", ""),
    (peers.broker({4: 5}), "mqtt", ""),
    (peers.adb_daemon(b"AUTH"), "adb", ""),
    (peers.answers(peers.dns_over_tcp), "dns", ""),
    (peers.silent, "unknown", ""),
]


@pytest.mark.parametrize(
    ("handler", "protocol", "prompt"), PLAIN, ids=[f"{i}-{p[1]}" for i, p in enumerate(PLAIN)]
)
def test_protocols_by_talking(handler, protocol, prompt):
    found = only(identify(handler), "service.protocol")
    assert found.value == protocol
    assert found.attributes["prompt"] == prompt
    assert found.attributes["tls"] is False
    assert found.subject == f"lan tcp/{found.attributes['port']}"
    assert found.attributes["declared"] == "declared"
    assert found.because[0].step.startswith("talk/lan/")


def test_https_and_what_is_inside():
    found = only(identify(peers.web(peers.page()), tls=True), "service.protocol")
    assert (found.value, found.attributes["tls"]) == ("https", True)
    assert (found.attributes["title"], found.attributes["product"]) == ("Router", "boa/0.94")


def test_mqtt_inside_tls():
    found = identify(peers.broker({4: 0}), tls=True)
    assert only(found, "service.protocol").value == "mqtt"
    assert only(found, "service.anonymous", "mqtt-connect").value is True


def test_a_plain_400_before_tls_is_not_the_last_word():
    async def story(room):
        inside = await room.tcp(peers.web(peers.page()), tls=True)

        async def front(reader, writer):
            first = await reader.read(4096)
            if first[:1] != b"\x16":
                writer.write(peers.page("400 Bad Request", "The plain HTTP request was sent to HTTPS port"))
                return
            their_reader, their_writer = await asyncio.open_connection(ADDRESS, inside)
            their_writer.write(first)

            async def pipe(source, target):
                while data := await source.read(4096):
                    target.write(data)
                target.close()

            await asyncio.gather(pipe(reader, their_writer), pipe(their_reader, writer))

        return await collect(terminal(("tcp", await room.tcp(front))))

    assert only(run(story)[1], "service.protocol").value == "https"


def test_a_web_server_that_answers_400_to_everything_is_http():
    assert only(identify(peers.web(peers.page("400 Bad Request", ""))), "service.protocol").value == "http"


@pytest.mark.parametrize(
    ("handler", "what", "value"),
    [
        (peers.broker({4: 0}), "mqtt-connect", True),
        (peers.broker({4: 5}), "mqtt-connect", False),
        (peers.broker({4: 1, 5: 0}), "mqtt-connect", True),
        (peers.broker({4: 1, 5: 0x87}), "mqtt-connect", False),
        (peers.broker({4: 3, 5: 0x88}), "mqtt-connect", None),
        (peers.rtsp_camera("200 OK"), "rtsp-describe", True),
        (peers.rtsp_camera("401 Unauthorized"), "rtsp-describe", False),
        (peers.rtsp_camera("404 Not Found"), "rtsp-describe", None),
        (peers.adb_daemon(b"CNXN"), "adb", True),
        (peers.adb_daemon(b"AUTH"), "adb", False),
        (peers.onvif_camera("<GetDeviceInformationResponse/>", "200 OK"), "onvif-read", True),
        (peers.onvif_camera("<Value>ter:NotAuthorized</Value>", "400 Bad Request"), "onvif-read", False),
        (peers.onvif_camera("", "401 Unauthorized"), "onvif-read", False),
        (peers.onvif_camera("busy", "503 Busy"), "onvif-read", None),
    ],
)
def test_what_is_given_without_a_credential(handler, what, value):
    found = only(identify(handler), "service.anonymous", what)
    assert found.value is value
    assert found.attributes["changes"] is (what == "adb")


def test_onvif_is_named_when_it_answers():
    found = identify(peers.onvif_camera("", "401 Unauthorized"))
    assert only(found, "service.protocol").value == "onvif"


def test_a_page_that_says_200_to_everything_is_no_onvif():
    found = identify(peers.web(peers.page()))
    assert only(found, "service.protocol").value == "http"
    assert not [one for one in found if one.name == "service.anonymous"]


def test_dns_over_udp():
    found = identify_udp(lambda data: [peers.dns_answer(data)])[1]
    assert only(found, "service.protocol").value == "dns"


def test_a_silent_udp_port_is_no_fact():
    evidence, found = identify_udp(lambda data: [])
    assert found == ()
    assert evidence.attempt.status is AttemptStatus.DONE


def test_a_udp_port_that_talks_nonsense_is_unknown():
    assert only(identify_udp(lambda data: [b"\0" * 5])[1], "service.protocol").value == "unknown"


@pytest.mark.parametrize(
    ("agent", "read", "write"),
    [
        (peers.Agent("public", "private"), True, True),
        (peers.Agent("public"), True, False),
        (peers.Agent("secret-17"), False, False),
        (peers.Agent("public", "private", v1=True), True, True),
        (peers.Agent("secret", "private"), True, True),
    ],
)
def test_snmp(agent, read, write):
    before = agent.contact
    found = identify_udp(agent)[1]
    assert only(found, "service.protocol").value == "snmp"
    assert only(found, "service.anonymous", "snmp-read").value is read
    assert only(found, "service.anonymous", "snmp-write").value is write
    assert only(found, "service.anonymous", "snmp-write").attributes["changes"] is True
    assert agent.contact == before
    assert agent.sets == (1 if write else 0)
    if write:
        assert only(found, "service.restored", "snmp-write").value is True


def gateway(device):
    async def story(room):
        device.port = await room.tcp(device.http())
        return await collect(terminal(("udp", await room.udp(device.ssdp)), ("tcp", device.port)))

    evidence, found = run(story)
    return device, {(one.name, one.attributes.get("what") or one.value): one for one in found}, evidence


def test_a_gateway_that_maps_ports_to_other_hosts():
    device, found, _ = gateway(peers.Gateway(secure=False))
    fact = found["service.anonymous", "port-mapping"]
    assert fact.value is True
    assert fact.attributes["changes"] is True
    assert found["service.restored", "port-mapping"].value is True
    assert device.mappings == {}
    assert ("service.protocol", "upnp") in found


def test_one_that_knows_only_permanent_leases():
    device, found, _ = gateway(peers.Gateway(secure=False, permanent=True))
    assert found["service.anonymous", "port-mapping"].value is True
    assert device.mappings == {}


def test_one_that_refuses_other_hosts():
    device, found, _ = gateway(peers.Gateway(secure=True))
    assert found["service.anonymous", "port-mapping"].value is False
    assert "AddPortMapping" in device.calls


def test_200_to_the_request_alone_is_not_believed():
    _, found, _ = gateway(peers.Gateway(secure=False, forgets=True))
    assert found["service.anonymous", "port-mapping"].value is None


def test_a_mapping_left_by_a_dead_run_is_taken_away():
    device = peers.Gateway(secure=False)
    device.mappings["59153"] = {"NewInternalClient": "127.77.3.254", "NewPortMappingDescription": "sekisho"}
    device.mappings["59154"] = {"NewInternalClient": "127.77.3.9", "NewPortMappingDescription": "game"}
    device, _, _ = gateway(device)
    assert list(device.mappings) == ["59154"]


def test_a_mapping_of_somebody_else_is_never_touched():
    device = peers.Gateway(secure=False)
    for port in ("59153", "59154", "59155"):
        device.mappings[port] = {"NewInternalClient": "127.77.3.9", "NewPortMappingDescription": "game"}
    device, found, _ = gateway(device)
    assert len(device.mappings) == 3
    assert found["service.anonymous", "port-mapping"].value is None
    assert "AddPortMapping" not in device.calls


@pytest.mark.parametrize(
    "location",
    ["http://192.0.2.1/x.xml", "http://127.77.3.6:80/x.xml", "file:///etc/passwd", "http://[::1", ""],
)
def test_a_location_elsewhere_is_not_followed(location):
    _, found, evidence = gateway(peers.Gateway(secure=False, location=location or "x"))
    looked = [one for one in evidence.under("control/") if "descriptions" in one.data]
    assert all(one.get("followed") is False for record in looked for one in record.data["descriptions"])
    assert ("service.anonymous", "port-mapping") not in found


@pytest.mark.parametrize("handler", [peers.drips, peers.floods, peers.resets, peers.endless_tls])
def test_hostile_peers_cost_little(handler):
    began = time.monotonic()

    async def story(room):
        return await collect(
            terminal(("tcp", await room.tcp(handler)), ("tcp", await room.tcp(peers.web(peers.page()))))
        )

    evidence, found = run(story)
    assert time.monotonic() - began < 25
    assert evidence.attempt.status is AttemptStatus.DONE
    assert [one.value for one in found if one.name == "service.protocol"][-1] == "http"
    for record in evidence.under("talk/"):
        assert sum(len(one["said"]) for one in record.data["exchanges"]) <= talking.KEPT * 10


def test_a_port_found_earlier_but_not_declared_is_talked_to():
    async def story(room):
        port = await room.tcp(peers.says(b"SSH-2.0-x\r\n"))
        return await collect(terminal(), (Found("lan", ADDRESS, "tcp", port),))

    found = only(run(story)[1], "service.protocol")
    assert (found.value, found.attributes["declared"]) == ("ssh", "")


def test_an_excluded_port_is_left_alone():
    talked = []

    async def tell(reader, writer):
        talked.append(1)

    async def story(room):
        port = await room.tcp(tell)
        return await collect(terminal(("tcp", port), exclusions=(Exclusion("tcp", port, "fragile"),)))

    assert run(story)[1] == ()
    assert talked == []


def test_role_of_the_interface_is_kept():
    async def story(room):
        return await collect(terminal(("tcp", await room.tcp(peers.adb_daemon(b"CNXN"))), role=Role.WAN))

    found = run(story)[1]
    assert {one.attributes["role"] for one in found} == {"wan"}
    assert only(found, "service.anonymous", "adb").subject.startswith("wan tcp/")


def test_a_port_that_closed_meanwhile_is_gone_and_one_that_resets_is_unknown():
    async def story(room):
        reset = await room.tcp(peers.resets)
        wire = fake_wire(PROBE, net=loopback_net(), clock=SystemClock())

        class Closing:
            """Says that port 1 is open."""

            async def scan(self, endpoint, ports):
                return msgspec.structs.replace(await wire_net.scan(endpoint, ports), open=tuple(ports))

            def __getattr__(self, name):
                return getattr(wire_net, name)

        wire_net, wire.net = wire.net, Closing()
        return await PROBE.collect(terminal(("tcp", 1), ("tcp", reset)), wire)

    found = {one.subject: one for one in run(story)[1]}
    assert found.pop("lan tcp/1").name == "service.gone"
    (other,) = found.values()
    assert (other.name, other.value) == ("service.protocol", "unknown")


def test_no_address_no_talk():
    evidence = asyncio.run(collect(Terminal()))
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.SKIPPED, "not-described")
    assert PROBE.plan(Terminal()) == ()


def test_more_ports_than_can_be_talked_to(monkeypatch):
    monkeypatch.setattr(service_identity, "MOST_PORTS", 1)

    async def story(room):
        ports = [("tcp", await room.tcp(peers.says(b"SSH-2.0-x\r\n"))) for _ in range(2)]
        return await collect(terminal(*ports))

    evidence, found = run(story)
    assert (evidence.attempt.status, evidence.attempt.reason) == (AttemptStatus.PARTIAL, "budget")
    assert len(found) == 1


def test_other_host_is_neither_it_nor_us():
    assert controls.other_host("192.168.1.1", "192.168.1.254") == "192.168.1.253"
    assert controls.other_host("192.168.1.254", "") == "192.168.1.253"
    assert controls.other_host("fe80::1%eth0", "") == ""


def test_documented_facts():
    assert set(facts.FACTS) == set(PROBE.facts)
