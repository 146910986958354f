"""Marries the warn room: the database of an installation, and what works on it."""

from __future__ import annotations

from pathlib import Path

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.stores.database import Database, open_postgres, open_sqlite

_DATABASE = "cases.db"


def open_database(folder: Path, url: str = "", *, create: bool = True) -> Database:
    """Open the database of cases, notices and audit: ``cases.db`` in the data folder, or PostgreSQL at ``url``.

    :raises DescriptionError: ``url`` is none of PostgreSQL; or, without ``create``, there is no ``cases.db`` yet
    :raises StoreError: it can't be opened, or is of a newer Sekisho
    """
    if url:
        return open_postgres(url)
    file = folder / _DATABASE
    if not create and not file.exists():
        raise DescriptionError(
            Text(ja="事案のデータベースがまだない", en="there is no database of cases yet"),
            str(file),
            Text(ja="--data のフォルダーを確かめる", en="check the folder given with --data"),
        )
    return open_sqlite(file)
