"""MRT: what a router or a route collector wrote down of BGP (RFC 6396, RFC 8050): updates, sessions, and tables.

Read from a stream, a record at a time; a record that lies about its length, or can't be read, is counted under a reason
id. A file has no marks to find the next record by: after a length that can't be, the rest is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import BinaryIO, NamedTuple

from sekisho.formats.bgp import (
    UPDATE,
    Prefix,
    Update,
    message_type,
    read_attributes,
    read_prefix,
    read_update,
)

_TABLE, _BGP4MP, _BGP4MP_ET = 13, 16, 17
_PEERS, _RIB4, _RIB6 = 1, 2, 4
_STATES = {0: 2, 5: 4}  # subtype → octets of an AS number
_MESSAGES = {1: 2, 4: 4, 8: 2, 9: 4}  # of the peer's own; 8 and 9 with path identifiers
_ADD_PATH = (8, 9)
_LOCAL = (6, 7, 10, 11)  # messages that this router sent itself
_HEADER = 12
#: No record that a router writes is longer: a BGP message has at most 65,535 octets, a table's entry a few thousand peers.
LARGEST = 16 << 20
ESTABLISHED = 6


class Peer(NamedTuple):
    """Who sent it: AS number and address."""

    number: int
    address: str

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"AS{self.number} {self.address}"


class Record(NamedTuple):
    """One record: an update, a session that changed its state, or a route of a table.

    :ivar number: which record of the file, from 1
    :ivar state: the new state of the session (RFC 4271, 8.2.2: 6 is Established); 0 for any other record
    :ivar of_table: whether it tells what stood in a table, not what changed
    """

    number: int
    time: datetime
    peer: Peer
    update: Update | None = None
    state: int = 0
    of_table: bool = False


def read_mrt(stream: BinaryIO, left: Counter[str]) -> Iterator[Record]:
    """Yield the records of a file in its order; what is not told is counted in ``left`` by reason id.

    ``other-…`` are records of another kind, no faults; ``torn`` is a record that the file ends in.
    """
    peers: list[Peer] = []
    number = 0
    while head := _exactly(stream, _HEADER):
        number += 1
        kind, subtype = int.from_bytes(head[4:6]), int.from_bytes(head[6:8])
        length = int.from_bytes(head[8:12])
        if length > LARGEST:
            left["record-too-long"] += 1
            return
        body = _exactly(stream, length) if length else b""
        if len(head) < _HEADER or len(body) < length:
            left["torn"] += 1
            return
        time = datetime.fromtimestamp(int.from_bytes(head[:4]), UTC)
        if kind == _TABLE and subtype == _PEERS:
            peers = _peers(body, left)
        elif kind == _TABLE and subtype in (_RIB4, _RIB6):
            yield from _routes(number, time, 1 if subtype == _RIB4 else 2, body, peers, left)
        elif kind in (_BGP4MP, _BGP4MP_ET):
            yield from _message(number, time, kind, subtype, body, left)
        else:
            left["other-records"] += 1


def _exactly(stream: BinaryIO, wanted: int) -> bytes:
    """Return so many octets, fewer at the end; a stream may give less at a time."""
    parts = []
    while wanted and (part := stream.read(min(wanted, 1 << 20))):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _message(
    number: int, time: datetime, kind: int, subtype: int, body: bytes, left: Counter[str]
) -> Iterator[Record]:
    if kind == _BGP4MP_ET:
        if len(body) < 4:  # noqa: PLR2004 - the microseconds
            left["short"] += 1
            return
        time += timedelta(microseconds=min(int.from_bytes(body[:4]), 999_999))
        body = body[4:]
    width = _MESSAGES.get(subtype) or _STATES.get(subtype)
    if width is None:
        left["other-own" if subtype in _LOCAL else "other-records"] += 1
        return
    found = _peer(body, width)
    if found is None:
        left["no-peer"] += 1
        return
    peer, rest = found
    if subtype in _STATES:
        if len(rest) < 4:  # noqa: PLR2004 - old and new state
            left["short"] += 1
        else:
            yield Record(number, time, peer, state=int.from_bytes(rest[2:4]))
        return
    if message_type(rest) != UPDATE:
        left["other-messages" if message_type(rest) else "no-message"] += 1
        return
    update = read_update(rest, as_octets=width, add_path=subtype in _ADD_PATH)
    left.update(update.faults)
    yield Record(number, time, peer, update)


def _peer(body: bytes, width: int) -> tuple[Peer, bytes] | None:
    """Return who sent it, and what comes behind both addresses; None when that can't be."""
    at = 2 * width + 2
    octets = {1: 4, 2: 16}.get(int.from_bytes(body[at : at + 2]), 0)
    end = at + 2 + 2 * octets
    if not octets or len(body) < end:
        return None
    address = str(ip_address(body[at + 2 : at + 2 + octets]))
    return Peer(int.from_bytes(body[:width]), address), body[end:]


def _peers(body: bytes, left: Counter[str]) -> list[Peer]:
    """Return the peers that a table's entries are counted by."""
    found: list[Peer] = []
    at = 6 + int.from_bytes(body[4:6])
    count = int.from_bytes(body[at : at + 2])
    at += 2
    for _ in range(count):
        kind = body[at] if at < len(body) else 0
        octets, width = (16 if kind & 1 else 4), (4 if kind & 2 else 2)
        end = at + 5 + octets + width
        if end > len(body):
            left["peers-lie"] += 1
            break
        address = str(ip_address(body[at + 5 : at + 5 + octets]))
        found.append(Peer(int.from_bytes(body[end - width : end]), address))
        at = end
    return found


def _routes(
    number: int, time: datetime, afi: int, body: bytes, peers: list[Peer], left: Counter[str]
) -> Iterator[Record]:
    read = read_prefix(body[4:21], afi)
    if read is None:
        left["no-prefix"] += 1
        return
    prefix: Prefix = read[0]
    at = 4 + read[1]
    count = int.from_bytes(body[at : at + 2])
    at += 2
    for _ in range(count):
        end = at + 8 + int.from_bytes(body[at + 6 : at + 8])
        if at + 8 > len(body) or end > len(body):
            left["entry-lies"] += 1
            return
        index = int.from_bytes(body[at : at + 2])
        origins, faults = read_attributes(body[at + 8 : end])
        left.update(faults)
        if index < len(peers):
            yield Record(number, time, peers[index], Update((prefix,), (), origins, faults), of_table=True)
        else:
            left["no-peer"] += 1
        at = end
