"""The record store: folders of journals and Parquet files, asked by DuckDB shard by shard."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from sekisho.errors import PurposeError, StoreError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.model.purpose import Label, Purpose, Receipt
from sekisho.ports.flows import Once, Tables
from sekisho.stores.ledger import RECEIPTS, REFUSALS, add, lines
from sekisho.stores.records_duckdb import expiry
from sekisho.stores.records_duckdb.compaction import Job, compact, only_one, sweep
from sekisho.stores.records_duckdb.intake import gathered
from sekisho.stores.records_duckdb.journal import Journals, pieces, read_pieces, starts
from sekisho.stores.records_duckdb.layout import (
    DATASET,
    LABEL,
    Dataset,
    Held,
    broken_journals,
    cells,
    dataset_path,
    datasets,
    high,
    journals,
    label_name,
    labels,
    parts,
    read_dataset,
    write_once,
)
from sekisho.stores.records_duckdb.measuring import Extent, measure
from sekisho.stores.records_duckdb.once import Lying, alone, digest, forget, lying, newest
from sekisho.stores.records_duckdb.questions import BoundTables
from sekisho.stores.records_duckdb.settings import Settings
from sekisho.stores.records_duckdb.soundness import sorted_out
from sekisho.stores.records_duckdb.taken import note_taken


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
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _full(error, root) from error

    def append(
        self, dataset: str, batches: Iterator[pa.RecordBatch], label: Label, once: Once | None = None
    ) -> int:
        """Add WATCHED batches under ``label``; return the rows kept. On the disk when this returns.

        With ``once`` they appear together, and only when the stream's position is beyond the one kept before.

        :raises StoreError: the disk is full or refuses (earlier rows stay good); rows that did not pass the privacy
            door or have columns that are not allowed; a label that has expired or lasts longer than it may
        """
        path = dataset_path(self.root, dataset)
        self._check_label(label)
        kept: list[int] = []
        with self._lock:
            try:
                self._opened(path)
                folder = self._label_folder(path, label)
                if once is None:
                    self._journals.write(folder, gathered(batches), None, kept)
                    return sum(kept)
                stream = digest(once.stream)
                with alone(path, stream):
                    before = newest(path, stream)
                    if before is None or before < once.position:
                        self._journals.write(folder, gathered(batches), (stream, once.position), kept)
                return sum(kept)
            except OSError as error:
                raise _full(error, path, sum(kept)) from error

    def kept(self, dataset: str, stream: str) -> int | None:
        """Return the newest position of ``stream`` whose rows were kept; None when none was."""
        return newest(dataset_path(self.root, dataset), digest(stream))

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

        def find() -> Held:
            return self._allowed(path, shards, window, purpose)

        find()
        return BoundTables(path, window, find, self._settings)

    def compact(self, dataset: str) -> Mapping[str, int]:
        """Turn journals and small files into large sorted ones; return what was done in counts.

        Journals of this object are ended first; ``busy`` counts cells that another process is writing.
        """
        path = dataset_path(self.root, dataset)
        held = read_dataset(path)
        if held is None:
            raise StoreError(Text(ja="そのデータセットはない", en="there is no such dataset"), str(path))
        with self._lock:
            self._journals.close(path)
        try:
            return compact(Job(path, held.shards, self._settings, self._now()))
        except OSError as error:
            raise _full(error, path) from error

    def expire(self, now: int) -> tuple[Receipt, ...]:
        """Delete what is past its expiry at ``now``; return a receipt for each deletion (also kept)."""
        receipts: list[Receipt] = []
        try:
            receipts += expiry.finish(self.root)
            for name in datasets(self.root):
                if expiry.hidden(self.root, name, now, self._settings, self.writing):
                    self.compact(name)
                with self._lock, only_one(dataset_path(self.root, name), wait=True):
                    for folder, reason in list(expiry.due(self.root, name, now, self._settings)):
                        self._journals.close(folder)
                        if reason == expiry.RETENTION:
                            sweep(folder.parent)
                        receipts.append(expiry.delete(self.root, name, folder, reason, now))
        except OSError as error:
            raise _full(error, self.root) from error
        return tuple(receipts)

    def lying(self, dataset: str, streams: Collection[str]) -> Lying:
        """Say under which labels rows of ``streams`` lie, and whose else lie there.

        :raises StoreError: what was compacted can't be told
        """
        return lying(dataset_path(self.root, dataset), [digest(one) for one in streams])

    def drop(
        self,
        dataset: str,
        names: Collection[str],
        streams: Collection[str],
        announce: Callable[[Receipt], None],
    ) -> tuple[Receipt, ...]:
        """Delete the rows below some labels and forget what was kept of ``streams``, so that it can be kept anew.

        Nobody else may be appending under these labels. ``announce`` is told of each deletion before it happens.

        :raises StoreError: the disk refuses
        """
        path, now = dataset_path(self.root, dataset), self._now()
        try:
            receipts = list(expiry.finish(self.root))
            with self._lock, only_one(path, wait=True):
                for folder in [one for one, _ in labels(path) if one.name in names]:
                    self._journals.close(folder)
                    announce(expiry.counted(dataset, folder, expiry.AGAIN, now))
                    receipts.append(expiry.delete(self.root, dataset, folder, expiry.AGAIN, now))
                forget(path, [digest(stream) for stream in streams])
        except OSError as error:
            raise _full(error, path) from error
        return tuple(receipts)

    def state(self) -> Mapping[str, Any]:
        """Say what is held: rows, octets, files, damaged files, oldest, newest, label by dataset; and refusals.

        Every file is read for that, once for a process: what is damaged is named and not counted among the rows.
        """
        return {
            "refusals": len(list(lines(self.root / REFUSALS))),
            "receipts": len(list(lines(self.root / RECEIPTS))),
            "datasets": {name: _state(dataset_path(self.root, name)) for name in datasets(self.root)},
        }

    def overdue(self, now: int) -> bool:
        """Say whether `expire` would find anything: from the names of folders and headers alone."""
        return any(
            expiry.hidden(self.root, name, now, self._settings, self.writing)
            or any(True for _ in expiry.due(self.root, name, now, self._settings))
            for name in datasets(self.root)
        )

    @property
    def writing(self) -> frozenset[Path]:
        """The journals that are open in this object: it can end them."""
        return self._journals.paths

    def extent(self, dataset: str) -> Extent:
        """Return how much of a dataset there seems to be: from headers alone, so it costs little."""
        path = dataset_path(self.root, dataset)
        if read_dataset(path) is None:
            return Extent(0, 0, None, None)
        return measure(path).extent

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
        kept = self._settings.kept.get(label.stage)
        if kept is not None:
            note_taken(folder, label.expires - kept)
        return folder

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

    def _allowed(self, path: Path, shards: int, window: Window, purpose: Purpose) -> Held:
        whole: list[list[Path]] = [[] for _ in range(shards)]
        logs: list[Path] = []
        broken: list[Path] = []
        since: dict[Path, int] = {}
        for folder, label in labels(path):
            compacted = high(folder)
            now = self._now()
            # What is past its time is not asked, deleted or not.
            held = [
                (cell.shard, [part.path for part in parts(cell.path, compacted)])
                for cell in cells(folder, window)
                if cell.shard < shards and not expiry.hour_over(folder, label, cell.hour, now, self._settings)
            ]
            there = journals(folder, compacted)
            begin = None
            if label and there and expiry.may_be_over(label, window.begin, now, self._settings):
                begin = expiry.begin_of(folder, label, now, self._settings)
            written = [one.path for one in there if not expiry.journal_over(one.path, begin)]
            if label is None or not label.allows(purpose, now):
                if any(files for _, files in held) or any(_touches(one, window) for one in written):
                    self._refuse(path, window, purpose, folder, label, now)
                continue
            for shard, files in held:
                whole[shard] += files
            logs += written
            if begin is not None:
                since.update(dict.fromkeys(written, begin))
            broken += [one.path for one in broken_journals(folder) if one.number <= compacted]
        return Held(whole, logs, broken, since)

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


def _touches(journal: Path, window: Window) -> bool:
    """Say whether a journal holds a row of the window."""
    with contextlib.suppress(FileNotFoundError):  # what has expired may be deleted meanwhile
        good, bad = sorted_out(journal, (one for one in pieces(journal)[0] if one.meets(window)))
        if bad:  # what is in them can't be told any more
            return True
        for batch in read_pieces(journal, good):
            times = starts(batch)
            if ((window.begin <= times) & (times < window.end)).any():
                return True
    return False


def _state(path: Path) -> dict[str, Any]:
    held = read_dataset(path)
    found = measure(path, whole=True)
    return {
        "rows": found.extent.rows,
        "octets": found.octets,
        "files": found.extent.files,
        "torn": found.torn,
        "damaged": found.damaged,
        "shards": held.shards if held else 0,
        "oldest": found.extent.oldest,
        "newest": found.extent.newest,
        "labels": {
            folder.name: msgspec.to_builtins(label) if label else None for folder, label in labels(path)
        },
    }


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
