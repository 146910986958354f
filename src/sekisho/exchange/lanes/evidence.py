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
from sekisho.formats.stix_marking import WRITTEN
from sekisho.formats.stix_object import ObjectFault, time_key
from sekisho.model.indicator import Tlp
from sekisho.model.sharing import rfc3339

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
_MOST_COUNT = 2**53 - 1


class LogItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The items of the log: who sent, to whom, when (milliseconds), by what, how often, how much (-1: not told)."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    protocols: tuple[str, ...]
    first: int
    last: int
    number: int
    packets: int = -1
    octets: int = -1
    start: int = 0
    end: int = 0

    @property
    def span(self) -> tuple[int, int]:
        """Return the earliest and the latest moment that it tells of."""
        told = [at for at in (self.first, self.last, self.start, self.end) if at]
        return min(told, default=0), max(told, default=0)


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
    for before, after in ((_moment(one, "first_observed"), _moment(one, "last_observed")),
                          (_moment(traffic[0], "start"), _moment(traffic[0], "end"))):  # fmt: skip
        if after and before > after:
            raise ObjectFault("it ends before it begins")
    number = _count(one, "number_observed")
    if number < 1:
        raise ObjectFault("number_observed: from 1")
    return LogItems(
        source, _port(traffic[0].get("src_port", 0)), destination, _port(traffic[0].get("dst_port", 0)), tuple(protocols),
        _moment(one, "first_observed"), _moment(one, "last_observed"), number,
        _count(traffic[0], "src_packets"), _count(traffic[0], "src_byte_count"),
        _moment(traffic[0], "start"), _moment(traffic[0], "end"),
    )  # fmt: skip


def letter(found: LogItems, identifier: str, author: str, moment: str) -> bytes:
    """Return the object that the carrier gets: the items of the log as they were understood, and nothing else.

    :param author: the hub's identity
    :param moment: when it is written, as STIX writes a time
    """
    counts = {"src_packets": found.packets, "src_byte_count": found.octets}
    times = {"start": found.start, "end": found.end}
    traffic = {
        "type": "network-traffic", "src_ref": "0", "dst_ref": "1", "src_port": found.source_port,
        "dst_port": found.destination_port, "protocols": list(found.protocols),
        **{name: count for name, count in counts.items() if count >= 0},
        **{name: _written(at) for name, at in times.items() if at},
    }  # fmt: skip
    return msgspec.json.encode(
        {
            "type": "observed-data", "spec_version": "2.1", "id": identifier, "created_by_ref": author,
            "created": moment, "modified": moment, "first_observed": _written(found.first),
            "last_observed": _written(found.last), "number_observed": found.number,
            "objects": {"0": _place(found.source), "1": _place(found.destination), "2": traffic},
            "object_marking_refs": [WRITTEN[Tlp.RED]],
        }
    )  # fmt: skip


def _place(address: str) -> dict[str, str]:
    return {"type": f"ipv{ip_address(address).version}-addr", "value": address}


def _written(at: int) -> str:
    return rfc3339(at * 1000)[:-4] + "Z"


def _count(one: Mapping[str, Any], name: str) -> int:
    value = one.get(name, -1)
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or (name in one and not 0 <= value <= _MOST_COUNT)
    ):
        raise ObjectFault(f"{name}: a number from 0 to {_MOST_COUNT}")
    return value


def _moment(one: Mapping[str, Any], name: str) -> int:
    if name in one and not time_key(one[name]):
        raise ObjectFault(f"{name} is no time")
    return milliseconds(one[name]) if name in one else 0


def _address(parts: Mapping[str, Any], name: Any) -> str:
    part = parts.get(name, {}) if isinstance(name, str) else {}
    if part.get("type") not in {"ipv4-addr", "ipv6-addr"} or set(part) != _ADDRESS:
        raise ObjectFault("src_ref and dst_ref name an address")
    try:
        found = ip_address(part["value"] if isinstance(part["value"], str) else "")
    except ValueError:
        raise ObjectFault("value is no address") from None
    if getattr(found, "scope_id", None) is not None or f"ipv{found.version}-addr" != part["type"]:
        raise ObjectFault("value is no address of its type")
    return str(found)


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_PORT:
        raise ObjectFault("a port is a number from 0 to 65535")
    return value
