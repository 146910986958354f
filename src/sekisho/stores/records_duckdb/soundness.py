"""Whether stored files are still what was written; what isn't is never read as data, and named.

Each piece of a journal has the CRC-32 of its rows in its header, each Parquet file that of all its octets in its name.
They are compared when a question first needs the file, once for a process as long as the file doesn't change: a question
that comes again costs one look at the file's inode.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import pyarrow as pa

from sekisho.model.detection import Window
from sekisho.ports.flows import Damage
from sekisho.stores.records_duckdb.checksums import crc32
from sekisho.stores.records_duckdb.journal import HEADER, Piece, inventory, read_pieces
from sekisho.stores.records_duckdb.layout import HOUR, Held, checksum_of, hour_of

_BLOCK = 1 << 20
# Verdicts kept in memory, the newest used ones.
_MOST = 1 << 16


class _Key(NamedTuple):
    device: int
    inode: int
    octets: int
    changed: int
    offset: int


_seen: OrderedDict[_Key, bool] = OrderedDict()
_guard = Lock()


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _sum(file, 0, os.fstat(file).st_size)
    finally:
        os.close(file)


def sound(path: Path) -> bool:
    """Say whether a Parquet file is what its name says; FileNotFoundError when it is gone.

    One without a checksum in its name (of an earlier version) can't be told and passes.
    """
    expected = checksum_of(path)
    if expected is None:
        return True
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        key = _key(file, 0)
        known = _known(key)
        return _note(key, _sum(file, 0, key.octets) == expected) if known is None else known
    finally:
        os.close(file)


def sorted_out(path: Path, pieces: Iterable[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Return those of a journal's pieces that are sound, and those that are damaged."""
    good: list[Piece] = []
    bad: list[Piece] = []
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for piece in pieces:
            key = _key(file, piece.offset)
            known = _known(key)
            if known is None:
                known = _note(key, _sound_piece(path, file, piece))
            (good if known else bad).append(piece)
    finally:
        os.close(file)
    return good, bad


def near_and_sound(path: Path, window: Window) -> list[Piece]:
    """Return the sound pieces of a journal that may have rows of ``window``."""
    return sorted_out(path, (one for one in inventory(path).pieces if one.meets(window)))[0]


def damage(held: Held, root: Path, window: Window | None = None) -> list[Damage]:
    """Return the damaged files among ``held`` that may have rows of ``window``, named from ``root`` on."""
    found: dict[tuple[str, Window | None], Damage] = {}
    for path in (path for shard in held.whole for path in shard):
        with contextlib.suppress(FileNotFoundError):  # what has expired may be deleted meanwhile
            if not sound(path):
                hour = hour_of(path.parents[1].name)
                _add(found, path, root, None if hour is None else Window(hour, hour + HOUR))
    for path in (*held.journals, *held.broken):
        with contextlib.suppress(FileNotFoundError):
            for lost in _lost(path, window, broken=path in held.broken):
                _add(found, path, root, lost)
    return [one for one in found.values() if window is None or one.meets(window)]


def _lost(path: Path, window: Window | None, *, broken: bool) -> Iterator[Window | None]:
    there = inventory(path)
    near = [one for one in there.pieces if broken or window is None or one.meets(window)]
    bad = sorted_out(path, near)[1]
    if broken and not bad and not there.damaged:
        bad = near  # an older program could not read it, and compacted without it
    for piece in bad:
        yield Window(piece.first, piece.last + 1) if piece.rows else None
    if there.damaged:
        yield None


def _add(
    found: dict[tuple[str, Window | None], Damage], path: Path, root: Path, window: Window | None
) -> None:
    name = path.relative_to(root).as_posix()
    found[name, window] = Damage(name, window)


def _sound_piece(path: Path, file: int, piece: Piece) -> bool:
    if piece.checksum is not None:
        return _sum(file, piece.offset + HEADER, piece.octets) == piece.checksum
    # Written by an earlier version: all that can be told is whether the rows are all there.
    try:
        return bool(sum(batch.num_rows for batch in read_pieces(path, [piece])) == piece.rows)
    except (pa.ArrowException, OSError):
        return False


def _sum(file: int, offset: int, octets: int) -> int:
    block, found = memoryview(bytearray(min(_BLOCK, max(octets, 1)))), 0
    while octets > 0:
        count = os.preadv(file, [block[: min(octets, len(block))]], offset)
        if not count:
            return -1
        found = crc32(block[:count], found)
        offset, octets = offset + count, octets - count
    return found


def _key(file: int, offset: int) -> _Key:
    facts = os.fstat(file)
    return _Key(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, offset)


def _known(key: _Key) -> bool | None:
    with _guard:
        found = _seen.get(key)
        if found is not None:
            _seen.move_to_end(key)
        return found


def _note(key: _Key, verdict: bool) -> bool:
    with _guard:
        _seen[key] = verdict
        while len(_seen) > _MOST:
            _seen.popitem(last=False)
    return verdict
