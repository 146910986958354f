"""A copy of a database as it was at one moment, made while others write; and the way back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import inspect, make_url

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.database import postgres
from sekisho.stores.database.faults import explained

_MAGIC = b"SQLite format 3\0"
_HOUR_S = 3_600


def is_sqlite(file: Path) -> bool:
    """Say whether a file is a database of SQLite. OSError when it can't be read."""
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment; readers and writers go on.

    :raises StoreError: it is damaged, or the disk refuses
    """
    with explained(str(source)):
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        address = f"file:{quote(str(source.absolute()))}?mode=ro"
        with (
            closing(sqlite3.connect(address, uri=True, timeout=30)) as held,
            closing(sqlite3.connect(target)) as made,
        ):
            held.backup(made)
            # The copy is one file: no log lies beside it.
            made.execute("PRAGMA journal_mode = DELETE")


def dump_postgres(url: str, target: Path) -> None:
    """Write a dump of a database as it is at one moment, in the custom format of ``pg_dump``.

    :raises DescriptionError: not such a URL
    :raises StoreError: there is no ``pg_dump``, or it refuses
    """
    _run("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def load_postgres(url: str, dump: Path) -> None:
    """Load a dump into an empty database, all of it or nothing.

    :raises StoreError: the database isn't empty, there is no ``pg_restore``, or it refuses
    """
    engine, where = postgres.engine(url, 30.0)
    try:
        with explained(where):
            there = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    if there:
        raise StoreError(
            Text(ja="データベースが空でない", en="the database isn't empty"),
            where,
            Text(
                ja="空のデータベースを作り、--database で指定する",
                en="make an empty database, and name it with --database",
            ),
        )
    _run(
        "pg_restore", url,
        ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(dump)],
    )  # fmt: skip


def _run(program: str, url: str, words: list[str]) -> None:
    found = shutil.which(program)
    if found is None:
        raise StoreError(
            Text(ja=f"{program} がない", en=f"there is no {program}"),
            "PATH",
            Text(ja="postgresql-client を入れる", en="install postgresql-client"),
        )
    engine, where = postgres.engine(url, 30.0)
    engine.dispose()
    parsed = make_url(url).set(drivername="postgresql")
    # The command line can be read by everybody on the machine; the environment can't.
    password = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    bare = parsed.set(password=None) if parsed.password else parsed
    command = [found, f"--dbname={bare.render_as_string(hide_password=False)}", "--no-password", *words]
    try:
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, without a shell
            command, env={**os.environ, **password}, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=_HOUR_S, umask=0o077,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(program, where, type(error).__name__) from error
    if done.returncode:
        raise _refused(
            program, where, done.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        )


def _refused(program: str, where: str, said: str) -> StoreError:
    return StoreError(Text(ja=f"{program} が失敗した", en=f"{program} failed"), f"{where}: {said}")
