"""Reading the log of detections from where one stopped, and finding one line in it, without reading all of it.

Writers add at the end; an expiry replaces the file by one with fewer lines, the last word of each detection in the order
of writing. So a place in the file is known again by the octets before it, and when they have moved, by the time of the
lines: what was written since then stands at the end.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.detected import Listed
from sekisho.model.detection import Grade
from sekisho.model.purpose import Label
from sekisho.model.verdict import Scalar
from sekisho.stores.detection_log import Logged

_PIECE = 8 << 20
_BEFORE = 512
# Writers of the log take their time stamp before they wait for its lock.
_SLACK = 600_000


class _Bare(msgspec.Struct, frozen=True):
    """A detection without its evidence, which is skipped unread."""

    id: str
    method: str
    subscriber: int
    begin: int
    end: int
    grade: Grade
    reason: str
    arguments: dict[str, Scalar] = {}
    family: str = ""
    remotes: tuple[str, ...] = ()
    remote_count: int = 0
    rows: int = 0
    sampling: int = 1
    sources: tuple[str, ...] = ()


class _Line(msgspec.Struct, frozen=True):
    at: int
    label: Label
    detection: _Bare


class _Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Read up to ``offset``, before which stand octets of the digest ``before``; ``at`` is of the newest line read."""

    offset: int
    before: str
    at: int


class Piece(msgspec.Struct, frozen=True):
    """What was read: detections, the mark behind them, and how many lines were none.

    ``anew``: the log is gone or is another one, and what was read of it before no longer counts.
    """

    listed: tuple[Listed, ...]
    mark: str
    rejected: int = 0
    anew: bool = False


class DetectionTail:
    """The log of one folder, for reading alone."""

    def __init__(self, file: Path) -> None:
        """Name the file; it needn't be there yet."""
        self._file = file

    def read(self, mark: str = "", octets: int = _PIECE) -> Piece:
        """Return what was added behind ``mark``, about ``octets`` of it; the same mark when there is nothing.

        :raises StoreError: the log can't be read
        """
        held = _decoded(mark)
        with self._opened() as file:
            if file is None:
                return Piece((), "", anew=bool(mark))
            size = os.fstat(file).st_size
            offset = _resumed(file, held, size) if held else 0
            if offset is None:
                return Piece((), "", anew=True)
            content = _whole_lines(file, offset, size, octets)
            if not content:
                return Piece((), mark)
            end = offset + len(content)
            before = _digest(file, end)
        listed, rejected = _listed(content, offset)
        newest = max((one.found for one in listed), default=held.at if held else 0)
        made = _Mark(end, before, max(newest, held.at if held else 0))
        return Piece(tuple(listed), msgspec.json.encode(made).decode(), rejected)

    def logged(self, identifier: str, place: int) -> Logged | None:
        """Return a detection with its flow rows as it was logged last; None when the log no longer has it.

        ``place`` is where its line began once: since then it can only have moved towards the beginning.

        :raises StoreError: the log can't be read
        """
        name = b'"detection":{"id":' + msgspec.json.encode(identifier) + b","
        with self._opened() as file:
            if file is None or not os.fstat(file).st_size:
                return None
            with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as octets:
                found = octets.rfind(name, 0, min(place + _PIECE, len(octets)))
                if found < 0:
                    found = octets.rfind(name)
                if found < 0:
                    return None
                begin, end = octets.rfind(b"\n", 0, found) + 1, octets.find(b"\n", found)
                line = octets[begin : end if end >= 0 else len(octets)]
        try:
            return msgspec.json.decode(line, type=Logged)
        except msgspec.MsgspecError:
            return None

    def behind(self, mark: str) -> int:
        """Return how many octets stand behind ``mark``; all of them when it isn't known where it was."""
        held = _decoded(mark)
        with self._opened() as file:
            if file is None:
                return 0
            size = os.fstat(file).st_size
            known = (
                held is not None and 0 <= held.offset <= size and _digest(file, held.offset) == held.before
            )
            return size - held.offset if held and known else size

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Open the log while nobody writes in it; None when there is none."""
        try:
            try:
                file = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                yield None
                return
            try:
                fcntl.flock(file, fcntl.LOCK_SH)
                yield file
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(
                Text(ja="検出の記録が読めない", en="the log of detections can't be read"),
                f"{self._file}: {error.strerror}",
            ) from error


def _decoded(mark: str) -> _Mark | None:
    try:
        return msgspec.json.decode(mark, type=_Mark) if mark else None
    except msgspec.MsgspecError:
        return _Mark(-1, "", 0)


def _digest(file: int, end: int) -> str:
    begin = max(0, end - _BEFORE)
    return hashlib.sha256(os.pread(file, end - begin, begin)).hexdigest()


def _resumed(file: int, held: _Mark, size: int) -> int | None:
    """Return where to go on; None when this is another log."""
    if 0 <= held.offset <= size and _digest(file, held.offset) == held.before:
        return held.offset
    end = size
    while end > 0:
        begin = max(0, end - _PIECE)
        content = os.pread(file, end - begin, begin)
        first = content.find(b"\n") + 1 if begin else 0
        place = len(content)
        for line in reversed(content[first:].splitlines(keepends=True)):
            place -= len(line)
            at = _time(line)
            if at is not None and at < held.at - _SLACK:
                # Nothing newer at all: not the log that was read, but an older copy of it, or another one.
                return None if begin + place + len(line) == size and held.at else begin + place + len(line)
        if begin and first in (0, len(content)):
            return 0  # a line longer than a piece: read all again
        end = begin + first if begin else 0
    return 0


def _time(line: bytes) -> int | None:
    try:
        return msgspec.json.decode(line, type=_Time).at
    except msgspec.MsgspecError:
        return None


class _Time(msgspec.Struct, frozen=True):
    at: int


def _whole_lines(file: int, offset: int, size: int, octets: int) -> bytes:
    """Return about ``octets`` from ``offset``, up to the end of a line; a half line at the end is left for later."""
    content = os.pread(file, min(octets, size - offset), offset)
    end = content.rfind(b"\n") + 1
    while not end and offset + len(content) < size:
        more = os.pread(file, octets, offset + len(content))
        if not more:
            break
        content += more
        end = content.rfind(b"\n") + 1
    return content[:end]


def _listed(content: bytes, offset: int) -> tuple[list[Listed], int]:
    found: list[Listed] = []
    rejected, decoder = 0, msgspec.json.Decoder(_Line)
    for line in content.splitlines(keepends=True):
        if line != b"\n":
            try:
                one = decoder.decode(line)
            except msgspec.MsgspecError:
                rejected += 1
            else:
                found.append(_row(one, offset))
        offset += len(line)
    return found, rejected


def _row(one: _Line, place: int) -> Listed:
    fields: dict[str, Any] = {name: getattr(one.detection, name) for name in _Bare.__struct_fields__}
    return Listed(**fields, found=one.at, expires=one.label.expires, purposes=one.label.purposes, place=place)
