"""A list of addresses compiled for matching: which rows of a batch touch which entry, exactly, at memory speed.

An address of IPv4 first looks into a table of 16 MB with one octet per /24 network. The few rows that pass are
compared exactly: for every prefix length on the list, by binary search among the networks of that length. IPv6 has
a table of hashes of the networks in its place. Port, protocol and validity are then compared entry by entry.

A `Watchlist` never changes; a new list is a new object that takes the old one's place between two batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.formats.packed_rows import unpacked

Integers = NDArray[np.int64]
Addresses = NDArray[np.uint32]
Wide = NDArray[np.uint64]

BLOCK = 16_384  # rows at a time: their temporaries stay in the cache beside the table
SENDS, RECEIVES = 1, 2  # `subscriberSide` of WATCHED
_FOREVER = np.iinfo(np.int64).max
_HASH_BITS = 20
_IPV4, _IPV6, _BLOCK_LENGTH = 4, 6, 24
_NONE = np.empty(0, np.int64)


class Entry(Protocol):
    """What a list entry must have; `model.indicator.Indicator` does."""

    @property
    def network(self) -> str:
        """Address or prefix in CIDR text."""
        ...

    @property
    def port(self) -> int:
        """Port of the listed side; 0 for any."""
        ...

    @property
    def protocol(self) -> int:
        """IANA number; 0 for any."""
        ...

    @property
    def valid_from(self) -> int:
        """Milliseconds; 0 for always."""
        ...

    @property
    def valid_until(self) -> int:
        """Milliseconds, exclusive; 0 for until further notice."""
        ...


class Watchlist:
    """The compiled list. ``indicators`` are kept as given; matches name them by their position.

    With ``fast`` the twin of numba looks into the table (same answers; the extra ``fast`` must be installed).

    :raises ValueError: for a network that is not CIDR text
    """

    def __init__(self, indicators: Iterable[Entry], *, fast: bool = False) -> None:
        self.indicators: tuple[Entry, ...] = tuple(indicators)
        nets = [ip_network(one.network) for one in self.indicators]
        self._port = np.array([one.port for one in self.indicators], np.uint16)
        self._protocol = np.array([one.protocol for one in self.indicators], np.uint8)
        self._begin = np.array([one.valid_from for one in self.indicators], np.int64)
        self._end = np.array([one.valid_until or _FOREVER for one in self.indicators], np.int64)
        version = np.array([net.version for net in nets], np.uint8)
        length = np.array([net.prefixlen for net in nets], np.int64)
        self._four = _groups4(nets, version, length)
        self._six = _groups6(nets, version, length)
        self._table = _blocks(self._four)
        self._bits = np.packbits(self._table, bitorder="little") if fast else None
        for array in (self._port, self._protocol, self._begin, self._end, self._table):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.indicators)

    @property
    def bits(self) -> NDArray[np.uint8] | None:
        """One bit for each /24 network, lowest first, set where an entry lies or covers; none at all without IPv4.

        None without ``fast``.
        """
        return self._bits if self._bits is None or self._four else self._bits[:0]

    def match_among(self, batch: pa.RecordBatch, among: Integers | None) -> tuple[Integers, Integers]:
        """Do as `match`, looking at the rows ``among`` only (ascending), as those of whose `bits` some are set."""
        if among is None:
            return self.match(unpacked(batch))
        source, destination = (
            _numbers(batch, f"{end}IPv4Address", np.uint32)[among] for end in ("source", "destination")
        )
        away = np.where(_numbers(batch, "subscriberSide", np.uint8)[among] == SENDS, destination, source)
        held = [group.holds(away) for group in self._four]
        among = among[np.any(held, axis=0)] if held else _NONE
        if not among.size:
            return _NONE, _NONE
        rows, entries = self.match(unpacked(batch.take(pa.array(among))))
        return among[rows], entries

    def match(self, batch: pa.RecordBatch) -> tuple[Integers, Integers]:
        """Return the rows of ``batch`` that touch the list and the entries they touch, in pairs.

        Where the batch has ``subscriberSide`` only the other side is compared; elsewhere both sides. A row counts
        when any moment of its flow lies in the entry's validity. Pairs are unique, ordered by row, then by entry.
        """
        rows, found = [_NONE], [_NONE]
        sides = ((SENDS, "destination"), (RECEIVES, "source"))
        side = _numbers(batch, "subscriberSide", np.uint8) if "subscriberSide" in batch.schema.names else None
        for candidates, four in (
            (self._candidates4(batch, side), True),
            (self._candidates6(batch, side), False),
        ):
            for which, end in sides:
                chosen = candidates if side is None else candidates[side[candidates] == which]
                pair = self._exact(batch, chosen, end, four=four)
                rows.append(pair[0])
                found.append(pair[1])
        return _unique_pairs(np.concatenate(rows), np.concatenate(found), len(self.indicators))

    def _candidates4(self, batch: pa.RecordBatch, side: NDArray[np.uint8] | None) -> Integers:
        if not self._four or not {"sourceIPv4Address", "destinationIPv4Address"} <= set(batch.schema.names):
            return _NONE
        source = _numbers(batch, "sourceIPv4Address", np.uint32)
        destination = _numbers(batch, "destinationIPv4Address", np.uint32)
        if self._bits is not None:
            from sekisho.formats.watchlist_fast import candidates

            return candidates(source, destination, side, self._bits)
        if side is None:
            return _either(self._table, source, destination)
        return _remote(self._table, source, destination, side)

    def _candidates6(self, batch: pa.RecordBatch, side: NDArray[np.uint8] | None) -> Integers:
        if not self._six:
            return _NONE
        version = _numbers(batch, "ipVersion", np.uint8)
        rows = np.flatnonzero(version == _IPV6)
        if not rows.size:
            return _NONE
        found = [_NONE]
        for which, name in ((SENDS, "destinationIPv6Address"), (RECEIVES, "sourceIPv6Address")):
            if name not in batch.schema.names:
                continue
            mine = rows if side is None else rows[side[rows] == which]
            for begin in range(0, mine.size, BLOCK):
                part = mine[begin : begin + BLOCK]
                high, low = _halves(batch, name, part)
                hit = np.zeros(part.size, np.bool_)
                for group in self._six:
                    hit |= group.may_hold(high, low)
                found.append(part[hit])
        return np.unique(np.concatenate(found))

    def _exact(
        self, batch: pa.RecordBatch, rows: Integers, end: str, *, four: bool
    ) -> tuple[Integers, Integers]:
        name = f"{end}IPv{4 if four else 6}Address"
        if not rows.size or name not in batch.schema.names:
            return _NONE, _NONE
        version = _numbers(batch, "ipVersion", np.uint8)[rows] == (_IPV4 if four else _IPV6)
        column = batch.column(name)
        if column.null_count:
            version &= column.is_valid().take(pa.array(rows)).to_numpy(zero_copy_only=False)
        rows = rows[version]
        pairs = []
        if four:
            address = _numbers(batch, name, np.uint32)[rows]
            pairs = [group.look(address) for group in self._four]
        else:
            high, low = _halves(batch, name, rows)
            pairs = [group.look(high, low) for group in self._six]
        at = rows[np.concatenate([one[0] for one in pairs] or [_NONE])]
        entry = np.concatenate([one[1] for one in pairs] or [_NONE])
        return self._told_apart(batch, at, entry, f"{end}TransportPort")

    def _told_apart(
        self, batch: pa.RecordBatch, rows: Integers, entry: Integers, port_name: str
    ) -> tuple[Integers, Integers]:
        """Keep the pairs whose port, protocol and time agree."""
        port, protocol = self._port[entry], self._protocol[entry]
        begin = _numbers(batch, "flowStartMilliseconds", np.int64)[rows]
        finish = np.maximum(begin, _numbers(batch, "flowEndMilliseconds", np.int64)[rows])
        good = (port == 0) | (port == _numbers(batch, port_name, np.uint16)[rows])
        good &= (protocol == 0) | (protocol == _numbers(batch, "protocolIdentifier", np.uint8)[rows])
        good &= (finish >= self._begin[entry]) & (begin < self._end[entry])
        return rows[good], entry[good]


class _Networks4:
    """The IPv4 networks of one prefix length, sorted, each with its entries (``start`` into ``entries``)."""

    def __init__(self, length: int, address: Addresses, entries: Integers) -> None:
        self.length = length
        self.shift = np.uint64(32 - length)
        key = (address.astype(np.uint64) >> self.shift).astype(np.uint32)
        order = np.lexsort((entries, key))
        self.keys, first = np.unique(key[order], return_index=True)
        self.start = np.append(first, key.size).astype(np.int64)
        self.entries = entries[order]

    def holds(self, address: Addresses) -> NDArray[np.bool_]:
        """Say for each address whether an entry holds it."""
        key = (address.astype(np.uint64) >> self.shift).astype(np.uint32)
        found: NDArray[np.bool_] = (
            self.keys[np.minimum(np.searchsorted(self.keys, key), self.keys.size - 1)] == key
        )
        return found

    def look(self, address: Addresses) -> tuple[Integers, Integers]:
        """Return positions in ``address`` and the entries that hold it."""
        key = (address.astype(np.uint64) >> self.shift).astype(np.uint32)
        slot = np.searchsorted(self.keys, key)
        at = np.flatnonzero(self.keys[np.minimum(slot, self.keys.size - 1)] == key)
        return _spread(at, slot[at], self.start, self.entries)


class _Networks6:
    """The IPv6 networks of one prefix length by 64-bit hash; equal hashes are told apart by the address itself."""

    def __init__(self, length: int, high: Wide, low: Wide, entries: Integers) -> None:
        ones = ((1 << length) - 1) << (128 - length)
        self.masks = np.uint64(ones >> 64), np.uint64(ones & 0xFFFF_FFFF_FFFF_FFFF)
        hashed = _mixed(high, low)
        order = np.lexsort((entries, hashed))
        self.keys, first = np.unique(hashed[order], return_index=True)
        self.start = np.append(first, hashed.size).astype(np.int64)
        self.entries, self.high, self.low = entries[order], high[order], low[order]
        self.table = np.zeros(1 << _HASH_BITS, np.bool_)
        self.table[(self.keys >> np.uint64(64 - _HASH_BITS)).astype(np.intp)] = True

    def may_hold(self, high: Wide, low: Wide) -> NDArray[np.bool_]:
        """Say for each address whether its network's hash is in the table."""
        hashed = _mixed(high & self.masks[0], low & self.masks[1])
        return self.table[(hashed >> np.uint64(64 - _HASH_BITS)).astype(np.intp)]

    def look(self, high: Wide, low: Wide) -> tuple[Integers, Integers]:
        """Return positions among the addresses and the entries that hold them."""
        high, low = high & self.masks[0], low & self.masks[1]
        hashed = _mixed(high, low)
        slot = np.searchsorted(self.keys, hashed)
        at = np.flatnonzero(self.keys[np.minimum(slot, self.keys.size - 1)] == hashed)
        rows, places = _spread(at, slot[at], self.start, np.arange(self.entries.size))
        same = (self.high[places] == high[rows]) & (self.low[places] == low[rows])
        return rows[same], self.entries[places[same]]


