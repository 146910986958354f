"""Compaction: journals and small files of a cell become one Parquet file, sorted by time.

It may be killed at any moment: the new file is written under another name, forced to the disk, and made valid by one
rename; from then on the old ones do not count, and are deleted. Journals that somebody still writes are left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.purpose import Label
from sekisho.stores.records_duckdb.journal import in_use, read_journal
from sekisho.stores.records_duckdb.layout import Part, cells, deleting, labels, parts, superseded, sync
from sekisho.stores.records_duckdb.questions import connect, forget, source
from sekisho.stores.records_duckdb.settings import Settings

LABEL_KEY = "sekisho.label"
# A journal becomes a file of about this part of its size.
_SHRINKS = 4
# An older file is taken into the new one when it isn't larger than this many times all that is newer: each row is
# then written again only as often as the logarithm of the number of files.
_TIER = 2
# Below this a file is mostly its own footer.
_SMALL = 1 << 16


def compact(root: Path, dataset: Path, settings: Settings) -> dict[str, int]:
    """Compact what can be; return counts: cells, files before, files after, rows, torn octets, busy.

    :raises StoreError: the disk is full or refuses; what was there stays
    """
    done = dict.fromkeys(("cells", "files", "made", "rows", "torn", "busy"), 0)
    with _only_one(dataset) as alone:
        if not alone:
            done["busy"] = 1
            return done
        with connect(root, settings) as engine:
            for path, label in labels(dataset):
                for cell in cells(path):
                    if label is not None:
                        _compact_cell(engine, cell.path, label, settings, done)
    return done


def rows_of(part: Part) -> int:
    """Return how many whole rows a file holds."""
    if part.journal:
        return sum(batch.num_rows for batch in read_journal(part.path)[0])
    return int(pq.read_metadata(part.path).num_rows)


def _compact_cell(
    engine: duckdb.DuckDBPyConnection, cell: Path, label: Label, settings: Settings, done: dict[str, int]
) -> None:
    _sweep(cell)
    for left in cell.glob(".*.tmp"):  # a compaction before was killed
        left.unlink(missing_ok=True)
    taken = _chosen(parts(cell))
    if not taken:
        done["busy"] += any(part.journal for part in parts(cell))
        return
    done["cells"] += 1
    done["files"] += len(taken)
    done["torn"] += sum(read_journal(part.path)[1] for part in taken if part.journal)
    rows = sum(rows_of(part) for part in taken)
    if rows:
        _write(engine, cell, taken, rows, (label, settings))
        done["made"] += 1
        done["rows"] += rows
        _sweep(cell)
    else:
        for part in taken:
            part.path.unlink(missing_ok=True)


def _sweep(cell: Path) -> None:
    """Delete what a larger file stands for; while a question is being answered, leave it to the next time."""
    with deleting(cell.parents[2]) as alone:
        for left in superseded(cell) if alone else ():
            left.unlink(missing_ok=True)


def _chosen(found: Sequence[Part]) -> list[Part]:
    """Return the newest files that are worth putting together, up to the first journal in use."""
    usable: list[Part] = []
    for part in found:
        if part.journal and in_use(part.path):
            break
        usable.append(part)
    taken: list[Part] = []
    octets = 0
    for part in reversed(usable):
        size = max(_SMALL, part.path.stat().st_size // (_SHRINKS if part.journal else 1))
        if not part.journal and taken and size > _TIER * octets:
            break
        taken.insert(0, part)
        octets += size
    return taken if len(taken) > 1 or (taken and taken[0].journal) else []


def _write(
    engine: duckdb.DuckDBPyConnection,
    cell: Path,
    taken: Sequence[Part],
    rows: int,
    how: tuple[Label, Settings],
) -> None:
    label, settings = how
    name = f"{taken[0].first:012d}-{taken[-1].last:012d}"
    part = cell / f".{name}.tmp"
    try:
        engine.execute(
            f'COPY (SELECT * FROM ({source(engine, taken)}) ORDER BY "flowStartMilliseconds") TO $path '  # noqa: S608 - file names of ours, quoted
            f"(FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, ROW_GROUP_SIZE {int(settings.row_group)}, "
            f"KV_METADATA {{ '{LABEL_KEY}': $label }})",
            {"path": str(part), "label": msgspec.json.encode(label, order="sorted").decode()},
        )
        forget(engine)
        _whole(part, rows)
        part.rename(cell / f"{name}.parquet")
        sync(cell)
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            Text(
                ja="圧縮整理ができない（元のデータは残っている）",
                en="it can't be compacted; what was there stays",
            ),
            f"{cell}: {str(error).strip().splitlines()[0]}",
            Text(ja="ディスクの空きを確かめる", en="see whether the disk is full"),
        ) from error


def _whole(part: Path, rows: int) -> None:
    """Force a new file to the disk, or say that it isn't what it should be."""
    if pq.read_metadata(part).num_rows != rows:
        raise OSError(0, "rows are missing from the compacted file")
    file = os.open(part, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _only_one(dataset: Path) -> Iterator[bool]:
    """Say whether no other process is compacting the dataset, and keep it so."""
    file = os.open(dataset / ".compacting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(file)
