"""Reads the first octets of many sampled packets at once: Ethernet, VLAN, PPPoE, MPLS, IPv4, IPv6, ports, TCP flags.

Only numbers of FLOW are taken; what lies behind the transport header is never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sekisho.formats.ether_types import IPV4 as _TYPE_4
from sekisho.formats.ether_types import IPV6 as _TYPE_6
from sekisho.formats.ether_types import MOST_LABELS, MOST_TAGS, MPLS, PPPOE, TAGS
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.message_sets import Block

ETHERNET, IPV4_HEADER, IPV6_HEADER = 1, 11, 12  # sFlow's header_protocol
_PPP = {0x0021: _TYPE_4, 0x0057: _TYPE_6}
_MOST_EXTENSIONS = 8
_EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options (RFC 8200)
_FRAGMENT, _AUTHENTICATION, _TCP = 44, 51, 6
_WITH_PORTS = (6, 17, 33, 132, 136)
_OFFSET_4, _OFFSET_6 = 0x1FFF, 0xFFF8
_FOUR, _SIX = 4, 6
_HEADER_4, _HEADER_6 = 20, 40


@dataclass(slots=True)
class Packets:
    """What was read of each packet: ``family`` 4, 6, or 0 when it isn't IP, -1 when its IP header is torn.

    ``network``: where the IP header begins. Ports and flags are 0 where there are none.
    """

    family: Array
    network: Offsets
    protocol: Array
    source_port: Array
    destination_port: Array
    flags: Array


class _Reader:
    """Numbers at any place; a place outside of its packet gives 0."""

    def __init__(self, block: Block, ends: Offsets) -> None:
        self._flat = block.flat
        self.ends = ends

    def octet(self, at: Offsets) -> Offsets:
        inside = at < self.ends
        return np.where(inside, self._flat[np.where(inside, at, 0)], 0).astype(np.int64)

    def pair(self, at: Offsets) -> Offsets:
        return self.octet(at) << 8 | self.octet(at + 1)


def read_packets(block: Block, kind: Array, begins: Offsets, ends: Offsets) -> Packets:
    """Read packets between ``begins`` and ``ends``; ``kind``: sFlow's header_protocol of each."""
    reader = _Reader(block, ends)
    network, ether_type = _link(reader, kind, begins)
    first = reader.octet(network)
    four = (ether_type == _TYPE_4) & (first >> 4 == _FOUR)
    six = (ether_type == _TYPE_6) & (first >> 4 == _SIX)
    header = np.where(four, (first & 15) * 4, _HEADER_6)
    torn = np.isin(ether_type, (_TYPE_4, _TYPE_6)) & (
        ~(four | six) | (network + header > ends) | (header < _HEADER_4)
    )
    family = np.where(torn, -1, np.where(four, _FOUR, np.where(six, _SIX, 0)))
    protocol = np.where(four, reader.octet(network + 9), np.where(six, reader.octet(network + 6), 0))
    whole = np.where(four, (reader.pair(network + 6) & _OFFSET_4) == 0, family > 0)
    transport, protocol, whole = _extensions(reader, network + header, protocol, whole, family == _SIX)
    ports = whole & np.isin(protocol, _WITH_PORTS) & (transport + 4 <= ends)
    return Packets(
        family,
        network,
        protocol,
        np.where(ports, reader.pair(transport), 0),
        np.where(ports, reader.pair(transport + 2), 0),
        np.where(ports & (protocol == _TCP), reader.octet(transport + 13), 0),
    )


def _link(reader: _Reader, kind: Array, begins: Offsets) -> tuple[Offsets, Offsets]:
    """Return where the network header begins and its EtherType (0: not IP)."""
    ethernet = kind == ETHERNET
    at = np.where(ethernet, begins + 14, begins)
    ether_type = np.where(ethernet, reader.pair(begins + 12), 0)
    for number, found in ((IPV4_HEADER, _TYPE_4), (IPV6_HEADER, _TYPE_6)):
        ether_type = np.where(kind == number, found, ether_type)
    for _ in range(MOST_TAGS):
        tagged = np.isin(ether_type, TAGS)
        if not tagged.any():
            break
        ether_type = np.where(tagged, reader.pair(at + 2), ether_type)
        at = np.where(tagged, at + 4, at)
    session = ether_type == PPPOE
    if session.any():
        inner = reader.pair(at + 6)
        for number, found in _PPP.items():
            ether_type = np.where(session & (inner == number), found, ether_type)
        at = np.where(session, at + 8, at)
    return _labels(reader, at, ether_type)


def _labels(reader: _Reader, at: Offsets, ether_type: Offsets) -> tuple[Offsets, Offsets]:
    """Pass over MPLS labels (RFC 3032): behind the last one the IP version tells what follows."""
    labelled = np.isin(ether_type, MPLS)
    if not labelled.any():
        return at, ether_type
    more = labelled
    for _ in range(MOST_LABELS):
        bottom = (reader.octet(at + 2) & 1) == 1
        at = np.where(more, at + 4, at)
        more = more & ~bottom
    nibble = reader.octet(at) >> 4
    done = labelled & ~more
    for version, found in ((_FOUR, _TYPE_4), (_SIX, _TYPE_6)):
        ether_type = np.where(done & (nibble == version), found, ether_type)
    return at, ether_type


def _extensions(
    reader: _Reader, at: Offsets, protocol: Offsets, whole: Array, six: Array
) -> tuple[Offsets, Offsets, Array]:
    """Pass over IPv6 extension headers; a fragment other than the first, or a torn chain, has no ports."""
    for _ in range(_MOST_EXTENSIONS):
        usual = six & np.isin(protocol, _EXTENSIONS)
        fragment = six & (protocol == _FRAGMENT)
        authentication = six & (protocol == _AUTHENTICATION)
        some = usual | fragment | authentication
        if not some.any():
            break
        length = reader.octet(at + 1)
        step = np.where(usual, (length + 1) * 8, np.where(authentication, (length + 2) * 4, 8))
        here = some & (at + 8 <= reader.ends)
        later = fragment & ((reader.pair(at + 2) & _OFFSET_6) != 0)
        whole = whole & ~later & ~(some & ~here)
        protocol = np.where(here, reader.octet(at), protocol)
        at = np.where(here, at + step, at)
        six = here & ~later
    return at, protocol, whole
