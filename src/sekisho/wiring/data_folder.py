"""What an open data folder of a watch is for those who keep its datasets in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from sekisho.catalogues.handling import Handling
from sekisho.model.purpose import Stage
from sekisho.model.watching import Watching
from sekisho.stores.detection_log import DetectionLog
from sekisho.stores.records_duckdb import DuckRecords
from sekisho.stores.records_duckdb.settings import Settings
from sekisho.wiring.moment import milliseconds

__all__ = ["DATASET", "DataFolder", "bounds", "milliseconds"]

DATASET = "flow"


def bounds(rules: Mapping[Stage, Handling], shards: int = 4) -> Settings:
    """Return the bounds of the record store by the rules of handling."""
    return Settings(
        shards=shards,
        longest={stage: rule.most_milliseconds for stage, rule in rules.items()},
        kept={stage: rule.milliseconds for stage, rule in rules.items()},
        late={stage: rule.late_milliseconds for stage, rule in rules.items()},
    )


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
