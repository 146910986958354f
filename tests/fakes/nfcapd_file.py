"""Files of nfdump's layouts 1 and 2 written by hand, record by record, and read back the plain way."""

from __future__ import annotations

import bz2
import struct
from dataclasses import dataclass
from ipaddress import ip_address

import pyarrow as pa

CODES = {"none": 0, "bz2": 2, "lz4": 3, "zstd": 4}


@dataclass(frozen=True)
class Flow:
    first: int = 1_700_000_000_123
    last: int = 1_700_000_001_456
    source: str = "192.0.2.7"
    destination: str = "198.51.100.9"
    sport: int = 40000
    dport: int = 23
    protocol: int = 6
    flags: int = 0x1B
    packets: int = 5
    octets: int = 420
    sysid: int = 1
    nat: tuple[str, int] | None = None
    sampled: bool = False
    extra: bytes = b""

    def row(self) -> tuple[object, ...]:
        return (
            self.first, max(self.first, self.last), self.source, self.destination, self.sport, self.dport,
            self.protocol, self.flags, self.packets, self.octets,
        )  # fmt: skip


def element(order: str, kind: int, body: bytes) -> bytes:
    return struct.pack(order + "HH", kind, 4 + len(body)) + body


def addresses(order: str, *texts: str) -> bytes:
    out = b""
    for text in texts:
        one = ip_address(text)
        if one.version == 4:
            out += struct.pack(order + "I", int(one))
        else:
            out += struct.pack(order + "QQ", int(one) >> 64, int(one) & (1 << 64) - 1)
    return out


def record(flow: Flow, order: str = "<") -> bytes:
    """A record of type 11."""
    generic = struct.pack(
        order + "QQQQQHHBBBB",
        flow.first, flow.last, flow.last, flow.packets, flow.octets, flow.sport, flow.dport, flow.protocol, flow.flags,
        0, 0,
    )  # fmt: skip
    parts = [element(order, 1, generic)]
    if flow.extra:
        parts.append(element(order, 29, flow.extra))
    parts.append(
        element(order, 3 if ":" in flow.source else 2, addresses(order, flow.source, flow.destination))
    )
    if flow.nat:
        parts.append(element(order, 20, addresses(order, flow.nat[0], "203.0.113.1")))
        parts.append(element(order, 22, struct.pack(order + "HH", flow.nat[1], 80)))
    body = b"".join(parts)
    head = struct.pack(
        order + "HHHBBHBB", 11, 12 + len(body), len(parts), 0, 0, flow.sysid, 2 if flow.sampled else 0, 9
    )
    return head + body


def old_record(flow: Flow, order: str = "<", wide: bool = True) -> bytes:
    """A record of type 10, with counters of 64 bits when ``wide``."""
    six = ":" in flow.source
    shape = six | (6 if wide else 0) | (0x80 if flow.sampled else 0)
    body = addresses(order, flow.source, flow.destination)
    body += struct.pack(order + ("QQ" if wide else "II"), flow.packets, flow.octets) + bytes(4)
    head = struct.pack(
        order + "HHHHHHIIBBBBHHHBB",
        10, 32 + len(body), shape, 0, flow.first % 1000, flow.last % 1000, flow.first // 1000, flow.last // 1000,
        0, flow.flags, flow.protocol, 0, flow.sport, flow.dport, flow.sysid, 0, 0,
    )  # fmt: skip
    return head + body


def exporter(sysid: int, address: str, domain: int, order: str = "<") -> bytes:
    one = ip_address(address)
    body = struct.pack(order + "I", 9) + struct.pack(order + "QQ", int(one) >> 64, int(one) & (1 << 64) - 1)
    body += struct.pack(order + "HHI", 2 if one.version == 4 else 10, sysid, domain)
    return struct.pack(order + "HH", 7, 4 + len(body)) + body


def sampler(sysid: int, interval: int, order: str = "<") -> bytes:
    return struct.pack(order + "HHHHqII", 15, 24, sysid, 1, -1, 1, interval - 1)


def packed(kind: str, plain: bytes) -> bytes:
    if kind == "bz2":
        return bz2.compress(plain)
    if kind == "lz4":
        return pa.Codec("lz4_raw").compress(plain, asbytes=True)
    if kind == "zstd":
        return pa.Codec("zstd").compress(plain, asbytes=True)
    return plain


def block(
    records: list[bytes], order: str = "<", kind: str = "none", flags: int = 0, block_type: int = 3
) -> bytes:
    plain = b"".join(records)
    body = plain if flags & 1 else packed(kind, plain)
    return struct.pack(order + "IIHH", len(records), len(body), block_type, flags) + body


def file(blocks: list[bytes], order: str = "<", kind: str = "none", layout: int = 2) -> bytes:
    head = struct.pack(
        order + "HHIqBBHIqII", 0xA50C, layout, 0x01070100, 0, CODES[kind], 0, 0, 0, 0, 1 << 20, len(blocks)
    )
    return head + b"".join(blocks)


def old_file(blocks: list[bytes], order: str = "<") -> bytes:
    return (struct.pack(order + "HHII", 0xA50C, 1, 0, len(blocks)) + b"none").ljust(276, b"\0") + b"".join(
        blocks
    )
