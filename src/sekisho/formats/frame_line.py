"""One captured frame in one line for people: from, to, protocol, and what its headers say. For pages, not for metering.

Link types as in `packet_headers`. IPv4 RFC 791, IPv6 RFC 8200, TCP RFC 9293, UDP RFC 768, ICMP RFC 792, ARP RFC 826.
Whatever a frame holds, a line comes back; what was cut off or isn't known is said.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import msgspec

from sekisho.formats.ether_types import IPV4, IPV6, MOST_TAGS, TAGS

_ARP = 0x0806
# Link type → octets before the network layer, and where its EtherType stands (-1: the IP version tells).
_LINKS = {1: (14, 12), 0: (4, -1), 108: (4, -1), 104: (4, 2), 113: (16, 14), 276: (20, 0)}
_LINKS |= dict.fromkeys((101, 12, 14, 228, 229), (0, -1))
_PROTOCOLS = {
    1: "ICMP",
    2: "IGMP",
    6: "TCP",
    17: "UDP",
    47: "GRE",
    50: "ESP",
    58: "ICMPv6",
    89: "OSPF",
    132: "SCTP",
}
_EXTENSIONS = frozenset({0, 43, 44, 60, 135})
_FRAGMENT, _MOST_EXTENSIONS = 44, 8
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}
_ICMP6 = {
    1: "unreachable", 2: "packet too big", 3: "time exceeded", 128: "echo request", 129: "echo reply",
    133: "router solicitation", 134: "router advertisement", 135: "neighbour solicitation",
    136: "neighbour advertisement",
}  # fmt: skip
_PORTS = frozenset({6, 17, 132})
_SHOWN = 80


class FrameLine(msgspec.Struct, frozen=True):
    """A frame in words: ends with their ports, protocol, and the rest in one line."""

    source: str
    destination: str
    protocol: str
    says: str


def frame_line(data: bytes, link: int) -> FrameLine:
    """Return the line of a frame that was captured with a link type (LINKTYPE_ of tcpdump.org)."""
    before, place = _LINKS.get(link, (-1, -1))
    if before < 0:
        return FrameLine("", "", f"link {link}", "")
    kind = int.from_bytes(data[place : place + 2]) if place >= 0 else 0
    for _ in range(MOST_TAGS):
        if kind not in TAGS:
            break
        kind, before = int.from_bytes(data[before + 2 : before + 4]), before + 4
    rest = data[before:]
    if place < 0 and rest:
        kind = {4: IPV4, 6: IPV6}.get(rest[0] >> 4, 0)
    try:
        if kind == IPV4:
            return _four(rest)
        if kind == IPV6:
            return _six(rest)
        if kind == _ARP:
            return _arp(rest)
    except (struct.error, ValueError, IndexError):
        return FrameLine("", "", "cut", f"{len(data)} octets captured")
    return FrameLine("", "", f"0x{kind:04x}", "")


def _four(ip: bytes) -> FrameLine:
    length, total, part, protocol = (
        (ip[0] & 15) * 4,
        *struct.unpack_from(">H", ip, 2),
        *struct.unpack_from(">H", ip, 6),
        ip[9],
    )
    ends = str(IPv4Address(ip[12:16])), str(IPv4Address(ip[16:20]))
    offset = (part & 0x1FFF) * 8
    if offset:
        return FrameLine(*ends, _PROTOCOLS.get(protocol, str(protocol)), f"fragment at {offset}")
    return _upper(ends, protocol, ip[length:], max(0, total - length))


def _six(ip: bytes) -> FrameLine:
    payload, upper = struct.unpack_from(">HB", ip, 4)
    ends = str(IPv6Address(ip[8:24])), str(IPv6Address(ip[24:40]))
    at = 40
    for _ in range(_MOST_EXTENSIONS):
        if upper not in _EXTENSIONS:
            break
        if upper == _FRAGMENT:
            offset = struct.unpack_from(">H", ip, at + 2)[0] & 0xFFF8
            if offset:
                return FrameLine(*ends, _PROTOCOLS.get(ip[at], str(ip[at])), f"fragment at {offset}")
        length = 8 if upper == _FRAGMENT else (ip[at + 1] + 1) * 8
        upper, at = ip[at], at + length
    return _upper(ends, upper, ip[at:], max(0, payload - (at - 40)))


def _upper(ends: tuple[str, str], protocol: int, data: bytes, length: int) -> FrameLine:
    name = _PROTOCOLS.get(protocol, str(protocol))
    if protocol in _PORTS:
        source, destination = struct.unpack_from(">HH", data)
        ends = (_with_port(ends[0], source), _with_port(ends[1], destination))
    says = f"{length} octets"
    if protocol == 6:  # noqa: PLR2004 - TCP
        sequence, answered, head, flags = struct.unpack_from(">IIBB", data, 4)
        offset = (head >> 4) * 4
        set_ = " ".join(flag for bit, flag in enumerate(_FLAGS) if flags >> bit & 1)
        says = (
            f"[{set_}] seq {sequence} ack {answered}, {max(0, length - offset)} octets{_words(data[offset:])}"
        )
    elif protocol == 17:  # noqa: PLR2004 - UDP
        says = f"{max(0, length - 8)} octets{_words(data[8:])}"
    elif name in ("ICMP", "ICMPv6"):
        says = (_ICMP if name == "ICMP" else _ICMP6).get(data[0], f"type {data[0]}") + f", code {data[1]}"
    return FrameLine(*ends, name, says)


def _arp(data: bytes) -> FrameLine:
    act = struct.unpack_from(">H", data, 6)[0]
    source, destination = str(IPv4Address(data[14:18])), str(IPv4Address(data[24:28]))
    mac = data[8:14].hex(":")
    return FrameLine(
        source,
        destination,
        "ARP",
        {1: f"who has {destination}?", 2: f"{source} is at {mac}"}.get(act, f"act {act}"),
    )


def _with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _words(payload: bytes) -> str:
    """Return how a payload begins when it is text; what is no plain ASCII is not shown."""
    line = payload[:_SHOWN].split(b"\r", 1)[0].split(b"\n", 1)[0]
    text = line.decode("ascii", "replace")
    return f": {text}" if len(line) > 3 and all(" " <= one <= "~" for one in text) else ""  # noqa: PLR2004 - a word at least
