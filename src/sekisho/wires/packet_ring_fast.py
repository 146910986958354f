"""Goes through a block of a packet ring, compiled by numba: datagrams into slots, with length and source beside them.

Layout: ``struct tpacket_block_desc`` and ``struct tpacket3_hdr`` of linux/if_packet.h, version 3; RFC 791, 8200, 768.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numba
import numpy as np

#: Offsets in a block: whose it is, its packets, where the first one is; in a packet: the next one, its octets, its IP
#: header.
_STATUS, _PACKETS, _FIRST, _NEXT, _CAPTURED, _NETWORK = 8, 12, 16, 0, 12, 26
_TO_USER = 1
_INTERFACE = 48 + 4  # of the sockaddr_ll behind the header
_UDP_OCTETS, _FOUR_OCTETS, _SIX_OCTETS = 8, 20, 40
_LINK_LOCAL = (0xFE, 0x80)  # fe80::/10

# The C library's: twice as quick as a compiled loop, of which four fifths are waiting for the other processor's cache.
_memcpy: Any = ctypes.CDLL(None).memcpy
_memcpy.argtypes = [ctypes.c_size_t] * 3
_memcpy.restype = ctypes.c_size_t


@numba.njit(nogil=True, inline="always")
def _number(octets: Any, at: Any) -> Any:
    """Return a 32-bit number of this (little-endian) machine."""
    low = np.int64(octets[at]) | np.int64(octets[at + 1]) << 8
    return low | np.int64(octets[at + 2]) << 16 | np.int64(octets[at + 3]) << 24


@numba.njit(nogil=True, inline="always")
def _short(octets: Any, at: Any) -> Any:
    """Return a 16-bit number in network order."""
    return np.int64(octets[at]) << 8 | np.int64(octets[at + 1])


@numba.njit(nogil=True)
def _sizes(ring: Any, begin: Any, captured: Any, six: Any) -> Any:
    """Return where a packet's payload begins and how long it is, -1 when its lengths contradict each other.

    The system delivers no such packet either: every length must fit into the one around it (ip_input.c, udp.c).
    """
    header = np.int64(_SIX_OCTETS) if six else (np.int64(ring[begin]) & 15) * 4
    total = header + _short(ring, begin + 4) if six else _short(ring, begin + 2)
    room = total - header - _UDP_OCTETS
    if ring[begin] >> 4 != (6 if six else 4) or header < _FOUR_OCTETS or total > captured or room < 0:
        return begin, np.int64(-1)
    size = _short(ring, begin + header + 4) - _UDP_OCTETS
    if six and size == -_UDP_OCTETS:  # RFC 2675: as long as the packet
        size = room
    return begin + header + _UDP_OCTETS, size if 0 <= size <= room else np.int64(-1)


@numba.njit(nogil=True)
def _packet(ring: Any, at: Any, rows: Any, own: Any, names: Any, row: Any, six: Any) -> Any:
    """Copy the datagram of the packet at ``at``; return its length, -1 when it is none: nobody would deliver it."""
    begin = at + (np.int64(ring[at + _NETWORK]) | np.int64(ring[at + _NETWORK + 1]) << 8)
    payload, size = _sizes(ring, begin, _number(ring, at + _CAPTURED), six)
    if size < 0:
        return size
    # By addresses: a row as an array of its own would be counted by everybody who holds it.
    data = ring.ctypes.data + payload
    whole = min(own.shape[1], size)
    first = min(rows.shape[1], whole)
    _memcpy(np.uint64(rows.ctypes.data + row * rows.shape[1]), np.uint64(data), np.uint64(first))
    if whole > first:
        place = own.ctypes.data + row * own.shape[1] + first
        _memcpy(np.uint64(place), np.uint64(data + first), np.uint64(whole - first))
    if not six:
        for octet in range(4):
            names[row, 4 + octet] = ring[begin + 12 + octet]
        return size
    for octet in range(16):
        names[row, 8 + octet] = ring[begin + 8 + octet]
    # A link-local address names nobody without its interface.
    linked = names[row, 8] == _LINK_LOCAL[0] and names[row, 9] & 0xC0 == _LINK_LOCAL[1]
    for octet in range(4):
        names[row, 24 + octet] = ring[at + _INTERFACE + octet] if linked else 0
    return size


def _walk(
    ring: Any, block_octets: Any, place: Any, rows: Any, own: Any, length: Any, cut: Any, names: Any, six: Any
) -> Any:
    """Copy what waits in a ring into ``rows``, giving blocks that are through back to the kernel.

    What a datagram has beyond a row's octets goes to the same place of its row of ``own``, and what is beyond that one's
    is left out: ``cut`` says so, and ``length`` is what is there. ``place`` is where to go on: the block, how many of its
    packets are done, and where the next one stands. Returns how many rows were filled, and how many packets were no
    datagrams: their lengths contradict each other.
    """
    got = bad = 0
    block, done, at = place
    most = min(len(rows), len(own))
    while got < most:
        begin = block * block_octets
        if not ring[begin + _STATUS] & _TO_USER:
            break
        packets = _number(ring, begin + _PACKETS)
        if not done:
            at = begin + _number(ring, begin + _FIRST)
        while done < packets and got < most:
            size = _packet(ring, at, rows, own, names, got, six)
            if size < 0:
                bad += 1
            else:
                cut[got] = size > own.shape[1]
                length[got] = min(size, own.shape[1])
                got += 1
            at += _number(ring, at + _NEXT)
            done += 1
        if done == packets:
            ring[begin + _STATUS] = 0
            block, done = (block + 1) % (len(ring) // block_octets), 0
    place[0], place[1], place[2] = block, done, at
    return got, bad


# Compiled when this is imported: nothing has to be while datagrams come in.
walk: Any = numba.njit(
    "Tuple((i8, i8))(u1[::1], i8, i8[::1], u1[:, ::1], u1[:, ::1], i4[::1], b1[::1], u1[:, ::1], b1)",
    nogil=True,
)(_walk)
