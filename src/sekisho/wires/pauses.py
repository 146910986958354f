"""How long a receiver lets datagrams gather: a fuller batch costs less for each of them."""

from __future__ import annotations

import time

# What a socket's buffer takes in without loss at a million datagrams a second (a full 10 GbE), each with its overhead:
# the longer the pause, the fuller the batch, and the less a datagram costs.
_BUFFER_OCTETS_A_SECOND = 4e9
_SHORTEST, _USUAL = 0.002, 0.025
# Longer while so many times what comes in at the moment would still find room; never longer than the buffer, whatever
# the system allowed it to be, takes in of a full 10 GbE that begins without warning.
_HEADROOM, _LONGEST = 8, 0.05
# A ring takes twice the datagrams of a socket's buffer: they lie in it without the kernel's own words about each.
_LONGEST_OF_RINGS = 0.1
_FULL_LINK_OCTETS_A_SECOND = 1.25e9
_OCTETS_A_DATAGRAM = 4000


class Pauses:
    """Knows the smallest buffer and what comes in."""

    def __init__(self) -> None:
        self._least = _USUAL
        self._buffer = float("inf")
        self._got, self._slept = 0, time.monotonic()

    def fit(self, octets: int) -> None:
        """There is a buffer of so many octets."""
        self._least = max(_SHORTEST, min(self._least, octets / 2 / _BUFFER_OCTETS_A_SECOND))
        self._buffer = min(self._buffer, octets)

    def heard(self, datagrams: int) -> None:
        """So many came in."""
        self._got += datagrams

    def seconds(self, *, rings: bool = False) -> float:
        """Return how long to pause now, where packet ``rings`` are all that is heard, or not."""
        now = time.monotonic()
        rate, self._got = self._got / max(now - self._slept, _SHORTEST), 0
        self._slept = now
        calm = self._buffer / 2 / (_HEADROOM * _OCTETS_A_DATAGRAM * max(rate, 1.0))
        burst = self._buffer / _FULL_LINK_OCTETS_A_SECOND
        return max(self._least, min(calm, burst, _LONGEST_OF_RINGS if rings else _LONGEST))
