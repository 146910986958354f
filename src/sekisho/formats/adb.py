"""The first message of the Android Debug Bridge, as its published protocol text describes it.

A message is six little-endian words (command, two arguments, length, checksum, command inverted) and data.
"""

from __future__ import annotations

import struct

import msgspec

_WORDS = struct.Struct("<6I")
_VERSION = 0x0100_0000
_MOST_DATA = 4096
_INVERT = 0xFFFF_FFFF
_COMMANDS = {b"CNXN", b"AUTH", b"STLS", b"OPEN", b"OKAY", b"CLSE", b"WRTE"}


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message's command and the text that came with it (as far as it had arrived)."""

    command: str
    banner: str

    @property
    def connected(self) -> bool:
        """Whether the device let us in at once, without a key."""
        return self.command == "CNXN"

    @property
    def wants_key(self) -> bool:
        """Whether it asks for a key or for TLS first."""
        return self.command in {"AUTH", "STLS"}


def connect() -> bytes:
    """Return a CNXN that names a host without features."""
    return _message(b"CNXN", _VERSION, _MOST_DATA, b"host::\0")


def read_message(data: bytes) -> Message | None:
    """Return the first message of ``data``; None unless its check word fits its command."""
    if len(data) < _WORDS.size or data[:4] not in _COMMANDS:
        return None
    command, _, _, length, _, inverted = _WORDS.unpack_from(data)
    if command ^ inverted != _INVERT:
        return None
    text = data[_WORDS.size : _WORDS.size + min(length, _MOST_DATA)]
    shown = text.split(b"\0")[0].decode("latin-1") if data[:4] == b"CNXN" else ""
    return Message(data[:4].decode("ascii"), shown)


def _message(command: bytes, first: int, second: int, data: bytes) -> bytes:
    word = int.from_bytes(command, "little")
    return _WORDS.pack(word, first, second, len(data), sum(data), word ^ _INVERT) + data
