"""What every list form hands its entries to: strict checks, folding of doubles, counted rejects.

Addresses that nobody on the Internet can have (RFC 1918, loopback, multicast, documentation and so on; IANA
special-purpose address registries, RFC 6890) are rejected by the name of their range.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    NetmaskValueError,
    ip_network,
)

import msgspec

from sekisho.model.indicator import Indicator, Rejected, Tlp

Network = IPv4Network | IPv6Network

_DAY = 86_400_000
_MAX_PORT = 65_535
_LAST = 253_402_300_800_000  # 10000-01-01: no calendar of ours goes on
_CENTURY = 4_102_444_800_000  # 2100-01-01: a larger number of seconds was milliseconds

# Range -> reason id.
_SPECIAL = {
    "0.0.0.0/8": "this-network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol-assignment",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "2001::/23": "protocol-assignment",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "3fff::/20": "documentation",
    "::/128": "this-network",
    "::1/128": "loopback",
    "::ffff:0:0/96": "mapped",
    "64:ff9b::/96": "translation",
    "64:ff9b:1::/48": "translation",
    "100::/64": "discard-only",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a list is taken, and how.

    :ivar octets: longest input
    :ivar entries: most entries kept; the rest is rejected as ``too-many``
    :ivar shown: most rejects kept with their place; all are counted
    :ivar decay_days: an entry with a time of last sight stops holding so many days after it; 0: never
    :ivar lead_days: an entry with a time of first sight holds from so many days before it; -1: from always
    :ivar allow: names of special ranges that are taken all the same (demonstrations use ``documentation``)
    """

    octets: int = 256 << 20
    entries: int = 5_000_000
    shown: int = 10_000
    decay_days: int = 0
    lead_days: int = -1
    allow: frozenset[str] = frozenset()


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came out of a list.

    ``rejected`` is bounded by `Limits.shown`; ``reasons`` counts all of them by reason. ``folded`` entries said the
    same again. ``others`` are entries about something else than an address (domains, hashes): not faults.
    """

    form: str
    indicators: tuple[Indicator, ...]
    rejected: tuple[Rejected, ...] = ()
    reasons: Mapping[str, int] = {}
    folded: int = 0
    others: int = 0


class Entries:
    """Collects the entries of one list named ``source``."""

    def __init__(self, source: str, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self._kept: dict[tuple[str, int, int, str], Indicator] = {}
        self._rejected: list[Rejected] = []
        self._reasons: Counter[str] = Counter()
        self._folded = 0
        self._others = 0

    def add(
        self,
        address: str,
        port: int | str,
        where: str,
        *,
        protocol: int = 0,
        more: Indicator | None = None,
        first_seen: int = 0,
        last_seen: int = 0,
    ) -> None:
        """Take an entry, or count why not.

        :param address: an address or prefix as written
        :param port: as written; 0 or empty for any
        :param where: line or object id, for the reject and the reference
        :param more: an indicator whose other fields (validity, confidence, family, Tlp, reference) are taken over
        :param first_seen: milliseconds; 0 when the source gives none (see `Limits.lead_days`)
        :param last_seen: milliseconds; 0 when the source gives none (see `Limits.decay_days`)
        """
        try:
            number = port_number(port)
            network = address_range(address, self.limits.allow)
        except ValueError as fault:
            said = f"{address[:80]} {port}".strip()
            # A URL is not repeated: it may hold a code or name a person.
            self.reject(where, str(fault), "" if "//" in said or "@" in said else said[:120])
            return
        more = more or Indicator("")
        begin, end = self._validity(more, first_seen, last_seen)
        if end and end <= begin:
            self.reject(where, "never-valid", f"{address} {begin} {end}")
            return
        self._keep(
            msgspec.structs.replace(
                more,
                network=str(network),
                port=number,
                protocol=protocol,
                valid_from=begin,
                valid_until=end,
                source=self.source,
                reference=more.reference or where,
            ),
            where,
        )

    def reject(self, where: str, reason: str, detail: str = "") -> None:
        """Count an entry that is left out as faulty."""
        self._reasons[reason] += 1
        if len(self._rejected) < self.limits.shown:
            self._rejected.append(Rejected(f"{self.source}:{where}", reason, detail))

    @contextmanager
    def each(self, where: str) -> Iterator[None]:
        """Take what belongs to one entry: whatever in it nobody thought of costs that entry only (``bad-entry``)."""
        try:
            yield
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as fault:
            self.reject(where, "bad-entry", type(fault).__name__)

    def other(self) -> None:
        """Count an entry that is about something else than an address."""
        self._others += 1

    def done(self, form: str) -> Reading:
        """Return all that was collected."""
        return Reading(
            form,
            tuple(self._kept.values()),
            tuple(self._rejected),
            dict(self._reasons),
            self._folded,
            self._others,
        )

    def _validity(self, more: Indicator, first_seen: int, last_seen: int) -> tuple[int, int]:
        begin, end = more.valid_from, more.valid_until
        if not begin and first_seen and self.limits.lead_days >= 0:
            begin = max(0, first_seen - self.limits.lead_days * _DAY)
        if not end and last_seen and self.limits.decay_days:
            end = last_seen + self.limits.decay_days * _DAY
        return begin, end

    def _keep(self, one: Indicator, where: str) -> None:
        key = one.network, one.port, one.protocol, one.family
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= self.limits.entries:
                self.reject(where, "too-many", one.network)
                return
            self._kept[key] = one
            return
        self._folded += 1
        self._kept[key] = msgspec.structs.replace(
            known,
            valid_from=0
            if not (known.valid_from and one.valid_from)
            else min(known.valid_from, one.valid_from),
            valid_until=0
            if not (known.valid_until and one.valid_until)
            else max(known.valid_until, one.valid_until),
            confidence=max(known.confidence, one.confidence),
            tlp=Tlp(max(known.tlp, one.tlp)),
        )


def port_number(port: int | str) -> int:
    """Return a port; 0 for none.

    :raises ValueError: with the reason id ``bad-port``
    """
    text = str(port).strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or int(text[:9]) > _MAX_PORT or len(text) > len("065535"):
        raise ValueError("bad-port")
    return int(text)


def address_range(text: str, allow: frozenset[str] = frozenset()) -> Network:
    """Return an address or prefix as a network, strictly: no host bits, no leading zeros, no zone.

    :raises ValueError: with a reason id: ``bad-address``, ``host-bits``, ``mapped`` or the name of a special range
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        network: Network = (
            IPv4Network(IPv4Address(text)) if "/" not in text and ":" not in text else _network(text)
        )
    except (AddressValueError, NetmaskValueError) as fault:
        raise ValueError("bad-address") from fault
    name = special(network)
    if name and name not in allow:
        raise ValueError(name)
    return network


