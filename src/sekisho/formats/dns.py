"""DNS messages (RFC 1035), as little as it takes to ask one question and to know an answer; also mDNS (RFC 6762)."""

from __future__ import annotations

import struct

import msgspec

TXT = 16
PTR = 12
NS = 2
IN = 1
CHAOS = 3
_HEADER = struct.Struct("!HHHHHH")
_RESPONSE = 0x8000
_RECURSION_AVAILABLE = 0x0080
_LABEL = 63


class Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Header of a response: id, RCODE, whether recursion is offered, how many answers it says it has."""

    id: int
    code: int
    recursion: bool
    answers: int


def query(identifier: int, name: str, kind: int, domain: int = IN, *, recurse: bool = False) -> bytes:
    """Return one query for ``name`` (dotted, ASCII; empty for the root)."""
    labels = [label.encode("ascii")[:_LABEL] for label in name.split(".") if label]
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    flags = 0x0100 if recurse else 0
    return _HEADER.pack(identifier, flags, 1, 0, 0, 0) + question + struct.pack("!HH", kind, domain)


def over_tcp(message: bytes) -> bytes:
    """Return ``message`` with the length that TCP asks for (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(message)) + message


def read_response(data: bytes, identifier: int | None = None) -> Response | None:
    """Return the header of a response, or None when ``data`` is not one (to ``identifier``)."""
    if len(data) < _HEADER.size:
        return None
    found, flags, _, answers, _, _ = _HEADER.unpack_from(data)
    if not flags & _RESPONSE or (identifier is not None and found != identifier):
        return None
    if (flags >> 11) & 0xF or flags & 0x0040:
        # Not a standard query, or the reserved bit is set: more likely some other protocol.
        return None
    return Response(found, flags & 0xF, bool(flags & _RECURSION_AVAILABLE), answers)
