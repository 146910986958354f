"""Deletion of what is past its expiry, with a receipt for each that outlives a crash.

A folder is first moved aside (nobody finds its rows any more), then counted, then deleted, then its receipt is added
to the list; whatever step a crash stops at, the next run goes on from there.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa

from sekisho.model.purpose import Label, LegalBasis, Receipt
from sekisho.stores.ledger import RECEIPTS, add, lines
from sekisho.stores.records_duckdb.compaction import rows_of
from sekisho.stores.records_duckdb.journal import pieces
from sekisho.stores.records_duckdb.layout import (
    EVERYTHING,
    HOUR,
    Part,
    cells,
    dataset_path,
    datasets,
    high,
    journals,
    labels,
    parts,
    sync,
    write_once,
)
from sekisho.stores.records_duckdb.settings import Settings

#: Why something was deleted.
LABEL, RETENTION = "label", "retention"
_GONE = ".gone"
_RECEIPT = "receipt.json"


def due(root: Path, name: str, now: int, settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a dataset that are past their time, and why.

    A label's expiry counts for all; the longest time of a stage counts from the hour of the flows, unless they are
    nobody's communication (an old public capture is not old data of a customer).
    """
    for path, label in labels(dataset_path(root, name)):
        if label is None:
            continue
        if label.expires <= now:
            yield path, LABEL
            continue
        longest = _longest(label, settings)
        if longest is None:
            continue
        old = {
            cell.path.parent
            for cell in cells(path)
            if cell.hour is not None and cell.hour + HOUR + longest <= now
        }
        for hour in sorted(old):
            yield hour, RETENTION


def hidden(root: Path, name: str, now: int, settings: Settings) -> bool:
    """Say whether journals hold rows that are past their time: they must be divided by hour first."""
    for path, label in labels(dataset_path(root, name)):
        longest = None if label is None or label.expires <= now else _longest(label, settings)
        if longest is None:
            continue
        for journal in journals(path):
            for piece in pieces(journal.path)[0]:
                if piece.rows and piece.first // HOUR * HOUR + HOUR + longest <= now:
                    return True
    return False


def _longest(label: Label, settings: Settings) -> int | None:
    return None if label.basis is LegalBasis.NOT_COMMUNICATION else settings.longest.get(label.stage)


def delete(root: Path, name: str, folder: Path, reason: str, now: int) -> Receipt:
    """Delete a folder of a dataset; return the receipt, which is also kept."""
    aside = dataset_path(root, name) / f"{_GONE}-{reason}-{now}-{secrets.token_hex(8)}"
    aside.mkdir()
    folder.rename(aside / "rows")
    sync(folder.parent)
    sync(aside)
    return _finish(root, name, aside)


def finish(root: Path) -> Iterator[Receipt]:
    """Go on with deletions that a crash stopped; yield their receipts."""
    for name in datasets(root):
        for aside in sorted(dataset_path(root, name).glob(f"{_GONE}-*")):
            yield _finish(root, name, aside)


def _finish(root: Path, name: str, aside: Path) -> Receipt:
    _, reason, now, token = aside.name.split("-")
    paper, rows = aside / _RECEIPT, aside / "rows"
    if not paper.exists():
        write_once(paper, msgspec.json.encode(counted(name, rows, reason, int(now))))
    receipt = msgspec.json.decode(paper.read_bytes(), type=Receipt)
    if rows.exists():
        shutil.rmtree(rows)
    kept = root / RECEIPTS
    if all(line.get("token") != token for line in lines(kept)):
        add(kept, {**msgspec.to_builtins(receipt), "token": token})
    shutil.rmtree(aside)
    return receipt


def _rows(part: Part) -> int:
    try:
        return rows_of(part)
    except (pa.ArrowException, OSError):  # damaged: it is deleted all the same, its octets are counted
        return 0


def counted(name: str, rows: Path, reason: str, now: int) -> Receipt:
    """Return the receipt for a folder of a label or of an hour: its rows and octets."""
    # A label's folder has cells two levels down and journals, an hour's folder has cells one level down.
    compacted = high(rows) if reason == LABEL else EVERYTHING
    folders = {path.parent for path in rows.rglob("*.parquet")}
    count = sum(_rows(part) for folder in sorted(folders) for part in parts(folder, compacted))
    count += sum(piece.rows for one in journals(rows, compacted) for piece in pieces(one.path)[0])
    octets = sum(path.stat().st_size for path in rows.rglob("*") if path.is_file())
    return Receipt(name, count, octets, reason, now)
