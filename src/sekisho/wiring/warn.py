"""Marries the warn room: the database of an installation, and what works on it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sekisho import plugins
from sekisho.catalogues import handling
from sekisho.errors import DescriptionError
from sekisho.language import Language, Text
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.model.watching import Watching
from sekisho.ports.flows import Options
from sekisho.stores.assignments import AssignmentStore
from sekisho.stores.assignments import Settings as Weighing
from sekisho.stores.database import Database, open_postgres, open_sqlite
from sekisho.wiring import now
from sekisho.workflows.take_assignments import LogTaken, take_assignments

_DATABASE = "cases.db"
_ASSIGNMENTS, _LOGS_TAKEN, _SETTINGS = "assignments", "logs-taken.jsonl", "watch.toml"


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


def assignments(folder: Path) -> AssignmentStore:
    """Open the assignments of a data folder; what is added carries the label of its settings.

    :raises DescriptionError: the settings are wrong
    """
    settings = _watching(folder / _SETTINGS)

    def label() -> Label:
        demo = settings.basis is LegalBasis.NOT_COMMUNICATION
        purposes = (Purpose.NOTICE, *((Purpose.DEMONSTRATION,) if demo else ()))
        rules = handling.read_handling(dict(settings.keep))
        return handling.label(rules, Stage.ASSIGNMENT, purposes, settings.basis, _milliseconds(), "file")

    try:
        own = msgspec.convert(
            {name: int(value * 1000) for name, value in settings.assignments.items()}, Weighing
        )
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise DescriptionError(
            Text(ja="割当の記録の扱いの設定に誤りがある", en="the settings of assignments are wrong"),
            f"{folder / _SETTINGS}: [assignments] {error}",
            Text(
                ja="使える名前：skew、longest_open、silence（秒）",
                en="possible: skew, longest_open, silence (seconds)",
            ),
        ) from error
    return AssignmentStore(folder / _ASSIGNMENTS, _milliseconds, label, own)


def take_logs(
    folder: Path, files: Sequence[Path], options: Options, *, kind: str, language: Language
) -> Iterator[LogTaken]:
    """Take logs of assignment into a data folder; see `workflows.take_assignments`."""
    memory = folder / _LOGS_TAKEN
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def remember(done: LogTaken) -> None:
        with memory.open("ab") as out:
            out.write(msgspec.json.encode(done) + b"\n")

    readers = plugins.units("assignment_readers")
    store = assignments(folder)
    yield from take_assignments(
        files, readers, store, _logs_taken(memory), remember, options, kind=kind, language=language
    )


def _logs_taken(memory: Path) -> dict[str, str]:
    """Return digest → reader of the logs taken; a half line of a killed run does not count."""
    found = {}
    for line in memory.read_bytes().split(b"\n") if memory.exists() else ():
        try:
            one = msgspec.json.decode(line, type=LogTaken)
        except msgspec.DecodeError:
            continue
        found[one.digest] = one.reader
    return found


def _watching(file: Path) -> Watching:
    if not file.exists():
        return Watching()
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Watching)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise DescriptionError(
            Text(ja="監視の設定に誤りがある", en="the watch's settings are wrong"), f"{file}: {error}"
        ) from error


def _milliseconds() -> int:
    return int(now().timestamp() * 1000)
