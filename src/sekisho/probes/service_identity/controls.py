"""What a service lets anybody do: one check per protocol, each with its own control, each undone at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats import mqtt, onvif, rtsp, snmp, upnp
from sekisho.formats.http import Reply, Request
from sekisho.formats.loose_xml import first
from sekisho.ports import Clock, Endpoint, Net
from sekisho.probes.service_identity.talking import gather, host_of

_COMMUNITIES = ("public", "private")
_ASK = 1.0
_VERSIONS = {"v2c": snmp.V2C, "v1": snmp.V1}
_PATHS = ("/", "/live", "/stream1", "/h264")
_LABEL = "sekisho"
_PORTS = (59_153, 59_154, 59_155)
_LEASE = "120"
_LAST_OCTETS = (254, 253, 252, 251)


async def check_snmp(net: Net, endpoint: Endpoint, *, write: bool = True) -> Mapping[str, Any]:
    """Read sysDescr with well-known communities; with ``write`` also write sysContact back as it is."""
    alive = await _snmp(net, endpoint, snmp.discover(1)) is not None
    reads: list[dict[str, Any]] = []
    writes: list[dict[str, Any]] = []
    number = 1
    for community in _COMMUNITIES:
        for label, version in _VERSIONS.items():
            number += 1
            answer = await _snmp(net, endpoint, snmp.get(community, snmp.SYS_DESCR, number, version), number)
            if answer is None:
                continue
            value = None if answer.value is None else answer.value.decode("latin-1")[:300]
            reads.append({"community": community, "version": label, "error": answer.error, "value": value})
            number += 10
            if not write:
                break
            writes.append(
                {
                    "community": community,
                    "version": label,
                    **await _write(net, endpoint, community, version, number),
                }
            )
            break
    return {"alive": alive or bool(reads), "reads": reads, "writes": writes}


async def _write(net: Net, endpoint: Endpoint, community: str, version: int, number: int) -> dict[str, Any]:
    get = snmp.get(community, snmp.SYS_CONTACT, number, version)
    before = await _snmp(net, endpoint, get, number)
    if before is None or before.value is None:
        return {"error": None, "kept": None}
    put = snmp.set_string(community, snmp.SYS_CONTACT, before.value, number + 1, version)
    written = await _snmp(net, endpoint, put, number + 1)
    after = await _snmp(net, endpoint, snmp.get(community, snmp.SYS_CONTACT, number + 2, version), number + 2)
    return {
        "error": None if written is None else written.error,
        "kept": None if after is None else after.value == before.value,
    }


async def _snmp(
    net: Net, endpoint: Endpoint, payload: bytes, number: int | None = None
) -> snmp.Answer | None:
    try:
        answers = await net.ask(endpoint, payload, seconds=_ASK, most=1)
    except PeerFailure:
        return None
    for one in answers:
        answer = snmp.read_answer(one.data)
        if answer is not None and number in {None, answer.id}:
            return answer
    return None


async def check_mqtt(net: Net, clock: Clock, endpoint: Endpoint) -> Mapping[str, Any]:
    """Connect without user name and password, in MQTT 3.1.1 and, when that is refused as too old, in 5.0."""
    codes: dict[str, int | None] = {}
    for label, version in (("3.1.1", mqtt.V311), ("5.0", mqtt.V5)):
        connection = await net.open(endpoint)
        try:
            await connection.send(mqtt.connect("sekisho-control", version))
            said, _ = await gather(connection, clock, 3.0)
            answer = mqtt.read_connack(said)
            codes[label] = answer.code if answer else None
            if answer and answer.accepted:
                await connection.send(mqtt.DISCONNECT)
        finally:
            await connection.close()
        if answer and (answer.accepted or answer.code in mqtt.REFUSED_FOR_CREDENTIALS):
            break
    return {"codes": codes}


async def check_rtsp(net: Net, clock: Clock, endpoint: Endpoint) -> Mapping[str, Any]:
    """Ask for the description of a few usual streams without credentials."""
    answers: dict[str, dict[str, Any]] = {}
    for path in _PATHS:
        connection = await net.open(endpoint)
        try:
            await connection.send(rtsp.request("DESCRIBE", f"rtsp://{host_of(endpoint)}{path}", 2))
            said, _ = await gather(connection, clock, 3.0)
        finally:
            await connection.close()
        answer = rtsp.read_answer(said)
        if answer is not None:
            answers[path] = {"status": answer.status, "described": answer.described}
            if answer.described:
                break
    return {"answers": answers}


async def check_onvif(net: Net, endpoint: Endpoint) -> Mapping[str, Any]:
    """Ask for the time (open to all, so a sign of life) and for device data (which should not be)."""
    time = await _soap(net, endpoint, onvif.PATH, *onvif.call("GetSystemDateAndTime"))
    if not onvif.answers(time.text, "GetSystemDateAndTime"):
        return {"speaks": False}
    data = await _soap(net, endpoint, onvif.PATH, *onvif.call("GetDeviceInformation"))
    return {
        "speaks": True,
        "status": data.status,
        "given": onvif.answers(data.text, "GetDeviceInformation"),
        "refused": data.status == 401 or onvif.refuses(data.text),  # noqa: PLR2004 - Unauthorized
    }


async def check_upnp(net: Net, endpoint: Endpoint, location: str, source: str) -> Mapping[str, Any]:
    """Fetch the description; on a gateway, try to map a port to another host, read it back, remove it."""
    where = upnp.read_address(location)
    if where is None or where.host != endpoint.address.lower():
        # What an answer claims about other hosts is never followed.
        return {"location": location[:300], "followed": False}
    reply = await net.fetch(_at(endpoint, where), Request("GET", where.path))
    found = upnp.read_description(reply.text, location)
    if found is None:
        return {"location": location[:300], "followed": True, "status": reply.status, "described": False}
    data: dict[str, Any] = {
        "location": location[:300],
        "followed": True,
        "described": True,
        "port": where.port,
        "name": " ".join(filter(None, (found.maker, found.model)))[:200],
        "services": [one.type[:200] for one in found.services],
    }
    gateway = found.wan()
    client = other_host(endpoint.address, source)
    if gateway is None or not client:
        return data
    return {**data, "mapping": await _map(net, _at(endpoint, gateway.control), gateway, client)}


async def _map(net: Net, endpoint: Endpoint, service: upnp.Service, client: str) -> dict[str, Any]:
    for port in _PORTS:
        before = await _entry(net, endpoint, service, port)
        if before["error"] == upnp.NO_SUCH_ENTRY:
            break
        if before["label"] == _LABEL:
            # Left behind by a run that died: it is ours to take away.
            await _call(net, endpoint, service, "DeletePortMapping", _key(port))
            break
    else:
        return {"alive": before["status"] > 0, "tried": False, "before": before}
    try:
        added = await _add(net, endpoint, service, port, client)
        read = await _entry(net, endpoint, service, port)
    finally:
        removed = await _call(net, endpoint, service, "DeletePortMapping", _key(port))
    after = await _entry(net, endpoint, service, port)
    return {
        "alive": True,
        "tried": True,
        "client": client,
        "port": port,
        "status": added.status,
        "error": upnp.error_code(added.text),
        "mapped": read["client"] == client,
        "removed": removed.status,
        "gone": after["error"] == upnp.NO_SUCH_ENTRY,
    }


async def _add(net: Net, endpoint: Endpoint, service: upnp.Service, port: int, client: str) -> Reply:
    arguments = {
        **_key(port),
        "NewInternalPort": str(port),
        "NewInternalClient": client,
        "NewEnabled": "1",
        "NewPortMappingDescription": _LABEL,
        "NewLeaseDuration": _LEASE,
    }
    added = await _call(net, endpoint, service, "AddPortMapping", arguments)
    if upnp.error_code(added.text) == upnp.ONLY_PERMANENT:
        added = await _call(net, endpoint, service, "AddPortMapping", {**arguments, "NewLeaseDuration": "0"})
    return added


async def _entry(net: Net, endpoint: Endpoint, service: upnp.Service, port: int) -> dict[str, Any]:
    reply = await _call(net, endpoint, service, "GetSpecificPortMappingEntry", _key(port))
    return {
        "status": reply.status,
        "error": upnp.error_code(reply.text),
        "client": first(reply.text, "NewInternalClient"),
        "label": first(reply.text, "NewPortMappingDescription"),
    }


def _key(port: int) -> dict[str, str]:
    return {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": "TCP"}


async def _call(
    net: Net, endpoint: Endpoint, service: upnp.Service, name: str, arguments: dict[str, str]
) -> Reply:
    headers, body = upnp.action(service.type, name, arguments)
    return await _soap(net, endpoint, service.control.path, headers, body)


async def _soap(
    net: Net, endpoint: Endpoint, path: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> Reply:
    return await net.fetch(endpoint, Request("POST", path, headers, body))


def _at(endpoint: Endpoint, where: upnp.Address) -> Endpoint:
    return msgspec.structs.replace(endpoint, port=where.port, transport="tcp", tls=False)


def other_host(address: str, source: str) -> str:
    """Return an IPv4 address of the terminal's own network that is neither it nor us; nothing is sent there."""
    device = ipaddress.ip_address(address.partition("%")[0])
    if device.version != 4:  # noqa: PLR2004 - WANIPConnection maps IPv4 only
        return ""
    network = ipaddress.ip_network(f"{address}/24", strict=False)
    taken = {address, source}
    return next((str(network[last]) for last in _LAST_OCTETS if str(network[last]) not in taken), "")