def _groups4(
    nets: Sequence[IPv4Network | IPv6Network], version: NDArray[np.uint8], length: Integers
) -> tuple[_Networks4, ...]:
    groups = []
    for size in np.unique(length[version == _IPV4]):
        entries = np.flatnonzero((version == _IPV4) & (length == size))
        address = np.array([int(nets[one].network_address) for one in entries.tolist()], np.uint32)
        groups.append(_Networks4(int(size), address, entries))
    return tuple(groups)


def _groups6(
    nets: Sequence[IPv4Network | IPv6Network], version: NDArray[np.uint8], length: Integers
) -> tuple[_Networks6, ...]:
    groups = []
    for size in np.unique(length[version == _IPV6]):
        entries = np.flatnonzero((version == _IPV6) & (length == size))
        octets = b"".join(nets[one].network_address.packed for one in entries.tolist())
        halves = np.frombuffer(octets, ">u8").reshape(-1, 2).astype(np.uint64)
        high, low = halves[:, 0], halves[:, 1]
        groups.append(_Networks6(int(size), high, low, entries))
    return tuple(groups)


def _blocks(groups: tuple[_Networks4, ...]) -> NDArray[np.uint8]:
    """Return the table of /24 networks: 1 where any entry lies or covers."""
    table = np.zeros(1 << 24 if groups else 1, np.uint8)
    for group in groups:
        if group.length >= _BLOCK_LENGTH:
            table[group.keys >> np.uint32(group.length - _BLOCK_LENGTH)] = 1
        else:
            width = 1 << (_BLOCK_LENGTH - group.length)
            for key in group.keys:
                table[int(key) * width : (int(key) + 1) * width] = 1
    return table


