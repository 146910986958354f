"""Flow rows as people and JSON read them: addresses as text, nulls left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from sekisho.model.tables import RECEIVES, SENDS, WATCHED

_NAMES = frozenset(WATCHED.names)

# IANA protocol numbers that people know by name.
PROTOCOLS: Mapping[int, str] = {
    1: "icmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    58: "icmp6",
    132: "sctp",
}


def address_text(version: int, four: int | None, six: bytes | None) -> str:
    """Return an address of either family as text."""
    if version == 4 and four is not None:  # noqa: PLR2004 - an address family
        return str(IPv4Address(four))
    return str(IPv6Address(six)) if six is not None else "?"


def endpoint_text(address: str, port: int, protocol: int) -> str:
    """Return ``203.0.113.7:23/tcp``; IPv6 in brackets (RFC 3986)."""
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}/{PROTOCOLS.get(protocol, str(protocol))}"


def line_text(subscriber: int) -> str:
    """Return the name of a line as people copy it: ``L`` and its pseudonym in hexadecimal; no address."""
    return f"L{subscriber:x}"


def shown(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows of FLOW or WATCHED as JSON-able dicts: the two addresses as text, nulls and other names left out."""
    for given in rows:
        row = {name: value for name, value in given.items() if name in _NAMES}
        version = row.pop("ipVersion", 4)
        ends = {
            side: address_text(
                version, row.pop(f"{side}IPv4Address", None), row.pop(f"{side}IPv6Address", None)
            )
            for side in ("source", "destination")
        }
        # A pseudonym looks like somebody else's address: the line's side is told by its name only.
        side = {SENDS: "source", RECEIVES: "destination"}.get(row.get("subscriberSide", 0))
        if side and row.get("subscriber") is not None:
            ends[side] = line_text(row["subscriber"])
        yield {
            "sourceAddress": ends["source"],
            "destinationAddress": ends["destination"],
            **{name: value for name, value in row.items() if value is not None},
        }
