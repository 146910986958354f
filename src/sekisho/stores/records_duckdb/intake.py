"""From batches as they come to pieces of one hour, one shard and one set of columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.tables import RECEIVES, SENDS, WATCHED
from sekisho.stores.records_duckdb.layout import HOUR, LAST_HOUR

#: Rows that are gathered before they are divided: small batches make small pieces.
GATHERED = 1 << 16
_FEW = 8

# Optional columns stand or fall together, so that few sets of columns come up.
_GROUPS = (
    ("sourceIPv4Address", "destinationIPv4Address"),
    ("sourceIPv6Address", "destinationIPv6Address"),
    ("postNATSourceIPv4Address", "postNAPTSourceTransportPort"),
)


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with the columns of WATCHED in their order, without those that are null throughout.

    :raises StoreError: a column that is not on the list, one that is missing, or rows without a line
    """
    for name in batch.schema.names:
        if name not in WATCHED.names:
            raise _refused("許可リストにない列がある", "a column is not on the list of allowed ones", name)
    left_out = {name for group in _GROUPS if all(_empty(batch, name) for name in group) for name in group}
    arrays, fields = [], []
    for field in WATCHED:
        if field.name in left_out:
            continue
        at = batch.schema.get_field_index(field.name)
        if at >= 0:
            column = batch.column(at)
            column = column if column.type == field.type else column.cast(field.type)
        elif field.nullable:
            column = pa.nulls(batch.num_rows, field.type)
        else:
            raise _refused("必要な列がない", "a column is missing", field.name)
        if column.null_count and not field.nullable:
            raise _refused(
                "空にできない列に空がある", "a column that must not have nulls has some", field.name
            )
        arrays.append(column)
        fields.append(field)
    found = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    _behind_the_door(found)
    return found


def gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield checked batches, small ones of the same columns put together."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for one in batches:
        if not one.num_rows:
            continue
        batch = checked(one)
        if waiting and not waiting[0].schema.equals(batch.schema):
            yield _joined(waiting)
            waiting, rows = [], 0
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= GATHERED:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def divided(batch: pa.RecordBatch, shards: int) -> Iterator[tuple[int | None, int, pa.RecordBatch]]:
    """Yield (first millisecond of the hour, shard, rows); None for times that no calendar has."""
    hours = _numbers(batch, "flowStartMilliseconds") // HOUR
    shard = _numbers(batch, "subscriber") % shards
    first, last = int(hours.min()), int(hours.max())
    if first == last:
        names, place = np.array([first]), shard
    else:
        names, index = np.unique(hours, return_inverse=True)
        place = index * shards + shard
    count = len(names) * shards
    if count == 1:
        yield _named(names[0]), 0, batch
        return
    order, keys, starts = _grouped(place, count)
    # One gather for all pieces: they are then slices of it.
    taken = batch.take(pa.array(order.astype(np.uint32)))
    for key, start, end in zip(keys, starts, [*starts[1:], len(order)], strict=True):
        yield _named(names[key // shards]), key % shards, taken.slice(start, end - start)


def _grouped(place: npt.NDArray[Any], count: int) -> tuple[npt.NDArray[np.int64], list[int], list[int]]:
    """Return the rows in the order of their place, the places that occur, and where each begins."""
    if count <= _FEW:
        narrow = place.astype(np.uint8)
        rows = [np.flatnonzero(narrow == key) for key in range(count)]
        keys = [key for key in range(count) if len(rows[key])]
        ends = np.cumsum([len(rows[key]) for key in keys]).tolist()
        return np.concatenate(rows), keys, [0, *ends[:-1]]
    # A stable sort of 16-bit numbers is a radix sort.
    wide = place.astype(np.uint16 if count <= 1 << 16 else np.int64)
    order = np.argsort(wide, kind="stable")
    found, begins = np.unique(wide[order], return_index=True)
    return order, found.tolist(), begins.tolist()


def _named(hour: np.int64) -> int | None:
    return int(hour) * HOUR if 0 <= hour < LAST_HOUR else None


def _numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = batch.column(name).to_numpy(zero_copy_only=True)
    return found


def _empty(batch: pa.RecordBatch, name: str) -> bool:
    at = batch.schema.get_field_index(name)
    return at < 0 or bool(batch.column(at).null_count == batch.num_rows)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _behind_the_door(batch: pa.RecordBatch) -> None:
    """Rows that have not been through the privacy door have no line; they must not be stored."""
    lowest = pc.min(batch.column("subscriber")).as_py()
    sides = pc.min_max(batch.column("subscriberSide")).as_py()
    if lowest <= 0 or not SENDS <= sides["min"] <= sides["max"] <= RECEIVES:
        raise _refused(
            "加入者の回線のない行がある",
            "rows without a line: they did not pass the privacy door",
            "subscriber",
        )


def _refused(ja: str, en: str, where: str) -> StoreError:
    return StoreError(Text(ja=ja, en=en), where)
