"""How datagrams lie in a segment of the spool: header, lengths, exporters, octets; written so that a kill can't lie.

A block is written in two steps: first what follows the header, then the 64 octets of the header, with a checksum of
its own. So a header that checks proves that its block is whole, and whatever a killed writer left behind it has none.
The kernel gathers the datagrams out of their slots (``pwritev``) and scatters them into slots again (``preadv``): no
datagram becomes an object, and none takes more room in the spool than it has octets.
"""

from __future__ import annotations

import ctypes
import os
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from sekisho.formats.datagrams import Datagrams

HEADER_OCTETS = 64
MOST_EXPORTERS = 1 << 16
_ALIGNMENT = 64
_MAGIC = b"SKB1"
# magic, flags, ordinal of the first datagram, datagrams, octets behind the header, received ms, nonce, key's name
_HEADER = struct.Struct("<4sB3xQIIq12s16s")
_CHECK = struct.Struct("<I")
_ENCRYPTED, _TIMES, _SLOTTED = 1, 2, 4
_KEY_NAME_OCTETS = 16
_TAG_OCTETS = 16
_VECTORS = 1000  # fewer than IOV_MAX
_VECTOR = np.dtype([("base", np.uintp), ("octets", np.uintp)])  # struct iovec


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a block without reading it; ``first`` is the ordinal of its first datagram in the spool."""

    flags: int
    first: int
    datagrams: int
    octets: int
    received: int
    nonce: bytes
    key_name: bytes

    @property
    def end(self) -> int:
        """The ordinal of the next block's first datagram."""
        return self.first + self.datagrams

    @property
    def room(self) -> int:
        """Octets from this block's header to the next one's."""
        return -(-(HEADER_OCTETS + self.octets) // _ALIGNMENT) * _ALIGNMENT

    @property
    def encrypted(self) -> bool:
        """Whether a key is needed to read it."""
        return bool(self.flags & _ENCRYPTED)

    @property
    def slotted(self) -> bool:
        """Whether it lies in the index of a segment of slots: its datagrams are not behind it."""
        return bool(self.flags & _SLOTTED)

    @property
    def table_octets(self) -> int:
        """Octets of lengths, exporters and times, before the datagrams' own."""
        return self.datagrams * (8 if self.flags & _TIMES else 4)

    def pack(self) -> bytes:
        """Return the 64 octets."""
        return _check(self._plain())

    def _plain(self) -> bytes:
        return _HEADER.pack(
            _MAGIC,
            self.flags,
            self.first,
            self.datagrams,
            self.octets,
            self.received,
            self.nonce,
            self.key_name,
        )

    @classmethod
    def unpack(cls, head: bytes) -> Header | None:
        """Return the header, or None when there is none, or not all of it."""
        if len(head) < HEADER_OCTETS or head[:HEADER_OCTETS] != _check(head[: _HEADER.size]):
            return None
        magic, *fields = _HEADER.unpack_from(head)
        return cls(*fields) if magic == _MAGIC else None


@dataclass(frozen=True, slots=True)
class Key:
    """A key of AES-256-GCM; its name tells which one a block needs and nothing about the key."""

    name: bytes
    octets: bytes

    @classmethod
    def new(cls) -> Key:
        """Return a fresh key."""
        return cls(os.urandom(_KEY_NAME_OCTETS), AESGCM.generate_key(256))


def write(
    file: int, offset: int, first: int, block: Datagrams, exporter: NDArray[Any], key: Key | None
) -> int:
    """Write ``block`` at ``offset`` of a segment; return the octets it takes.

    Args:
        file: descriptor of the segment.
        offset: a multiple of 64.
        first: ordinal of its first datagram.
        block: at least one datagram.
        exporter: index of each datagram's exporter in the spool's own table.
        key: encrypts the block when given.

    Raises:
        OSError: the disk is full or refuses; nothing that counts was written.
    """
    base, times, table = _table(block, exporter)
    flags = (_TIMES if times else 0) | (_ENCRYPTED if key else 0)
    octets = len(table) + int(block.length.sum()) + (_TAG_OCTETS if key else 0)
    # A nonce must never come twice under a key: a kill may leave half a block behind whose ordinal comes again.
    nonce = struct.pack("<Q", first) + os.urandom(4) if key else bytes(12)
    header = Header(
        flags, first, len(block.length), octets, base, nonce, key.name if key else bytes(_KEY_NAME_OCTETS)
    )
    packed = header.pack()
    if key:
        plain = b"".join((table, *_rows(block)))
        sealed = AESGCM(key.octets).encrypt(nonce, plain, packed)
        _whole(os.pwrite(file, sealed, offset + HEADER_OCTETS), octets)
    else:
        _whole(os.pwrite(file, table, offset + HEADER_OCTETS), len(table))
        _gather(file, offset + HEADER_OCTETS + len(table), block.octets, block.length)
    # A segment is used again: what an exporter once sent must not be read as the header of the next block.
    _whole(os.pwrite(file, bytes(HEADER_OCTETS), offset + header.room), HEADER_OCTETS)
    _whole(os.pwrite(file, packed, offset), HEADER_OCTETS)
    return header.room


def write_index(file: int, offset: int, first: int, block: Datagrams, exporter: NDArray[np.int32]) -> int:
    """Make slots valid that hold the datagrams of ``block``: write their table into the index, then its header.

    Returns the octets that it takes in the index.

    Raises:
        OSError: the file system refuses; nothing that counts was written.
    """
    base, times, table = _table(block, exporter)
    flags = _SLOTTED | (_TIMES if times else 0)
    header = Header(flags, first, len(block.length), len(table), base, bytes(12), bytes(_KEY_NAME_OCTETS))
    room = header.room - HEADER_OCTETS - len(table)
    rest = table + bytes(room) + bytes(HEADER_OCTETS)
    _whole(os.pwrite(file, rest, offset + HEADER_OCTETS), len(rest))
    _whole(os.pwrite(file, header.pack(), offset), HEADER_OCTETS)
    return header.room


def _table(block: Datagrams, exporter: NDArray[np.int32]) -> tuple[int, bool, bytes]:
    """Return the first time of a block, whether its datagrams have times of their own, and its table."""
    base = int(block.received.min())
    late = block.received - base
    times = bool(late.any())
    parts = [block.length.astype("<u2").tobytes(), exporter.astype("<u2").tobytes()]
    if times:
        parts.append(np.minimum(late, 0xFFFFFFFF).astype("<u4").tobytes())
    return base, times, b"".join(parts)


def table_of(header: Header, table: bytes) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return length, exporter (the spool's index) and time of each datagram of a block."""
    count = header.datagrams
    numbers = np.frombuffer(table, "<u2", 2 * count).astype(np.int32)
    received = np.full(count, header.received, np.int64)
    if header.flags & _TIMES:
        received += np.frombuffer(table, "<u4", count, 4 * count)
    return numbers[:count], numbers[count:], received


def opened(header: Header, sealed: bytes, key: Key) -> bytes | None:
    """Return the octets behind the header of an encrypted block; None when they were altered or torn."""
    try:
        return AESGCM(key.octets).decrypt(header.nonce, sealed, header.pack())
    except InvalidTag:
        return None


def scatter(file: int, offset: int, slots: NDArray[np.uint8], length: NDArray[np.int32]) -> bool:
    """Read datagrams that lie one behind the other into their slots; False when the file ends before."""
    for begin in range(0, len(length), _VECTORS):
        part = length[begin : begin + _VECTORS]
        wanted = int(part.sum())
        if _preadv is None:
            data = os.pread(file, wanted, offset)
            spread(data, slots[begin : begin + _VECTORS], part)
            got = len(data)
        else:
            vectors = _vectors(slots[begin : begin + _VECTORS], part)
            got = _preadv(file, vectors.ctypes.data, len(part), offset)
        if got != wanted:
            return False
        offset += wanted
    return True


def spread(data: bytes, slots: NDArray[np.uint8], length: NDArray[np.int32]) -> None:
    """Copy datagrams that lie one behind the other into their slots, a run of equal lengths at a time."""
    flat = np.frombuffer(data, np.uint8)
    edges = [0, *(np.flatnonzero(np.diff(length)) + 1).tolist(), len(length)]
    at = 0
    for begin, end in pairwise(edges):
        width = int(length[begin]) if end > begin else 0
        size = width * (end - begin)
        if len(flat) < at + size:
            return
        slots[begin:end, :width] = flat[at : at + size].reshape(end - begin, width)
        at += size


def _gather(file: int, offset: int, slots: NDArray[np.uint8], length: NDArray[np.int32]) -> None:
    """Write the datagrams out of their slots one behind the other."""
    for begin in range(0, len(length), _VECTORS):
        rows, part = slots[begin : begin + _VECTORS], length[begin : begin + _VECTORS]
        wanted = int(part.sum())
        if _pwritev is None:
            data = b"".join(row[:count].tobytes() for row, count in zip(rows, part.tolist(), strict=True))
            put = os.pwrite(file, data, offset)
        else:
            vectors = _vectors(rows, part)
            put = _pwritev(file, vectors.ctypes.data, len(part), offset)
            if put < 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        _whole(put, wanted)
        offset += wanted


def _vectors(slots: NDArray[np.uint8], length: NDArray[np.int32]) -> NDArray[Any]:
    made = np.empty(len(length), _VECTOR)
    made["base"] = slots.ctypes.data + np.arange(len(length), dtype=np.uintp) * slots.strides[0]
    made["octets"] = length
    return made


def _rows(block: Datagrams) -> list[bytes]:
    return [row[:count].tobytes() for row, count in zip(block.octets, block.length.tolist(), strict=True)]


def _check(plain: bytes) -> bytes:
    return plain + _CHECK.pack(zlib.crc32(plain))


def _whole(put: int, wanted: int) -> None:
    if put != wanted:
        raise OSError(28, "no room")  # ENOSPC: a short write is how a full disk begins to say so


def _vectored(name: str) -> Any:
    """Return the C library's ``name`` with offsets of 64 bits; None where there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    found = getattr(library, f"{name}64", None) or getattr(library, name, None)
    if found is None or ctypes.sizeof(ctypes.c_void_p) != 8:  # noqa: PLR2004 - elsewhere off_t may have 32 bits
        return None
    found.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64]
    found.restype = ctypes.c_ssize_t
    return found


_pwritev, _preadv = _vectored("pwritev"), _vectored("preadv")
