"""Stored flows as the console sees them. The purpose is that of the settings; what its labels don't allow isn't shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sekisho.model.detection import Window
from sekisho.wiring.console_folder import ConsoleFolder

if TYPE_CHECKING:
    from sekisho.workflows.flow_questions import Point, Talker


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

    def extent(self) -> FlowExtent | None:
        """Return how much there is; None when there are no flows."""
        from sekisho.wiring.data_folder import DATASET

        if not self._folder.has_records():
            return None
        held = self._folder.store.extent(DATASET)
        if not held.rows or held.oldest is None or held.newest is None:
            return None
        return FlowExtent(held.rows, held.files, held.oldest, held.newest)

    def talkers(self, window: Window, *, by: str = "remote", n: int = 10) -> tuple[Talker, ...]:
        """Return who talked most by ``remote``, ``line``, ``port`` or ``exporter``; nobody when there are no flows.

        :raises DescriptionError: can't be asked by that
        :raises PurposeError: the flows are not for looking
        """
        from sekisho.workflows.flow_questions import talkers

        if not self._folder.has_records():
            return ()
        return talkers(self._folder.holdings.records(window, self._folder.looking), by, max(1, min(n, 1000)))

    def series(self, window: Window, *, step: int = 300_000) -> tuple[Point, ...]:
        """Return how much began in each ``step`` milliseconds of a window; none when there are no flows.

        :raises PurposeError: the flows are not for looking
        """
        from sekisho.workflows.flow_questions import series

        if not self._folder.has_records():
            return ()
        return series(self._folder.holdings.records(window, self._folder.looking), max(1000, step))
