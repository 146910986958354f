"""The files of a spool's folder: segments named by the ordinal of their first datagram, exporters, identity, cursor."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.spool_block import HEADER_OCTETS, Header

_PREFIX, _SLOTS, _FREE = "segment-", "slots-", "free-"
_NAME = re.compile(rf"({_PREFIX}|{_SLOTS})(\d+)")
# What a million flows take that are written at once, at full rate: fresh pages cost as much as what is received into them.
_MOST_FREE = 4


class Position(msgspec.Struct, frozen=True, order=True):
    """A place between two datagrams: the spool's identity and how many datagrams lie before it."""

    spool: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of blocks; ``slotted``: an index of blocks, and slots (`spool_slots`)."""

    path: Path
    first: int
    slotted: bool = False


def segments(folder: Path) -> list[Segment]:
    """Return the segments there are, oldest first."""
    if not folder.is_dir():
        return []
    found = [match for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return sorted(
        (Segment(folder / one[0], int(one[2]), one[1] == _SLOTS) for one in found), key=lambda one: one.first
    )


def segment_path(folder: Path, first: int, *, slotted: bool = False) -> Path:
    """Return the path of the segment whose first datagram has the ordinal ``first``."""
    return folder / f"{_SLOTS if slotted else _PREFIX}{first:020d}"


def give_back(segment: Segment) -> None:
    """Let the writer use a segment again that is dealt with: pages that are there cost less than fresh ones."""
    folder = segment.path.parent
    if len(_free(folder)) < _MOST_FREE:
        segment.path.rename(folder / f"{_FREE}{segment.first:020d}")
    else:
        segment.path.unlink()


def begin(folder: Path, first: int, *, fresh: bool = False, slotted: bool = False) -> int:
    """Return the descriptor of a new segment, without a block, made of one that was given back if there is any.

    OSError when the folder refuses: then there is no new one.
    """
    path = segment_path(folder, first, slotted=slotted)
    if not fresh and (free := _free(folder)):
        file = os.open(free[-1], os.O_RDWR | os.O_CLOEXEC)
        try:
            os.pwrite(file, bytes(HEADER_OCTETS), 0)
            free[-1].rename(path)
        except OSError:
            os.close(file)
            raise
        return file
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _free(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_FREE}*"))


def end_of(file: int, first: int) -> tuple[int, int]:
    """Return (offset, ordinal) behind the last whole block of a segment."""
    offset, ordinal, size = 0, first, os.fstat(file).st_size
    while header := Header.unpack(os.pread(file, HEADER_OCTETS, offset)):
        if offset + HEADER_OCTETS + header.octets > size or header.first != ordinal:
            break
        offset, ordinal = offset + header.room, header.end
    return offset, ordinal


def last_ordinal(folder: Path) -> int:
    """Return how many datagrams the spool ever held, as its newest segment says; 0 when it never held any."""
    there = segments(folder)
    if not there:
        return 0
    file = os.open(there[-1].path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return end_of(file, there[-1].first)[1]
    finally:
        os.close(file)


def locked(folder: Path, name: str) -> int:
    """Return the descriptor of a lock that this process alone holds until it closes it or ends.

    Raises:
        StoreError: somebody else holds it.
    """
    file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise StoreError(
            Text(ja="別の処理がこの置き場を使っている", en="another process is using this spool"),
            str(folder),
            Text(ja="その処理を終えるか、別の名前を使う", en="end that process, or use another name"),
        ) from error
    return file


def replace(path: Path, content: bytes) -> None:
    """Write a small file so that a kill leaves the old one or the new one."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def exporters(folder: Path) -> tuple[str, ...]:
    """Return the addresses in the spool's own table; a torn last line doesn't count."""
    try:
        text = (folder / "exporters").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(text.split("\n")[:-1])


def last_done(folder: Path) -> Position | None:
    """Return the position that a reader said it had dealt with everything before; None when none ever did."""
    try:
        return msgspec.json.decode((folder / "cursor").read_bytes(), type=Position)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def identity(folder: Path) -> str:
    """Return the name that this spool's ordinals belong to; empty when it was never written to."""
    try:
        return (folder / "identity").read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
