"""The oracle of the record stores: rows as Python dicts in a list, one shard, questions answered by SQLite.

Two engines that share no line of code and yet agree show that a question is in the portable subset.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from sekisho.errors import PurposeError, StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, LegalBasis, Purpose, Receipt, Stage
from sekisho.model.tables import WATCHED, completed
from sekisho.ports.flows import Damage, Once, Query

HOUR = 3_600_000


class PlainTables:
    """Tables over a list of rows."""

    def __init__(self, window: Window, rows: Callable[[], list[dict[str, Any]]]) -> None:
        self.window = window
        self._rows = rows

    def damaged(self) -> tuple[Damage, ...]:
        return ()

    def ask(self, query: Query) -> pa.Table:
        rows = self._rows()
        engine = sqlite3.connect(":memory:")
        try:
            put(engine, "FLOW", WATCHED.names, rows)
            for name, table in query.tables.items():
                put(engine, name, table.column_names, table.to_pylist())
            answer = run(engine, query.text, query.parameters)
            if query.merge:
                put(engine, "PART", answer[0], [dict(zip(answer[0], row, strict=True)) for row in answer[1]])
                answer = run(engine, query.merge, query.parameters)
        except sqlite3.Error as error:
            raise StoreError(Text(ja="答えられない", en="can't be answered"), str(error)) from error
        finally:
            engine.close()
        names, found = answer
        return pa.table({name: [row[at] for row in found] for at, name in enumerate(names)})


def put(
    engine: sqlite3.Connection, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    listed = ", ".join(f'"{column}"' for column in columns)
    engine.execute(f'CREATE TABLE "{name}" ({listed})')
    marks = ", ".join("?" * len(columns))
    engine.executemany(
        f'INSERT INTO "{name}" VALUES ({marks})', [[row[column] for column in columns] for row in rows]
    )


def run(
    engine: sqlite3.Connection, text: str, parameters: Mapping[str, Any]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    cursor = engine.execute(text, dict(parameters))
    return [one[0] for one in cursor.description], cursor.fetchall()


class PlainRecords:
    """A `RecordStore` in memory, as plain as can be."""

    def __init__(self, now: Callable[[], int], longest: Mapping[Stage, int] | None = None) -> None:
        self._now = now
        self._longest = longest or {}
        self._held: dict[str, list[tuple[Label, dict[str, Any]]]] = {}
        self._receipts: list[Receipt] = []
        self._kept: dict[tuple[str, str], tuple[int, int]] = {}
        self.refusals = 0

    def append(
        self, dataset: str, batches: Iterator[pa.RecordBatch], label: Label, once: Once | None = None
    ) -> int:
        longest = self._longest.get(label.stage)
        if label.expires <= self._now() or (longest is not None and label.expires > self._now() + longest):
            raise StoreError(Text(ja="期限", en="the label has expired"), dataset)
        before = None if once is None else self.kept(dataset, once.stream)
        if once is not None and before is not None and before >= once.position:
            return 0
        new: list[tuple[Label, dict[str, Any]]] = []
        try:
            for rows in self._checked(dataset, batches):
                new.extend((label, row) for row in rows)
        except BaseException:
            if once is None:
                self._held.setdefault(dataset, []).extend(new)
            raise
        self._held.setdefault(dataset, []).extend(new)
        if once is not None:
            self._kept[dataset, once.stream] = (once.position, label.expires)
        return len(new)

    def kept(self, dataset: str, stream: str) -> int | None:
        found = self._kept.get((dataset, stream))
        return None if found is None else found[0]

    @staticmethod
    def _checked(dataset: str, batches: Iterator[pa.RecordBatch]) -> Iterator[list[dict[str, Any]]]:
        for batch in batches:
            unknown = set(batch.schema.names) - set(WATCHED.names)
            try:
                rows = completed(batch, WATCHED).to_pylist()
            except KeyError as error:
                unknown.add(str(error))
            if unknown or any(row["subscriber"] <= 0 or row["subscriberSide"] not in {1, 2} for row in rows):
                raise StoreError(Text(ja="列", en="columns"), dataset)
            yield rows

    def tables(self, dataset: str, window: Window, purpose: Purpose) -> PlainTables:
        if dataset not in self._held:
            raise StoreError(Text(ja="ない", en="no such dataset"), dataset)

        def rows() -> list[dict[str, Any]]:
            found = [one for one in self._held[dataset] if window.holds(one[1]["flowStartMilliseconds"])]
            if not all(label.allows(purpose, self._now()) for label, _ in found):
                self.refusals += 1
                raise PurposeError(Text(ja="目的", en="purpose"), dataset)
            return [row for _, row in found]

        rows()
        return PlainTables(window, rows)

    def compact(self, dataset: str) -> Mapping[str, int]:
        if dataset not in self._held:
            raise StoreError(Text(ja="ない", en="no such dataset"), dataset)
        return {"rows": len(self._held[dataset])}

    def expire(self, now: int) -> tuple[Receipt, ...]:
        receipts = []
        for dataset, held in self._held.items():
            gone: dict[tuple[str, Label, int], int] = {}
            for label, row in held:
                hour = row["flowStartMilliseconds"] // HOUR
                longest = self._longest.get(label.stage)
                if label.expires <= now:
                    key = ("label", label, 0)
                elif (
                    longest is not None
                    and label.basis is not LegalBasis.NOT_COMMUNICATION
                    and (hour + 1) * HOUR + longest <= now
                ):
                    key = ("retention", label, hour)
                else:
                    continue
                gone[key] = gone.get(key, 0) + 1
            receipts += [Receipt(dataset, rows, 0, key[0], now) for key, rows in gone.items()]
            hours = {(label, hour) for why, label, hour in gone if why == "retention"}
            self._held[dataset] = [
                (label, row)
                for label, row in held
                if label.expires > now and (label, row["flowStartMilliseconds"] // HOUR) not in hours
            ]
        self._receipts += receipts
        return tuple(receipts)

    def state(self) -> Mapping[str, Any]:
        return {
            "refusals": self.refusals,
            "receipts": len(self._receipts),
            "datasets": {name: self._state(name) for name in self._held},
        }

    def _state(self, name: str) -> dict[str, Any]:
        times = [row["flowStartMilliseconds"] for _, row in self._held[name]]
        return {
            "rows": len(times),
            "oldest": min(times, default=None),
            "newest": max(times, default=None),
            "labels": {str(hash(label)): label for label, _ in self._held[name]},
        }