def _either(table: NDArray[np.uint8], source: Addresses, destination: Addresses) -> Integers:
    """Return the rows with a marked /24 network on either side."""
    place = np.empty(BLOCK, np.intp)
    mark, other = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.uint8)
    found = [_NONE]
    for begin in range(0, source.size, BLOCK):
        size = min(BLOCK, source.size - begin)
        for side, marks in ((source, mark), (destination, other)):
            np.right_shift(side[begin : begin + size], 8, out=place[:size], casting="unsafe")
            # mode="clip" writes straight into `out`; a /24 number is always inside the table
            np.take(table, place[:size], out=marks[:size], mode="clip")
        np.bitwise_or(mark[:size], other[:size], out=mark[:size])
        found.append(np.flatnonzero(mark[:size].view(np.bool_)) + begin)
    return np.concatenate(found)


def _remote(
    table: NDArray[np.uint8], source: Addresses, destination: Addresses, side: NDArray[np.uint8]
) -> Integers:
    """Return the rows with a marked /24 network on the side that is not the line."""
    place = np.empty(BLOCK, np.intp)
    pick, mark = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint8)
    found = [_NONE]
    for begin in range(0, source.size, BLOCK):
        size = min(BLOCK, source.size - begin)
        rows = slice(begin, begin + size)
        # source ^ ((source ^ destination) where the line sends): a choice without a branch
        np.bitwise_and(side[rows], 1, out=pick[:size], casting="unsafe")
        np.negative(pick[:size], out=pick[:size])
        pick[:size] &= source[rows] ^ destination[rows]
        pick[:size] ^= source[rows]
        np.right_shift(pick[:size], 8, out=place[:size], casting="unsafe")
        np.take(table, place[:size], out=mark[:size], mode="clip")
        found.append(np.flatnonzero(mark[:size].view(np.bool_)) + begin)
    return np.concatenate(found)


