"""Pseudonyms of IPv4 addresses: one table of pseudonyms, entered with the address itself.

The table is made of pages of 2**16 entries, one for each /16 that holds customers, and an empty page for all others;
zero means "no customer". So no prefix that holds 0.0.0.0 can be served, and no pseudonym is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

import numpy as np
import numpy.typing as npt

from sekisho.errors import ReadingError
from sekisho.formats.permutation import TABLE_BITS, Prf, feistel, preserved, preserved_table, shuffled
from sekisho.language import Text
from sekisho.model.tables import RECEIVES, SENDS

Addresses = npt.NDArray[np.uint32]

_PAGES = 1024
_PAGE = 1 << 16
# Rows at a time: their temporaries stay within the second-level cache.
_CHUNK = 1 << 14


class Lines4:
    """The customer addresses of disjoint prefixes and their pseudonyms."""

    def __init__(
        self,
        key: bytes,
        networks: Sequence[IPv4Network],
        *,
        prefix_preserving: bool,
        fast_from: int | None = None,
    ) -> None:
        self._fast_from = fast_from
        self._rows = 0
        mode = "preserving " if prefix_preserving else ""
        self._networks = [(net, Prf(key, f"{mode}{net}")) for net in networks]
        self._preserving = prefix_preserving
        for net in networks:
            if int(net.network_address) == 0:
                raise _unfit(Text(ja="0.0.0.0を含む", en="it holds 0.0.0.0"), net)
        # Too large for a table: computed row by row.
        self._wide = [pair for pair in self._networks if 32 - pair[0].prefixlen > TABLE_BITS]
        self._tabled = [pair for pair in self._networks if 32 - pair[0].prefixlen <= TABLE_BITS]
        self._place()

    def names(self, addresses: Addresses) -> npt.NDArray[np.int64]:
        """Return the pseudonym of each address, 0 where it is no customer's."""
        out = np.empty(len(addresses), np.int64)
        for start in range(0, len(addresses), _CHUNK):
            out[start : start + _CHUNK] = self._look_up(addresses[start : start + _CHUNK])
        return out

    def sides(
        self, source: Addresses, destination: Addresses
    ) -> tuple[Addresses, Addresses, npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return both columns with pseudonyms in place, the line of each row and its side (0: no customer)."""
        rows = len(source)
        new_source, new_destination = np.empty(rows, np.uint32), np.empty(rows, np.uint32)
        line, side = np.empty(rows, np.int64), np.empty(rows, np.uint8)
        self._rows += rows
        if self._fast_from is not None and self._rows > self._fast_from and not self._wide:
            from sekisho.formats.pseudonyms4_fast import sides

            both = (np.require(one, np.uint32, ("C", "A")) for one in (source, destination))
            sides(*both, self._start, self._table, new_source, new_destination, line, side)
            return new_source, new_destination, line, side
        for start in range(0, rows, _CHUNK):
            at = slice(start, start + _CHUNK)
            self._chunk(
                source[at], destination[at], (new_source[at], new_destination[at], line[at], side[at])
            )
        return new_source, new_destination, line, side

    @property
    def table(self) -> tuple[Addresses, Addresses] | None:
        """Where each page begins, and the pages; None when some prefix is too large to be in them."""
        return None if self._wide else (self._start, self._table)

    def reveal(self, subscriber: int) -> IPv4Address | None:
        """Return the address whose pseudonym is ``subscriber``."""
        pseudonym = IPv4Address(subscriber)
        for net, prf in self._networks:
            if pseudonym in net:
                first, bits = int(net.network_address), 32 - net.prefixlen
                value = np.array([subscriber - first], np.uint64)
                if bits > TABLE_BITS or self._preserving:
                    undo = preserved if self._preserving else feistel
                    return IPv4Address(first + int(undo(prf, value, bits, back=True)[0]))
                return IPv4Address(first + int(np.flatnonzero(self._table[self._part(net)] == subscriber)[0]))
        return None

    def _place(self) -> None:
        """Say where the pages lie: ``_start[address >> 16]`` is where the page of that /16 begins."""
        touched = sorted({page for net, _ in self._tabled for page in _pages(net)})
        if len(touched) > _PAGES:
            raise ReadingError(
                Text(
                    ja=f"顧客ブロックが{_PAGES}個より多くの/16に散っている",
                    en=f"the customer prefixes are spread over more than {_PAGES} different /16",
                ),
                f"{len(touched)}",
                Text(
                    ja="ブロックをまとめて/7以上にする", en="name fewer or much larger prefixes (/7 and up)"
                ),
            )
        self._start = np.zeros(_PAGE, np.uint32)
        self._start[touched] = (np.arange(len(touched), dtype=np.uint32) + 1) << 16
        self._entries = (len(touched) + 1) << 16

    @cached_property
    def _table(self) -> Addresses:
        """The pages themselves. Not made before the first question: who only checks prefixes need not wait for it."""
        table = np.zeros(self._entries, np.uint32)
        for net, prf in self._tabled:
            bits, first = 32 - net.prefixlen, np.uint32(int(net.network_address))
            image = (preserved_table if self._preserving else shuffled)(prf, bits)
            table[self._part(net)] = image.astype(np.uint32) + first
        return table

    def _part(self, net: IPv4Network) -> slice:
        first = int(net.network_address)
        begin = int(self._start[first >> 16]) + (first & 0xFFFF)
        return slice(begin, begin + net.num_addresses)

    def _look_up(self, addresses: Addresses) -> Addresses:
        entry = self._page(addresses) + (addresses & np.uint32(0xFFFF))
        found = self._table.take(entry, mode="clip")
        return self._widely(addresses, found) if self._wide else found

    def _page(self, addresses: Addresses) -> Addresses:
        return self._start.take(addresses >> np.uint32(16), mode="clip")

    def _widely(self, addresses: Addresses, found: Addresses) -> Addresses:
        for net, prf in self._wide:
            first, bits = int(net.network_address), 32 - net.prefixlen
            at = np.flatnonzero((addresses >= first) & (addresses <= int(net.broadcast_address)))
            values = (addresses[at] - np.uint32(first)).astype(np.uint64)
            image = (preserved if self._preserving else feistel)(prf, values, bits)
            found[at] = image.astype(np.uint32) + np.uint32(first)
        return found

    def _chunk(
        self,
        source: Addresses,
        destination: Addresses,
        out: tuple[Addresses, Addresses, npt.NDArray[np.int64], npt.NDArray[np.uint8]],
    ) -> None:
        new_source, new_destination, line, side = out
        if self._wide:
            of_source, of_destination = self._look_up(source), self._look_up(destination)
            sends, second = of_source != 0, of_destination != 0
            name = _choose(sends, of_source, of_destination)
        else:  # both pages are looked up, but only one entry: the page of nobody is the first
            page, other = self._page(source), self._page(destination)
            sends, second = page != 0, other != 0
            entry = _choose(sends, source, destination) & np.uint32(0xFFFF)
            name = self._table.take(entry + _choose(sends, page, other), mode="clip")
        receives = ~sends
        if not name.all():  # a page that is not full, or a row of nobody
            odd = np.flatnonzero(name == 0)
            sends[odd] = False
            name[odd] = self._look_up(destination[odd])
            receives[odd] = name[odd] != 0
        line[:] = name
        side[:] = sends * np.uint8(SENDS) + receives * np.uint8(RECEIVES)
        new_source[:] = _choose(sends, name, source)
        new_destination[:] = _choose(receives, name, destination)
        if (sends & second).any():
            both = np.flatnonzero(sends & second)
            named = self._look_up(destination[both])
            new_destination[both] = np.where(named != 0, named, destination[both])


def _choose(first: npt.NDArray[np.bool_], one: Addresses, other: Addresses) -> Addresses:
    """Return `numpy.where` of these; free of branches, so five times as fast when the choice is random."""
    mask = np.negative(first.view(np.uint8).astype(np.uint32))
    return other ^ ((one ^ other) & mask)


def _pages(net: IPv4Network) -> range:
    return range(int(net.network_address) >> 16, (int(net.broadcast_address) >> 16) + 1)


def _unfit(why: Text, net: IPv4Network) -> ReadingError:
    return ReadingError(
        Text(
            ja=f"この顧客ブロックは使えない（{why.ja}）", en=f"this customer prefix can't be served: {why.en}"
        ),
        str(net),
    )
