"""The evidence lane: that an attack came from a line of another carrier, with the log that shows it.

One object is one log entry: ``observed-data`` that holds its own ``objects``: the address that sent, the address that was
attacked, the traffic between them. 電気通信事業法 116条の2 第2項, 規則40条の8の13: 送信元, 送信先, 通信日時その他の通信履歴.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import msgspec

from sekisho.exchange.lanes.listing import milliseconds
from sekisho.formats.stix_object import ObjectFault

_ALLOWED = frozenset({
    "type", "spec_version", "id", "created", "modified", "created_by_ref", "first_observed", "last_observed",
    "number_observed", "objects", "object_marking_refs", "confidence",
})  # fmt: skip
_ADDRESS = frozenset({"type", "value"})
_TRAFFIC = frozenset({
    "type", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "src_packets", "src_byte_count", "start", "end",
})  # fmt: skip
_PARTS = 3
_MOST_PORT = 65_535
_MOST_PROTOCOLS = 8


class LogItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The items of the log: who sent, to whom, when (milliseconds), by what, how often."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    protocols: tuple[str, ...]
    first: int
    last: int
    number: int


def items(one: Mapping[str, Any]) -> LogItems:
    """Return the items of one log entry.

    :raises ObjectFault: this lane doesn't take it, and why
    """
    if one["type"] != "observed-data" or "objects" not in one:
        raise ObjectFault("the evidence lane takes observed-data with objects")
    for name in one:
        if name not in _ALLOWED:
            raise ObjectFault(f"{name[:60]} has no place in the evidence lane")
    parts = one["objects"]
    if (
        not isinstance(parts, dict)
        or len(parts) != _PARTS
        or not all(isinstance(part, dict) for part in parts.values())
    ):
        raise ObjectFault("objects: the two addresses and the traffic between them")
    traffic = [part for part in parts.values() if part.get("type") == "network-traffic"]
    if len(traffic) != 1 or set(traffic[0]) - _TRAFFIC:
        raise ObjectFault("objects: one network-traffic with addresses, ports, protocols, counts and times")
    source, destination = (_address(parts, traffic[0].get(name)) for name in ("src_ref", "dst_ref"))
    protocols = traffic[0].get("protocols")
    if (
        not isinstance(protocols, list)
        or len(protocols) > _MOST_PROTOCOLS
        or not all(isinstance(word, str) and word.isalnum() and word.isascii() for word in protocols)
    ):
        raise ObjectFault("protocols: words")
    number = one["number_observed"]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ObjectFault("number_observed: from 1")
    return LogItems(
        source, _port(traffic[0].get("src_port", 0)), destination, _port(traffic[0].get("dst_port", 0)), tuple(protocols),
        milliseconds(one["first_observed"]), milliseconds(one["last_observed"]), number,
    )  # fmt: skip


def _address(parts: Mapping[str, Any], name: Any) -> str:
    part = parts.get(name, {}) if isinstance(name, str) else {}
    if part.get("type") not in {"ipv4-addr", "ipv6-addr"} or set(part) != _ADDRESS:
        raise ObjectFault("src_ref and dst_ref name an address")
    try:
        return str(ip_address(part["value"]))
    except ValueError:
        raise ObjectFault("value is no address") from None


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_PORT:
        raise ObjectFault("a port is a number from 0 to 65535")
    return value
