"""What speaks on each open port, told by talking and not by number; and what it lets anybody do.

Question: Which protocol does each open port speak, and does any of them give control without a credential?
How: Ports that were found, that are declared, and those usual for terminals are connected to. A port may
    speak first; if not it is asked in HTTP, TLS, RTSP, MQTT, ADB and DNS until it answers. UDP ports get
    one harmless question per protocol. Then: SNMP is read with public and private, and a value is written
    back as it is; MQTT is connected to, RTSP described and ONVIF asked without credentials; a UPnP gateway is
    asked to map a port to another host, which is read back and removed.
Evidence: Steps ``look/…`` (ports), ``talk/…`` and ``ask/…`` (what was said, both ways), ``control/…``.
Limits: At most 64 ports per address are talked to. A silent UDP port is unknown, never absent. TR-069 is told
    only by words the server uses. No password is tried here, and no value is changed for good.
Source: RFC 1157, 3416, 3414 (SNMP), 2326 (RTSP), 1035 (DNS), 9112 (HTTP); OASIS MQTT 3.1.1 and 5.0; UPnP Device
    Architecture 2.0 and WANIPConnection:1; ONVIF device service; public description of ADB.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.language import Text
from sekisho.model.assessment import Risk
from sekisho.model.evidence import Attempt, AttemptStatus, Evidence, Record
from sekisho.model.observation import Observation
from sekisho.model.terminal import Interface, Service, Terminal
from sekisho.ports import Endpoint, Wire
from sekisho.probes.service_identity import controls, datagrams, facts, talking

#: TCP ports usual on terminals (web, telnet, SSH, TR-069, ADB, MQTT, RTSP, UPnP …), looked at in any case.
USUAL_TCP = (
    21, 22, 23, 25, 53, 80, 81, 82, 83, 85, 443, 554, 1883, 2323, 5000, 5555, 6789, 7547, 8080, 8443, 8554, 8883,
    32764, 37215, 49152, 52869,
)  # fmt: skip
MOST_PORTS = 64


class Place:
    """One address of one interface, with what is declared there."""

    def __init__(self, terminal: Terminal, interface: Interface, address: str) -> None:
        """Keep where to talk to and from."""
        self.interface = interface
        self.address = address
        self.name = f"{interface.name}/{address}"
        self.source = next((one for one in interface.sources if (":" in one) == (":" in address)), "")
        self.services = tuple(one for one in terminal.services if one.interface == interface.name)
        self.excluded = {(one.transport, one.port) for one in terminal.exclusions}

    def endpoint(self, port: int, transport: str = "tcp", *, tls: bool = False) -> Endpoint:
        """Return the endpoint of a port here."""
        return Endpoint(self.address, port, transport, tls, self.source, self.interface.device)

    def declared(self, transport: str, port: int) -> Service | None:
        """Return the declared service on a port, or None."""
        return next((one for one in self.services if (one.transport, one.port) == (transport, port)), None)

    def ports(self, transport: str, wire: Wire, usual: Iterable[int]) -> list[int]:
        """Return the ports to look at: found and declared ones first, then the usual ones."""
        found = [
            one.port
            for one in wire.found
            if (one.interface, one.address, one.transport) == (self.interface.name, self.address, transport)
        ]
        declared = [one.port for one in self.services if one.transport == transport]
        every = dict.fromkeys((*declared, *found, *usual))
        return [port for port in every if (transport, port) not in self.excluded]

    def about(self, transport: str, port: int) -> dict[str, Any]:
        """Return what each record says of where it was taken."""
        declared = self.declared(transport, port)
        return {
            "interface": self.interface.name,
            "role": self.interface.role.value,
            "address": self.address,
            "transport": transport,
            "port": port,
            "declared": declared.protocol if declared else "",
            "service": declared.name if declared else "",
        }


class ServiceIdentity:
    """Talks to every open port and says what it heard."""

    name = "service_identity"
    version = "1"
    risk = Risk.READ
    title = Text(ja="サービスの正体", en="Identity of services")
    facts = facts.FACTS

    def plan(self, terminal: Terminal) -> tuple[Text, ...]:
        """Say what will be sent, per address."""
        count = len(USUAL_TCP)
        return tuple(
            Text(
                ja=f"{interface.name} {address}：見つかった・申告された・よくある（TCP {count}個、UDP {len(datagrams.USUAL)}個）"
                "ポートに話しかけ、認証なしの操作（SNMP・MQTT・RTSP・ONVIF・UPnP）を試して元に戻す",
                en=f"{interface.name} {address}: talk to ports found, declared and usual ({count} TCP, "
                f"{len(datagrams.USUAL)} UDP); try SNMP, MQTT, RTSP, ONVIF and UPnP without credentials, and undo it",
            )
            for interface in terminal.interfaces
            for address in interface.addresses
        )

    async def collect(self, terminal: Terminal, wire: Wire) -> Evidence:
        """Look, talk and check at every address, one after another."""
        places = [
            Place(terminal, interface, address)
            for interface in terminal.interfaces
            for address in interface.addresses
        ]
        if not places:
            return wire.seal(Attempt(AttemptStatus.SKIPPED, "not-described"))
        left, failed = 0, []
        for place in places:
            look = await self._look(place, wire)
            if look.failure is not None:
                failed.append(look.failure.reason)
            ports = list(look.data.get("open", ()))
            left += max(0, len(ports) - MOST_PORTS)
            for port in ports[:MOST_PORTS]:
                await self._talk(place, port, wire)
            for port in place.ports("udp", wire, datagrams.USUAL)[:MOST_PORTS]:
                await self._ask(place, port, wire)
        if len(failed) == len(places):
            return wire.seal(Attempt(AttemptStatus.FAILED, failed[0]))
        if failed or left:
            reason = failed[0] if failed else "budget"
            return wire.seal(Attempt(AttemptStatus.PARTIAL, reason, f"{left} ports were not talked to"))
        return wire.seal(Attempt(AttemptStatus.DONE))

    async def _look(self, place: Place, wire: Wire) -> Record:
        async def look() -> Mapping[str, Any]:
            ports = place.ports("tcp", wire, USUAL_TCP)
            scan = await wire.net.scan(place.endpoint(0), ports)
            # Ports found earlier and closed now are left to the talk that follows: it records the refusal.
            opened = [port for port in ports if port in set(scan.open)]
            return {"asked": len(ports), "open": opened, "silent": len(scan.silent), "note": scan.note}

        return await wire.step(f"look/{place.name}", look)

    async def _talk(self, place: Place, port: int, wire: Wire) -> None:
        endpoint = place.endpoint(port)

        async def talk() -> Mapping[str, Any]:
            exchanges = await talking.converse(wire.net, wire.clock, endpoint)
            return {**place.about("tcp", port), "exchanges": talking.kept(exchanges)}

        record = await wire.step(f"talk/{place.name}/tcp/{port}", talk)
        heard = facts.heard(record)
        inside = place.endpoint(port, tls=heard.tls)
        checks: dict[str, Callable[[], Awaitable[Mapping[str, Any]]]] = {
            "mqtt": lambda: controls.check_mqtt(wire.net, wire.clock, inside),
            "rtsp": lambda: controls.check_rtsp(wire.net, wire.clock, inside),
            "http": lambda: controls.check_onvif(wire.net, inside),
            "https": lambda: controls.check_onvif(wire.net, inside),
        }
        if heard.protocol in checks:
            await self._check(place, "tcp", port, checks[heard.protocol], wire)

    async def _ask(self, place: Place, port: int, wire: Wire) -> None:
        endpoint = place.endpoint(port, "udp")

        async def ask() -> Mapping[str, Any]:
            return {**place.about("udp", port), **await datagrams.ask(wire.net, endpoint)}

        record = await wire.step(f"ask/{place.name}/udp/{port}", ask)
        protocol = facts.heard(record).protocol
        # Writing back what was read and mapping a port change something for a moment: only where allowed.
        may_write = "write" in wire.risks
        if protocol == "snmp":
            await self._check(
                place, "udp", port, lambda: controls.check_snmp(wire.net, endpoint, write=may_write), wire
            )
        elif protocol == "upnp" and may_write:
            places = facts.locations(record)
            await self._check(place, "udp", port, lambda: _gateways(wire, endpoint, places, place), wire)

    async def _check(
        self,
        place: Place,
        transport: str,
        port: int,
        check: Callable[[], Awaitable[Mapping[str, Any]]],
        wire: Wire,
    ) -> None:
        async def control() -> Mapping[str, Any]:
            return {**place.about(transport, port), **await check()}

        await wire.step(f"control/{place.name}/{transport}/{port}", control)

    def observe(self, evidence: Evidence) -> Iterator[Observation]:
        """Return what each port speaks and what it lets anybody do."""
        return facts.observe(evidence)


async def _gateways(
    wire: Wire, endpoint: Endpoint, locations: tuple[str, ...], place: Place
) -> Mapping[str, Any]:
    """Look at each description that was announced; the gateway's is the one that counts."""
    looked: list[Mapping[str, Any]] = []
    for location in locations:
        try:
            looked.append(await controls.check_upnp(wire.net, endpoint, location, place.source))
        except PeerFailure as failure:
            looked.append({"location": location[:300], "failure": failure.reason})
        if "mapping" in looked[-1]:
            break
    return {"descriptions": looked}


PROBE = ServiceIdentity()
