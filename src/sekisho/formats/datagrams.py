"""A block of datagrams as they were received: one slot each, so that all of them can be decoded at once.

Slots instead of a list of bytes objects: reading and decoding need no Python object per datagram, and a field that
stands at the same place in many datagrams is one strided view (section 2a of the measurements).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Octets: TypeAlias = npt.NDArray[np.uint8]
_LONGEST = 65_535  # octets of a UDP datagram


@dataclass(frozen=True, slots=True)
class Datagrams:
    """Datagrams of many exporters, in the order of their arrival.

    ``octets`` uint8 [n, width], C-contiguous: a slot per datagram; what lies behind ``length`` in a slot is not read.
    ``length`` int32 [n]: octets of each datagram. ``exporter`` int32 [n]: index into ``exporters``.
    ``received`` int64 [n]: milliseconds of the Unix epoch. ``exporters``: address text of each sender.
    """

    octets: Octets
    length: npt.NDArray[np.int32]
    exporter: npt.NDArray[np.int32]
    received: npt.NDArray[np.int64]
    exporters: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of datagrams."""
        return len(self.length)

    def part(self, begin: int, end: int) -> Datagrams:
        """Return the datagrams from ``begin`` up to ``end`` without copying them."""
        cut = slice(begin, end)
        return Datagrams(
            self.octets[cut], self.length[cut], self.exporter[cut], self.received[cut], self.exporters
        )

    def each(self) -> Iterator[tuple[bytes, str, int]]:
        """Yield (payload, exporter's address, received ms) one by one: for oracles and tests, not for speed."""
        for row in range(len(self)):
            yield (
                self.octets[row, : int(self.length[row])].tobytes(),
                self.exporters[int(self.exporter[row])],
                int(self.received[row]),
            )


def datagrams_of(items: Iterable[tuple[bytes, str, int]], width: int = 0) -> Datagrams:
    """Return a block of (payload, exporter's address, received ms); slots of ``width`` or of the longest payload.

    A payload that is longer than ``width`` (when given) or than a UDP datagram is cut, as a receiver would do.
    """
    rows = [(payload[: width or _LONGEST], address, at) for payload, address, at in items]
    names: dict[str, int] = {}
    index = [names.setdefault(address, len(names)) for _, address, _ in rows]
    slot = width or max((len(payload) for payload, _, _ in rows), default=1) or 1
    octets: npt.NDArray[Any] = np.zeros((len(rows), slot), np.uint8)
    for number, (payload, _, _) in enumerate(rows):
        octets[number, : len(payload)] = np.frombuffer(payload, np.uint8)
    return Datagrams(
        octets,
        np.array([len(payload) for payload, _, _ in rows], np.int32),
        np.array(index, np.int32),
        np.array([at for _, _, at in rows], np.int64),
        tuple(names),
    )
