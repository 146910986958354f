"""Chosen values out of JSON lines, as columns; names lead through objects, everything else is passed over."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from sekisho.formats.text_lines import Block, Rejecting, matching

Array = npt.NDArray[Any]
#: Where a value stands (names from the outside in), and the type that it usually has.
Wanted = Mapping[str, tuple[tuple[str, ...], pa.DataType]]
NUMBER, TEXT = pa.float64(), pa.string()
_LONGEST_TEXT = 200


def json_columns(
    block: Block, pattern: str, wanted: Wanted, rejecting: Rejecting
) -> tuple[dict[str, pa.Array], Array]:
    """Return columns of the block's lines that match ``pattern``, and the lines' numbers.

    Columns have the type wanted; in a block with a value of another type, or with a bad line, they are all text and
    the block is read line by line. Lines that are no JSON objects are counted as ``json``.
    """
    text, lines = matching(block, pattern)
    if not len(lines):
        return {}, lines
    options = pajson.ParseOptions(explicit_schema=_schema(wanted), unexpected_field_behavior="ignore")
    reading = pajson.ReadOptions(use_threads=False, block_size=len(text) + 1)
    try:
        found = pajson.read_json(pa.BufferReader(text), reading, options)
    except pa.ArrowException:
        return _line_by_line(text, lines, wanted, rejecting)
    if found.num_rows != len(lines):
        return _line_by_line(text, lines, wanted, rejecting)
    return {name: _inner(found, path) for name, (path, _) in wanted.items()}, lines


def _schema(wanted: Wanted) -> pa.Schema:
    tree: dict[str, Any] = {}
    for path, kind in wanted.values():
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = kind
    return pa.schema(_fields(tree))


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    return [
        pa.field(name, pa.struct(_fields(one)) if isinstance(one, dict) else one)
        for name, one in tree.items()
    ]


def _inner(found: pa.Table, path: Sequence[str]) -> pa.Array:
    column = found[path[0]].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    for name in path[1:]:
        column = pc.struct_field(column, name)
    return column


def _line_by_line(
    text: bytes, lines: Array, wanted: Wanted, rejecting: Rejecting
) -> tuple[dict[str, pa.Array], Array]:
    values: dict[str, list[str | None]] = {name: [] for name in wanted}
    kept, lost = [], []
    for number, line in zip(lines.tolist(), io.BytesIO(text), strict=False):
        try:
            one = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            one = None
        if not isinstance(one, dict):
            lost.append(number)
            continue
        kept.append(number)
        for name, (path, _) in wanted.items():
            values[name].append(_word(one, path))
    rejecting.rows("json", np.array(lost, np.int64))
    return {name: pa.array(each, pa.string()) for name, each in values.items()}, np.array(kept, np.int64)


def _word(value: Any, path: Sequence[str]) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.6f}"
    return str(value)[:_LONGEST_TEXT] if not isinstance(value, int) or abs(value) < 1 << 62 else None
