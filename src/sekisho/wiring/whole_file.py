"""Files that only their owner reads, whole and on the disk or not there: what is handed over, and the texts of rules."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.language import Text


def whole_new_file(file: Path, octets: bytes) -> None:
    """Write a file that must not be there yet, readable by its owner alone; whole and on the disk, or not at all.

    :raises DescriptionError: there is a file of that name
    """
    try:
        # A link never replaces: what was handed over before is not overwritten.
        _placed(file, octets, file.hardlink_to)
    except FileExistsError as error:
        raise DescriptionError(
            Text(ja="その名前のファイルがもうある", en="there is a file of that name already"), str(file)
        ) from error


def whole_file(file: Path, octets: bytes) -> None:
    """Write a file or replace it, readable by its owner alone whatever was there before; a link is not followed."""
    _placed(file, octets, lambda part: part.replace(file))


def _placed(file: Path, octets: bytes, place: Callable[[Path], object]) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        place(part)
    finally:
        part.unlink(missing_ok=True)
    try:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        # Who is told that it failed must not find it there.
        file.unlink()
        raise
