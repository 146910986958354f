"""Whether two count the same that count one after the other: a packet ring, and then the sockets behind it."""

from __future__ import annotations


class Agreement:
    """Compares what a ring saw with what the sockets behind it were given.

    The ring sees each datagram first, so its count less the sockets' is what it alone saw, and what is on the way at
    the moment. When nothing came between two looks, nothing is on the way: from then on one datagram that only the
    sockets had is noticed at once, and one that only the ring had in the next pause. Without any pause, ``moment`` tells
    a difference from what is on the way.

    Args:
        moment: datagrams at most that the ring has seen and the sockets are about to get.
    """

    def __init__(self, moment: int) -> None:
        self._moment = moment
        self._surplus: int | None = None
        self._sure = False
        self._last = (-1, -1)

    def differs(self, before: int, low: int, high: int, after: int) -> int:
        """Return how many datagrams the sockets had more than the ring, less than 0: fewer; 0 as far as one can know.

        Args:
            before: the sockets' count, asked before the ring's.
            low: the ring's count at least: what is there may be no datagrams.
            high: at most.
            after: the sockets' count, asked after the ring's.
        """
        quiet = before == after and low == high and self._last == (high, after)
        self._last = high, after
        if self._surplus is None:
            self._surplus = high - before
        more = self._more(before, high)
        if quiet:
            if abs(more) <= self._doubt:
                self._surplus, self._sure = high - before, True
                return 0
            return more
        if more > self._doubt:
            return more
        fewer = low - after - self._surplus
        return -fewer if fewer > self._moment else 0

    def missed(self, before: int, high: int) -> int:
        """Return how many the ring never saw, those among them that came before it stood."""
        more = self._more(before, high)
        return max(0, -(self._surplus or 0)) + (more if more > self._doubt else 0)

    @property
    def _doubt(self) -> int:
        """Return how far the surplus at the beginning may have been something on the way."""
        return 0 if self._sure else self._moment

    def _more(self, before: int, high: int) -> int:
        return (self._surplus or 0) - (high - before)
