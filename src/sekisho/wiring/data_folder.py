"""What an open data folder of a watch is for those who keep its datasets in order."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from sekisho.catalogues.handling import Handling
from sekisho.model.purpose import Stage
from sekisho.model.watching import Watching
from sekisho.stores.detection_log import DetectionLog
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.wiring.moment import milliseconds

__all__ = ["DATASET", "DataFolder", "milliseconds"]

DATASET = "flow"


class DataFolder(Protocol):
    """Settings, rules of handling, the place of the key, the flows and the detections of one folder."""

    folder: Path
    key: Path

    @property
    def settings(self) -> Watching:
        """What the operator decided."""
        ...

    @property
    def rules(self) -> dict[Stage, Handling]:
        """How long data of each stage is kept, and what for."""
        ...

    @property
    def longest(self) -> MappingProxyType[Stage, int]:
        """The most milliseconds that data of each stage may be kept."""
        ...

    @property
    def log(self) -> DetectionLog:
        """The log of detections."""
        ...

    @property
    def store(self) -> DuckRecords:
        """The stored flows."""
        ...

    def has_records(self) -> bool:
        """Say whether any flow was ever kept here."""
        ...
