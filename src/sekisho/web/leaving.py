"""The end of a server: who waits for it is told at once, so that live pages come again instead of being cut off."""

from __future__ import annotations

import asyncio


class Leaving:
    """Says once that the server ends."""

    def __init__(self) -> None:
        self.begun = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def begin(self) -> None:
        """Say it; from any thread, also from a signal's handler."""
        self.begun = True
        for loop, event in tuple(self._waiting):
            loop.call_soon_threadsafe(event.set)

    async def come(self) -> None:
        """Wait for it."""
        mine = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.add(mine)
        try:
            # Looked at after we are on the list: it may have been said in between.
            if not self.begun:
                await mine[1].wait()
        finally:
            self._waiting.discard(mine)
