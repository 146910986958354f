"""Which source address is which exporter: places for a bounded number of them, and what came from each.

UDP sources can be forged, so whoever sends many must neither fill the memory nor keep a new exporter out for ever.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Network, IPv6Network, ip_address

import numpy as np
from numpy.typing import NDArray

from sekisho.model.pipeline import NOBODY, StageCount, Step

MOST_EXPORTERS = 4096
MOST_NAMED = 1 << 16
_REFUSED_REMEMBERED = 65_536
_SILENT_SECONDS = 600.0
_TOO_MANY = "too-many-exporters"

Prefix = IPv4Network | IPv6Network


class Sources:
    """Which source address is which exporter, and what came from each; bounded in number.

    UDP sources can be forged: when all places are taken, the one that was silent longest gives its place to a new
    source, once it was silent for ten minutes. What it had sent counts as nobody's from then on.

    Args:
        allowed: prefixes that may send; empty takes any.
        most: exporters at most.
        most_named: new names at most, ever.
    """

    def __init__(self, allowed: tuple[Prefix, ...], most: int, most_named: int = MOST_NAMED) -> None:
        self.names: tuple[str, ...] = ()
        self._prefixes = tuple(
            (one.max_prefixlen, int(one.network_address), int(one.netmask)) for one in allowed
        )
        self._most = most
        self._names_left = most_named
        self._index: dict[bytes, int] = {}
        self._keys: list[bytes] = []
        self._refused: dict[bytes, str] = {}
        self._received = np.zeros((3, most), np.int64)  # datagrams, octets, too long
        self._gone = np.zeros(3, np.int64)  # the same, of those that gave their place
        self._heard = np.zeros(most)
        self._none_silent_until = 0.0
        self._refusals = {"not-allowed": [0, 0], _TOO_MANY: [0, 0]}

    def index(
        self,
        names: NDArray[np.uint8],
        length: NDArray[np.int32],
        cut: NDArray[np.bool_],
        *,
        six: bool,
        now: float = 0.0,
    ) -> NDArray[np.int32]:
        """Return the exporter of each datagram, -1 for one that isn't taken, and count them.

        Args:
            names: uint8[n, 32], socket addresses as the kernel wrote them.
            length: int32[n].
            cut: bool[n], longer than its slot.
            six: the addresses are IPv6.
            now: seconds of any clock that only goes forward.
        """
        keys = names[:, 8:28] if six else names[:, 4:8]
        first = keys[0].tobytes()
        if (keys == keys[0]).all():
            return self._of_one(first, length, cut, now)
        keys = np.ascontiguousarray(keys)
        kinds, which = np.unique(keys.view(f"V{keys.shape[1]}").ravel(), return_inverse=True)
        datagrams = np.bincount(which)
        octets = np.bincount(which, length).astype(np.int64)
        places = [
            self._known(kind.tobytes(), number, size, now)
            for kind, number, size in zip(kinds, datagrams.tolist(), octets.tolist(), strict=True)
        ]
        exporter = np.array(places, np.int32)[which]
        good = exporter >= 0
        whole = bool(good.all())
        taken, sizes = (exporter, length) if whole else (exporter[good], length[good])
        known = len(self.names)
        self._received[0, :known] += np.bincount(taken, minlength=known)
        self._received[1, :known] += np.bincount(taken, sizes, minlength=known).astype(np.int64)
        if cut.any():
            self._received[2, :known] += np.bincount(exporter[cut & good], minlength=known)
            exporter[cut] = -1
        return exporter

    def _of_one(
        self, key: bytes, length: NDArray[np.int32], cut: NDArray[np.bool_], now: float
    ) -> NDArray[np.int32]:
        """Do the same where all datagrams are of one source, as they mostly are: a few sums instead of tables."""
        octets = int(length.sum())
        place = self._known(key, len(length), octets, now)
        exporter = np.full(len(length), place, np.int32)
        if place >= 0:
            self._received[0, place] += len(length)
            self._received[1, place] += octets
            if cut.any():
                self._received[2, place] += np.count_nonzero(cut)
                exporter[cut] = -1
        return exporter

    def counts(self) -> tuple[StageCount, ...]:
        """Return what was received, by exporter, and what was refused."""
        names = ("received", "octets", "too-long")
        figures = [
            StageCount(name, Step.RECEIVER, what, int(self._received[row, number]))
            for number, name in enumerate(self.names)
            for row, what in enumerate(names)
        ]
        for reason, (datagrams, octets) in self._refusals.items():
            figures.append(StageCount(NOBODY, Step.RECEIVER, "received", datagrams))
            figures.append(StageCount(NOBODY, Step.RECEIVER, "octets", octets))
            figures.append(StageCount(NOBODY, Step.RECEIVER, reason, datagrams))
        figures += [
            StageCount(NOBODY, Step.RECEIVER, what, count)
            for what, count in zip(names, self._gone.tolist(), strict=True)
            if count
        ]
        return tuple(figures)

    def _known(self, key: bytes, datagrams: int, octets: int, now: float) -> int:
        """Return the index of a source, a new one when it may send; -1 counts its datagrams as refused."""
        found = self._index.get(key)
        if found is None:
            reason = self._refused.get(key, "")
            if not reason or (reason == _TOO_MANY and now >= self._none_silent_until):
                reason = self._why_not(key, now)
            if reason:
                self._refuse(key, reason, datagrams, octets)
                return -1
            found = self._give_place(key)
        self._heard[found] = now
        return found

    def _refuse(self, key: bytes, reason: str, datagrams: int, octets: int) -> None:
        if len(self._refused) >= _REFUSED_REMEMBERED:  # a spoofer's million sources must not fill the memory
            self._refused.clear()
        self._refused[key] = reason
        self._refusals[reason][0] += datagrams
        self._refusals[reason][1] += octets

    def _why_not(self, key: bytes, now: float) -> str:
        # Integers: a flood of spoofed sources asks this for each of its datagrams.
        source = int.from_bytes(key[:16])
        width = 32 if len(key) == 4 else 128  # noqa: PLR2004 - octets of an IPv4 address
        if self._prefixes and not any(
            bits == width and source & mask == network for bits, network, mask in self._prefixes
        ):
            return "not-allowed"
        if self._names_left and (len(self.names) < self._most or self._one_is_silent(now)):
            return ""
        return _TOO_MANY

    def _one_is_silent(self, now: float) -> bool:
        """Say whether a place may be given to somebody else; when not, don't search again before one may be."""
        if now < self._none_silent_until:
            return False
        self._none_silent_until = float(self._heard.min()) + _SILENT_SECONDS
        return now >= self._none_silent_until

    def _give_place(self, key: bytes) -> int:
        """Return a free place, or the one that was silent longest: it is nobody's any more."""
        self._names_left -= 1
        self._refused.pop(key, None)
        place = len(self.names)
        if place < self._most:
            self.names = (*self.names, _address(key))
            self._keys.append(key)
        else:
            place = int(self._heard.argmin())
            del self._index[self._keys[place]]
            self._gone += self._received[:, place]
            self._received[:, place] = 0
            # A tuple of its own: blocks that were taken before keep theirs.
            self.names = (*self.names[:place], _address(key), *self.names[place + 1 :])
            self._keys[place] = key
        self._index[key] = place
        return place


def _address(key: bytes) -> str:
    """Return the text of an address; a link-local one has its zone, without which it names nobody."""
    text = str(ip_address(key[:16]))
    zone = struct.unpack("=I", key[16:20])[0] if len(key) > 16 else 0  # noqa: PLR2004 - sin6_scope_id
    return f"{text}%{zone}" if zone else text
