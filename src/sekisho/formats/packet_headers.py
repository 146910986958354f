"""The headers of many packets at once: link layer, IPv4 and IPv6, ports and TCP flags; payload is never looked at.

Link types: Ethernet (VLAN, QinQ, PPPoE, MPLS), raw IP, Linux cooked 1 and 2, null and loopback,
Cisco HDLC (tcpdump.org).
IPv4 RFC 791, IPv6 and its extension headers RFC 8200, AH RFC 4302.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sekisho.formats.capture_file import Packets
from sekisho.formats.ether_types import IPV4 as _IPV4
from sekisho.formats.ether_types import IPV6 as _IPV6
from sekisho.formats.ether_types import MOST_LABELS, MOST_TAGS, MPLS, PPPOE, TAGS
from sekisho.formats.octet_fields import OctetFields

Array = npt.NDArray[Any]
Count = Callable[[str, int], None]

_ETHERNET, _NULL, _LOOP, _HDLC, _SLL, _SLL2 = 1, 0, 108, 104, 113, 276
_RAW = (101, 12, 14, 228, 229)
# Link type → octets before the network layer, and where its EtherType stands (-1: the IP version tells).
_LINKS = {
    _ETHERNET: (14, 12),
    _NULL: (4, -1),
    _LOOP: (4, -1),
    _HDLC: (4, 2),
    _SLL: (16, 14),
    _SLL2: (20, 0),
} | dict.fromkeys(_RAW, (0, -1))
_UNKNOWN = 0xFFFF
_MOST_EXTENSIONS = 8
_WITH_PORTS = (6, 17, 33, 132, 136)
_OPTIONS, _ROUTING, _FRAGMENT, _AH, _DESTINATION, _MOBILITY = 0, 43, 44, 51, 60, 135
_EXTENSIONS = (_OPTIONS, _ROUTING, _FRAGMENT, _AH, _DESTINATION, _MOBILITY)
TCP = 6


@dataclass(frozen=True, slots=True)
class Headers:
    """One family's packets: ``which`` of the packets they are, and one value a packet for each field.

    ``keys`` uint64[n, w]: addresses (one word for IPv4, four for IPv6), then ports and protocol in the last word.
    """

    family: int
    which: Array
    keys: Array
    octets: Array
    flags: Array


def headers(packets: Packets, reject: Count, note: Count) -> list[Headers]:
    """Return the headers of the IPv4 and of the IPv6 packets; what can't be metered is counted.

    Reject ids: ``link-type-N``, ``not-ip``, ``cut-before-addresses``, ``ip-header``. Notes: ``fragments``,
    ``cut-before-ports``, ``ip-length-lies``, ``ip-length-zero``.
    """
    fields = OctetFields(packets.content, ">")
    network, ether = _network_layer(packets, fields, reject)
    version = fields.at(network, 1) >> 4
    guess = ether == _UNKNOWN
    four = ((ether == _IPV4) | guess) & (version == 4)  # noqa: PLR2004 - IP version
    six = ((ether == _IPV6) | guess) & (version == 6)  # noqa: PLR2004 - IP version
    wrong = ~four & ~six & ((ether == _IPV4) | (ether == _IPV6))
    begun = network < packets.at + packets.captured
    for reason, bad in (
        ("cut-before-addresses", ~begun & (ether >= 0)),
        ("ip-header", wrong & begun),
        ("not-ip", ~four & ~six & ~wrong & begun & (ether >= 0)),
    ):
        if bad.any():
            reject(reason, int(bad.sum()))
    found = []
    for mask, reading in ((four & begun, _four), (six & begun, _six)):
        which = np.flatnonzero(mask)
        if len(which):
            found.append(reading(_Layer(packets.take(which), which, network[which], fields), reject, note))
    return found


def _network_layer(packets: Packets, fields: OctetFields, reject: Count) -> tuple[Array, Array]:
    """Return where each packet's network layer begins, and its EtherType; -1 for link types that can't be read."""
    network, ether = packets.at.copy(), np.full(len(packets.at), -1)
    for link in np.unique(packets.link).tolist():
        which = packets.link == link
        if link not in _LINKS:
            reject(f"link-type-{link}", int(which.sum()))
            continue
        before, place = _LINKS[link]
        ether[which] = fields.at(packets.at[which] + place, 2) if place >= 0 else _UNKNOWN
        network[which] += before
    for _ in range(MOST_TAGS):
        which = np.flatnonzero(np.isin(ether, TAGS))
        if not len(which):
            break
        ether[which] = fields.at(network[which] + 2, 2)
        network[which] += 4
    which = np.flatnonzero(ether == PPPOE)
    protocol = fields.at(network[which] + 6, 2)
    # RFC 2516 and the PPP protocol numbers: control packets of PPP are not IP.
    ether[which] = np.select([protocol == 0x21, protocol == 0x57], [_IPV4, _IPV6], 1)  # noqa: PLR2004
    network[which] += 8
    labelled = np.flatnonzero(np.isin(ether, MPLS))
    for _ in range(MOST_LABELS):
        if not len(labelled):
            break
        bottom = (fields.at(network[labelled] + 2, 1) & 1) == 1
        network[labelled] += 4
        ether[labelled[bottom]] = _UNKNOWN
        labelled = labelled[~bottom]
    return network, ether


@dataclass(slots=True)
class _Layer:
    """Packets of one family with the place of their network layer."""

    packets: Packets
    which: Array
    at: Array
    fields: OctetFields

    def left(self, place: Array) -> Array:
        """Return how many captured octets there are from ``place`` on."""
        return self.packets.at + self.packets.captured - place

    def only(self, good: Array) -> _Layer:
        return (
            self
            if good.all()
            else _Layer(self.packets.take(good), self.which[good], self.at[good], self.fields)
        )

    def octets(self, stated: Array, note: Count) -> Array:
        """Return the length of the IP packet as its header states it, as far as the wire's length allows that."""
        most = np.maximum(self.packets.wire, self.packets.captured) - (self.at - self.packets.at)
        for name, odd in (("ip-length-zero", stated == 0), ("ip-length-lies", stated > most)):
            if odd.any():
                note(name, int(odd.sum()))
        known: Array = np.where(stated == 0, most, np.minimum(stated, most))
        return known

    def transport(self, place: Array, protocol: Array, first: Array, note: Count) -> tuple[Array, Array]:
        """Return ports and protocol as one word, and the TCP flags; zero where a packet does not have them."""
        wanted = np.isin(protocol, _WITH_PORTS) & first
        there = wanted & (self.left(place) >= 4)  # noqa: PLR2004 - two ports
        flagged = there & (protocol == TCP) & (self.left(place) >= 14)  # noqa: PLR2004 - up to the flags
        if lost := int((wanted & ~there).sum()):
            note("cut-before-ports", lost)
        if later := int((~first).sum()):
            note("fragments", later)
        ports = np.where(there, self.fields.at(place, 4), 0).astype(np.uint64)
        flags = np.where(flagged, self.fields.at(place + 13, 1), 0).astype(np.uint8)
        return ports << np.uint64(8) | protocol.astype(np.uint64), flags


