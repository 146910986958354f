"""Changed copies of an update image, and cheap checksums made good again.

An updater that only checks a CRC refuses a changed byte as well as one that checks a signature does. So
the checksum of a changed copy is repaired where the description says how (`Repair`): what still refuses
the image then is the signature, or nothing. No copy ever gets a new signature here.

A copy is changed where it must matter: not in the padding behind the content, and in a cpio archive
(new ASCII format with checksums, magic 070702, as SWUpdate takes it) inside the data of a member, never in
a header. Sources: RFC 1952 (CRC-32), RFC 1321 (MD5), FIPS 180-4 (SHA-256), cpio(5).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

CPIO_MAGIC = b"070702"
CPIO_PLAIN_MAGIC = b"070701"
_HEADER = 110
_SIZE_FIELD = 54
_NAME_FIELD = 94
_CHECK_FIELD = 102
_TRAILER = b"TRAILER!!!"
_MOST_MEMBERS = 4096
_SMALLEST = 8


class MutantError(ValueError):
    """A copy can't be made: the image is too small, or a `Repair` doesn't fit it."""


class Repair(Protocol):
    """How a checksum is made good again: the shape of `model.terminal.Repair`, where each field is explained."""

    @property
    def algorithm(self) -> str:
        """One of crc32, sum32, sha256, md5, cpio-crc."""
        ...

    @property
    def start(self) -> int:
        """First byte covered; negative counts from the end."""
        ...

    @property
    def end(self) -> int:
        """End of what is covered; 0 and less count from the end."""
        ...

    @property
    def at(self) -> int:
        """Where the result goes; negative counts from the end."""
        ...

    @property
    def order(self) -> str:
        """One of little, big, hex."""
        ...


class Member(msgspec.Struct, frozen=True):
    """A member of a cpio archive: its name, the offset of its header, and where its data lie."""

    name: str
    header: int
    start: int
    end: int


def members(image: bytes) -> tuple[Member, ...]:
    """Return the members of a new ASCII cpio archive, without the trailer; empty when it is none."""
    found: list[Member] = []
    at = 0
    while image[at : at + 6] in {CPIO_MAGIC, CPIO_PLAIN_MAGIC} and len(found) < _MOST_MEMBERS:
        try:
            size = int(image[at + _SIZE_FIELD : at + _SIZE_FIELD + 8], 16)
            length = int(image[at + _NAME_FIELD : at + _NAME_FIELD + 8], 16)
        except ValueError:
            break
        name = image[at + _HEADER : at + _HEADER + length].rstrip(b"\0")
        start = _aligned(at + _HEADER + length)
        if name == _TRAILER or start + size > len(image):
            break
        found.append(Member(name.decode("utf-8", "replace"), at, start, start + size))
        at = _aligned(start + size)
    return tuple(found)


def payload_place(image: bytes) -> int:
    """Return the offset of a byte that matters: the middle of the payload.

    In a cpio archive that is the middle of the largest member behind the first one, else the last quarter
    of what stands before the trailing padding (a run of one value at the end).
    """
    filled = [member for member in members(image) if member.end > member.start]
    if filled:
        largest = max(filled[1:] or filled, key=lambda member: member.end - member.start)
        return (largest.start + largest.end) // 2
    whole = len(image.rstrip(image[-1:])) if image else 0
    if whole < _SMALLEST:
        raise MutantError("the image is too small or holds one value only")
    return whole * 3 // 4


def description_place(image: bytes) -> int | None:
    """Return the offset of a letter or digit in the first member's data, or None without members.

    SWUpdate's first member is the description that the signature covers; a changed letter keeps it
    readable, so that it is not refused as bad grammar.
    """
    found = members(image)
    filled = [member for member in found if member.end > member.start]
    if len(filled) < 2:  # noqa: PLR2004  # one member only: description and payload are the same
        return None
    first = filled[0]
    middle = (first.start + first.end) // 2
    places = [*range(middle, first.end), *range(first.start, middle)]
    return next((place for place in places if image[place : place + 1].isalnum()), None)


def flip(image: bytes, place: int) -> bytes:
    """Return ``image`` with the lowest bit of the byte at ``place`` inverted."""
    changed = bytearray(image)
    changed[place] ^= 1
    return bytes(changed)


def truncate(image: bytes) -> bytes:
    """Return ``image`` cut off in the middle of its payload."""
    return image[: payload_place(image)]


def repair(image: bytes, repairs: Iterable[Repair]) -> bytes:
    """Return ``image`` with the declared checksums computed anew, in the order given.

    The field of a checksum that lies inside its own range counts as zeros while it is computed.
    Raises MutantError when a range doesn't fit the image.
    """
    for one in repairs:
        image = _cpio(image) if one.algorithm == "cpio-crc" else _field(image, one)
    return image


def make(image: bytes, repairs: Sequence[Repair] = ()) -> dict[str, bytes]:
    """Return the changed copies by name, gentle first.

    ``flipped`` and ``flipped-description`` have one byte changed; ``truncated`` ends early; ``repaired``
    and ``repaired-description`` are the flipped ones with ``repairs`` done. A copy that would equal the
    image, or that can't be made, is left out.
    """
    place, described = payload_place(image), description_place(image)
    copies = {"flipped": flip(image, place)}
    if described is not None:
        copies["flipped-description"] = flip(image, described)
    copies["truncated"] = truncate(image)
    if repairs:
        copies["repaired"] = repair(copies["flipped"], repairs)
        if described is not None:
            copies["repaired-description"] = repair(copies["flipped-description"], repairs)
    return {name: copy for name, copy in copies.items() if copy != image}


def _aligned(offset: int) -> int:
    return (offset + 3) // 4 * 4


def _sum32(data: bytes) -> bytes:
    return (sum(data) & 0xFFFFFFFF).to_bytes(4, "big")


_CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sum32": _sum32,
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
}


def _field(image: bytes, one: Repair) -> bytes:
    if one.algorithm not in _CHECKSUMS:
        raise MutantError(f"unknown checksum {one.algorithm!r}")
    size = len(image)
    start = one.start + size if one.start < 0 else one.start
    end = one.end + size if one.end <= 0 else one.end
    width = len(_CHECKSUMS[one.algorithm](b"")) * (2 if one.order == "hex" else 1)
    at = one.at + size if one.at < 0 else one.at
    if not (0 <= start < end <= size and at >= 0 and at + width <= size):
        raise MutantError(f"the ranges of {one.algorithm} do not fit an image of {size} bytes")
    blank = image[:at] + bytes(width) + image[at + width :]
    value = _CHECKSUMS[one.algorithm](blank[start:end])
    if one.order == "hex":
        value = value.hex().encode()
    elif one.order == "little":
        value = value[::-1] if one.algorithm in {"crc32", "sum32"} else value
    return image[:at] + value + image[at + width :]


def _cpio(image: bytes) -> bytes:
    found = members(image)
    if not found or not image.startswith(CPIO_MAGIC):
        raise MutantError("not a cpio archive with checksums (070702)")
    changed = bytearray(image)
    for member in found:
        check = f"{sum(image[member.start : member.end]) & 0xFFFFFFFF:08X}".encode()
        changed[member.header + _CHECK_FIELD : member.header + _HEADER] = check
    return bytes(changed)
