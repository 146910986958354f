"""Numbered steps from one schema to the next, forward only; each runs in a transaction of its own.

Where nothing is yet, all of them run in one: such a database is there whole, or not at all.
A new step is a module ``vNNNN_what`` with a function ``statements(dialect)``, one more entry in `STEPS`, and a dump of
the schema before it in the tests. A step that was released is never changed and never refers to `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, Engine, inspect, text

from sekisho import __version__
from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.stores.database.migrations import (
    v0001_cases_notices_audit,
    v0002_accounts,
    v0003_detections,
    v0004_case_ages,
    v0005_sharing,
    v0006_audit_expiry,
    v0007_hub,
    v0008_accidents,
    v0009_duty_papers,
    v0010_hub_pages,
    v0011_hub_peers,
    v0012_hub_counts,
    v0013_staff_names,
    v0014_hub_shown_models,
)
from sekisho.stores.database.migrations.dialect import Dialect

STEPS: tuple[Callable[[Dialect], Iterable[str]], ...] = (
    v0001_cases_notices_audit.statements,
    v0002_accounts.statements,
    v0003_detections.statements,
    v0004_case_ages.statements,
    v0005_sharing.statements,
    v0006_audit_expiry.statements,
    v0007_hub.statements,
    v0008_accidents.statements,
    v0009_duty_papers.statements,
    v0010_hub_pages.statements,
    v0011_hub_peers.statements,
    v0012_hub_counts.statements,
    v0013_staff_names.statements,
    v0014_hub_shown_models.statements,
)
_LEDGER = "sekisho_schema"
# Any number does, as long as every process takes the same one: "sekM" in ASCII.
_MIGRATION_LOCK = 0x73656B4D


def migrate(
    engine: Engine,
    where: str,
    dialect: Dialect,
    keep_copy: Callable[[int], None],
    steps: tuple[Callable[[Dialect], Iterable[str]], ...] = STEPS,
) -> int:
    """Bring the schema up to date and return its version; ``keep_copy`` is called before an older one is touched.

    :raises StoreError: the schema is newer than this program, or the database is somebody else's
    """
    copied = False
    while True:
        with engine.connect() as plain:
            connection = plain.execution_options(sekisho_writes=True)
            with connection.begin():
                if dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                version = schema_version(connection, where, dialect)
                if version > len(steps):
                    raise _newer(where, version, len(steps))
                if version == len(steps):
                    return version
                if version and not copied:
                    keep_copy(version)
                copied = True  # one made here from nothing holds nothing to keep
                for number, step in enumerate(steps[version : version + 1 if version else None], version + 1):
                    _step(connection, dialect, number, step(dialect))


def schema_version(connection: Connection, where: str, dialect: Dialect) -> int:
    """Return the version of the schema; 0 when the database is empty.

    :raises StoreError: a SQLite file that holds somebody else's tables
    """
    names = set(inspect(connection).get_table_names())
    if _LEDGER in names:
        return int(connection.execute(text(f"SELECT max(version) FROM {_LEDGER}")).scalar_one())  # noqa: S608 - our own word
    if names and dialect.name == "sqlite":
        raise StoreError(
            Text(ja="Sekisho のデータベースではない", en="not a database of Sekisho"),
            where,
            Text(ja="別のファイルを指定する", en="name another file"),
        )
    return 0


def _step(connection: Connection, dialect: Dialect, version: int, statements: Iterable[str]) -> None:
    if version == 1:
        connection.exec_driver_sql(
            f"CREATE TABLE {_LEDGER} (version BIGINT PRIMARY KEY, program {dialect.text} NOT NULL)"
        )
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.execute(
        text(f"INSERT INTO {_LEDGER} (version, program) VALUES (:version, :program)"),  # noqa: S608 - our own word
        {"version": version, "program": __version__},
    )


def _newer(where: str, found: int, known: int) -> StoreError:
    return StoreError(
        Text(
            ja="データベースが、この Sekisho より新しい版で作られている",
            en="the database was made by a newer Sekisho",
        ),
        f"{where}: schema {found} > {known} (Sekisho {__version__})",
        Text(
            ja="新しい Sekisho を入れるか、移行前の控え（.bak）を使う",
            en="install the newer Sekisho, or use the copy from before the migration (.bak)",
        ),
    )
