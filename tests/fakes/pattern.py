"""New databases of SQLite as copies of one: for tests that only want one to be there.

How one is made from nothing, and brought from each released schema to the newest, is tried by
``tests/contract/database``, which uses nothing of this.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from sekisho.stores.database import open_sqlite, sqlite

_PREPARE = sqlite.prepare


@contextmanager
def copied() -> Iterator[None]:
    """Lay a copy where a new database would be made; it is opened as any other."""

    def prepare(path: Path, patience: float) -> sqlite.Identity:
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(_octets())
        return _PREPARE(path, patience)

    with patch.object(sqlite, "prepare", prepare):
        yield


@cache
def _octets() -> bytes:
    with TemporaryDirectory() as folder, patch.object(sqlite, "prepare", _PREPARE):
        path = Path(folder) / "cases.db"
        open_sqlite(path).close()
        return path.read_bytes()
