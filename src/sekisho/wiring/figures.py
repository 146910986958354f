"""What a running watch leaves for other processes: one small file in the data folder, replaced once a second.

Detections aren't in it (they have their log), so nothing in it names a line. A file that nobody has renewed for some
seconds is of a watch that no longer runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from sekisho.model.pipeline import StageCount, Step
from sekisho.wiring.moment import milliseconds
from sekisho.workflows.receive import Told
from sekisho.workflows.watch import Figures

FILE = "figures.json"
STALE_MILLISECONDS = 5_000
_LEAST_MILLISECONDS = 900
# Rates are of the last seconds, not of the last tick.
_SPAN_MILLISECONDS = 10_000


class Watched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a watch stood when it was ``written`` (milliseconds).

    :ivar process: number of the decoding process
    :ivar figures: its figures, without detections
    :ivar told: the receiver's figures; None before it ever said any
    :ivar rates: flow records a second over the last seconds, by exporter
    """

    written: int
    process: int
    figures: Figures
    told: Told | None = None
    rates: dict[str, float] = {}

    def running(self, now: int) -> bool:
        """Say whether the watch that wrote it still runs."""
        return abs(now - self.written) <= STALE_MILLISECONDS

    def counts(self) -> tuple[StageCount, ...]:
        """Return every figure of the way: the receiver's and the decoder's."""
        return (*(self.told.counts if self.told else ()), *self.figures.counts)


class Leaving:
    """Passes figures on to ``tell`` and leaves them in the folder, at most about once a second."""

    def __init__(
        self,
        folder: Path,
        receiver: Callable[[], Told | None],
        tell: Callable[[Figures], None],
        now: Callable[[], int] = milliseconds,
    ) -> None:
        self._file = folder / FILE
        self._receiver = receiver
        self._tell = tell
        self._now = now
        self._written = 0
        self._before: list[tuple[int, dict[str, int]]] = []

    def __call__(self, figures: Figures) -> None:
        """Take figures."""
        self._tell(figures)
        now = self._now()
        if now - self._written < _LEAST_MILLISECONDS:
            return
        self._written = now
        bare = msgspec.structs.replace(figures, detections=(), new=())
        made = Watched(now, os.getpid(), bare, self._receiver(), self._rates(now, figures))
        part = self._file.with_name(f".{FILE}.{os.getpid()}")
        # A full disk must not end the watch: the figures get old, and their age is shown.
        with suppress(OSError):
            try:
                part.touch(mode=0o600)
                part.write_bytes(msgspec.json.encode(made, enc_hook=str))
                part.replace(self._file)
            finally:
                part.unlink(missing_ok=True)

    def _rates(self, now: int, figures: Figures) -> dict[str, float]:
        records = {
            one.exporter: one.count
            for one in figures.counts
            if (one.step, one.name) == (Step.DECODER, "records")
        }
        if not self._before:
            self._before = [(now, records)]
            return {}
        at, old = self._before[0]
        self._before = [one for one in self._before if now - one[0] <= _SPAN_MILLISECONDS]
        self._before.append((now, records))
        seconds = max(now - at, 1) / 1000
        return {name: round((count - old.get(name, 0)) / seconds, 1) for name, count in records.items()}


def last_figures(folder: Path) -> Watched | None:
    """Return what a watch of this folder left last; None when none ever ran here or what it left can't be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Watched)
    except (OSError, msgspec.MsgspecError):
        return None
