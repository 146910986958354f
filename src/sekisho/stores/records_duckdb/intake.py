"""From batches as they come to batches of allowed columns that are worth writing; which hour and shard a row is of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sekisho.errors import StoreError
from sekisho.formats.packed_rows import is_packed, numbers
from sekisho.language import Text
from sekisho.model.tables import RECEIVES, SENDS, WATCHED
from sekisho.stores.records_duckdb.layout import HOUR

#: Rows that are gathered before they are written: each batch costs by itself.
GATHERED = 1 << 16

# Optional columns stand or fall together, so that few sets of columns come up.
_GROUPS = (
    ("sourceIPv4Address", "destinationIPv4Address"),
    ("sourceIPv6Address", "destinationIPv6Address"),
    ("postNATSourceIPv4Address", "postNAPTSourceTransportPort"),
)


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with the columns of WATCHED in their order, without those that are null throughout.

    One that is packed stays so.

    :raises StoreError: a column that is not on the list, one that is missing, or rows without a line
    """
    for name in batch.schema.names:
        if name not in WATCHED.names:
            raise _refused("許可リストにない列がある", "a column is not on the list of allowed ones", name)
    if is_packed(batch.schema):
        _behind_the_door(batch)
        return batch
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
        # What a packed batch has once for all its rows stands in its schema's metadata.
        if waiting and not waiting[0].schema.equals(batch.schema, check_metadata=True):
            yield _joined(waiting)
            waiting, rows = [], 0
        if waiting and batch.num_rows >= GATHERED:  # worth writing as it lies: joining would copy it
            yield _joined(waiting)
            waiting, rows = [], 0
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= GATHERED:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def places(batch: pa.RecordBatch, shards: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the hour of the epoch and the shard of each row."""
    return numbers(batch, "flowStartMilliseconds") // HOUR, numbers(batch, "subscriber") % shards


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
