"""Matched rows put together into conversations, and what each of them proves.

A conversation is what one line exchanged with one port of one remote address over one port of its own. All arrays
have one value per conversation; no object is made for a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.model.tables import ACK, PSH, RST, SENDS, SYN

Array = NDArray[Any]

_TCP, _UDP, _SCTP = 6, 17, 132
_IPV4 = 4
_MAPPED = np.uint64(0xFFFF_0000_0000)
_NEVER = np.iinfo(np.int64).max
_WELL_KNOWN = 1024
_PACKETS = 3  # SYN, ACK and something: a connection has at least so many from its opener


class Strength(IntEnum):
    """What a conversation proves, from nothing to most."""

    NOISE = 0  # the remote scans, or answers what this line never sent
    ATTEMPT = 1  # the line tries, nobody talks with it
    WEAK = 2  # a sample saw something of it and can't tell whether it was answered
    INBOUND = 3  # the remote opened it and was answered
    ONE_SIDED = 4  # payload or an acknowledged connection, but only one direction is in the records
    ESTABLISHED = 5  # the line opened it and both talked


@dataclass(frozen=True, slots=True)
class Conversations:
    """Columns; ``of_row`` gives each row's conversation. ``first_*`` are the first moments of each direction."""

    of_row: Array
    line: Array
    high: Array
    low: Array
    remote_port: Array
    own_port: Array
    protocol: Array
    sent_packets: Array
    sent_octets: Array
    sent_flags: Array
    sent_first: Array
    got_packets: Array
    got_octets: Array
    got_flags: Array
    got_first: Array
    begin: Array
    end: Array
    sampling: Array
    finest: Array
    sampled: Array

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.line.size)


