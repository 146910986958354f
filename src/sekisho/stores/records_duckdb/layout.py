"""How a store lies on the disk, and which files count.

``<root>/<dataset>/<label>/journals/N.journal`` are rows as they came, N growing; ``<label>/<hour>/<shard>/M-N.parquet``
are what compactions made of them. ``journals/high`` holds one number: journals up to it are compacted and no longer
count, and Parquet files whose N is beyond it do not count yet. So replacing that small file makes a whole compaction
valid at once. Within a folder a file stands for all whose range lies within its own, deleted already or not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label

HOUR = 3_600_000
STRAY = "stray"
LABEL = "label.json"
DATASET = "dataset.json"
# Hours outside 1970-01-01 … 9999-12-31 have no name.
LAST_HOUR = 253_402_300_800_000 // HOUR
_DATASET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LABEL_NAME = re.compile(r"[0-9a-f]{20}")
JOURNALS = "journals"
#: What a folder that may not be written says.
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_READING = ".reading"
_HIGH = "high"
# With the CRC-32 of the file; those of earlier versions have none.
_PART = re.compile(r"(\d{12})-(\d{12})(?:\.([0-9a-f]{8}))?\.parquet")
_JOURNAL = re.compile(r"(\d{12})\.journal")
_BROKEN = re.compile(r"(\d{12})\.damaged")
# Beyond every number of a journal: all that is in a folder counts.
EVERYTHING = 10**12


class Dataset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What never changes in a dataset."""

    shards: int
    version: int = 1


class Part(NamedTuple):
    """A compacted file, made of the journals from ``first`` to ``last``."""

    path: Path
    first: int
    last: int


class Numbered(NamedTuple):
    """A journal."""

    path: Path
    number: int


class Cell(NamedTuple):
    """The folder of one label, hour and shard. ``hour`` is its first millisecond; None for the stray one."""

    path: Path
    hour: int | None
    shard: int


def dataset_path(root: Path, name: str) -> Path:
    """Return the folder of a dataset.

    :raises StoreError: such a name can't be
    """
    if not _DATASET_NAME.fullmatch(name):
        raise StoreError(
            Text(ja="データセット名は英小文字・数字・-_", en="a dataset's name has a-z, 0-9, - and _"),
            name[:80],
        )
    return root / name


def datasets(root: Path) -> list[str]:
    """Return the names of all datasets."""
    return sorted(path.parent.name for path in root.glob(f"*/{DATASET}"))


def read_dataset(path: Path) -> Dataset | None:
    """Return what is fixed of a dataset; None when there is none."""
    try:
        return msgspec.json.decode((path / DATASET).read_bytes(), type=Dataset)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            Text(ja="データセットを読めない", en="the dataset can't be read"), f"{path / DATASET}: {error}"
        ) from error


def label_name(label: Label) -> str:
    """Return the folder name of a label: a digest, so that an altered label is found out."""
    return hashlib.sha256(msgspec.json.encode(label, order="sorted")).hexdigest()[:20]


def labels(dataset: Path) -> Iterator[tuple[Path, Label | None]]:
    """Yield the folders of a dataset's labels; None for a label that is missing, torn or altered: it allows nothing."""
    for path in sorted(dataset.iterdir()) if dataset.is_dir() else ():
        if _LABEL_NAME.fullmatch(path.name):
            yield path, _read_label(path)


def _read_label(path: Path) -> Label | None:
    try:
        found = msgspec.json.decode((path / LABEL).read_bytes(), type=Label)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if label_name(found) == path.name else None


class Held(NamedTuple):
    """The files of a window: compacted ones by shard, and journals, whose rows are of any hour and shard.

    ``broken`` are journals that were damaged when they were compacted: kept for what is missing, not for their rows.
    ``since`` is the first start of a flow of a journal that is not past its time: what is before it isn't answered.
    """

    whole: Sequence[Sequence[Path]]
    journals: Sequence[Path]
    broken: Sequence[Path] = ()
    since: Mapping[Path, int] = {}

    @property
    def paths(self) -> list[Path]:
        """All of them."""
        return [*(path for shard in self.whole for path in shard), *self.journals]


