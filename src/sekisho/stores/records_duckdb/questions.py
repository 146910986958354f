"""Answering a `Query`: the same text on each shard in DuckDB, then the merge.

The engine of a question may read the files of its window and nothing else, can't be reconfigured by the text, and runs
one SELECT at a time: a plug-in's question gets no further than its purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.tables import WATCHED
from sekisho.ports.flows import Query
from sekisho.stores.records_duckdb.journal import read_journal
from sekisho.stores.records_duckdb.layout import Part, reading
from sekisho.stores.records_duckdb.settings import Settings

SPILL = ".spill"
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_TRIES = 6
# Journals differ in which of the three groups of optional columns they hold.
_MOST_VARIANTS = 8
# What a column is in DuckDB; the dictionary of exporters is text there.
_TYPES = {
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.binary(16): "BLOB",
    pa.dictionary(pa.int16(), pa.utf8()): "VARCHAR",
}

Find = Callable[[], Sequence[Sequence[Part]]]


class BoundTables:
    """Tables of a dataset: a window, for a purpose that was allowed. ``find`` gives the files of each shard anew."""

    def __init__(self, dataset: Path, window: Window, find: Find, settings: Settings) -> None:
        self.window = window
        self._dataset = dataset
        self._find = find
        self._settings = settings

    def ask(self, query: Query) -> pa.Table:
        """Return the answer; rows in no particular order unless ``merge`` orders them.

        :raises StoreError: the text is no single SELECT, doesn't fit the tables, or needs more memory than it may have
        :raises PurposeError: the label of rows that came meanwhile doesn't allow it, or a label has run out
        """
        for last in range(_TRIES):
            with reading(self._dataset):
                shards = self._find()
                try:
                    return self._answer(query, shards)
                except (duckdb.IOException, FileNotFoundError) as error:
                    # A deletion of what has expired took a file away between finding and reading it: look again.
                    if last == _TRIES - 1 or all(part.path.exists() for shard in shards for part in shard):
                        raise _failed(query, error) from error
                except duckdb.Error as error:
                    raise _failed(query, error) from error
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _answer(self, query: Query, shards: Sequence[Sequence[Part]]) -> pa.Table:
        whole = [str(part.path) for shard in shards for part in shard if not part.journal]
        with connect(self._dataset.parent, self._settings) as engine:
            engine.execute("SET allowed_paths = $paths", {"paths": whole})
            engine.execute("SET enable_external_access = false")
            engine.execute("SET lock_configuration = true")
            for name, table in query.tables.items():
                engine.register(name, table)
            answers = []
            for shard in shards:
                bounds = f"{int(self.window.begin)} AND {int(self.window.end) - 1}"
                rows = f"SELECT * FROM ({source(engine, shard)})"  # noqa: S608 - names of ours
                engine.execute(
                    f'CREATE OR REPLACE TEMP VIEW "FLOW" AS {rows} WHERE "flowStartMilliseconds" BETWEEN {bounds}'
                )
                answers.append(_select(engine, query.text, query.parameters))
            part = pa.concat_tables(answers, promote_options="permissive")
            if not query.merge:
                return part
            engine.register("PART", part)
            return _select(engine, query.merge, query.parameters)


def connect(root: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return an engine in memory with the bounds of ``settings`` that spills below ``root``."""
    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": settings.memory,
            "temp_directory": str(root / SPILL),
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    if settings.threads:
        engine.execute(f"SET threads = {int(settings.threads)}")
    return engine


def source(engine: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> str:
    """Register what is needed and return the SELECT of all rows of ``parts``, with the columns of WATCHED.

    Journals are mapped into memory, so that only the pages of the columns that are asked for are read.
    """
    found: dict[tuple[str, ...], list[pa.RecordBatch]] = {}
    for part in parts:
        if part.journal:
            for batch in read_journal(part.path)[0]:
                found.setdefault(tuple(batch.schema.names), []).append(batch)
    selects = []
    for number, (names, batches) in enumerate(found.items()):
        engine.register(f"journal_{number}", pa.Table.from_batches(batches))
        selects.append(f"SELECT {_columns(names)} FROM journal_{number}")  # noqa: S608 - the columns are ours
    whole = [str(part.path) for part in parts if not part.journal]
    if whole:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in whole)
        columns = _columns(WATCHED.names)
        selects.append(f"SELECT {columns} FROM read_parquet([{listed}])")  # noqa: S608 - names of ours, quoted
    if not selects:
        selects.append(f"SELECT {_columns(())} WHERE false")
    return " UNION ALL ".join(selects)


def forget(engine: duckdb.DuckDBPyConnection) -> None:
    """Let go of the journals that `source` registered, so that deleting them frees the disk."""
    for number in range(_MOST_VARIANTS):
        engine.unregister(f"journal_{number}")


def _columns(names: Sequence[str]) -> str:
    return ", ".join(
        f'"{field.name}"' if field.name in names else f'CAST(NULL AS {_TYPES[field.type]}) AS "{field.name}"'
        for field in WATCHED
    )


def _select(engine: duckdb.DuckDBPyConnection, text: str, parameters: Any) -> pa.Table:
    statements = engine.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.InvalidInputException("not a single SELECT")
    # The engine refuses parameters that a text doesn't name; text and merge share one set.
    used = {name: parameters[name] for name in _PARAMETER.findall(text) if name in parameters}
    return engine.sql(text, params=used).to_arrow_table()


def _failed(query: Query, error: Exception) -> StoreError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreError(
            Text(
                ja="問い合わせに許されたメモリーが足りない",
                en="the question needs more memory than it may have",
            ),
            query.name,
            Text(
                ja="窓を狭めるか、memoryの設定を増やす",
                en="ask for a smaller window, or raise the setting memory",
            ),
        )
    reason = str(error).strip().splitlines()
    return StoreError(
        Text(ja="問い合わせに答えられない", en="the question can't be answered"),
        f"{query.name}: {reason[0] if reason else type(error).__name__}",
    )
