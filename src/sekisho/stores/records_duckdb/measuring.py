"""How much a dataset holds: rows, octets, times, and which of its files are damaged."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.stores.records_duckdb.journal import inventory
from sekisho.stores.records_duckdb.layout import (
    HOUR,
    broken_journals,
    cells,
    high,
    hour_of,
    journals,
    labels,
    parts,
    reading,
)
from sekisho.stores.records_duckdb.soundness import sorted_out, sound

_START = "flowStartMilliseconds"


class Extent(NamedTuple):
    """Rows, the files they lie in, and the first and last time of a flow (None without any), damaged ones included."""

    rows: int
    files: int
    oldest: int | None
    newest: int | None


class Measured(NamedTuple):
    """An extent, octets, octets of torn tails, and the damaged files from the store's folder on."""

    extent: Extent
    octets: int
    torn: int
    damaged: list[str]


class _One(NamedTuple):
    rows: int
    torn: int
    damaged: bool
    edges: list[int]


def measure(dataset: Path, *, whole: bool = False) -> Measured:
    """Measure a dataset by what its files say of themselves; with ``whole`` by what is really in them."""
    rows = octets = files = torn = 0
    edges: list[int] = []
    damaged: list[str] = []
    with reading(dataset):
        for folder, _ in labels(dataset):
            compacted = high(folder)
            kept = [one.path for one in broken_journals(folder) if one.number <= compacted]
            found = [part.path for cell in cells(folder) for part in parts(cell.path, compacted)]
            for path in (*found, *(journal.path for journal in journals(folder, compacted)), *kept):
                with contextlib.suppress(FileNotFoundError):  # what has expired may be deleted meanwhile
                    one = _part(path, whole) if path.suffix == ".parquet" else _journal(path, whole)
                    octets += path.stat().st_size
                    edges += one.edges
                    if one.damaged or path in kept:
                        damaged.append(path.relative_to(dataset.parent).as_posix())
                    if path not in kept:  # the sound rows of those are compacted
                        files, rows, torn = files + 1, rows + one.rows, torn + one.torn
    extent = Extent(rows, files, min(edges, default=None), max(edges, default=None))
    return Measured(extent, octets, torn, sorted(damaged))


def _journal(path: Path, whole: bool) -> _One:
    there = inventory(path)
    good, bad = sorted_out(path, there.pieces) if whole else (there.pieces, [])
    edges = [edge for piece in there.pieces if piece.rows for edge in (piece.first, piece.last)]
    return _One(sum(piece.rows for piece in good), there.torn, bool(bad) or there.damaged, edges)


def _part(path: Path, whole: bool) -> _One:
    hour = hour_of(path.parents[1].name)
    edges: list[int] = []
    try:
        if whole and not sound(path):
            raise pa.ArrowInvalid
        facts = pq.read_metadata(path)
        at = facts.schema.to_arrow_schema().get_field_index(_START)
        for number in range(facts.num_row_groups):
            statistics = facts.row_group(number).column(at).statistics
            edges += (int(statistics.min), int(statistics.max))
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, AttributeError, TypeError, IndexError):
        return _One(0, 0, True, [] if hour is None else [hour, hour + HOUR - 1])
    if hour is not None:  # what a damaged footer claims stays within its hour
        edges = [min(max(edge, hour), hour + HOUR - 1) for edge in edges]
    return _One(int(facts.num_rows), 0, False, edges)
