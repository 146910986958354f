"""LZO1X blocks unpacked in plain Python, for old nfcapd files (``nfcapd -z``).

Written after the description of the stream in Linux's documentation ("LZO stream format as understood by Linux's
LZO decompressor"). Slow, some megabytes a second: enough for what is left of such files.
"""

from __future__ import annotations


class LzoError(ValueError):
    """The block is damaged, or longer than it may be."""


def lzo_unpacked(packed: bytes, largest: int) -> bytes:
    """Return the plain octets of one LZO1X block.

    :raises LzoError: the block is torn or damaged, or would be longer than ``largest``
    """
    try:
        return bytes(_Unpacking(packed, largest).run())
    except IndexError:
        raise LzoError("the block ends in the middle of an instruction") from None


class _Unpacking:
    """The state of one block: where in the input, and what came out."""

    def __init__(self, packed: bytes, largest: int) -> None:
        self.packed = packed
        self.largest = largest
        self.at = 0
        self.out = bytearray()

    def run(self) -> bytearray:
        # ``before`` counts the literals just copied: 0 to 3 by a match's own two bits, 4 for a longer run.
        first = self.packed[0]
        before = 0
        if first > 17:  # noqa: PLR2004 - the first octet's own coding
            self.at = 1
            self.literals(first - 17)
            before = min(4, first - 17)
        while True:
            code = self.octet()
            if code < 16 and before == 0:  # noqa: PLR2004 - instruction classes below
                self.literals(code + 3 if code else 18 + self.zeros())
                before = 4
                continue
            length, distance, before = self.match(code, before)
            if distance == 0:
                return self.out
            self.copy(length, distance)
            self.literals(before)

    def match(self, code: int, before: int) -> tuple[int, int, int]:
        """Return length, distance and the number of literals after; a distance of 0 is the end."""
        if code >= 64:  # noqa: PLR2004 - 01LDDDSS and 1LLDDDSS: the length is the upper bits, less one
            return (code >> 5) + 1, (self.octet() << 3) + ((code >> 2) & 7) + 1, code & 3
        if code >= 32:  # noqa: PLR2004 - 001LLLLL: distance of 14 bits
            length = (code & 31) + 2 if code & 31 else 33 + self.zeros()
            low = self.octet() | self.octet() << 8
            return length, (low >> 2) + 1, low & 3
        if code >= 16:  # noqa: PLR2004 - 0001HLLL: distance from 16 k
            length = (code & 7) + 2 if code & 7 else 9 + self.zeros()
            low = self.octet() | self.octet() << 8
            distance = (low >> 2) + ((code & 8) << 11)
            return (length, distance + 16384, low & 3) if distance else (length, 0, 0)
        high = self.octet() << 2
        if before == 4:  # noqa: PLR2004 - after a long run of literals: three octets, from 2 k
            return 3, high + (code >> 2) + 2049, code & 3
        return 2, high + (code >> 2) + 1, code & 3

    def octet(self) -> int:
        value = self.packed[self.at]
        self.at += 1
        return value

    def zeros(self) -> int:
        """Return a length that is written as zero octets of 255 each and a last one."""
        total = 0
        while not (value := self.octet()):
            total += 255
        return total + value

    def literals(self, count: int) -> None:
        if self.at + count > len(self.packed) or len(self.out) + count > self.largest:
            raise LzoError("literals beyond the end")
        self.out += self.packed[self.at : self.at + count]
        self.at += count

    def copy(self, length: int, distance: int) -> None:
        start = len(self.out) - distance
        if start < 0 or len(self.out) + length > self.largest:
            raise LzoError("a distance before the beginning, or too long")
        if distance >= length:
            self.out += self.out[start : start + length]
        else:
            piece = self.out[start:]
            self.out += (piece * (length // distance + 1))[:length]
