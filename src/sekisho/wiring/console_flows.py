"""Stored flows as the console sees them. The purpose is that of the settings; what its labels don't allow isn't shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sekisho.model.detection import Window
from sekisho.wiring.console_folder import ConsoleFolder, looking

if TYPE_CHECKING:
    from sekisho.ports.flows import Tables
    from sekisho.workflows.flow_questions import Point, Talker

T = TypeVar("T")
_MINUTE = 60_000
_ANSWERS = 64


class FlowExtent(msgspec.Struct, frozen=True):
    """What is held of flows: rows, files, and the times of the first and the last, in milliseconds."""

    rows: int
    files: int
    oldest: int
    newest: int


class FlowDesk:
    """Questions to the stored flows; nothing that is past its time is seen."""

    def __init__(self, folder: ConsoleFolder) -> None:
        self._folder = folder
        self._answers: dict[tuple[Any, ...], tuple[float, Any]] = {}

    def extent(self) -> FlowExtent | None:
        """Return how much there is; None when there are no flows."""
        self._folder.ready()
        from sekisho.wiring.data_folder import DATASET

        if not self._folder.has_records():
            return None
        held = self._folder.store.extent(DATASET)
        if not held.rows or held.oldest is None or held.newest is None:
            return None
        return FlowExtent(held.rows, held.files, held.oldest, held.newest)

    def talkers(self, window: Window, *, by: str = "remote", n: int = 10) -> tuple[Talker, ...]:
        """Return who talked most, within whole minutes, by ``remote``, ``line``, ``port`` or ``exporter``; nobody when there are no flows.

        :raises DescriptionError: can't be asked by that
        :raises PurposeError: the flows are not for looking
        """
        self._folder.ready()
        from sekisho.workflows.flow_questions import talkers

        if not self._folder.has_records():
            return ()
        count = max(1, min(n, 1000))
        return self._kept(window, ("talkers", by, count), lambda tables: talkers(tables, by, count))

    def series(self, window: Window, *, step: int = 300_000) -> tuple[Point, ...]:
        """Return how much began in each ``step`` milliseconds of a window of whole minutes; none when there are no flows.

        :raises PurposeError: the flows are not for looking
        """
        self._folder.ready()
        from sekisho.workflows.flow_questions import series

        if not self._folder.has_records():
            return ()
        step = max(1000, step)
        return self._kept(window, ("series", step), lambda tables: series(tables, step))

    def _kept(self, window: Window, asked: tuple[Any, ...], answer: Callable[[Tables], T]) -> T:
        """Answer a question of whole minutes; the same one within a minute is answered from memory.

        Whether the flows may be looked at is checked each time.
        """
        whole = Window(window.begin // _MINUTE * _MINUTE, -(-window.end // _MINUTE) * _MINUTE)
        tables = self._folder.holdings.records(whole, looking(self._folder))
        key = (whole, *asked)
        held = self._answers.get(key)
        if held is None or time.monotonic() - held[0] > _MINUTE / 1000:
            held = (time.monotonic(), answer(tables))
            if len(self._answers) >= _ANSWERS:
                self._answers = {}
            self._answers[key] = held
        found: T = held[1]
        return found
