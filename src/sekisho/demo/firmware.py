"""The two cheap image formats of the demo: a checksum that anybody can repair, and no signature.

| | hijackable | baseline |
|---|---|---|
| magic, offset 0, 4 bytes | `DFW1` | `BFW2` |
| checksum, offset 4 | CRC-32 (RFC 1952), 4 bytes, little-endian | SHA-256, 32 bytes |
| covers | offset 8 to the end | offset 36 to the end |
| then | version, 16 bytes, NUL-padded; payload | the same |
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Final

_VERSION_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Format:
    """One of the formats. `algorithm` is crc32 or sha256; the checksum stands at offset `at`."""

    magic: bytes
    algorithm: str
    at: int = 4

    @property
    def start(self) -> int:
        """Return the offset of the first byte that the checksum covers."""
        return self.at + len(self.checksum(b""))

    def checksum(self, covered: bytes) -> bytes:
        """Compute the checksum as it is stored."""
        if self.algorithm == "crc32":
            return zlib.crc32(covered).to_bytes(4, "little")
        return hashlib.sha256(covered).digest()

    def build(self, version: str, payload: bytes) -> bytes:
        """Build an image."""
        covered = version.encode().ljust(_VERSION_SIZE, b"\0") + payload
        return self.magic + self.checksum(covered) + covered

    def version(self, image: bytes) -> str | None:
        """Return the version of an image that looks right, or None."""
        covered = image[self.start :]
        stored = image[self.at : self.start]
        if image[:4] != self.magic or stored != self.checksum(covered):
            return None
        text = covered[:_VERSION_SIZE].rstrip(b"\0").decode("latin-1")
        return text if re.fullmatch(r"[0-9.]{1,15}", text) else None


HIJACKABLE: Final = Format(b"DFW1", "crc32")
BASELINE: Final = Format(b"BFW2", "sha256")
