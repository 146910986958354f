"""Answering a `Query`: the same text on each shard in DuckDB, then the merge.

The engine of a question may read the files of its window and nothing else, can't be reconfigured by the text, and runs
one SELECT at a time: a plug-in's question gets no further than its purpose.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from sekisho.errors import StoreError
from sekisho.formats.packed_rows import TIMES, base, constants, is_packed
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.tables import WATCHED
from sekisho.ports.flows import Damage, Query
from sekisho.stores.records_duckdb.journal import read_pieces, starts
from sekisho.stores.records_duckdb.layout import Held, reading
from sekisho.stores.records_duckdb.settings import Settings
from sekisho.stores.records_duckdb.soundness import damage, near_and_sound, sound

SPILL = ".spill"
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_TRIES = 6
# Rows of a window that are fewer octets than this are asked in one piece, whatever the number of shards.
_SMALL = 4 << 20
# What a column is in DuckDB; the dictionary of exporters is text there.
_TYPES = {
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.binary(16): "BLOB",
    pa.dictionary(pa.int16(), pa.utf8()): "VARCHAR",
}

_MOST_IDLE = 4
_idle: OrderedDict[tuple[int, Path, str, tuple[str, ...]], duckdb.DuckDBPyConnection] = OrderedDict()
_guard = Lock()

Find = Callable[[], Held]
Tables = dict[str, pa.Schema]


class BoundTables:
    """Tables of a dataset: a window, for a purpose that was allowed. ``find`` gives its files anew."""

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
                held = self._find()
                try:
                    return self._answer(query, held)
                except (duckdb.IOException, FileNotFoundError) as error:
                    # A deletion of what has expired took a file away between finding and reading it: look again.
                    if last == _TRIES - 1 or all(path.exists() for path in held.paths):
                        raise _failed(query, error) from error
                except (duckdb.Error, pa.ArrowException) as error:
                    raise _failed(query, error) from error
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def damaged(self) -> tuple[Damage, ...]:
        """Return the files of the window that are damaged: answers are without their rows."""
        with reading(self._dataset):
            return tuple(damage(self._find(), self._dataset.parent, self.window))

    def _answer(self, query: Query, held: Held) -> pa.Table:
        shards = [[path for path in shard if sound(path)] for shard in held.whole]
        whole = [str(path) for shard in shards for path in shard]
        batches = self._journals(held)
        root = self._dataset.parent
        if _octets(whole, batches) < _SMALL:
            with ready(root, self._settings, whole) as engine:
                return self._asked(engine, query, batches, [[path for shard in shards for path in shard]])
        with connect(root, self._settings) as engine:
            lock(engine, whole)
            return self._asked(engine, query, batches, shards)

    def _asked(
        self,
        engine: duckdb.DuckDBPyConnection,
        query: Query,
        batches: Sequence[pa.RecordBatch],
        shards: Sequence[Sequence[Path]],
    ) -> pa.Table:
        """Ask for each shard's files and its rows of ``batches``, and merge; the engine forgets all of it."""
        answers = []
        with registered(engine, batches) as tables, _named(engine, query.tables):
            for shard, files in enumerate(shards):
                bounds = f"{int(self.window.begin)} AND {int(self.window.end) - 1}"
                own = _of_shard(shard, len(shards), whole_lines=query.whole_lines)
                rows = f"SELECT * FROM ({source(tables, own, files)})"  # noqa: S608 - names of ours
                engine.execute(
                    f'CREATE OR REPLACE TEMP VIEW "FLOW" AS {rows} WHERE "flowStartMilliseconds" BETWEEN {bounds}'
                )
                answers.append(_select(engine, query.text, query.parameters))
            engine.execute('DROP VIEW "FLOW"')
            part = pa.concat_tables(answers, promote_options="permissive")
            if not query.merge:
                return part
            with _named(engine, {"PART": part}):
                return _select(engine, query.merge, query.parameters)

    def _journals(self, held: Held) -> list[pa.RecordBatch]:
        """Return the batches of the journals that may have rows of the window, without those past their time."""
        found: list[pa.RecordBatch] = []
        for path in held.journals:
            begin = max(self.window.begin, held.since.get(path, self.window.begin))
            near = near_and_sound(path, Window(begin, self.window.end))
            if begin == self.window.begin:  # the question itself takes no earlier ones
                found += read_pieces(path, near)
                continue
            found += read_pieces(path, [one for one in near if begin <= one.first])
            for batch in read_pieces(path, [one for one in near if one.first < begin]):
                kept = batch.filter(pa.array(starts(batch) >= begin))
                found += [kept] if kept.num_rows else []
        return found


