"""Marries backup and restore: a data folder as one file while everything runs, and back into a new folder.

The order is what makes it consistent. The database first, as it is at one moment; then what only grows or is replaced
as a whole, so that files may know more than the database and never less (its indices read the rest). Of the record
store each ``high`` mark first, while nobody deletes: files that a later compaction makes don't count by it. Of an
assessment the chain first: what it names was there before.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from sekisho import __version__
from sekisho.errors import DescriptionError, StoreError
from sekisho.language import Text
from sekisho.model.purpose import Purpose, Receipt
from sekisho.stores.backup_archive import DUMP, Manifest, Writing, unpack, writing
from sekisho.stores.durable import replace, sync
from sekisho.stores.evidence_folder import CHAIN
from sekisho.stores.records_duckdb.layout import DATASET, reading
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.settings import SETTINGS, read_settings
from sekisho.wiring.warn import open_database

_DATABASE, _RECORDS, _HIGH = "cases.db", "records", "high"
_SPOOL, _FIGURES = "spool", "figures.json"
_PASSES = 5
WHY = {
    "spool": "raw datagrams never leave their spool",
    "figures": "figures of a running watch",
    "lock": "a lock, a write-ahead log or an older copy of a database",
    "hidden": "work in progress",
    "link": "a link or a special file: what it leads to isn't in the data folder",
    "key": "keys were asked to be left out",
}


class Kept(msgspec.Struct, frozen=True):
    """What a backup took; ``unrecorded`` says why the audit log couldn't take the entry of it."""

    file: str
    files: int
    octets: int
    database: str
    keys: bool
    left_out: dict[str, int]
    unrecorded: str = ""


class Restored(msgspec.Struct, frozen=True):
    """What a restore brought back, and what it let expire.

    :ivar made: when the backup was made, milliseconds
    :ivar waiting: notices that were approved or being sent at that time: they may have been sent since
    """

    folder: str
    files: int
    octets: int
    made: int
    keys: bool
    expired: tuple[Receipt, ...]
    waiting: int


def back_up(folder: Path, target: Path, who: str, *, keys: bool = True) -> Kept:
    """Write a backup of a data folder; whoever works in it goes on working.

    :raises DescriptionError: there is no such folder, or the backup would lie in it
    :raises StoreError: something can't be read, or the target can't be written
    """
    if not folder.is_dir():
        raise DescriptionError(Text(ja="データフォルダーがない", en="there is no data folder"), str(folder))
    if target.absolute().resolve().is_relative_to(folder.resolve()):
        raise DescriptionError(
            Text(ja="バックアップはデータフォルダーの外に置く", en="put the backup outside the data folder"),
            str(target),
        )
    made, url = milliseconds(), read_settings(folder / SETTINGS).database
    out: dict[str, str] = {}
    with writing(target, made) as archive, ExitStack() as held:
        database = _databases(folder, url, archive)
        for dataset in (folder / _RECORDS).glob(f"*/{DATASET}"):
            held.enter_context(reading(dataset.parent))
        for order in (_first, lambda _: True):
            _walk(folder, archive, out, order, keys=keys)
        archive.end(Manifest(made, __version__, database, keys, tuple(archive.files.values()), out))
        octets = sum(one.octets for one in archive.files.values())
    kept = Kept(str(target), len(archive.files), octets, database, keys, _counted(out))
    if not database:
        return kept
    try:
        _record(folder, url, who, "backup", {"files": kept.files, "octets": octets, "keys": keys})
    except StoreError as error:
        # A full disk is just when a backup is wanted.
        return msgspec.structs.replace(kept, unrecorded=error.what.en)
    return kept


def _databases(folder: Path, url: str, archive: Writing) -> str:
    from sekisho.stores.database.copying import copy_sqlite, dump_postgres

    part = archive.beside
    try:
        if url:
            dump_postgres(url, part)
            archive.add(part, DUMP)
            return "postgresql"
        if not (folder / _DATABASE).exists():
            return ""
        copy_sqlite(folder / _DATABASE, part)
        archive.add(part, _DATABASE)
    finally:
        part.unlink(missing_ok=True)
    return "sqlite"


def _first(path: Path) -> bool:
    """Say whether a file must be taken before its neighbours."""
    return path.name in (_HIGH, CHAIN)


def _walk(
    folder: Path, archive: Writing, out: dict[str, str], wanted: Callable[[Path], bool], *, keys: bool
) -> None:
    """Add files until there is none left that isn't added: some are put together while we look."""
    for _ in range(_PASSES):
        before = len(archive.files)
        for path in _files(folder, out, keys=keys):
            name = str(path.relative_to(folder))
            if name in archive.files or not wanted(path):
                continue
            try:
                _add(archive, path, name)
            except FileNotFoundError:
                continue  # past its time, or in a larger file by now: the next look finds that one
        if len(archive.files) == before:
            return


