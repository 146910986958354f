"""The record store: folders of journals and Parquet files, asked by DuckDB shard by shard."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.errors import PurposeError, StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.ports.flows import Tables
from sekisho.stores.records_duckdb import expiry
from sekisho.stores.records_duckdb.compaction import compact
from sekisho.stores.records_duckdb.intake import divided, gathered
from sekisho.stores.records_duckdb.journal import Journals, read_journal
from sekisho.stores.records_duckdb.layout import (
    DATASET,
    LABEL,
    STRAY,
    Dataset,
    Part,
    cells,
    dataset_path,
    datasets,
    hour_name,
    label_name,
    labels,
    parts,
    read_dataset,
    reading,
    write_once,
)
from sekisho.stores.records_duckdb.ledger import RECEIPTS, REFUSALS, add, lines
from sekisho.stores.records_duckdb.questions import BoundTables
from sekisho.stores.records_duckdb.settings import Settings

_START = "flowStartMilliseconds"


class DuckRecords:
    """A `RecordStore` below one folder. ``now`` gives the time in milliseconds of the epoch.

    Several processes may hold one folder at once: each writes journals of its own; questions see what was appended
    before they were asked.
    """

    def __init__(self, root: Path, now: Callable[[], int], settings: Settings | None = None) -> None:
        self.root = root
        self._now = now
        self._settings = settings or Settings()
        self._journals = Journals(self._settings, now)
        self._lock = threading.Lock()
        self._hours: dict[Path, set[str]] = {}
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _full(error, root) from error

    def append(self, dataset: str, batches: Iterator[pa.RecordBatch], label: Label) -> int:
        """Add WATCHED batches under ``label``; return the rows kept. On the disk when this returns.

        :raises StoreError: the disk is full or refuses (earlier rows stay good); rows that did not pass the privacy
            door or have columns that are not allowed; a label that has expired or lasts longer than it may
        """
        path = dataset_path(self.root, dataset)
        self._check_label(label)
        with self._lock:
            kept = 0
            try:
                shards = self._opened(path).shards
                folder = self._label_folder(path, label)
                try:
                    for batch in gathered(batches):
                        for hour, shard, rows in divided(batch, shards):
                            cell = folder / self._hour_folder(folder, hour) / str(shard)
                            self._journals.write(cell, rows)
                            kept += rows.num_rows
                finally:
                    self._journals.flush()
            except OSError as error:
                raise _full(error, path, kept) from error
            return kept

    def tables(self, dataset: str, window: Window, purpose: Purpose) -> Tables:
        """Return the window of a dataset for a stated purpose.

        :raises PurposeError: when the label of any row in it doesn't allow that purpose; the refusal is logged
        :raises StoreError: there is no such dataset
        """
        path = dataset_path(self.root, dataset)
        held = read_dataset(path)
        if held is None:
            raise StoreError(Text(ja="そのデータセットはない", en="there is no such dataset"), str(path))
        shards = held.shards

        def find() -> Sequence[Sequence[Part]]:
            return self._allowed(path, shards, window, purpose)

        find()
        return BoundTables(path, window, find, self._settings)

    def compact(self, dataset: str) -> Mapping[str, int]:
        """Turn journals and small files into large sorted ones; return what was done in counts.

        Journals of this object are ended first; ``busy`` counts cells that another process is writing.
        """
        path = dataset_path(self.root, dataset)
        if read_dataset(path) is None:
            raise StoreError(Text(ja="そのデータセットはない", en="there is no such dataset"), str(path))
        with self._lock:
            self._journals.close(path)
        try:
            return compact(self.root, path, self._settings)
        except OSError as error:
            raise _full(error, path) from error

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete what is past its expiry at ``now``; return a receipt for each deletion (also kept)."""
        receipts: list[Receipt] = []
        try:
            with self._lock:
                receipts += expiry.finish(self.root)
                for name in datasets(self.root):
                    for folder, reason in list(expiry.due(self.root, name, now, self._settings)):
                        self._journals.close(folder)
                        receipts.append(expiry.delete(self.root, name, folder, reason, now))
                self._hours.clear()
        except OSError as error:
            raise _full(error, self.root) from error
        return tuple(receipts)

    def state(self) -> Mapping[str, Any]:
        """Say what is held: rows, octets, files, oldest, newest, label by dataset; and how many refusals there were."""
        return {
            "refusals": len(list(lines(self.root / REFUSALS))),
            "receipts": len(list(lines(self.root / RECEIPTS))),
            "datasets": {name: _state(dataset_path(self.root, name)) for name in datasets(self.root)},
        }

    def close(self) -> None:
        """End the journals that are open, so that another process can compact them."""
        with self._lock:
            self._journals.close()

    def _opened(self, path: Path) -> Dataset:
        held = read_dataset(path)
        if held is None:
            path.mkdir(exist_ok=True, mode=0o700)
            write_once(path / DATASET, msgspec.json.encode(Dataset(max(1, self._settings.shards))))
            held = read_dataset(path)
        if held is None:  # somebody deletes it while we make it
            raise StoreError(Text(ja="データセットを作れない", en="the dataset can't be made"), str(path))
        return held

    def _label_folder(self, path: Path, label: Label) -> Path:
        folder = path / label_name(label)
        if not (folder / LABEL).exists():
            folder.mkdir(exist_ok=True, mode=0o700)
            write_once(folder / LABEL, msgspec.json.encode(label, order="sorted"))
        return folder

    def _hour_folder(self, folder: Path, hour: int | None) -> str:
        name = STRAY if hour is None else hour_name(hour)
        known = self._hours.get(folder)
        if known is None or name not in known:
            known = self._hours[folder] = {one.name for one in folder.iterdir() if one.is_dir()}
            if name not in known and len(known) >= self._settings.most_hours:
                return STRAY
            known.add(name)
        return name

    def _check_label(self, label: Label) -> None:
        now = self._now()
        longest = self._settings.longest.get(label.stage)
        if label.expires <= now or (longest is not None and label.expires > now + longest):
            raise StoreError(
                Text(
                    ja="ラベルの期限が過ぎているか、許される最長より先である",
                    en="the label has expired, or lasts longer than its stage may",
                ),
                f"{label.stage}: {label.expires}",
            )

    def _allowed(self, path: Path, shards: int, window: Window, purpose: Purpose) -> Sequence[Sequence[Part]]:
        found: list[list[Part]] = [[] for _ in range(shards)]
        for folder, label in labels(path):
            held = [(cell.shard, parts(cell.path)) for cell in cells(folder, window) if cell.shard < shards]
            if not any(files for _, files in held):
                continue
            now = self._now()
            if label is None or not label.allows(purpose, now):
                self._refuse(path, window, purpose, folder, label, now)
            for shard, files in held:
                found[shard] += files
        return found

    def _refuse(
        self, path: Path, window: Window, purpose: Purpose, folder: Path, label: Label | None, now: int
    ) -> None:
        if label is None:
            why = "label-unreadable"
        else:
            why = "purpose" if purpose not in label.purposes else "expired"
        row = {
            "at": now,
            "dataset": path.name,
            "window": [window.begin, window.end],
            "purpose": purpose,
            "label": folder.name,
            "reason": why,
        }
        try:
            add(self.root / REFUSALS, row)
        except OSError as error:
            raise _full(error, self.root / REFUSALS) from error
        allowed = ", ".join(label.purposes) if label else "-"
        raise PurposeError(
            Text(
                ja="この目的には使えないデータである（拒否は記録した）",
                en="the data may not be used for this purpose; the refusal is logged",
            ),
            f"{path.name}: {purpose} ({why}; {allowed})",
        )


