"""Files that nobody else reads and that replace nothing: what is handed over, and the texts of rules."""

from __future__ import annotations

import os
from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.language import Text


def whole_new_file(file: Path, octets: bytes) -> None:
    """Write a file that must not be there yet, readable by its owner alone; whole and on the disk, or not at all.

    :raises DescriptionError: there is a file of that name
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        # A link never replaces: what was handed over before is not overwritten.
        file.hardlink_to(part)
    except FileExistsError as error:
        raise DescriptionError(
            Text(ja="その名前のファイルがもうある", en="there is a file of that name already"), str(file)
        ) from error
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