def _add(archive: Writing, path: Path, name: str) -> None:
    from sekisho.stores.database.copying import copy_sqlite, is_sqlite

    if not is_sqlite(path):
        archive.add(path, name, lines=path.suffix == ".jsonl")
        return
    part = archive.beside
    try:
        copy_sqlite(path, part)
        archive.add(part, name)
    finally:
        part.unlink(missing_ok=True)


def _files(folder: Path, out: dict[str, str], *, keys: bool) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        here = Path(at)
        for name in [*folders]:
            why = "spool" if here == folder and name == _SPOOL else "hidden" if name.startswith(".") else ""
            why = why or ("link" if (here / name).is_symlink() else "")
            if why:
                out[str((here / name).relative_to(folder))] = why
                folders.remove(name)
        folders.sort()
        for name in sorted(names):
            path = here / name
            why = _why_not(folder, path, keys=keys)
            if why:
                out[str(path.relative_to(folder))] = why
            else:
                yield path


def _why_not(folder: Path, path: Path, *, keys: bool) -> str:
    name = path.name
    if path.parent == folder and name == _FIGURES:
        return "figures"
    if name.startswith("."):
        return "hidden"
    if name.endswith((".lock", "-wal", "-shm", "-journal", ".bak", ".tmp", ".part")):
        return "lock"
    if path.is_symlink() or not path.is_file():
        return "link"
    return "key" if not keys and name.endswith(".key") else ""


def _counted(out: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for why in out.values():
        found[why] = found.get(why, 0) + 1
    return found


def restore(archive: Path, folder: Path, who: str, *, database: str = "") -> Restored:
    """Bring a backup back into a new folder. What is past its time by now is deleted before the folder has its name.

    All sessions end. ``database`` names an empty PostgreSQL for the dump; without it, the one in ``watch.toml``.

    :raises DescriptionError: the folder isn't empty
    :raises EvidenceError: the backup is damaged or altered
    :raises StoreError: it can't be brought back, or what is past its time couldn't be deleted
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DescriptionError(
            Text(ja="戻す先は空でなければならない", en="what it is restored into must be empty"),
            str(folder),
            Text(ja="新しいフォルダーを --data で指定する", en="name a new folder with --data"),
        )
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.restoring")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)
        manifest = unpack(archive, part)
        _revive(part, manifest, database, who)
        expired, waiting = _expire(part, who)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
        sync(folder.parent)
    except OSError as error:
        raise StoreError(
            Text(ja="バックアップから戻せない", en="the backup can't be restored"),
            f"{error.filename or folder}: {error.strerror or error}",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    octets = sum(one.octets for one in manifest.files)
    return Restored(str(folder), len(manifest.files), octets, manifest.made, manifest.keys, expired, waiting)


def _revive(part: Path, manifest: Manifest, database: str, who: str) -> None:
    """Bring the database back and up to date, end what was open, write down the restore."""
    if not manifest.database:
        return
    url = ""
    if manifest.database == "postgresql":
        from sekisho.stores.database.copying import load_postgres

        url = _named(part / SETTINGS, database)
        load_postgres(url, part / DUMP)
        (part / DUMP).unlink()
    from sekisho.stores.database import SqlSessions

    with closing(open_database(part, url, create=False)) as opened:
        SqlSessions(opened).expire(seen=1 << 62, expires=1 << 62)
    details: dict[str, int | str | bool] = {
        "made": manifest.made,
        "files": len(manifest.files),
        "sekisho": manifest.sekisho,
    }
    _record(part, url, who, "restore", details)


def _named(settings: Path, database: str) -> str:
    """Return the URL of the database, and write it into the settings when it is another one than they name."""
    held = read_settings(settings).database
    if not database or database == held:
        return held
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    line = f"database = {msgspec.json.encode(database).decode()}\n"
    text = "".join(line if one.replace(" ", "").startswith("database=") else one for one in lines)
    if tomllib.loads(text).get("database") != database:
        raise DescriptionError(
            Text(
                ja="watch.toml の database を書き換えられない", en="database in watch.toml can't be replaced"
            ),
            settings.name,
        )
    replace(settings, text.encode())
    return database


def _expire(part: Path, who: str) -> tuple[tuple[Receipt, ...], int]:
    """Let all expire; return the receipts and `Restored.waiting`."""
    from sekisho.wiring.console_folder import ConsoleFolder
    from sekisho.wiring.holdings import Holdings

    opened = ConsoleFolder(part, milliseconds, create=False)
    try:
        holdings = Holdings(opened)
        done = holdings.expire(who, role="restore")
        done.check()
        with holdings.database() as database:
            states = holdings.notices(database, Purpose.NOTICE, who).counts() if database else {}
    finally:
        opened.close()
    return done.receipts, states.get("approved", 0) + states.get("sending", 0)


def _record(folder: Path, url: str, who: str, act: str, details: dict[str, int | str | bool]) -> None:
    from sekisho.stores.database import SqlAudit

    with closing(open_database(folder, url, create=False)) as database:
        SqlAudit(database).append(who, "operator", act, "data", at=milliseconds(), details=details)
