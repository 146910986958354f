"""Capture files and packets made by hand, and the plain way of metering them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A packet: when (µs), from where to where, what kind, how much beyond the headers."""

    time: int = 1_700_000_000_000_000
    source: str = "192.0.2.7"
    destination: str = "198.51.100.9"
    sport: int = 40000
    dport: int = 23
    protocol: int = 6
    flags: int = 2
    payload: int = 0
    fragment: int = 0

    @property
    def octets(self) -> int:
        header = 40 if ":" in self.source else 20
        return header + (8 if self.fragment and header == 40 else 0) + len(self.transport())

    def transport(self) -> bytes:
        if self.fragment:
            return b"\xaa" * (8 + self.payload)
        if self.protocol == 6:
            head = struct.pack(">HHIIBBHHH", self.sport, self.dport, 1, 2, 0x50, self.flags, 100, 0, 0)
        elif self.protocol == 17:
            head = struct.pack(">HHHH", self.sport, self.dport, 8 + self.payload, 0)
        else:
            head = b"\x08\x00\0\0\0\0\0\0"
        return head + b"\xaa" * self.payload

    def ip(self, extensions: bytes = b"", first_next: int | None = None) -> bytes:
        one, other = ip_address(self.source), ip_address(self.destination)
        body = self.transport()
        if one.version == 4:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, self.fragment, 64, self.protocol, 0)
            return head + one.packed + other.packed + body
        if self.fragment:
            extensions, first_next = struct.pack(">BBHI", self.protocol, 0, self.fragment << 3, 9), 44
        upper = self.protocol if first_next is None else first_next
        body = extensions + body
        return struct.pack(">IHBB", 6 << 28, len(body), upper, 64) + one.packed + other.packed + body

    def ethernet(self, tags: bytes = b"") -> bytes:
        return bytes(12) + tags + (b"\x86\xdd" if ":" in self.source else b"\x08\x00") + self.ip()


def pcap(
    packets: Sequence[tuple[int, bytes]],
    *,
    order: str = "<",
    link: int = 1,
    nano: bool = False,
    snap: int = 262144,
) -> bytes:
    """A classic file of (time in µs, octets)."""
    out = struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)
    for time, octets in packets:
        part = time % 1_000_000 * (1000 if nano else 1)
        out += (
            struct.pack(order + "IIII", time // 1_000_000, part, min(snap, len(octets)), len(octets))
            + octets[:snap]
        )
    return out


def ng_block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def ng_section(order: str) -> bytes:
    return ng_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def ng_interface(order: str, link: int, resolution: int | None = None, offset: int = 0) -> bytes:
    options = b""
    if resolution is not None:
        options += struct.pack(order + "HHB", 9, 1, resolution) + bytes(3)
    if offset:
        options += struct.pack(order + "HHq", 14, 8, offset)
    return ng_block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options + bytes(4))


def ng_packet(order: str, ticks: int, octets: bytes, interface: int = 0) -> bytes:
    head = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), len(octets))
    return ng_block(order, 6, head + octets)


def metered(packets: Sequence[Seen], idle: int, active: int) -> list[tuple[Any, ...]]:
    """Meter packet by packet; rows as `fakes.rows.plain` gives them. Time-outs in µs."""
    now = latest = before = None
    open_flows: dict[tuple[Any, ...], dict[str, int]] = {}
    done = []

    def end(key: tuple[Any, ...]) -> None:
        flow = open_flows.pop(key)
        done.append(
            (flow["start"] // 1000, flow["end"] // 1000, *key, flow["flags"], flow["packets"], flow["octets"])
        )

    for one in packets:
        if now is None:
            now, latest = 0, one.time
        elif one.time - before < -active:
            now, latest = now + idle + 1, one.time
        else:
            now += min(max(0, one.time - latest), idle + active + 1)
            latest = max(latest, one.time)
        before = one.time
        ports = (0, 0) if one.fragment or one.protocol not in {6, 17} else (one.sport, one.dport)
        key = (one.source, one.destination, *ports, one.protocol)
        flow = open_flows.get(key)
        if flow and (now - flow["latest"] > idle or now - flow["begun"] > active):
            end(key)
            flow = None
        if flow is None:
            flow = open_flows[key] = {
                "begun": now, "start": one.time, "end": one.time, "flags": 0, "packets": 0, "octets": 0
            }  # fmt: skip
        flow["latest"] = now
        flow["start"], flow["end"] = min(flow["start"], one.time), max(flow["end"], one.time)
        flow["flags"] |= one.flags if one.protocol == 6 and not one.fragment else 0
        flow["packets"] += 1
        flow["octets"] += one.octets
    for key in list(open_flows):
        end(key)
    return sorted(done)
