"""Files that survive a power cut at any instant: the old content or the new, never a mix.

Duty JP20-4 (第34条の10 第四号): the access-control settings and the installed software must be kept
when the power is lost. Writing over a file in place cannot promise that, and neither can a rename
alone: the kernel may carry out the rename before the bytes of the new file have reached the medium.
The one order that works on every POSIX file system is

    write a new file → fsync it → rename it over the old one → fsync the directory

`replace` does these four steps and nothing else in this terminal writes to the medium. The steps go
through a `Disk`, so that the tests can stand a model of a disk in its place, pull the plug after every
single step, throw away whatever was not fsynced, and boot again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """The six operations that a terminal needs of its medium. Names are relative, with `/` between parts."""

    def read(self, name: str) -> bytes | None:
        """Return the whole content, or None when there is no such file."""

    def write(self, name: str, data: bytes) -> None:
        """Create or truncate the file and write `data`; nothing is durable before `fsync`."""

    def fsync(self, name: str) -> None:
        """Make the file's bytes durable."""

    def rename(self, old: str, new: str) -> None:
        """Give the file another name, atomically; not durable before `fsync_directory`."""

    def remove(self, name: str) -> None:
        """Forget the file if it exists; not durable before `fsync_directory`."""

    def fsync_directory(self, name: str) -> None:
        """Make the names in the directory that holds the file `name` durable."""


class PosixDisk:
    """A directory of a real file system, readable by this user only.

    `root` is created when it is missing. The process holds no other path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _path(self, name: str) -> Path:
        path = self._root / name
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700)
            self._sync_path(self._root)
        return path

    @staticmethod
    def _sync_path(path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, name: str) -> bytes | None:
        """Return the whole content, or None when there is no such file."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write the whole file, mode 0600; raises OSError when the medium is full."""
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)

    def fsync(self, name: str) -> None:
        """Wait until the medium holds the file's bytes."""
        self._sync_path(self._path(name))

    def rename(self, old: str, new: str) -> None:
        """Put the file `old` in the place of `new` in one step."""
        self._path(old).replace(self._path(new))

    def remove(self, name: str) -> None:
        """Unlink the file if it exists."""
        self._path(name).unlink(missing_ok=True)

    def fsync_directory(self, name: str) -> None:
        """Wait until the medium holds the names beside `name`."""
        self._sync_path(self._path(name).parent)


def replace(disk: Disk, name: str, data: bytes) -> None:
    """Put `data` in the place of the file `name`; on return it is durable.

    Whenever the power fails, the next boot finds the whole old content or the whole new one. A left-over
    temporary file is overwritten by the next call.
    """
    # duty: JP20-4 write aside, make the bytes durable, and only then swap the names
    temporary = name + ".new"
    disk.write(temporary, data)
    disk.fsync(temporary)
    disk.rename(temporary, name)
    disk.fsync_directory(name)


def erase(disk: Disk, name: str) -> None:
    """Forget the file `name`; on return that is durable."""
    disk.remove(name)
    disk.fsync_directory(name)