def _network(text: str) -> Network:
    if "%" in text:
        raise ValueError("bad-address")
    if "/" not in text:
        return IPv6Network(IPv6Address(text))
    try:
        return ip_network(text)
    except ValueError as fault:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError("bad-address") from fault
        raise ValueError("host-bits") from fault


def special(network: Network) -> str:
    """Return the name of the special range that a network touches, or an empty text."""
    first, last = int(network.network_address), int(network.broadcast_address)
    starts, ranges = _RANGES[network.version]
    at = bisect_right(starts, last) - 1
    if at >= 0 and ranges[at][0] >= first:
        return ranges[at][1]
    outside = isinstance(network, IPv6Network) and not network.subnet_of(_GLOBAL_UNICAST)
    return "reserved" if outside else ""


def _ranges(version: int) -> tuple[list[int], list[tuple[int, str]]]:
    """Return the special ranges of one address family (they are disjoint) by start, each with its end and name."""
    nets = [(net, name) for text, name in _SPECIAL.items() if (net := ip_network(text)).version == version]
    found = sorted((int(net.network_address), int(net.broadcast_address), name) for net, name in nets)
    return [one[0] for one in found], [one[1:] for one in found]


_RANGES = {4: _ranges(4), 6: _ranges(6)}


def endpoint(text: str) -> tuple[str, str, int]:
    """Return address, port and protocol of ``address``, ``address:port``, ``[v6]:port``, each with ``/tcp`` or ``/udp``.

    The parts are texts as written; what they hold is checked by `Entries.add`.
    """
    protocol = 0
    head, slash, tail = text.rpartition("/")
    if slash and tail.lower() in _PROTOCOLS:
        text, protocol = head, _PROTOCOLS[tail.lower()]
    if text.startswith("["):
        inside, _, after = text[1:].partition("]")
        return inside, after.removeprefix(":") if after.startswith(":") else after, protocol
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, port or "?", protocol
    return text, "", protocol


_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "sctp": 132}


def protocol_number(text: object) -> int:
    """Return the IANA number of a protocol by name or number; 0 when it is not known."""
    word = str(text).strip().lower()
    if word.isascii() and word.isdigit() and len(word) <= 3:  # noqa: PLR2004 - one octet
        return int(word) if int(word) <= 255 else 0  # noqa: PLR2004
    return _PROTOCOLS.get(word, 0)


def milliseconds(text: object) -> int:
    """Return a time (ISO 8601, with or without zone, UTC assumed; or seconds of the epoch) in ms; 0 when unreadable."""
    word = str(text or "").strip()
    if word.isascii() and word.isdigit():
        number = int(word[:16])
        number = number * 1000 if number * 1000 < _CENTURY else number
        return number if number < _LAST else 0
    found = _TIME.fullmatch(word)
    if found is None:
        return 0
    day, clock, zone = found.groups()
    zone = "+00:00" if not zone or zone.upper() in {"Z", "UTC"} else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}").astimezone(UTC)
    except ValueError:
        return 0
    except OverflowError:
        # The last hours of the year 9999 west of Greenwich: "for ever"; the first of the year 1: never.
        return _LAST - 1 if day > "5000" else 0
    return max(0, int(moment.timestamp() * 1000))


def confidence(text: object) -> int:
    """Return a confidence from 0 to 100; -1 when there is none or it makes no sense."""
    try:
        number = int(str(text).strip()[:9])
    except ValueError:
        return -1
    return number if 0 <= number <= 100 else -1  # noqa: PLR2004 - STIX 2.1 scale
