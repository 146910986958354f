"""MQTT's first two packets (OASIS MQTT 3.1.1, 5.0): CONNECT without a name, and the CONNACK."""

from __future__ import annotations

import msgspec

DISCONNECT = b"\xe0\x00"
_CONNACK = 0x20
V311 = 4
V5 = 5
_ACCEPTED = 0
#: Return codes that mean: a broker, and it wants credentials (3.1.1 table 3.1; 5.0 table 3-1).
REFUSED_FOR_CREDENTIALS = frozenset({4, 5, 0x86, 0x87, 0x8C})


class Connack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A broker's answer to CONNECT; code 0 is accepted."""

    code: int

    @property
    def accepted(self) -> bool:
        """Whether the broker let us in."""
        return self.code == _ACCEPTED


def connect(client: str, version: int = V311) -> bytes:
    """Return a CONNECT with a clean session, a keep-alive of 10 s and neither user name nor password."""
    name = client.encode()[:23]
    body = b"\x00\x04MQTT" + bytes([version, 0x02]) + b"\x00\x0a"
    body += b"\x00" if version == V5 else b""
    body += len(name).to_bytes(2, "big") + name
    return bytes([0x10, len(body)]) + body


def read_connack(data: bytes) -> Connack | None:
    """Return the CONNACK at the start of ``data``, or None when it is something else."""
    if len(data) < 4 or data[0] != _CONNACK or not 2 <= data[1] <= 127 or data[2] > 1:  # noqa: PLR2004
        return None
    return Connack(data[3])
