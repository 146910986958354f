"""Where the raw datagrams of a data folder wait: the folder's path names its spool."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sekisho.stores.spool_place import folder_in, memory_folders


def spool_name(folder: Path) -> str:
    """Return the name of a data folder's spool, which tells it from those of other folders of this machine."""
    return f"watch-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]}"


def disk_spool(folder: Path) -> Path:
    """Return where the spool lies when it was asked to lie on a disk, encrypted."""
    return folder / "spool"


def spools(folder: Path) -> tuple[Path, ...]:
    """Return every place where a spool of a data folder may have been left, whether it is there or not."""
    return (*(folder_in(one, spool_name(folder)) for one in memory_folders()), disk_spool(folder))
