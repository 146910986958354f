"""The files of the store of assignments: their labels, what their footers say, and those that can't be read.

A label that is missing, torn or altered allows nothing, and what lies under it is deleted; one that can't be read just
now (too many files open, a disk that doesn't answer) is a fault, and deletes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.purpose import Label

META = (b"begin", b"reach", b"promise")
_LABEL = "label.json"


class Footed(NamedTuple):
    """A file, and what its footer says of the statements in it (milliseconds)."""

    path: Path
    begin: int
    reach: int
    promise: int


class Counted(NamedTuple):
    """How much lies under a label; the rows of damaged files can't be counted, their octets are."""

    files: int
    rows: int
    octets: int
    damaged: int


def digest(content: bytes) -> str:
    """Return what a content is named after."""
    return hashlib.sha256(content).hexdigest()[:32]


def label_file(folder: Path) -> Path:
    """Return where the label of a folder stands."""
    return folder / _LABEL


def folders(root: Path) -> list[Path]:
    """Return the folders of all labels. :raises StoreError: they can't be listed."""
    try:
        return sorted(one for one in root.iterdir() if one.is_dir()) if root.is_dir() else []
    except OSError as error:
        raise _unreadable(root, error) from error


def label_of(folder: Path) -> Label | None:
    """Return a folder's label; None when it is missing, torn or altered.

    :raises StoreError: it can't be read just now
    """
    try:
        found = msgspec.json.decode(label_file(folder).read_bytes(), type=Label)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    except OSError as error:
        raise _unreadable(label_file(folder), error) from error
    return found if digest(msgspec.json.encode(found, order="sorted")) == folder.name else None


def footed(folder: Path) -> Iterator[Footed]:
    """Yield the files of a label.

    :raises StoreError: one is damaged
    :raises FileNotFoundError: one was put together with others meanwhile
    """
    for path in _paths(folder):
        with _explained(path):
            meta = pq.read_schema(path).metadata or {}
            found = Footed(path, *(int(meta.get(name, b"0")) for name in META))
        yield found


def read(paths: Sequence[Path]) -> list[pa.Table]:
    """Return the statements of some files, one table for each; raises as `footed`."""
    tables = []
    for path in paths:
        with _explained(path):
            tables.append(pq.read_table(path, read_dictionary=["account", "source"]))
    return tables


def counted(folder: Path) -> Counted:
    """Count what lies under a label, whether it can be read or not.

    :raises StoreError: the folder can't be listed
    """
    files = rows = octets = damaged = 0
    for path in _paths(folder):
        try:
            octets += path.stat().st_size
            files += 1
            rows += pq.read_metadata(path).num_rows
        except FileNotFoundError:  # put together with others, or deleted, meanwhile
            continue
        except (pa.ArrowException, OSError):
            damaged += 1
    return Counted(files, rows, octets, damaged)


def _paths(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*/*.parquet"))
    except OSError as error:
        raise _unreadable(folder, error) from error


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file Arrow could not read: its own words are of another trade."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno:
            raise _unreadable(path, error) from error
        raise _damage(path) from error  # of Arrow itself: the disk has answered
    except (pa.ArrowException, ValueError) as error:
        raise _damage(path) from error


def _damage(path: Path) -> StoreError:
    """Return the error of a file that is not what was written."""
    return StoreError(
        Text(ja="割当の記録のファイルが壊れている", en="a file of the assignments is damaged"),
        str(path),
        Text(
            ja="控えから戻す。ないまま答えると別の人を指しかねない",
            en="restore it from a backup: an answer without it might name somebody else",
        ),
    )


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        Text(ja="割当の記録を読めない", en="the assignments can't be read"), f"{path}: {error.strerror}"
    )