def hour_name(hour: int) -> str:
    """Return the folder name of the hour that begins at ``hour`` milliseconds: ``20261121T07``, UTC."""
    return datetime.fromtimestamp(hour // 1000, UTC).strftime("%Y%m%dT%H")


def hour_of(name: str) -> int | None:
    """Return the first millisecond of the hour that a folder is named after; None when it isn't one of an hour."""
    try:
        began = datetime.strptime(name, "%Y%m%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(began.timestamp()) * 1000


def part_name(first: int, last: int, checksum: int) -> str:
    """Return the name of a compacted file."""
    return f"{first:012d}-{last:012d}.{checksum:08x}.parquet"


def checksum_of(part: Path) -> int | None:
    """Return the checksum in the name of a compacted file; None when there is none."""
    match = _PART.fullmatch(part.name)
    return int(match[3], 16) if match and match[3] else None


def cells(label: Path, window: Window | None = None) -> Iterator[Cell]:
    """Yield the folders under a label whose hour meets ``window``; the stray ones always may."""
    for folder in _folders(label):
        if folder.name == STRAY:
            hour = None
        else:
            hour = hour_of(folder.name)
            if hour is None:
                continue
            if window is not None and not (hour < window.end and window.begin < hour + HOUR):
                continue
        for shard in _folders(folder):
            if shard.name.isdecimal():
                yield Cell(shard, hour, int(shard.name))


def high(label: Path) -> int:
    """Return the number up to which a label's journals are compacted.

    :raises StoreError: that number is damaged: which files count can't be told
    """
    file = label / JOURNALS / _HIGH
    try:
        number, _, check = file.read_bytes().partition(b" ")
    except (FileNotFoundError, NotADirectoryError):
        return 0
    if not number.isdigit() or (check and check != b"%08x" % zlib.crc32(number)):
        raise StoreError(
            Text(ja="記録のファイルが壊れている", en="a file of the records is damaged"),
            str(file),
            Text(ja="控えから戻す", en="restore it from a backup"),
        )
    return int(number)


def raise_high(label: Path, number: int) -> None:
    """Make a compaction valid: journals up to ``number`` no longer count, Parquet files up to it do."""
    text = b"%d" % number
    replace(label / JOURNALS / _HIGH, b"%b %08x" % (text, zlib.crc32(text)))


def journals(label: Path, compacted: int | None = None) -> list[Numbered]:
    """Return the journals of a label that count, oldest first; ``compacted`` as `high` says unless given."""
    least = high(label) if compacted is None else compacted
    return [one for one in all_journals(label) if one.number > least]


def all_journals(label: Path) -> list[Numbered]:
    """Return the journals of a label that are there."""
    return _numbered(label / JOURNALS)


def broken_journals(label: Path) -> list[Numbered]:
    """Return the journals of a label that were damaged when they were compacted."""
    return _numbered(label / JOURNALS, _BROKEN)


def keep_broken(journal: Path) -> None:
    """Keep a damaged journal that will be deleted under another name, so that what is missing stays known."""
    with contextlib.suppress(FileExistsError):
        journal.with_suffix(".damaged").hardlink_to(journal)
    sync(journal.parent)


def journal_path(folder: Path, number: int) -> Path:
    """Return the path of a journal."""
    return folder / f"{number:012d}.journal"


def next_number(folder: Path) -> int:
    """Return a number for a journal above all that are there or were."""
    return max([high(folder.parent), *(one.number for one in _numbered(folder))]) + 1


def parts(cell: Path, compacted: int | None = None) -> list[Part]:
    """Return the compacted files of a cell that count, oldest first; ``compacted`` as `high` says unless given."""
    most = high(cell.parents[1]) if compacted is None else compacted
    found = [part for part in _all_parts(cell) if part.last <= most]
    return [part for part in found if not _within(part, found)]


def left_behind(cell: Path, compacted: int) -> tuple[list[Path], list[Path]]:
    """Return the files of a cell that a larger one stands for, and those of a compaction that never became valid."""
    found = _all_parts(cell)
    valid = [part for part in found if part.last <= compacted]
    old = [part.path for part in valid if _within(part, valid)]
    return old, [*(part.path for part in found if part.last > compacted), *cell.glob(".*.tmp")]


@contextlib.contextmanager
def reading(dataset: Path) -> Iterator[None]:
    """Keep compactions from deleting what they replaced while a question reads it."""
    try:
        file = os.open(dataset / _READING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        file = -1  # nobody can delete there either, or somebody else's compaction is met by looking again
    try:
        if file >= 0:
            fcntl.flock(file, fcntl.LOCK_SH)
        yield
    finally:
        if file >= 0:
            os.close(file)


@contextlib.contextmanager
def deleting(dataset: Path) -> Iterator[bool]:
    """Say whether nobody is reading, and keep readers out for the moment that deleting takes."""
    file = os.open(dataset / _READING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def sync(folder: Path) -> None:
    """Force a folder's names to the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_once(path: Path, content: bytes) -> None:
    """Write a small file whole, unless it is there; two who write at once are both content."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Write a small file anew, so that whatever happens it is the old or the new one; OSError when the disk refuses."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def _all_parts(cell: Path) -> list[Part]:
    return sorted(
        (Part(cell / name, int(match[1]), int(match[2])) for name, match in _matching(cell, _PART)),
        key=lambda part: (part.first, part.last),
    )


def _numbered(folder: Path, pattern: re.Pattern[str] = _JOURNAL) -> list[Numbered]:
    found = [Numbered(folder / name, int(match[1])) for name, match in _matching(folder, pattern)]
    return sorted(found, key=lambda one: one.number)


def _matching(folder: Path, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    try:
        return [(one.name, match) for one in folder.iterdir() if (match := pattern.fullmatch(one.name))]
    except FileNotFoundError:
        return []


def _within(part: Part, whole: Sequence[Part]) -> bool:
    return any(one.first <= part.first and part.last <= one.last and one.path != part.path for one in whole)


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
