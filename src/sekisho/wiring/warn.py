"""Marries the warn room: the database of an installation, and what works on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho import plugins
from sekisho.catalogues import handling
from sekisho.errors import DescriptionError, StoreError
from sekisho.language import Language, Text
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.ports.flows import Options
from sekisho.stores.assignments import AssignmentStore
from sekisho.stores.assignments import Settings as Weighing
from sekisho.stores.ledger import add, lines
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.settings import SETTINGS, read_settings
from sekisho.workflows.take_assignments import LogTaken, take_assignments

if TYPE_CHECKING:
    from sekisho.stores.database import Database

_DATABASE = "cases.db"
# A look-up opens each file of the days around it; putting some together rewrites them all.
MANY_FILES = 8
_ASSIGNMENTS, _LOGS_TAKEN = "assignments", "taken.jsonl"


def open_database(folder: Path, url: str = "", *, create: bool = True) -> Database:
    """Open the database of cases, notices and audit: ``cases.db`` in the data folder, or PostgreSQL at ``url``.

    :raises DescriptionError: ``url`` is none of PostgreSQL; or, without ``create``, there is no ``cases.db`` yet
    :raises StoreError: it can't be opened, or is of a newer Sekisho
    """
    from sekisho.stores.database import open_postgres, open_sqlite

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
    settings = read_settings(folder / SETTINGS)

    def label() -> Label:
        demo = settings.basis is LegalBasis.NOT_COMMUNICATION
        purposes = (Purpose.NOTICE, *((Purpose.DEMONSTRATION,) if demo else ()))
        rules = handling.read_handling(dict(settings.keep))
        return handling.label(rules, Stage.ASSIGNMENT, purposes, settings.basis, milliseconds(), "file")

    try:
        own = msgspec.convert(
            {name: int(value * 1000) for name, value in settings.assignments.items()}, Weighing
        )
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise DescriptionError(
            Text(ja="割当の記録の扱いの設定に誤りがある", en="the settings of assignments are wrong"),
            f"{folder / SETTINGS}: [assignments] {error}",
            Text(
                ja="使える名前：skew、longest_open、silence（秒）",
                en="possible: skew, longest_open, silence (seconds)",
            ),
        ) from error
    return AssignmentStore(folder / _ASSIGNMENTS, milliseconds, label, own)


def take_logs(
    folder: Path, files: Sequence[Path], options: Options, *, kind: str, language: Language
) -> Iterator[LogTaken]:
    """Take logs of assignment into a data folder; see `workflows.take_assignments`. Many small files become one."""
    readers = plugins.units("assignment_readers")
    store = assignments(folder)
    memory = store.root / _LOGS_TAKEN
    store.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    expires = store.label().expires

    def remember(done: LogTaken) -> None:
        add(memory, _Taken(done, expires))

    yield from take_assignments(
        files, readers, store, _logs_taken(memory), remember, options, kind=kind, language=language
    )
    # What was taken is safe; what can't be put together now is at the end of the next intake.
    with suppress(StoreError):
        store.compact(MANY_FILES)


def _logs_taken(memory: Path) -> dict[str, str]:
    """Return digest → reader of the logs taken whose statements are still there; the memory lies with them.

    What a log said may be taken anew when its time was over, or the store is lost.
    """
    now, found = milliseconds(), {}
    for row in lines(memory):
        try:
            one = msgspec.convert(row, _Taken)
        except msgspec.ValidationError:
            continue
        if one.expires > now:
            found[one.log.digest] = one.log.reader
    return found


class _Taken(msgspec.Struct, frozen=True):
    log: LogTaken
    expires: int
