"""Guards against wrong and poisoned lists: what must never be an indicator is left out, each with its reason.

Somebody who can slip one line into a shared list could make an operator accuse every line that asks a resolver, or
its own network. Prefixes that are too short, the operator's own networks and well-known services are therefore
left out here; what is popular in this network is measured where the flows are (``detectors.flows.known_cc``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from sekisho.model.indicator import Indicator, Rejected, Service

Network = IPv4Network | IPv6Network


class Guards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out.

    :ivar own: the operator's networks in CIDR text: a C&C inside is a case of its own, not a line of a list
    :ivar services: popular services (``catalogues.popular_services``)
    :ivar shortest4: IPv4 prefixes shorter than this are left out
    :ivar shortest6: IPv6 prefixes shorter than this are left out
    """

    own: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    shortest4: int = 16
    shortest6: int = 32


class Guarded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The indicators that may be used, and those left out: reasons ``too-short``, ``own-network`` or a service's kind."""

    kept: tuple[Indicator, ...]
    dropped: tuple[Rejected, ...]


def guard(indicators: Iterable[Indicator], guards: Guards) -> Guarded:
    """Sort indicators into those that may be used and those left out.

    An indicator falls when it touches a guarded network, whatever its port.

    :raises ValueError: when a network of ``guards`` is not CIDR text
    """
    own = _Ranges([(ip_network(text), "own-network", text) for text in guards.own])
    popular = _Ranges([(ip_network(one.network), one.kind, one.name) for one in guards.services])
    kept: list[Indicator] = []
    dropped: list[Rejected] = []
    for one in indicators:
        net = one.net
        shortest = guards.shortest4 if isinstance(net, IPv4Network) else guards.shortest6
        found = ("too-short", f"/{net.prefixlen} < /{shortest}") if net.prefixlen < shortest else None
        found = found or own.touched(net) or popular.touched(net)
        if found is None:
            kept.append(one)
        else:
            dropped.append(Rejected(f"{one.source}:{one.reference}", found[0], f"{one.network}: {found[1]}"))
    return Guarded(tuple(kept), tuple(dropped))


class _Ranges:
    """Networks by start, nested ones folded into the outermost, so that one bisection finds a touch."""

    def __init__(self, rows: Sequence[tuple[Network, str, str]]) -> None:
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._rows: dict[int, list[tuple[int, str, str]]] = {4: [], 6: []}
        for net, reason, detail in sorted(
            rows, key=lambda row: (row[0].version, int(row[0].network_address), row[0].prefixlen)
        ):
            starts, kept = self._starts[net.version], self._rows[net.version]
            if kept and kept[-1][0] >= int(net.network_address):
                continue
            starts.append(int(net.network_address))
            kept.append((int(net.broadcast_address), reason, detail))

    def touched(self, net: Network) -> tuple[str, str] | None:
        """Return reason and detail of a guarded network that overlaps ``net``."""
        at = bisect_right(self._starts[net.version], int(net.broadcast_address)) - 1
        if at < 0 or self._rows[net.version][at][0] < int(net.network_address):
            return None
        return self._rows[net.version][at][1:]
