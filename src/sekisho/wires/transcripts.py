"""What was said on the wire, kept as it is said: bounded, and handed out step by step.

A `Recorder` follows one conversation. A `Ledger` knows which conversations were touched since it was last
asked, so that each step of a probe gets the transcripts of its own bytes, also from a connection that an
earlier step opened, and also when several connections run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sekisho.model.evidence import Chunk, Transcript
from sekisho.ports import Clock

Keep = Callable[[Transcript], str]


class Collector:
    """The transcripts of one step: ids that are kept already, and recorders with more to keep."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.touched: dict[Recorder, None] = {}

    def taken(self) -> tuple[str, ...]:
        """Keep what the open conversations hold, and return and forget all ids."""
        for recorder in tuple(self.touched):
            recorder.flush("open", self)
        self.touched.clear()
        ids = tuple(self.ids)
        self.ids.clear()
        return ids


class Ledger:
    """Makes recorders and hands out their ids."""

    def __init__(self, clock: Clock, keep: Keep, limit: int) -> None:
        self.clock = clock
        self.keep = keep
        self.limit = limit
        self._common = Collector()
        self._own: ContextVar[Collector | None] = ContextVar("sekisho_collector", default=None)

    def collector(self) -> Collector:
        """Return the collector of the running step, or the common one."""
        return self._own.get() or self._common

    @contextmanager
    def collecting(self) -> Iterator[Collector]:
        """Give the code inside (and the tasks that it starts) a collector of its own, for steps side by side."""
        own = Collector()
        token = self._own.set(own)
        try:
            yield own
        finally:
            self._own.reset(token)

    def recorder(self, transport: str, remote: str, local: str = "") -> Recorder:
        """Start to record a conversation with ``remote``."""
        return Recorder(self, transport, remote, local)


class Recorder:
    """One conversation. Each piece that is kept is a `Transcript` of at most ``ledger.limit`` bytes."""

    def __init__(self, ledger: Ledger, transport: str, remote: str, local: str) -> None:
        self._ledger = ledger
        self._transport = transport
        self._remote = remote
        self.local = local
        self.tls = ""
        self._begin()
        self._closed = False
        self._fresh = True
        ledger.collector().touched[self] = None

    def _begin(self) -> None:
        self._opened = self._ledger.clock.now().isoformat()
        self._start = self._ledger.clock.monotonic()
        self._chunks: list[Chunk] = []
        self._size = 0
        self._dropped = 0

    def note(self, way: str, data: bytes) -> None:
        """Add ``data`` sent (``>``) or received (``<``); beyond the bound it is only counted."""
        if self._closed or not data:
            return
        self._ledger.collector().touched[self] = None
        room = self._ledger.limit - self._size
        kept = data[: max(room, 0)]
        self._dropped += len(data) - len(kept)
        if kept:
            self._size += len(kept)
            self._chunks.append(Chunk(round(self._ledger.clock.monotonic() - self._start, 6), way, kept))

    def flush(self, ended: str, collector: Collector | None = None) -> str:
        """Keep what there is since the last time; return its id, or an empty string when there is nothing new."""
        if not (self._chunks or self._dropped or self._fresh):
            return ""
        self._fresh = False
        identifier = self._ledger.keep(
            Transcript(
                opened=self._opened,
                transport=self._transport,
                local=self.local,
                remote=self._remote,
                tls=self.tls,
                chunks=tuple(self._chunks),
                dropped=self._dropped,
                ended=ended,
            )
        )
        (collector or self._ledger.collector()).ids[identifier] = None
        self._begin()
        return identifier

    def close(self, ended: str) -> str:
        """End the conversation, saying how (``closed``, or a failure's reason); return the last id."""
        if self._closed:
            return ""
        identifier = self.flush(ended)
        self._closed = True
        self._ledger.collector().touched.pop(self, None)
        return identifier
