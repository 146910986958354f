"""The first words for UDP services: one harmless question per protocol that a server of it answers.

A UDP port says nothing by itself: only the answer to a question of the right protocol shows a service. None of
these questions carries a credential or changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from sekisho.formats import dns, snmp, ssdp

_UNICAST_RESPONSE = 0x8000
_MDNS_SERVICES = "_services._dns-sd._udp.local"

#: A port on which nothing is known to listen: whether closed UDP ports are refused or silent is seen here.
CONTROL = 47_123

#: Where the services of homes, offices and malware are looked for, besides those that are declared.
KNOWN: Mapping[int, str] = {
    53: "dns",
    69: "tftp",
    123: "ntp",
    161: "snmp",
    1900: "ssdp",
    3702: "ws-discovery",
    5351: "nat-pmp",
    5353: "mdns",
    5683: "coap",
    53413: "netcore",
}


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send to a UDP port: the protocol's name and the bytes."""

    protocol: str
    payload: bytes


def question(port: int, protocol: str, host: str) -> Question:
    """Return the question for ``port`` at ``host`` (``address:port``), of ``protocol`` when it is a known one."""
    name = protocol if protocol in _PAYLOADS else _ALIASES.get(protocol, KNOWN.get(port, "empty"))
    return Question(name, _PAYLOADS[name](host))


def _dns(_host: str) -> bytes:
    """Ask for the root's name servers: every DNS server answers, if only with a refusal (RFC 1035)."""
    return dns.query(0x5E51, "", dns.NS)


def _mdns(_host: str) -> bytes:
    """Ask for the list of services, answer by unicast (RFC 6762 5.4, RFC 6763 9)."""
    return dns.query(0, _MDNS_SERVICES, dns.PTR, dns.IN | _UNICAST_RESPONSE)


def _snmp(_host: str) -> bytes:
    """Ask for the engine's id: SNMPv3 answers without any credential (RFC 3414 4). v1 and v2c may stay silent."""
    return snmp.discover(0x5E52)


def _ntp(_host: str) -> bytes:
    """Ask for the time: version 4, client mode (RFC 5905 7.3)."""
    return b"\x23" + bytes(47)


def _tftp(_host: str) -> bytes:
    """Ask to read a file that doesn't exist (RFC 1350 5): the error shows the server."""
    return b"\0\1sekisho-no-such-file\0octet\0"


def _coap(_host: str) -> bytes:
    """Ask for the list of resources, GET /.well-known/core (RFC 7252 3, RFC 6690 4)."""
    return b"\x40\x01\x5e\x53\xbb.well-known\x04core"


def _ssdp(host: str) -> bytes:
    return ssdp.search(host)


def _ws_discovery(_host: str) -> bytes:
    """Probe for anything (WS-Discovery 1.0, section 5): cameras of ONVIF answer."""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>'
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        b'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        b'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        b"<a:MessageID>uuid:5e515e51-5e51-4e51-8e51-5e515e515e51</a:MessageID>"
        b"<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        b"<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
        b"</s:Header><s:Body><d:Probe/></s:Body></s:Envelope>"
    )


def _nat_pmp(_host: str) -> bytes:
    """Ask for the external address (RFC 6886 3.2): it maps nothing."""
    return b"\0\0"


def _empty(_host: str) -> bytes:
    """Two line ends: what a line-based service, or a backdoor with a prompt, may react to."""
    return b"\r\n\r\n"


_PAYLOADS: Mapping[str, Callable[[str], bytes]] = {
    "dns": _dns,
    "mdns": _mdns,
    "snmp": _snmp,
    "ntp": _ntp,
    "tftp": _tftp,
    "coap": _coap,
    "ssdp": _ssdp,
    "ws-discovery": _ws_discovery,
    "nat-pmp": _nat_pmp,
    "netcore": _empty,
    "empty": _empty,
}
_ALIASES = {"upnp": "ssdp", "onvif": "ws-discovery", "pcp": "nat-pmp", "sntp": "ntp"}
