"""What the record store would delete now, counted without deleting anything."""

from __future__ import annotations

from pathlib import Path

from sekisho.model.purpose import Receipt
from sekisho.stores.records_duckdb import expiry
from sekisho.stores.records_duckdb.layout import datasets
from sekisho.stores.records_duckdb.settings import Settings


def due(root: Path, now: int, settings: Settings) -> tuple[Receipt, ...]:
    """Return the receipts that `DuckRecords.expire` would write.

    Rows of journals that must be divided by hour first are not counted before they are.
    """
    return tuple(
        expiry.counted(name, folder, reason, now)
        for name in datasets(root)
        for folder, reason in expiry.due(root, name, now, settings)
    )
