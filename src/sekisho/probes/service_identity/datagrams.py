"""Questions to UDP ports: one harmless question per protocol, the port's usual one first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sekisho.errors import PeerFailure
from sekisho.formats import dns, onvif, snmp, ssdp
from sekisho.ports import Endpoint, Net

SECONDS = 1.0
KEPT = 2048
_MOST_ANSWERS = 16
_IDENTIFIER = 0x5E4B
#: The question that fits a port by its number, and with it the UDP ports that are looked at in any case.
USUAL = {53: "dns", 161: "snmp", 1900: "ssdp", 3702: "onvif", 5353: "mdns"}
_PROTOCOLS = {
    "dns": "dns",
    "snmp": "snmp",
    "snmp-v3": "snmp",
    "ssdp": "upnp",
    "onvif": "onvif",
    "mdns": "mdns",
}


def question(asked: str, address: str) -> bytes:
    """Return the datagram of a question."""
    if asked == "dns":
        return dns.query(_IDENTIFIER, "version.bind", dns.TXT, dns.CHAOS)
    if asked == "mdns":
        return dns.query(_IDENTIFIER, "_services._dns-sd._udp.local", dns.PTR)
    if asked == "snmp":
        return snmp.get("public", snmp.SYS_DESCR, _IDENTIFIER)
    if asked == "snmp-v3":
        return snmp.discover(_IDENTIFIER)
    if asked == "onvif":
        return onvif.probe("73656b69-7368-4f00-8000-000000000001")
    return ssdp.search(f"[{address}]:1900" if ":" in address else f"{address}:1900")


async def ask(net: Net, endpoint: Endpoint) -> Mapping[str, Any]:
    """Put questions until one is understood; silence after all of them says nothing."""
    done: list[dict[str, Any]] = []
    usual = USUAL.get(endpoint.port)
    order = (usual,) if usual else ("dns", "snmp", "ssdp", "onvif")
    for asked in (*order, "snmp-v3") if "snmp" in order else order:
        try:
            answers = await net.ask(
                endpoint, question(asked, endpoint.address), seconds=SECONDS, most=_MOST_ANSWERS
            )
        except PeerFailure as failure:
            done.append({"asked": asked, "answers": [], "failure": failure.reason})
            if failure.reason in {"refused", "unreachable"}:
                break
            continue
        said = [one.data[:KEPT].decode("latin-1") for one in answers]
        done.append({"asked": asked, "answers": said, "failure": ""})
        if any(understood(asked, one) for one in said):
            break
    return {"asks": done}


def understood(asked: str, said: str) -> str:
    """Return the protocol that an answer (Latin-1 text) shows, or an empty string."""
    data = said.encode("latin-1")
    if asked in {"dns", "mdns"}:
        # A multicast responder may set the id to zero (RFC 6762 section 18.1).
        good = dns.read_response(data, _IDENTIFIER if asked == "dns" else None) is not None
    elif asked in {"snmp", "snmp-v3"}:
        good = snmp.read_answer(data) is not None
    elif asked == "onvif":
        good = onvif.probed(data.decode("utf-8", "replace"))
    else:
        good = ssdp.read_answer(data) is not None
    return _PROTOCOLS[asked] if good else ""
