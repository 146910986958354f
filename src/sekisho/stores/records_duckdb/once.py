"""What was kept exactly once: the newest position of each stream of input.

While its rows lie in a journal, a position lies in the header of their piece: one write makes both true. When journals
are compacted, their positions go into a small file of the dataset before the journals stop to count. A position is
forgotten when the label of its rows has expired: the rows are gone by then.

Which streams the rows below a label came from is known as well: from the headers of its journals, and from a file of
the label for what was compacted. It goes with the label.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from sekisho.model.purpose import Label
from sekisho.stores.records_duckdb.journal import NO_STREAM, Piece, pieces
from sekisho.stores.records_duckdb.layout import all_journals, high, labels, replace

_LEDGER, _LOCKS, _STREAMS = "once.msgpack", ".once", "streams.msgpack"
_LOCK_FILES = 64


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The newest position of a stream, and when the label of its rows expires."""

    position: int
    expires: int


class Lying(NamedTuple):
    """Where the rows of some streams lie, and what lies there too.

    :ivar labels: the folder names of the labels that rows of them lie under
    :ivar others: the digests of other streams with rows under these labels
    :ivar mixed: rows of unknown streams lie under one of these labels
    :ivar untold: those of the other labels (None: unreadable) of which it isn't known whose rows lie there
    """

    labels: frozenset[str]
    others: frozenset[bytes]
    mixed: bool
    untold: tuple[Label | None, ...]


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


def tell(label: Path, journals: Collection[Path]) -> None:
    """Note whose rows the journals of a label hold, before they stop to count; OSError when the disk refuses."""
    before = _told(label)
    now = before | {piece.stream for journal in journals for piece in _pieces(journal) if piece.rows}
    if now != before or not (label / _STREAMS).exists():
        replace(label / _STREAMS, msgspec.msgpack.encode(sorted(now)))


def lying(dataset: Path, streams: Collection[bytes]) -> Lying:
    """Return where rows of ``streams`` lie, and whose else lie there."""
    found, others, mixed = set(), set[bytes](), False
    untold: list[Label | None] = []
    for path, label in labels(dataset):
        # Journals before the file, as in `newest`.
        written = {piece.stream for one in all_journals(path) for piece in _pieces(one.path) if piece.rows}
        held = written | _told(path)
        unknown = NO_STREAM in held
        if held & set(streams):
            found.add(path.name)
            others |= held - set(streams) - {NO_STREAM}
            mixed = mixed or unknown
        elif unknown:
            untold.append(label)
    return Lying(frozenset(found), frozenset(others), mixed, tuple(untold))


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


def _told(label: Path) -> set[bytes]:
    """Return the streams whose rows were compacted; `NO_STREAM` among them stands for rows of which it isn't known."""
    try:
        return set(msgspec.msgpack.decode((label / _STREAMS).read_bytes(), type=list[bytes]))
    except (FileNotFoundError, msgspec.DecodeError):
        # Versions before November 2026 didn't note it.
        return {NO_STREAM} if high(label) else set()


def _read(dataset: Path) -> dict[bytes, Kept]:
    try:
        return msgspec.msgpack.decode((dataset / _LEDGER).read_bytes(), type=dict[bytes, Kept])
    except FileNotFoundError:
        return {}