def _octets(files: Iterable[str], batches: Iterable[pa.RecordBatch]) -> int:
    return sum(Path(path).stat().st_size for path in files) + sum(int(batch.nbytes) for batch in batches)


def connect(root: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return an engine in memory with the bounds of ``settings`` that spills below ``root``."""
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": settings.memory,
            "temp_directory": str(root / SPILL),
            "python_enable_replacements": False,
            "enable_external_file_cache": False,  # what is deleted is nowhere any more
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # From its beginning: threads that are ended again would be started first.
            **({"threads": int(settings.threads)} if settings.threads else {}),
        },
    )


def lock(engine: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    """Let an engine read ``files`` and nothing else, whatever it is asked."""
    engine.execute("SET allowed_paths = $paths", {"paths": list(files)})
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")


@contextlib.contextmanager
def ready(root: Path, settings: Settings, files: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an engine for few rows that may read ``files``: one thread, and used again for the same, since making one is dear.

    One that failed is not used again.
    """
    mark = (os.getpid(), root, settings.memory, tuple(files))
    with _guard:
        engine = _idle.pop(mark, None)
    if engine is None:
        engine = connect(root, msgspec.structs.replace(settings, threads=1))
        lock(engine, files)
    try:
        yield engine
    except BaseException:
        engine.close()
        raise
    with _guard:
        over = [_idle.pop(mark, None)]
        _idle[mark] = engine
        over += [_idle.popitem(last=False)[1]] if len(_idle) > _MOST_IDLE else []
    for one in over:
        if one is not None:
            one.close()


@contextlib.contextmanager
def _named(engine: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> Iterator[None]:
    for name, table in tables.items():
        engine.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            engine.unregister(name)


@contextlib.contextmanager
def registered(engine: duckdb.DuckDBPyConnection, batches: Iterable[pa.RecordBatch]) -> Iterator[Tables]:
    """Give batches to the engine as tables, one for each set of columns; yield their names and schemas.

    Journals are mapped into memory, so that only the pages of the columns that are asked for are read; afterwards they
    are let go of, so that deleting them frees the disk.
    """
    found: dict[bytes, list[pa.RecordBatch]] = {}
    for batch in batches:
        found.setdefault(batch.schema.serialize().to_pybytes(), []).append(batch)
    groups = {f"journal_{number}": group for number, group in enumerate(found.values())}
    tables = {name: group[0].schema for name, group in groups.items()}
    for name, group in groups.items():
        engine.register(name, pa.Table.from_batches(group))
    try:
        yield tables
    finally:
        for name in tables:
            engine.unregister(name)


def source(tables: Tables, where: str, files: Sequence[Path]) -> str:
    """Return the SELECT of the rows of ``tables`` that ``where`` holds for and of all rows of Parquet ``files``."""
    selects = [
        f"SELECT * FROM (SELECT {_columns(schema)} FROM {name}) WHERE {where}"  # noqa: S608 - the columns are ours
        for name, schema in tables.items()
    ]
    if files:
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        columns = _columns(WATCHED)
        selects.append(f"SELECT {columns} FROM read_parquet([{listed}])")  # noqa: S608 - names of ours, quoted
    if not selects:
        selects.append(f"SELECT {_columns(pa.schema([]))} WHERE false")
    return " UNION ALL ".join(selects)


def _of_shard(shard: int, shards: int, *, whole_lines: bool) -> str:
    """Return which rows of the journals are a shard's: its lines', or all of them with the first one."""
    if not whole_lines:
        return "false" if shard else "true"
    return f'"subscriber" % {shards} = {shard}' if shards > 1 else "true"


def _columns(schema: pa.Schema) -> str:
    """Return the columns of WATCHED out of a table of ``schema``: those it hasn't are null, packed ones are unpacked."""
    once = constants(schema) if is_packed(schema) else {}
    return ", ".join(f'{_column(schema, field, once)} AS "{field.name}"' for field in WATCHED)


def _column(schema: pa.Schema, field: pa.Field, once: Mapping[str, int]) -> str:
    if field.name in once:
        return f"CAST({once[field.name]} AS {_TYPES[field.type]})"
    at = schema.get_field_index(field.name)
    if at < 0:
        return f"CAST(NULL AS {_TYPES[field.type]})"
    if schema.field(at).type == field.type:
        return f'"{field.name}"'
    wide = f'CAST("{field.name}" AS {_TYPES[field.type]})'
    return f"{wide} + {base(schema)}" if field.name in TIMES else wide


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
