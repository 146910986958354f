"""Text files in blocks of whole lines, and which line of the file a bad row stood on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

Array = npt.NDArray[Any]
Reject = Callable[[str, str, int], None]

_READ = 8 << 20
_LONGEST_LINE = 1 << 20
#: How many places of bad lines are told one by one; the rest is counted.
EXAMPLES = 5
# Every column of a flow is ASCII; what is not can only stand in columns that nobody asks for.
_ASCII = bytes(range(128)) + b"?" * 128


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines (ASCII, each ended by a newline) and the number of the first, counted from 1."""

    first: int
    text: bytes


def line_blocks(source: BinaryIO, reject: Reject) -> Iterator[Block]:
    """Yield the file in blocks of whole lines; a line beyond a megabyte is left out (``line-too-long``)."""
    rest, number, skipping = b"", 1, False
    while True:
        more = source.read(_READ)
        text = rest + more if more else rest + b"\n" * bool(rest and not rest.endswith(b"\n"))
        if number == 1 and text.startswith(b"\xef\xbb\xbf"):
            text = text[3:]
        if skipping:
            cut = text.find(b"\n") + 1
            if not cut and more:
                rest = b""
                continue
            text, skipping, number = text[cut:], False, number + 1
        end = text.rfind(b"\n") + 1
        whole, rest = text[:end], text[end:]
        if whole:
            lines = whole.count(b"\n")
            yield Block(number, whole if whole.isascii() else whole.translate(_ASCII))
            number += lines
        if len(rest) > _LONGEST_LINE:
            reject("line-too-long", f"line {number}", 1)
            rest, skipping = b"", True
        if not more:
            return


@dataclass(slots=True)
class Rejecting:
    """Counts bad rows by reason, telling the lines of the first few of each reason."""

    reject: Reject
    told: dict[str, int] = field(default_factory=dict)

    def rows(self, reason: str, lines: Array) -> None:
        """Count rows that stood on ``lines``."""
        left = EXAMPLES - self.told.get(reason, 0)
        for line in lines[: max(0, left)].tolist():
            self.reject(reason, f"line {line}", 1)
        if len(lines) > max(0, left):
            self.reject(reason, "", len(lines) - max(0, left))
        self.told[reason] = self.told.get(reason, 0) + len(lines)


def table(
    block: Block,
    names: list[str],
    delimiter: str,
    rejecting: Rejecting,
    *,
    quoted: bool,
    nulls: tuple[str, ...],
) -> tuple[dict[str, pa.Array], Array]:
    """Return the block's columns as strings by name (``nulls`` are null), and each row's line number.

    Lines with more or fewer columns are counted as ``columns``, and so are those in which a quote is opened and not
    closed: a row is one line. Of a name that comes twice the first is taken.
    """
    columns = [f"{index}:{name}" for index, name in enumerate(names)]
    quote = '"' if quoted else ""
    lines = np.arange(block.first, block.first + block.text.count(b"\n"))
    found, bad = _parsed(block.text, columns, delimiter, quote, nulls)
    if quoted and _swallowed(block.text, found, bad):
        text, kept = _closed(block.text, delimiter)
        rejecting.rows("columns", lines[~kept])
        lines = lines[kept]
        found, bad = _parsed(text, columns, delimiter, quote, nulls) if len(lines) else (None, [])
        block = Block(block.first, text)
    if found is None:
        rejecting.rows("columns", lines)
        return {}, lines[:0]
    if found.num_rows != len(lines):
        lines = _kept(block.text, lines, bad, rejecting)[: found.num_rows]
        if len(lines) < found.num_rows:
            lines = np.append(lines, np.full(found.num_rows - len(lines), block.first))
    arrays = [column.combine_chunks() for column in found.columns]
    arrays = [one.chunk(0) if isinstance(one, pa.ChunkedArray) else one for one in arrays]
    return dict(reversed(list(zip(names, arrays, strict=True)))), lines


def _parsed(
    text: bytes, columns: list[str], delimiter: str, quote: str, nulls: tuple[str, ...]
) -> tuple[pa.Table | None, list[str]]:
    """Return the rows (None when nothing can be read) and the texts of those with another count of columns."""
    bad: list[str] = []

    def skip(row: pacsv.InvalidRow) -> str:
        bad.append(row.text)
        return "skip"

    try:
        found = pacsv.read_csv(
            pa.BufferReader(text),
            read_options=pacsv.ReadOptions(column_names=columns, use_threads=False, block_size=len(text) + 1),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, quote_char=quote or False, invalid_row_handler=skip
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=list(nulls),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None, bad
    return found, bad


def _swallowed(text: bytes, found: pa.Table | None, bad: list[str]) -> bool:
    """Say whether there are lines that became neither a row nor a bad one, because of a quote that nobody closed."""
    if b'"' not in text:
        return False
    rows = 0 if found is None else found.num_rows
    missing = text.count(b"\n") - rows - len(bad)
    return missing > 0 and missing > sum(not line.strip(b"\r") for line in text.split(b"\n")[:-1])


def _closed(text: bytes, delimiter: str) -> tuple[bytes, Array]:
    """Return the lines in which every quote that opens a field is closed, and which they are."""
    mark = re.escape(delimiter)
    one = f'(?:"(?:[^"]|"")*"(?:[^"{mark}][^{mark}]*)?|[^"{mark}][^{mark}]*)?'
    texts = text.split(b"\n")[:-1]
    lines = pa.array(texts, pa.string())
    kept = np.asarray(pc.match_substring_regex(lines, f"^{one}(?:{mark}{one})*$"))
    return b"".join(line + b"\n" for line, good in zip(texts, kept.tolist(), strict=True) if good), kept


def _kept(text: bytes, numbers: Array, bad: list[str], rejecting: Rejecting) -> Array:
    """Return the numbers of the lines that became rows, and count the others that are not empty."""
    wrong = set(bad)
    kept, lost = [], []
    for number, line in zip(numbers.tolist(), text.decode("ascii").split("\n"), strict=False):
        said = line.rstrip("\r")
        if said in wrong:
            lost.append(number)
        elif said:
            kept.append(number)
    rejecting.rows("columns", np.array(lost, np.int64))
    return np.array(kept, np.int64)


def matching(block: Block, pattern: str) -> tuple[bytes, Array]:
    """Return the block's lines that match the regular expression, and their numbers."""
    lines = pc.split_pattern(pa.array([block.text.decode("ascii")], pa.string()), "\n").values
    which = np.flatnonzero(pc.match_substring_regex(lines, pattern).to_numpy(zero_copy_only=False))
    if not len(which):
        return b"", which
    chosen = pc.take(lines, pa.array(which))
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(chosen)], pa.int32()), chosen), "\n")
    return bytes(joined[0].as_buffer()) + b"\n", which + block.first
