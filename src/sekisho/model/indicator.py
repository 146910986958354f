"""Indicators: an address (or prefix) and port that somebody says is a C&C server, since when, how sure."""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec


class Tlp(IntEnum):
    """Traffic Light Protocol 2.0; a larger one is stricter."""

    CLEAR = 0
    GREEN = 1
    AMBER = 2
    AMBER_STRICT = 3
    RED = 4


class Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a list, in the form all list formats are read into.

    :ivar network: address or prefix in CIDR text, ``203.0.113.7/32``; always normalised
    :ivar port: 0 for any
    :ivar protocol: IANA number; 0 for any
    :ivar valid_from: milliseconds; 0 for always
    :ivar valid_until: milliseconds, exclusive; 0 for until further notice
    :ivar confidence: 0–100 as in STIX 2.1; -1 when the source gives none
    :ivar family: malware family as the source writes it, or empty
    :ivar source: the list's name; ``reference`` the entry's id or line in it
    """

    network: str
    port: int = 0
    protocol: int = 0
    valid_from: int = 0
    valid_until: int = 0
    confidence: int = -1
    family: str = ""
    source: str = ""
    reference: str = ""
    tlp: Tlp = Tlp.CLEAR

    @property
    def net(self) -> IPv4Network | IPv6Network:
        """The network as a value."""
        return ip_network(self.network)

    def valid_at(self, milliseconds: int) -> bool:
        """Say whether it held at that moment."""
        return self.valid_from <= milliseconds and (not self.valid_until or milliseconds < self.valid_until)


class Rejected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry that was left out: where it stands, a stable reason id, a detail for people."""

    where: str
    reason: str
    detail: str = ""


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network that very many lines use for good reasons: an indicator that covers it is wrong or poisoned.

    ``kind`` is ``root-server``, ``resolver``, ``ntp``, ``cdn`` or ``protected`` (by the operator); ``confidence`` A to C says how well the fact is known.
    """

    network: str
    name: str
    kind: str
    source: str = ""
    confidence: str = "C"
