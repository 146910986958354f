"""The engines of the contract suite. A new engine is one more entry in `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from fakes.records import PlainRecords
from fakes.watched import HOUR, START, flow
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.tables import WATCHED
from sekisho.ports.flows import RecordStore
from sekisho.stores.records_duckdb import DuckRecords, Settings

DAY = 86_400_000
NOW = START + 2 * HOUR
Longest = Mapping[Stage, int]
#: The 128 bits of an IPv6 line's pseudonymised address end in zeros; shards must spread all the same.
SIX = 36_033_430_752_000_000


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def duck(shards: int, **more: Any) -> Callable[[Path, Clock, Longest], RecordStore]:
    def make(root: Path, clock: Clock, longest: Longest) -> RecordStore:
        return DuckRecords(root, clock, Settings(shards=shards, longest=longest, threads=2, **more))

    return make


ENGINES: dict[str, Callable[[Path, Clock, Longest], RecordStore]] = {
    "plain": lambda _root, clock, longest: PlainRecords(clock, longest),
    "duckdb-1": duck(1),
    "duckdb-4": duck(4),
    "duckdb-7": duck(7, open_journals=3, most_hours=2, row_group=2048),
}

LABEL = Label((Purpose.CC_DETECTION,), LegalBasis.LEGITIMATE_BUSINESS, Stage.RAW_FLOW, NOW + 7 * DAY, "here")
WHOLE = Window(START - 10_000 * HOUR, START + 10_000 * HOUR)


def batches(rows: Sequence[Mapping[str, Any]], size: int = 100) -> list[pa.RecordBatch]:
    """Batches with all columns of WATCHED."""
    return [
        pa.RecordBatch.from_pylist([dict(row) for row in rows[at : at + size]], WATCHED)
        for at in range(0, len(rows), size)
    ]


def lines(count: int, *, hours: float = 1.0, start: float = 0.0) -> list[dict[str, Any]]:
    """``count`` ordinary flows of 37 lines of IPv4 and 5 of IPv6 to 23 remotes, spread over ``hours``."""
    rows = []
    for n in range(count):
        at = start * 3600 + n * hours * 3600 / count
        if n % 8 == 7:
            rows.append(flow(SIX + n % 5, f"2001:db8::{n % 23:x}", 443, at=at, octets=100 + n))
        else:
            rows.append(flow(1000 + n % 37, f"192.0.2.{n % 23}", 443 + n % 3, at=at, octets=100 + n))
    return rows


def plain(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of an answer in an order of their own."""
    rows = [tuple(row[name] for name in table.column_names) for row in table.to_pylist()]
    return sorted(rows, key=repr)
