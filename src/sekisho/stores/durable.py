"""Octets that are on the disk as a whole or not at all: lines added to a file, and files that are replaced."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path


def add_lines(file: int, lines: bytes) -> None:
    """Add whole lines at the end of a file that nobody else writes meanwhile; they are on the disk when this returns.

    A half line of a writer that was killed stays half. OSError when the disk refuses: then nothing of them is there.
    """
    end = os.lseek(file, 0, os.SEEK_END)
    if end and os.pread(file, 1, end - 1) != b"\n":
        lines = b"\n" + lines
    try:
        write_all(file, lines)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, end)
        raise


def write_all(file: int, octets: bytes) -> None:
    """Write all of ``octets``: a disk that fills up takes a part first, and refuses only the next; OSError then."""
    rest = memoryview(octets)
    while rest:
        count = os.write(file, rest)
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = rest[count:]


def replace(path: Path, octets: bytes) -> None:
    """Make ``path`` hold ``octets``, readable by its owner alone; whatever happens, it is the old file or the new one.

    OSError when the disk refuses: then it is the old one.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(file, octets)
            os.fsync(file)
        finally:
            os.close(file)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk; OSError when it refuses."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
