"""Compaction: journals are divided by hour and shard into Parquet files sorted by time, small ones put together.

It may be killed at any moment: new files do not count before one small file, the label's ``high``, is replaced; from
then on the journals and files that they stand for do not count, and are deleted. Journals that somebody still writes
are left alone, and all that are younger.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.purpose import Label
from sekisho.stores.records_duckdb import once
from sekisho.stores.records_duckdb.intake import places
from sekisho.stores.records_duckdb.journal import in_use, inventory, read_pieces
from sekisho.stores.records_duckdb.layout import (
    HOUR,
    JOURNALS,
    LAST_HOUR,
    STRAY,
    Numbered,
    Part,
    all_journals,
    cells,
    deleting,
    high,
    hour_name,
    journals,
    keep_broken,
    labels,
    left_behind,
    part_name,
    parts,
    raise_high,
    sync,
)
from sekisho.stores.records_duckdb.questions import connect, registered, source
from sekisho.stores.records_duckdb.settings import Settings
from sekisho.stores.records_duckdb.soundness import checksum, sorted_out, sound

LABEL_KEY = "sekisho.label"
# What a row of a journal takes in a file, about: decides which older files are worth taking along.
_ROW_OCTETS = 24
# An older file is taken into the new one when it isn't larger than this many times all that is newer: each row is
# then written again only as often as the logarithm of the number of files.
_TIER = 2
# Below this a file is mostly its own footer.
_SMALL = 1 << 16


class _Batch(NamedTuple):
    """Rows of a journal, the hours in them, and how many there are for each (hour, shard)."""

    rows: pa.RecordBatch
    hours: frozenset[int]
    counts: Counter[tuple[int, int]]


class Job(NamedTuple):
    """What is compacted: a dataset and how many shards it has, by which settings, at what time."""

    dataset: Path
    shards: int
    settings: Settings
    now: int


def compact(job: Job) -> dict[str, int]:
    """Compact what can be; return counts: cells, files before, files after, rows, torn octets, damaged files, busy.

    :raises StoreError: the disk is full or refuses; what was there stays
    """
    done = dict.fromkeys(("cells", "files", "made", "rows", "torn", "damaged", "busy"), 0)
    with only_one(job.dataset, wait=False) as alone:
        if not alone:
            done["busy"] = 1
            return done
        with connect(job.dataset.parent, job.settings) as engine:
            for path, label in labels(job.dataset):
                if label is not None:
                    _compact_label(engine, path, label, job, done)
    return done


def sweep(label: Path) -> None:
    """Delete what no longer counts and what never came to count; the compactions' lock must be held.

    While a question is being answered, what it may be reading is left to the next time.
    """
    compacted = high(label)
    old = [one.path for one in all_journals(label) if one.number <= compacted]
    for cell in cells(label):
        replaced, never = left_behind(cell.path, compacted)
        old += replaced
        for path in never:
            path.unlink(missing_ok=True)
    if old:
        with deleting(label.parent) as alone:
            for path in old if alone else ():
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(dataset: Path, *, wait: bool) -> Iterator[bool]:
    """Say whether no other process is compacting the dataset (or wait until none is), and keep it so."""
    file = os.open(dataset / ".compacting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def _compact_label(
    engine: duckdb.DuckDBPyConnection, path: Path, label: Label, job: Job, done: dict[str, int]
) -> None:
    sweep(path)
    taken: list[Numbered] = []
    for one in journals(path):
        if in_use(one.path):
            done["busy"] += 1
            break
        taken.append(one)
    if not taken:
        return
    batches: list[_Batch] = []
    for one in taken:
        there = inventory(one.path)
        good, bad = sorted_out(one.path, there.pieces)
        done["torn"] += there.torn
        if bad or there.damaged:
            done["damaged"] += 1
            keep_broken(one.path)
        batches += [_looked_at(rows, job.shards) for rows in read_pieces(one.path, good) if rows.num_rows]
    done["files"] += len(taken)
    try:
        _divide(engine, path, label, (taken[0].number, taken[-1].number), batches, job, done)
        kept: dict[bytes, once.Kept] = {}
        for one in taken:
            kept.update(once.positions(one.path, label.expires))
        if kept:
            once.remember(job.dataset, kept, job.now)
        once.tell(path, [one.path for one in taken])
        raise_high(path, taken[-1].number)
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        raise StoreError(
            Text(
                ja="圧縮整理ができない（元のデータは残っている）",
                en="it can't be compacted; what was there stays",
            ),
            f"{path}: {str(error).strip().splitlines()[0]}",
            Text(ja="ディスクの空きを確かめる", en="see whether the disk is full"),
        ) from error
    del batches
    sweep(path)


def _looked_at(rows: pa.RecordBatch, shards: int) -> _Batch:
    hours, shard = places(rows, shards)
    low = int(hours.min())
    if int(hours.max()) == low:
        counted = Counter({(low, n): int(c) for n, c in enumerate(np.bincount(shard, minlength=shards)) if c})
        return _Batch(rows, frozenset((low,)), counted)
    names, index = np.unique(hours, return_inverse=True)
    table = np.bincount(index * shards + shard)
    counted = Counter(
        {(int(names[at // shards]), int(at % shards)): int(table[at]) for at in np.flatnonzero(table)}
    )
    return _Batch(rows, frozenset(names.tolist()), counted)


def _divide(
    engine: duckdb.DuckDBPyConnection,
    path: Path,
    label: Label,
    numbers: tuple[int, int],
    batches: Sequence[_Batch],
    job: Job,
    done: dict[str, int],
) -> None:
    """Write the rows of journals into the folders of their hours and shards."""
    named = _folders(path, {hour for one in batches for hour in one.hours}, job.settings)
    by_folder: dict[int | None, list[_Batch]] = {}
    for one in batches:
        for hour in {hour if hour in named else None for hour in one.hours}:
            by_folder.setdefault(hour, []).append(one)
    # In the order of the hours: what one of them needs of the journals stays in memory for the next.
    for hour in sorted(by_folder, key=lambda one: -1 if one is None else one):
        group = by_folder[hour]
        counts: Counter[int] = Counter()
        for one in group:
            for (at, shard), count in one.counts.items():
                if (at if at in named else None) == hour:
                    counts[shard] += count
        with registered(engine, [one.rows for one in group]) as tables:
            for shard, count in sorted(counts.items()):
                cell = path / (STRAY if hour is None else hour_name(hour * HOUR)) / str(shard)
                where = f'"subscriber" % {job.shards} = {shard} AND {_of_hour(hour, named)}'
                old = _taken_along(parts(cell), count)
                first = min([numbers[0], *(part.first for part in old)])
                rows = count + sum(rows_of(part) for part in old)
                text = source(tables, where, [part.path for part in old])
                _write(engine, cell, (first, numbers[1]), text, rows, label, job.settings)
                done["cells"] += 1
                done["files"] += len(old)
                done["made"] += 1
                done["rows"] += rows


def rows_of(part: Part) -> int:
    """Return how many rows a compacted file holds."""
    return int(pq.read_metadata(part.path).num_rows)


def _folders(path: Path, hours: set[int], settings: Settings) -> set[int]:
    """Return those of ``hours`` that have a folder of their own, or may have one; the rest goes to the stray ones."""
    there = {one.name for one in path.iterdir() if one.is_dir()} - {STRAY, JOURNALS}
    free = settings.most_hours - len(there)
    named = set()
    for hour in sorted(hours):
        name = hour_name(hour * HOUR) if 0 <= hour < LAST_HOUR else None
        if name is None or (name not in there and free <= 0):
            continue
        free -= name not in there
        named.add(hour)
    return named


def _of_hour(hour: int | None, named: set[int]) -> str:
    start = '"flowStartMilliseconds"'
    if hour is not None:
        return f"{start} BETWEEN {hour * HOUR} AND {(hour + 1) * HOUR - 1}"
    # Integers are cut towards zero there, so times before 1970 need a word of their own.
    listed = ", ".join(map(str, sorted(named)))
    return f"({start} < 0 OR {start} // {HOUR} NOT IN ({listed}))" if named else "true"


def _taken_along(found: Sequence[Part], rows: int) -> list[Part]:
    """Return the newest files that are worth being put together with so many new rows."""
    octets = max(_SMALL, rows * _ROW_OCTETS)
    taken: list[Part] = []
    for part in reversed(found):
        size = max(_SMALL, part.path.stat().st_size)
        if size > _TIER * octets or not sound(part.path):  # a damaged one stays for what is missing
            break
        taken.insert(0, part)
        octets += size
    return taken


def _write(
    engine: duckdb.DuckDBPyConnection, cell: Path, numbers: tuple[int, int], text: str, rows: int, label: Label,
    settings: Settings,
) -> None:  # fmt: skip
    cell.mkdir(parents=True, exist_ok=True)
    part = cell / f".{numbers[0]:012d}-{numbers[1]:012d}.tmp"
    try:
        engine.execute(
            f'COPY (SELECT * FROM ({text}) ORDER BY "flowStartMilliseconds") TO $path '  # noqa: S608 - file names of ours, quoted
            f"(FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, ROW_GROUP_SIZE {int(settings.row_group)}, "
            f"KV_METADATA {{ '{LABEL_KEY}': $label }})",
            {"path": str(part), "label": msgspec.json.encode(label, order="sorted").decode()},
        )
        _whole(part, rows)
        part.rename(cell / part_name(*numbers, checksum(part)))
        for folder in (cell, *cell.parents[:2]):
            sync(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _whole(part: Path, rows: int) -> None:
    """Force a new file to the disk, or say that it isn't what it should be."""
    if pq.read_metadata(part).num_rows != rows:
        raise OSError(0, "rows are missing from the compacted file")
    file = os.open(part, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