def _state(path: Path) -> dict[str, Any]:
    held = read_dataset(path)
    rows = octets = files = torn = 0
    edges: list[int] = []
    with reading(path):
        for part in [
            part for folder, _ in labels(path) for cell in cells(folder) for part in parts(cell.path)
        ]:
            with contextlib.suppress(FileNotFoundError):  # what has expired may be deleted meanwhile
                count, lost, own = _measured(part)
                octets += part.path.stat().st_size
                files, rows, torn = files + 1, rows + count, torn + lost
                edges += own
    return {
        "rows": rows,
        "octets": octets,
        "files": files,
        "torn": torn,
        "shards": held.shards if held else 0,
        "oldest": min(edges, default=None),
        "newest": max(edges, default=None),
        "labels": {
            folder.name: msgspec.to_builtins(label) if label else None for folder, label in labels(path)
        },
    }


def _measured(part: Part) -> tuple[int, int, list[int]]:
    """Return rows, torn octets, and the first and last time of flow of a file."""
    edges: list[int] = []
    if part.journal:
        batches, torn = read_journal(part.path)
        for batch in batches:
            edges += pc.min_max(batch.column(_START)).as_py().values()
        return sum(batch.num_rows for batch in batches), torn, edges
    facts = pq.read_metadata(part.path)
    at = facts.schema.to_arrow_schema().get_field_index(_START)
    for number in range(facts.num_row_groups):
        statistics = facts.row_group(number).column(at).statistics
        edges += (statistics.min, statistics.max)
    return facts.num_rows, 0, edges


def _full(error: OSError, path: Path, kept: int | None = None) -> StoreError:
    more = "" if kept is None else f" ({kept} rows kept)"
    return StoreError(
        Text(
            ja="ディスクに書けない（前に書いたものは無事）",
            en="the disk refuses; what was stored before stays good",
        ),
        f"{path}: {error.strerror or error}{more}",
        Text(ja="空き容量と権限を確かめる", en="check free space and permissions"),
    )
