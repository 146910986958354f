"""SNMP v1, v2c and the discovery of v3 (RFC 1157, RFC 3416, RFC 3414): a few messages in BER, both ways.

Only definite lengths up to 64 KiB are read; anything else is not SNMP for us.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_CONTACT = "1.3.6.1.2.1.1.4.0"
SYS_LOCATION = "1.3.6.1.2.1.1.6.0"
V1 = 0
V2C = 1
V3 = 3
_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
_GET, _RESPONSE, _SET, _REPORT = 0xA0, 0xA2, 0xA3, 0xA8
_REPORTABLE = b"\x04"
_USER_MODEL = 3
_LONG = 0x80
_MOST = 65_535


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A response: version, error status (0 is none), and the first variable's value when it is a string.

    ``value`` is None when the value is no string (noSuchObject, say) or there is none (version 3).
    """

    version: int
    id: int
    error: int
    value: bytes | None


def get(community: str, oid: str, identifier: int, version: int = V2C) -> bytes:
    """Return a GetRequest for one variable."""
    return _message(_GET, community, oid, identifier, version, _tlv(_NULL, b""))


def set_string(community: str, oid: str, value: bytes, identifier: int, version: int = V2C) -> bytes:
    """Return a SetRequest of one OCTET STRING."""
    return _message(_SET, community, oid, identifier, version, _tlv(_OCTETS, value))


def discover(identifier: int) -> bytes:
    """Return a v3 request without user or authentication; an agent reports its engine id (RFC 3414, 4)."""
    header = _integer(identifier) + _integer(_MOST) + _tlv(_OCTETS, _REPORTABLE) + _integer(_USER_MODEL)
    security = _tlv(_OCTETS, b"") + _integer(0) + _integer(0) + 3 * _tlv(_OCTETS, b"")
    pdu = _tlv(_GET, _integer(identifier) + _integer(0) + _integer(0) + _tlv(_SEQUENCE, b""))
    scoped = _tlv(_OCTETS, b"") + _tlv(_OCTETS, b"") + pdu
    parts = (
        _integer(V3),
        _tlv(_SEQUENCE, header),
        _tlv(_OCTETS, _tlv(_SEQUENCE, security)),
        _tlv(_SEQUENCE, scoped),
    )
    return _tlv(_SEQUENCE, b"".join(parts))


def read_answer(data: bytes) -> Answer | None:
    """Return the answer in ``data``, or None when it is none."""
    try:
        return _answer(data)
    except (ValueError, IndexError, StopIteration):
        return None


def _answer(data: bytes) -> Answer | None:
    kind, body, _ = _read(data, 0)
    if kind != _SEQUENCE:
        return None
    parts = list(_every(body))
    if len(parts) < 3 or parts[0][0] != _INTEGER:  # noqa: PLR2004 - version, community, PDU
        return None
    version = int.from_bytes(parts[0][1], "big", signed=True)
    if version == V3:
        header = list(_every(parts[1][1]))
        return Answer(V3, int.from_bytes(header[0][1], "big", signed=True), 0, None)
    kind, pdu = parts[2]
    if version not in {V1, V2C} or kind not in {_RESPONSE, _REPORT}:
        return None
    fields = list(_every(pdu))
    identifier, error = (int.from_bytes(one, "big", signed=True) for _, one in fields[:2])
    variable = next(_every(fields[3][1]), None)
    value = None
    if variable is not None:
        pair = list(_every(variable[1]))
        if len(pair) > 1 and pair[1][0] == _OCTETS:
            value = pair[1][1]
    return Answer(version, identifier, error, value)


def _message(kind: int, community: str, oid: str, identifier: int, version: int, value: bytes) -> bytes:
    variables = _tlv(_SEQUENCE, _tlv(_SEQUENCE, _tlv(_OID, _oid(oid)) + value))
    pdu = _tlv(kind, _integer(identifier) + _integer(0) + _integer(0) + variables)
    return _tlv(_SEQUENCE, _integer(version) + _tlv(_OCTETS, community.encode()) + pdu)


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        part = bytearray([number & 0x7F])
        while number := number >> 7:
            part.insert(0, number & 0x7F | _LONG)
        out += part
    return bytes(out)


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _tlv(kind: int, body: bytes) -> bytes:
    if len(body) < _LONG:
        return bytes([kind, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([kind, _LONG | len(size)]) + size + body


def _read(data: bytes, at: int) -> tuple[int, bytes, int]:
    kind, size = data[at], data[at + 1]
    at += 2
    if size & _LONG:
        count = size & 0x7F
        if not 1 <= count <= 2:  # noqa: PLR2004 - lengths up to 65,535
            raise ValueError("length")
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    if at + size > len(data):
        raise ValueError("cut")
    return kind, data[at : at + size], at + size


def _every(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        kind, part, at = _read(body, at)
        yield kind, part
