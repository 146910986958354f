"""Records in Parquet below a folder, asked by DuckDB; journals that survive a kill.

Partitioned by the hour of the flow's start and divided into shards by line; every row lies under its label.
"""

from __future__ import annotations

from sekisho.stores.records_duckdb.records import DuckRecords
from sekisho.stores.records_duckdb.settings import Settings

__all__ = ["DuckRecords", "Settings"]
