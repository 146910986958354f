"""What was kept exactly once: the newest position of each stream of input.

While its rows lie in a journal, a position lies in the header of their piece: one write makes both true. When journals
are compacted, their positions go into a small file of the dataset before the journals stop to count. A position is
forgotten when the label of its rows has expired: the rows are gone by then.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from sekisho.stores.records_duckdb.journal import NO_STREAM, Piece, pieces
from sekisho.stores.records_duckdb.layout import all_journals, labels, replace

_LEDGER, _LOCKS = "once.msgpack", ".once"
_LOCK_FILES = 64


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The newest position of a stream, and when the label of its rows expires."""

    position: int
    expires: int


def digest(stream: str) -> bytes:
    """Return what stands for a stream on the disk."""
    return hashlib.sha256(stream.encode()).digest()[:16]


def newest(dataset: Path, stream: bytes) -> int | None:
    """Return the newest position kept of a stream; None when there is none."""
    # Journals before the ledger: what a compaction takes away from them meanwhile is in the ledger already.
    found = [
        piece.position
        for label, _ in labels(dataset)
        for journal in all_journals(label)
        for piece in _pieces(journal.path)
        if piece.stream == stream
    ]
    held = _read(dataset).get(stream)
    return max([*found, *([held.position] if held else [])], default=None)


def remember(dataset: Path, found: Mapping[bytes, Kept], now: int) -> None:
    """Put positions of journals that will be deleted into the ledger; OSError when the disk refuses."""
    held = _read(dataset)
    for stream, one in found.items():
        before = held.get(stream)
        held[stream] = one if before is None or before.position <= one.position else before
    alive = {stream: one for stream, one in held.items() if one.expires > now}
    replace(dataset / _LEDGER, msgspec.msgpack.encode(alive))


def forget(dataset: Path, streams: Collection[bytes]) -> None:
    """Take streams out of the ledger: their rows are deleted; OSError when the disk refuses."""
    held = _read(dataset)
    if left := held.keys() & set(streams):
        replace(
            dataset / _LEDGER,
            msgspec.msgpack.encode({name: one for name, one in held.items() if name not in left}),
        )


def positions(journal: Path, expires: int) -> dict[bytes, Kept]:
    """Return the newest position of each stream in a journal."""
    found: dict[bytes, Kept] = {}
    for piece in _pieces(journal):
        if piece.stream != NO_STREAM:
            found[piece.stream] = Kept(piece.position, expires)
    return found


@contextlib.contextmanager
def alone(dataset: Path, stream: bytes) -> Iterator[None]:
    """Keep other processes from appending of the same stream until this is left."""
    folder = dataset / _LOCKS
    folder.mkdir(exist_ok=True, mode=0o700)
    file = os.open(folder / f"{stream[0] % _LOCK_FILES:02d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _pieces(journal: Path) -> list[Piece]:
    with contextlib.suppress(FileNotFoundError):  # compacted meanwhile, or expired
        return pieces(journal)[0]
    return []


def _read(dataset: Path) -> dict[bytes, Kept]:
    try:
        return msgspec.msgpack.decode((dataset / _LEDGER).read_bytes(), type=dict[bytes, Kept])
    except FileNotFoundError:
        return {}
