"""Endpoints as detections and people write them: ``203.0.113.7:23/tcp``, ``2001:db8::7:23/tcp``, an address, a prefix."""

from __future__ import annotations

import re
from ipaddress import ip_network

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.containment import TCP, UDP, Endpoint

_PROTOCOLS = {"tcp": TCP, "udp": UDP}
# The address greedily, so that the last colon is the port's also without brackets.
_WITH_PORT = re.compile(r"(?P<host>\S+):(?P<port>\d{1,5})/(?P<protocol>tcp|udp|\d{1,3})", re.ASCII)
_MOST_PORT = 65_535


def endpoint(text: str) -> Endpoint:
    """Return what ``text`` names; the protocol is ``tcp``, ``udp`` or its number.

    An IPv6 prefix such as ``2001:db8::7:0/112`` could be read as port 0 of a protocol: it is a prefix.

    :raises DescriptionError: it is none
    """
    plain = text.strip().lower()
    found = _WITH_PORT.fullmatch(plain)
    if found and not _is_network(plain):
        host = found["host"].removeprefix("[").removesuffix("]")
        protocol = found["protocol"]
        if _is_network(host) and int(found["port"]) <= _MOST_PORT:
            number = _PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol)
            return Endpoint(str(ip_network(host)), int(found["port"]), number)
    elif _is_network(plain):
        return Endpoint(str(ip_network(plain)))
    raise DescriptionError(
        Text(ja="相手先の書き方が違う（例 203.0.113.7:23/tcp）", en="not an endpoint (203.0.113.7:23/tcp)"),
        ascii(text)[:80],
    )


def _is_network(text: str) -> bool:
    try:
        return "%" not in str(ip_network(text))
    except ValueError:
        return False