def conversations(table: pa.Table) -> Conversations:
    """Put the rows of a WATCHED table together."""
    keys, sends = _keys(table)
    order = np.lexsort(keys)
    change = np.zeros(order.size, np.bool_)
    change[:1] = True
    for key in keys:
        change[1:] |= key[order][1:] != key[order][:-1]
    at = np.flatnonzero(change)
    of_row = np.empty(order.size, np.int64)
    of_row[order] = np.cumsum(change) - 1

    def folded(fold: np.ufunc, values: Array) -> Array:
        return np.asarray(fold.reduceat(values[order], at)) if at.size else values[:0]

    begin, flags = _column(table, "flowStartMilliseconds"), _column(table, "tcpControlBits")
    packets, octets = _column(table, "packetDeltaCount"), _column(table, "octetDeltaCount")
    sampling = _column(table, "samplingPacketInterval")
    first = ~_repeated((*keys, sends, begin // 1000, packets, octets))
    packets, octets = packets * first, octets * first
    sent, got = (
        (
            _summed(folded, np.where(mine, packets, 0)),
            _summed(folded, np.where(mine, octets, 0)),
            folded(np.bitwise_or, np.where(mine, flags, 0)),
            folded(np.minimum, np.where(mine, begin, _NEVER)),
        )
        for mine in (sends, ~sends)
    )
    line, high, low, remote_port, own_port, protocol = (key[order][at] for key in keys)
    end = np.maximum(begin, _column(table, "flowEndMilliseconds"))
    # fmt: off
    return Conversations(
        of_row, line, high, low, remote_port, own_port, protocol, *sent, *got,
        folded(np.minimum, begin), folded(np.maximum, end),
        folded(np.maximum, sampling), folded(np.minimum, sampling), folded(np.logical_or, sampling != 1),
    )
    # fmt: on


def _repeated(keys: tuple[Array, ...]) -> Array:
    """Say which rows are another's flow once more: two routers saw it, or it was taken in from two kinds of files.

    The same ends, second, packets and octets; some tools write whole seconds only. Their counters must not add up.
    """
    order = np.lexsort(keys)
    same = np.ones(order.size, np.bool_)
    same[:1] = False
    for key in keys:
        same[1:] &= key[order][1:] == key[order][:-1]
    again = np.empty(order.size, np.bool_)
    again[order] = same
    return again


def _summed(folded: Callable[[np.ufunc, Array], Array], values: Array) -> Array:
    """Return sums that don't wrap: exact up to 2^53, never above 2^62, whatever an exporter claims."""
    return np.minimum(folded(np.add, values.astype(np.float64)), 2.0**62).astype(np.int64)


def _keys(table: pa.Table) -> tuple[tuple[Array, ...], Array]:
    """Return what tells one conversation from another (line, remote address and port, own port, protocol), and who sends."""
    sends = _column(table, "subscriberSide") == SENDS
    source, destination = _addresses(table, "source"), _addresses(table, "destination")
    ports = _column(table, "sourceTransportPort"), _column(table, "destinationTransportPort")
    keys = (
        _column(table, "subscriber"),
        np.where(sends, destination[0], source[0]),
        np.where(sends, destination[1], source[1]),
        np.where(sends, ports[1], ports[0]),
        np.where(sends, ports[0], ports[1]),
        _column(table, "protocolIdentifier"),
    )
    return keys, sends


def strengths(talks: Conversations, listed_port: Array) -> Array:
    """Return the `Strength` of every conversation; ``listed_port`` says where the list names that very port."""
    sent, got = talks.sent_first != _NEVER, talks.got_first != _NEVER
    tcp = (talks.protocol == _TCP) | (talks.protocol == _SCTP)
    theirs = _theirs(talks, sent, got, listed_port)
    return np.where(
        tcp,
        _tcp(talks, sent, got, theirs),
        np.where(
            talks.protocol == _UDP,
            np.select(
                [sent & got & ~theirs, sent & got, sent & ~talks.sampled, sent, talks.sampled & listed_port],
                [Strength.ESTABLISHED, Strength.INBOUND, Strength.ATTEMPT, Strength.WEAK, Strength.WEAK],
                Strength.NOISE,
            ),
            # Pings and tunnels: being there is all that can be said.
            np.where(sent, Strength.WEAK, Strength.NOISE),
        ),
    )


def _theirs(talks: Conversations, sent: Array, got: Array, listed_port: Array) -> Array:
    """Say where the remote opened the conversation.

    A SYN without ACK says who did. A remote port that is the listed one is the server's. Else the first packet tells
    (not in a sample), else the well-known port is the server's.
    """
    ours_syn = _bare_syn(talks.sent_flags) & sent
    theirs_syn = _bare_syn(talks.got_flags) & got & ~ours_syn
    timed = sent & got & ~talks.sampled & (talks.sent_first != talks.got_first)
    by_time = timed & (talks.got_first < talks.sent_first)
    by_port = ~timed & (talks.own_port < _WELL_KNOWN) & (talks.remote_port >= _WELL_KNOWN)
    return np.asarray(theirs_syn | (~ours_syn & ~listed_port & (by_time | by_port)))


def _tcp(talks: Conversations, sent: Array, got: Array, theirs: Array) -> Array:
    ours, remote = talks.sent_flags, talks.got_flags
    both, sampled = sent & got, talks.sampled
    acked = _has(ours, ACK) & _has(remote, ACK)
    refused = both & _has(remote, RST) & ~_has(remote, SYN | PSH) & ~_has(ours, ACK | PSH)
    refused |= both & _has(ours, RST) & ~_has(ours, SYN | PSH) & ~_has(remote, ACK | PSH)
    many_sent, many_got = talks.sent_packets >= _PACKETS, talks.got_packets >= _PACKETS
    # Without flags only the packets of both directions can show it.
    silent = (ours | remote) == 0
    talked = (
        both
        & ~refused
        & ((acked & (_has(ours | remote, PSH) | many_sent | sampled)) | (silent & many_sent & many_got))
    )
    # A lone SYN+ACK answers a scan; a lone RST refuses one.
    ours_works = (
        sent & _has(ours, ACK) & ~_has(ours, RST) & (_has(ours, PSH) | (many_sent & ~_has(ours, SYN)))
    )
    ours_works |= sent & _has(ours, ACK) & _has(ours, PSH)
    remote_works = got & _has(remote, ACK) & (_has(remote, PSH) | (many_got & ~_has(remote, SYN | RST)))
    answers = sent & ~got & ((ours == (SYN | ACK)) | (_has(ours, RST) & ~_has(ours, SYN | PSH)))
    backscatter = got & ~sent & (_bare_syn(remote) | (~sampled & ~remote_works) | ((remote == 0) & ~many_got))
    noise = answers | backscatter | (both & ~talked & theirs)
    return np.select(
        [noise, talked & ~theirs, talked, (sent ^ got) & (ours_works | remote_works), sampled, sent],
        [
            Strength.NOISE,
            Strength.ESTABLISHED,
            Strength.INBOUND,
            Strength.ONE_SIDED,
            Strength.WEAK,
            Strength.ATTEMPT,
        ],
        Strength.NOISE,
    )


def _bare_syn(flags: Array) -> Array:
    return np.asarray(_has(flags, SYN) & ~_has(flags, ACK))


def _has(flags: Array, any_of: int) -> Array:
    return np.asarray((flags & any_of) != 0)


def _column(table: pa.Table, name: str) -> Array:
    return np.asarray(table.column(name).to_numpy())


def _addresses(table: pa.Table, end: str) -> tuple[Array, Array]:
    """Return both halves of the addresses of one end; IPv4 as its mapped IPv6 form (RFC 4291), to have one key."""
    version = _column(table, "ipVersion")
    four = table.column(f"{end}IPv4Address").fill_null(0).to_numpy().astype(np.uint64)
    six = b"".join(_packed(chunk) for chunk in table.column(f"{end}IPv6Address").chunks)
    halves = np.frombuffer(six, ">u8").reshape(-1, 2).astype(np.uint64)
    is_four = version == _IPV4
    return np.where(is_four, 0, halves[:, 0]).astype(np.uint64), np.where(
        is_four, four | _MAPPED, halves[:, 1]
    )


def _packed(column: pa.Array) -> bytes:
    """Return the octets of a column of addresses; what stands in a null is undefined."""
    buffer, width = column.buffers()[1], 16
    if buffer is None:
        return bytes(len(column) * width)
    return bytes(memoryview(buffer)[column.offset * width : (column.offset + len(column)) * width])