def _four(layer: _Layer, reject: Count, note: Count) -> Headers:
    cut = layer.left(layer.at) < 20  # noqa: PLR2004 - the fixed header
    length = (layer.fields.at(layer.at, 1) & 15).astype(np.int64) * 4
    wrong = ~cut & (length < 20)  # noqa: PLR2004 - as above
    for reason, bad in (("cut-before-addresses", cut), ("ip-header", wrong)):
        if bad.any():
            reject(reason, int(bad.sum()))
    layer, length = layer.only(~cut & ~wrong), length[~cut & ~wrong]
    fields, at = layer.fields, layer.at
    octets = layer.octets(fields.at(at + 2, 2).astype(np.int64), note)
    first = (fields.at(at + 6, 2) & 0x1FFF) == 0
    last_word, flags = layer.transport(at + length, fields.at(at + 9, 1), first, note)
    keys = np.stack([fields.at(at + 12, 8), last_word], axis=1)
    return Headers(4, layer.which, keys, octets, flags)


def _six(layer: _Layer, reject: Count, note: Count) -> Headers:
    cut = layer.left(layer.at) < 40  # noqa: PLR2004 - the fixed header
    if cut.any():
        reject("cut-before-addresses", int(cut.sum()))
    layer = layer.only(~cut)
    fields, at = layer.fields, layer.at
    stated = fields.at(at + 4, 2).astype(np.int64)
    octets = layer.octets(np.where(stated == 0, 0, stated + 40), note)
    protocol, first, place = _extensions(layer)
    last_word, flags = layer.transport(place, protocol, first, note)
    words = [fields.at(at + offset, 8) for offset in (8, 16, 24, 32)]
    return Headers(6, layer.which, np.stack([*words, last_word], axis=1), octets, flags)


def _extensions(layer: _Layer) -> tuple[Array, Array, Array]:
    """Follow the extension headers; return the upper protocol, whether it begins here, and where."""
    fields = layer.fields
    protocol, place = fields.at(layer.at + 6, 1).astype(np.int64), layer.at + 40
    first = np.ones(len(place), bool)
    for _ in range(_MOST_EXTENSIONS):
        which = np.flatnonzero(np.isin(protocol, _EXTENSIONS) & first & (layer.left(place) >= 8))  # noqa: PLR2004
        if not len(which):
            break
        kind, start = protocol[which], place[which]
        units = fields.at(start + 1, 1).astype(np.int64)
        place[which] += np.select([kind == _FRAGMENT, kind == _AH], [8, (units + 2) * 4], (units + 1) * 8)
        protocol[which] = fields.at(start, 1)
        first[which] = (kind != _FRAGMENT) | (fields.at(start + 2, 2) >> 3 == 0)
    return protocol, first, place