def _numbers(batch: pa.RecordBatch, name: str, kind: Any) -> NDArray[Any]:
    """Return a column's numbers without a copy; what stands in a null is undefined."""
    column = batch.column(name)
    buffer = column.buffers()[1]
    if buffer is None:
        return np.zeros(len(column), kind)
    return np.frombuffer(buffer, kind, count=column.offset + len(column))[column.offset :]


def _halves(batch: pa.RecordBatch, name: str, rows: Integers) -> tuple[Wide, Wide]:
    column = batch.column(name)
    buffer = column.buffers()[1]
    if buffer is None:
        return np.zeros(rows.size, np.uint64), np.zeros(rows.size, np.uint64)
    octets = np.frombuffer(buffer, ">u8", count=2 * (column.offset + len(column))).reshape(-1, 2)
    chosen = octets[column.offset + rows].astype(np.uint64)
    return chosen[:, 0], chosen[:, 1]


def _mixed(high: Wide, low: Wide) -> Wide:
    """Return a 64-bit hash of addresses (multiply and shift, wrapping)."""
    mixed = (high ^ (low >> np.uint64(29))) * np.uint64(0x9E37_79B9_7F4A_7C15)
    mixed ^= low * np.uint64(0xC2B2_AE3D_27D4_EB4F)
    mixed ^= mixed >> np.uint64(32)
    return mixed * np.uint64(0xD6E8_FEB8_6659_FD93)


def _spread(at: Integers, slot: Integers, start: Integers, entries: Integers) -> tuple[Integers, Integers]:
    """Return each position once for every entry of its slot, and those entries."""
    count = start[slot + 1] - start[slot]
    ends = np.cumsum(count)
    total = int(ends[-1]) if ends.size else 0
    inside = np.arange(total) - np.repeat(ends - count, count)
    return np.repeat(at, count), entries[np.repeat(start[slot], count) + inside]


def _unique_pairs(rows: Integers, entries: Integers, size: int) -> tuple[Integers, Integers]:
    """Return the pairs ordered, each once (a row may touch an entry with both sides)."""
    if not rows.size:
        return _NONE, _NONE
    keys = np.unique(rows * size + entries)
    return keys // size, keys % size
