"""How a store lies on the disk, and which files count.

``<root>/<dataset>/<label>/<hour>/<shard>/`` holds journals ``N.arrows`` and compacted files ``M-N.parquet``; the numbers
grow, and a compacted file stands for everything from M to N. So one rename makes a compaction valid: what lies within
the range of a larger file no longer counts, whether it has been deleted already or not.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
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
_PART = re.compile(r"(\d{12})(?:-(\d{12}))?\.(arrows|parquet)")


class Dataset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What never changes in a dataset."""

    shards: int
    version: int = 1


class Part(NamedTuple):
    """A file of rows: journal (``first`` = ``last``) or compacted."""

    path: Path
    first: int
    last: int
    journal: bool


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


def hour_name(hour: int) -> str:
    """Return the folder name of the hour that begins at ``hour`` milliseconds: ``20261121T07``, UTC."""
    return datetime.fromtimestamp(hour // 1000, UTC).strftime("%Y%m%dT%H")


def cells(label: Path, window: Window | None = None) -> Iterator[Cell]:
    """Yield the folders under a label whose hour meets ``window``; the stray ones always may."""
    for folder in _folders(label):
        if folder.name == STRAY:
            hour = None
        else:
            try:
                began = datetime.strptime(folder.name, "%Y%m%dT%H").replace(tzinfo=UTC)
            except ValueError:
                continue
            hour = int(began.timestamp()) * 1000
            if window is not None and not (hour < window.end and window.begin < hour + HOUR):
                continue
        for shard in _folders(folder):
            if shard.name.isdecimal():
                yield Cell(shard, hour, int(shard.name))


def parts(cell: Path) -> list[Part]:
    """Return the files of a cell that count, oldest first."""
    found = _all_parts(cell)
    whole = [part for part in found if not part.journal]
    return [part for part in found if not _within(part, whole)]


def superseded(cell: Path) -> list[Path]:
    """Return the files of a cell that a larger one stands for."""
    found = _all_parts(cell)
    whole = [part for part in found if not part.journal]
    return [part.path for part in found if _within(part, whole)]


def covered(number: int, cell: Path) -> bool:
    """Say whether a compacted file stands for the number already."""
    return any(part.first <= number <= part.last for part in _all_parts(cell) if not part.journal)


def next_number(cell: Path) -> int:
    """Return a number above all that are there."""
    return max((part.last for part in _all_parts(cell)), default=0) + 1


@contextlib.contextmanager
def reading(dataset: Path) -> Iterator[None]:
    """Keep compactions from deleting what they replaced while a question reads it."""
    with _locked(dataset, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def deleting(dataset: Path) -> Iterator[bool]:
    """Say whether nobody is reading, and keep readers out for the moment that deleting takes."""
    try:
        with _locked(dataset, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


@contextlib.contextmanager
def _locked(dataset: Path, how: int) -> Iterator[None]:
    file = os.open(dataset / ".reading", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, how)
        yield
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


def _all_parts(cell: Path) -> list[Part]:
    found = []
    try:
        names = [path.name for path in cell.iterdir()]
    except FileNotFoundError:
        return []
    for name in names:
        match = _PART.fullmatch(name)
        if match:
            first = int(match[1])
            found.append(Part(cell / name, first, int(match[2] or first), match[3] == "arrows"))
    return sorted(found, key=lambda part: (part.first, part.last))


def _within(part: Part, whole: Sequence[Part]) -> bool:
    return any(one.first <= part.first and part.last <= one.last and one.path != part.path for one in whole)


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
