"""Pseudonyms of IPv6 lines: the delegated prefix is the line; the bits below it are zeroed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv6Network

import numpy as np
import numpy.typing as npt

from sekisho.errors import ReadingError
from sekisho.formats.permutation import Numbers, Prf, feistel, preserved, shuffled
from sekisho.language import Text

_SHORTEST, _LONGEST = 36, 64
# Below this many bits a table gives a better permutation than a Feistel network; it holds 2**16 numbers at most.
_TABLE_BITS = 16
_GLOBAL = IPv6Network("2000::/3")
_LOCAL = IPv6Network("fc00::/7")
# The names of lines of fc00::/7 lie above those of 2000::/3, and both above 2**32: no name of IPv4 is met.
_LOCAL_BIT = 1 << 62
_LOCAL_TOP = 0xFC << 56

_Map = Callable[[Numbers, bool], Numbers]


class Lines6:
    """The delegated prefixes within disjoint customer prefixes and their pseudonyms."""

    def __init__(
        self, key: bytes, networks: Sequence[IPv6Network], *, prefix_preserving: bool, delegated: int
    ) -> None:
        if not _SHORTEST <= delegated <= _LONGEST:
            raise ReadingError(
                Text(
                    ja=f"委譲するプレフィックス長は{_SHORTEST}から{_LONGEST}まで",
                    en=f"the delegated length is {_SHORTEST} to {_LONGEST}",
                ),
                f"/{delegated}",
            )
        self._delegated = delegated
        self._shift = np.uint64(64 - delegated)
        self._maps: list[tuple[int, int, _Map]] = []
        for net in networks:
            if net.prefixlen > delegated or not (net.subnet_of(_GLOBAL) or net.subnet_of(_LOCAL)):
                raise ReadingError(
                    Text(
                        ja=f"この顧客ブロックは使えない（2000::/3かfc00::/7の中で/{delegated}以下）",
                        en=f"this customer prefix can't be served (within 2000::/3 or fc00::/7, /{delegated} or shorter)",
                    ),
                    str(net),
                )
            first, bits = int(net.network_address) >> 64, delegated - net.prefixlen
            own = _map(key, net, delegated, preserving=prefix_preserving)
            self._maps.append((first, bits, own))

    def names(self, octets: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Return the addresses (n × 16) with pseudonyms in place and the line of each; 0 and untouched for others."""
        upper = np.ascontiguousarray(octets[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
        out, lines = octets.copy(), np.zeros(len(octets), np.int64)
        for first, bits, own in self._maps:
            width = np.uint64(bits) + self._shift
            at = np.flatnonzero((upper >> width) == (np.uint64(first) >> width))
            if not len(at):
                continue
            # A line has many flows: each is named once.
            delegated, place = np.unique((upper[at] - np.uint64(first)) >> self._shift, return_inverse=True)
            named = (own(delegated, False) << self._shift) + np.uint64(first)
            out[at] = 0
            out[at, :8] = named.astype(">u8").view(np.uint8).reshape(-1, 8)[place]
            lines[at] = self._line(named)[place]
        return out, lines

    def reveal(self, subscriber: int) -> IPv6Network | None:
        """Return the delegated prefix whose pseudonym gave ``subscriber``."""
        upper = subscriber << int(self._shift)
        if upper & _LOCAL_BIT:
            upper = (upper ^ _LOCAL_BIT) | _LOCAL_TOP
        for first, bits, own in self._maps:
            width = bits + int(self._shift)
            if upper >> width == first >> width:
                value = np.array([(upper - first) >> int(self._shift)], np.uint64)
                found = first + (int(own(value, True)[0]) << int(self._shift))
                return IPv6Network((found << 64, self._delegated))
        return None

    def _line(self, upper: Numbers) -> npt.NDArray[np.int64]:
        local = upper >= np.uint64(_LOCAL_TOP)
        kept = (upper & np.uint64((1 << 57) - 1)) | np.uint64(_LOCAL_BIT)
        return (np.where(local, kept, upper) >> self._shift).astype(np.int64)


def _map(key: bytes, net: IPv6Network, delegated: int, *, preserving: bool) -> _Map:
    bits = delegated - net.prefixlen
    prf = Prf(key, f"{'preserving ' if preserving else ''}{net} {delegated}")
    if preserving:
        return lambda values, back: preserved(prf, values, bits, back=back)
    if bits > _TABLE_BITS:
        return lambda values, back: feistel(prf, values, bits, back=back)
    table = shuffled(prf, bits)
    inverse = np.argsort(table).astype(np.uint64)
    return lambda values, back: (inverse if back else table)[values.astype(np.int64)]
