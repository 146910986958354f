"""What the record store would delete now, counted without deleting anything."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sekisho.model.purpose import Receipt
from sekisho.stores.records_duckdb import expiry
from sekisho.stores.records_duckdb.layout import datasets
from sekisho.stores.records_duckdb.settings import Settings


def due(root: Path, now: int, settings: Settings, own: Collection[Path] = ()) -> tuple[Receipt, ...]:
    """Return the receipts that `DuckRecords.expire` would write.

    Rows of journals are counted by piece; the store divides them by hour before it deletes them. A journal that somebody
    writes waits until it is ended, unless it is among ``own``, those of the store that will be asked to delete.
    """
    return tuple(
        receipt
        for name in datasets(root)
        for receipt in (
            *(
                expiry.counted(name, folder, reason, now)
                for folder, reason in expiry.due(root, name, now, settings)
            ),
            *expiry.hidden_counted(root, name, now, settings, own),
        )
    )
