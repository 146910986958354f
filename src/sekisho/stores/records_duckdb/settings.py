"""What an operator may set of the record store; each has a bound that holds on a small machine."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sekisho.model.purpose import Stage


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of a store.

    :ivar shards: parts that a new dataset is divided into by line; a dataset keeps the number it was made with
    :ivar memory: what DuckDB may use for a question or a compaction, beyond which it spills to ``.spill``
    :ivar threads: threads of DuckDB; 0 for one per core
    :ivar journal_octets: a journal is ended when it is this large, so that it can be compacted
    :ivar piece_rows: rows of a journal that become visible, and good, at once
    :ivar journal_idle: a journal is ended when nothing was added for so many milliseconds
    :ivar open_journals: journals open at once, one for each label
    :ivar most_hours: hours of one label that get a folder of their own; rows of further hours (a spoofed exporter can
        claim any time) go together into one, ``stray``
    :ivar row_group: rows of a Parquet row group, the unit of pruning
    :ivar longest: by stage, the longest time in milliseconds that a label may last from now and, for data that are
        somebody's communication, that rows are kept after their time (see the catalogue of handling)
    :ivar kept: by stage, the usual time of the same; it is what a label lasts from the moment that rows are taken in
    :ivar late: by stage, how long rows are kept that were older than ``kept`` when they were taken in, from then on
    """

    shards: int = 4
    memory: str = "1GB"
    threads: int = 0
    journal_octets: int = 128 << 20
    piece_rows: int = 1 << 20
    journal_idle: int = 300_000
    open_journals: int = 64
    most_hours: int = 2000
    row_group: int = 122_880
    longest: Mapping[Stage, int] = {}
    kept: Mapping[Stage, int] = {}
    late: Mapping[Stage, int] = {}
