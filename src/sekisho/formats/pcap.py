"""The classic capture file format (libpcap, microsecond resolution, little endian): written and read back."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

MAGIC = 0xA1B2C3D4
#: Link type 101: each packet begins with its IPv4 or IPv6 header.
LINKTYPE_RAW = 101
SNAP_BYTES = 262_144
_FILE = struct.Struct("<IHHiIII")
_PACKET = struct.Struct("<IIII")


class Packet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One packet: seconds since 1970, the bytes kept, and how long it was on the wire."""

    at: float
    data: bytes
    length: int


def file_header(link_type: int = LINKTYPE_RAW) -> bytes:
    """Return the 24 bytes that begin a file."""
    return _FILE.pack(MAGIC, 2, 4, 0, 0, SNAP_BYTES, link_type)


def packet(at: float, data: bytes) -> bytes:
    """Return one packet with its header; ``at`` is seconds since 1970."""
    kept = data[:SNAP_BYTES]
    micros = round(at * 1_000_000)
    return _PACKET.pack(micros // 1_000_000, micros % 1_000_000, len(kept), len(data)) + kept


def packets(content: bytes) -> Iterator[Packet]:
    """Yield the packets of a file; a torn last packet ends it.

    Raises:
        ValueError: not a little-endian file of microsecond resolution.
    """
    if len(content) < _FILE.size or _FILE.unpack_from(content)[0] != MAGIC:
        raise ValueError("not a pcap file of this kind")
    at = _FILE.size
    while at + _PACKET.size <= len(content):
        seconds, micros, kept, length = _PACKET.unpack_from(content, at)
        at += _PACKET.size
        if at + kept > len(content):
            return
        yield Packet(seconds + micros / 1_000_000, content[at : at + kept], length)
        at += kept
