"""What many browsers watch at once: one source that is asked once a second, however many look.

The question (reading the figures and making the HTML) runs in a thread and is asked by whichever browser comes first
in its second; the others are given the same answer. Nothing runs while nobody looks.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

import anyio
from anyio import to_thread

T = TypeVar("T")
EVERY = 1.0
# A stream ends after a while and the browser comes back: whoever may no longer see it learns so then.
LONGEST = 300.0
_BEAT = 15.0


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    at: float
    version: int


@dataclass(slots=True)
class Shared(Generic[T]):
    """Keeps the last answer for each key (a language) for ``every`` seconds."""

    every: float = EVERY
    now: Callable[[], float] = time.monotonic
    _kept: dict[Hashable, _Kept[T]] = field(default_factory=dict)
    _locks: dict[Hashable, Lock] = field(default_factory=dict)
    asked: int = 0

    def take(self, key: Hashable, ask: Callable[[], T]) -> tuple[T, int]:
        """Return the answer and its version; ask only when the last one is old and nobody is asking already."""
        known = self._kept.get(key)
        if known and self.now() - known.at < self.every:
            return known.value, known.version
        lock = self._locks.setdefault(key, Lock())
        # Who comes while somebody asks is given what is known; only the very first ones wait.
        if not lock.acquire(blocking=known is None) and known:
            return known.value, known.version
        try:
            known = self._kept.get(key)
            if known and self.now() - known.at < self.every:
                return known.value, known.version
            self.asked += 1
            value = ask()
            same = known is not None and known.value == value
            version = (known.version if same else known.version + 1) if known else 1
            self._kept[key] = _Kept(value, self.now(), version)
            return value, version
        finally:
            lock.release()

    def fresh(self, key: Hashable) -> tuple[T, int] | None:
        """Return the answer when it isn't old, without waiting for anybody."""
        known = self._kept.get(key)
        return (known.value, known.version) if known and self.now() - known.at < self.every else None


async def parts(
    shared: Shared[str], key: Hashable, ask: Callable[[], str], *, longest: float = LONGEST
) -> AsyncIterator[str]:
    """Yield server-sent events: ``part`` with the HTML whenever it changed, a comment now and then."""
    ends, told, beaten = time.monotonic() + longest, 0, time.monotonic()
    yield "retry: 3000\n\n"
    while time.monotonic() < ends:
        known = shared.fresh(key)
        if known is None:
            known = await to_thread.run_sync(shared.take, key, ask)
        html, version = known
        if version != told:
            told, beaten = version, time.monotonic()
            yield event("part", html)
        elif time.monotonic() - beaten > _BEAT:
            beaten = time.monotonic()
            yield ": still here\n\n"
        await anyio.sleep(shared.every)


def event(name: str, text: str) -> str:
    """Return a server-sent event (HTML standard, 9.2): each line of the text in a field of its own."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
