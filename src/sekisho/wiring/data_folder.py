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
from sekisho.wiring import now

DATASET = "flow"


class DataFolder(Protocol):
    """Settings, rules of handling, the place of the key, the flows and the detections of one folder."""

    folder: Path
    settings: Watching
    rules: dict[Stage, Handling]
    key: Path
    longest: MappingProxyType[Stage, int]
    log: DetectionLog
    store: DuckRecords

    def has_records(self) -> bool:
        """Say whether any flow was ever kept here."""
        ...


def milliseconds() -> int:
    """Return the time of day in milliseconds of the Unix epoch."""
    return int(now().timestamp() * 1000)
