"""Work that has to be done now and then so that answers are fresh, without letting anybody wait long for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from threading import Lock


class Refreshing:
    """Runs ``work`` on a thread of its own, at most every ``every`` seconds and never twice at once.

    Who asks waits ``patience`` seconds at most: then the answer is as old as the work left it.
    """

    def __init__(self, work: Callable[[], int], *, every: float = 2.0, patience: float = 0.2) -> None:
        self._work = work
        self._every = every
        self._patience = patience
        self._guard = Lock()
        self._hand: ThreadPoolExecutor | None = None
        self._running: Future[int] | None = None
        self._due = 0.0

    def __call__(self) -> None:
        """Let it be done when it is time, and wait a little for it; what it raises is raised here."""
        running = self._begun()
        if running is None:
            return
        try:
            running.result(self._patience)
        except Late:
            return
        finally:
            if running.done():
                self._put_away(running)

    def now(self) -> int:
        """Do it now, after what is being done already, however long it takes; return what it returns."""
        while True:
            with self._guard:
                before, running = self._running, self._running or self._submit()
            try:
                result = running.result()
            finally:
                self._put_away(running)
            if before is None:
                return result

    def close(self) -> None:
        """Wait until it is done, and never do it again."""
        with self._guard:
            hand, self._hand, self._due = self._hand, None, float("inf")
        if hand:
            hand.shutdown()

    def _begun(self) -> Future[int] | None:
        with self._guard:
            if self._running is None and time.monotonic() >= self._due:
                self._submit()
            return self._running

    def _submit(self) -> Future[int]:
        self._hand = self._hand or ThreadPoolExecutor(1, thread_name_prefix="refreshing")
        self._running = self._hand.submit(self._work)
        return self._running

    def _put_away(self, done: Future[int]) -> None:
        with self._guard:
            if self._running is done:
                self._running = None
                self._due = max(self._due, time.monotonic() + self._every)
