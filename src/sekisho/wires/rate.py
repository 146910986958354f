"""Rate caps: a token bucket that the event loop and the scan's thread share."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

BURST_SECONDS = 0.005


class TokenBucket:
    """At most ``rate`` tokens a second on average, and never more than ``burst`` at once.

    Over any span of t seconds at most ``burst + rate * t`` tokens are given. Safe among threads.
    """

    def __init__(self, rate: float, burst: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = max(1.0, burst or rate * BURST_SECONDS)
        self._clock = clock
        self._tokens = self.burst
        self._filled = clock()
        self._lock = threading.Lock()

    def take(self, most: int) -> int:
        """Take up to ``most`` tokens that are there now; return how many."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            given = min(most, int(self._tokens))
            self._tokens -= given
            return given

    def delay(self) -> float:
        """Return the seconds until a token is there."""
        with self._lock:
            return max(0.0, (1.0 - self._tokens) / self.rate - (self._clock() - self._filled))

    async def wait(self) -> None:
        """Take one token, waiting for it."""
        while not self.take(1):  # noqa: ASYNC110  (tokens come with time alone: there is nobody to set an event)
            await asyncio.sleep(max(self.delay(), 0.0005))
