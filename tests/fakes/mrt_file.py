"""MRT files as routers write them, made octet by octet from RFC 6396 and RFC 4271: nothing of the reader is used."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

Path = Sequence[tuple[int, Sequence[int]]]
SEQUENCE, SET = 2, 1
ME = (64_999, "192.0.2.254")


def prefix(text: str, identifier: int | None = None) -> bytes:
    network = ip_network(text)
    octets = (network.prefixlen + 7) // 8
    head = b"" if identifier is None else struct.pack(">I", identifier)
    return head + bytes([network.prefixlen]) + network.network_address.packed[:octets]


def attribute(kind: int, value: bytes, flags: int = 0x40) -> bytes:
    if len(value) > 255:
        return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack(">BBB", flags, kind, len(value)) + value


def as_path(path: Path, octets: int) -> bytes:
    letter = "I" if octets == 4 else "H"
    return b"".join(
        struct.pack(f">BB{len(numbers)}{letter}", kind, len(numbers), *numbers) for kind, numbers in path
    )


def update(
    announced: Sequence[str] = (), withdrawn: Sequence[str] = (), path: Path = ((SEQUENCE, (64_500,)),), octets: int = 4,
    as4: Path = (), identifier: int | None = None,
) -> bytes:  # fmt: skip
    """Return an UPDATE; IPv6 goes in the attributes of RFC 4760."""
    v4 = [one for one in announced if ":" not in one]
    v6 = [one for one in announced if ":" in one]
    gone4 = b"".join(prefix(one, identifier) for one in withdrawn if ":" not in one)
    gone6 = b"".join(prefix(one, identifier) for one in withdrawn if ":" in one)
    attributes = b""
    if announced:
        attributes += attribute(1, b"\0") + attribute(2, as_path(path, octets))
        attributes += attribute(3, ip_address("192.0.2.1").packed) if v4 else b""
        attributes += attribute(17, as_path(as4, 4), 0xC0) if as4 else b""
    if v6:
        reach = struct.pack(">HBB", 2, 1, 16) + ip_address("2001:db8::1").packed + b"\0"
        attributes += attribute(14, reach + b"".join(prefix(one, identifier) for one in v6), 0x80)
    if gone6:
        attributes += attribute(15, struct.pack(">HB", 2, 1) + gone6, 0x80)
    body = struct.pack(">H", len(gone4)) + gone4 + struct.pack(">H", len(attributes)) + attributes
    return message(2, body + b"".join(prefix(one, identifier) for one in v4))


def message(kind: int, body: bytes = b"") -> bytes:
    return b"\xff" * 16 + struct.pack(">HB", 19 + len(body), kind) + body


def record(seconds: float, kind: int, subtype: int, body: bytes) -> bytes:
    whole = int(seconds)
    if kind == 17:
        body = struct.pack(">I", round((seconds - whole) * 1e6)) + body
    return struct.pack(">IHHI", whole, kind, subtype, len(body)) + body


def head(peer: tuple[int, str], octets: int = 4) -> bytes:
    letter = "I" if octets == 4 else "H"
    address = ip_address(peer[1])
    own = ip_address(ME[1] if address.version == 4 else "2001:db8::ff")
    numbers = struct.pack(f">{letter}{letter}HH", peer[0], ME[0], 0, 1 if address.version == 4 else 2)
    return numbers + address.packed + own.packed


def told(
    seconds: float,
    peer: tuple[int, str],
    sent: bytes,
    octets: int = 4,
    *,
    finer: bool = False,
    add_path: bool = False,
) -> bytes:
    """Return the record of a message from a peer (BGP4MP, or BGP4MP_ET when ``finer``)."""
    subtype = (8 if octets == 2 else 9) if add_path else (1 if octets == 2 else 4)
    return record(seconds, 17 if finer else 16, subtype, head(peer, octets) + sent)


def session(seconds: float, peer: tuple[int, str], old: int, new: int) -> bytes:
    return record(seconds, 16, 5, head(peer) + struct.pack(">HH", old, new))


def table(seconds: float, peers: Sequence[tuple[int, str]], routes: Sequence[tuple[str, int, Path]]) -> bytes:
    """Return a table (TABLE_DUMP_V2): the peers, then a record for each prefix; a route names its peer by number."""
    index = struct.pack(">4sHH", b"\xc0\0\2\1", 0, len(peers))
    for number, address in peers:
        packed = ip_address(address).packed
        index += (
            struct.pack(">B4s", 2 | (len(packed) == 16), b"\xc0\0\2\2") + packed + struct.pack(">I", number)
        )
    made = record(seconds, 13, 1, index)
    for one in dict.fromkeys(route[0] for route in routes):
        entries = b"".join(
            struct.pack(">HIH", peer, int(seconds), len(attributes)) + attributes
            for name, peer, path in routes
            if name == one
            for attributes in [attribute(1, b"\0") + attribute(2, as_path(path, 4))]
        )
        count = sum(route[0] == one for route in routes)
        made += record(
            seconds,
            13,
            4 if ":" in one else 2,
            struct.pack(">I", 0) + prefix(one) + struct.pack(">H", count) + entries,
        )
    return made


#: What a peer sends when it has told all of its IPv6 routes (RFC 4724).
END6 = message(2, struct.pack(">HH", 0, 6) + attribute(15, struct.pack(">HB", 2, 1), 0x80))
