"""Segments of slots: datagrams lie in a memory file system where the kernel put them, and are decoded from there.

A slotted segment is one file of a fixed length, mapped by both processes: first an index of blocks (the same headers
and tables as in `spool_block`, without datagrams), then slots of `STRIDE` octets, one for each datagram. The receiver
has the kernel fill free slots, then writes the table and, last, the header; so slots without a header in the index
hold nothing that counts, whatever a kill left in them. Datagrams of several blocks lie side by side, so the reader
gives a thousand of them as one array without touching an octet.

All pages are allocated when a segment begins: writing to a mapping of a full file system would end the process.
"""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from sekisho.stores.spool_block import HEADER_OCTETS, Header

#: Room for a datagram of a path of 1,500 octets, in whole cache lines.
STRIDE = 1536
# The worst block has one datagram: its header, its table and what fills the line up.
_INDEX_OCTETS_EACH = 128
_PAGE = 4096
_BLOCK = 512  # the unit of st_blocks, whatever the file system
# Those that go round between writer and reader (`spool_segments`): mapping one anew costs as much as receiving into it.
_MAPPED = 10
_READ_OCTETS = 1 << 16
# What the reader takes at once doesn't reach beyond a segment: no short rest is left at its end.
_READ_AT_ONCE = 8192


def count_in(octets: int) -> int:
    """Return how many slots a segment of at most ``octets`` has."""
    count = max(1, (octets - _PAGE - HEADER_OCTETS) // (STRIDE + _INDEX_OCTETS_EACH))
    return count if count < _READ_AT_ONCE else count // _READ_AT_ONCE * _READ_AT_ONCE


def _index_octets(count: int) -> int:
    return -(-(count * _INDEX_OCTETS_EACH + HEADER_OCTETS) // _PAGE) * _PAGE


def octets_of(count: int) -> int:
    """Return the length of a segment of ``count`` slots."""
    return _index_octets(count) + count * STRIDE


class Mappings:
    """The segments that this process has mapped, a few at most: one that is used again needs no new page tables."""

    def __init__(self, *, write: bool) -> None:
        self._write = write
        self._held: OrderedDict[tuple[int, int], NDArray[np.uint8]] = OrderedDict()

    def slots(self, file: int) -> NDArray[np.uint8]:
        """Return the slots of an open segment, uint8[count, STRIDE].

        :raises OSError: it can't be mapped
        """
        about = os.fstat(file)
        key = (about.st_ino, about.st_size)
        found = self._held.pop(key, None)
        if found is None:
            access = mmap.PROT_READ | (mmap.PROT_WRITE if self._write else 0)
            # Page tables at once: one fault for each page would cost more than the copy that is spared.
            flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
            mapped = mmap.mmap(file, about.st_size, flags, access)
            count = about.st_size // (STRIDE + _INDEX_OCTETS_EACH)
            while octets_of(count) > about.st_size:
                count -= 1
            found = np.frombuffer(mapped, np.uint8, count * STRIDE, _index_octets(count)).reshape(
                count, STRIDE
            )
        self._held[key] = found
        while len(self._held) > _MAPPED:
            self._held.popitem(last=False)
        return found


def allocate(file: int, count: int) -> None:
    """Give a segment its length and all its pages.

    A shorter one gets its length from the allocation, when all of it is there: one of the right length never has holes,
    whatever its file system counts as blocks, also after a kill.

    :raises OSError: the file system has no room
    """
    size, about = octets_of(count), os.fstat(file)
    if about.st_size == size and about.st_blocks * _BLOCK >= size:
        return  # used before: looking at each of its pages again would cost a tenth of receiving into them
    if about.st_size > size:
        os.ftruncate(file, size)
    os.posix_fallocate(file, 0, size)


def blocks_of(file: int, offset: int, ordinal: int, most: int) -> tuple[list[tuple[Header, bytes]], int]:
    """Return blocks of the index from ``offset`` on, with their tables, about ``most`` datagrams; and where they end.

    ``ordinal`` is the one of the first: what doesn't go on from there is left of an earlier use.
    """
    found: list[tuple[Header, bytes]] = []
    count = 0
    while count < most:
        data, at = os.pread(file, _READ_OCTETS, offset), 0
        while count < most:
            header = Header.unpack(data[at : at + HEADER_OCTETS])
            if header is None or not header.slotted or header.first != ordinal:
                return found, offset + at
            end = at + HEADER_OCTETS + header.table_octets
            if end > len(data):
                break
            found.append((header, data[at + HEADER_OCTETS : end]))
            count += header.datagrams
            ordinal = header.end
            at += header.room
        if not at:
            return found, offset
        offset += at
    return found, offset
