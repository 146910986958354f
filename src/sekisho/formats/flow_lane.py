"""The lane on which compiled code takes plain IPv4 flows through decoder, door and list at once (`passage_fast`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sekisho.formats.flow_columns import IPV4, Heads, families, shape_of
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.packed_rows import base_of, packed_batch
from sekisho.formats.templates import Layout

_INTERVAL, _EXPORTER = "samplingPacketInterval", "exporter"
# Buffers begin where a cache line does.
_ALIGNMENT = 64
_LEAST_OCTETS = 1 << 16
# References to what nobody has but the list of it, and the question how many there are.
_UNUSED = 2


class Passed(NamedTuple):
    """Rows that came through: WATCHED, perhaps packed.

    ``among`` are those whose remote end may be on the list, all others are not; None when nobody has looked. ``read`` and
    ``kept`` count rows by exporter: that came to the door, and that were a line's.
    """

    rows: pa.RecordBatch
    among: Array | None
    read: Mapping[str, int]
    kept: Mapping[str, int]


class _Job(NamedTuple):
    layout: Layout
    begins: Offsets
    counts: Offsets
    heads: Heads
    otherwise: Callable[[], None]


class Room:
    """Memory for rows, used again once nobody holds rows in it: fresh pages cost a fourth of the whole pass.

    As many parts' rows are kept ready as mostly wait for being written; what is more goes back to the system.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._ready: list[Array] = []

    def columns(self, kinds: Sequence[tuple[str, Any]], rows: int) -> dict[str, Array]:
        """Return columns of ``rows`` of these types, without content."""
        places, octets = [], 0
        for _, kind in kinds:
            places.append(octets)
            octets += -(-rows * np.dtype(kind).itemsize // _ALIGNMENT) * _ALIGNMENT
        memory = self._of(octets)
        return {
            name: memory[place : place + rows * np.dtype(kind).itemsize].view(kind)
            for (name, kind), place in zip(kinds, places, strict=True)
        }

    def _of(self, octets: int) -> Array:
        free = [place for place in range(len(self._ready)) if sys.getrefcount(self._ready[place]) <= _UNUSED]
        for place in free:
            if len(self._ready[place]) >= octets:
                return self._ready[place]
        made = np.empty(max(_LEAST_OCTETS, 1 << (octets - 1).bit_length()), np.uint8)
        if free:
            self._ready[free[0]] = made
        elif len(self._ready) < self._most:
            self._ready.append(made)
        return made


class Lane:
    """Takes the records of a part of a block that compiled code can take through at once.

    ``table`` is the door's (pages and pseudonyms), ``bits`` the list's networks, empty for a list without IPv4; rows
    come to lie in ``room``.
    """

    def __init__(self, table: tuple[Array, Array], bits: Array, room: Room) -> None:
        self._table = table
        self._room = room
        self._bits = bits
        self._jobs: list[_Job] = []

    def suits(self, layout: Layout) -> bool:
        """Say whether records of a layout, which the decoder's twin can read, are plain IPv4 flows."""
        return families(layout) == (IPV4,) and not shape_of(layout, IPV4).nat

    def add(
        self, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads, otherwise: Callable[[], None]
    ) -> None:
        """Plan the records of some sets; ``otherwise`` plans them elsewhere, when a value needs more room."""
        self._jobs.append(_Job(layout, begins, counts, heads, otherwise))

    def run(self, flat: Array, exporters: list[str]) -> tuple[Passed | None, int]:
        """Do what was planned; return what came through and how many rows were read. ``exporters`` are named by code."""
        jobs, self._jobs = self._jobs, []
        if not jobs:
            return None, 0
        from sekisho.formats.passage_fast import COLUMNS, passed

        total = sum(int(job.counts.sum()) for job in jobs)
        out = self._room.columns(COLUMNS, total)
        found = np.empty(total + 1, np.int64)
        base = base_of(max(int(job.heads.export.max()) for job in jobs))
        read = np.zeros(len(exporters), np.int64)
        end = many = 0
        done: list[_Job] = []
        for job in jobs:
            into = passed(
                flat, job.layout, job.begins, job.counts, job.heads, base, self._table, self._bits, out, end, found, many
            )  # fmt: skip
            if into is None:
                job.otherwise()
                continue
            end, many = into
            done.append(job)
            read += np.bincount(job.heads.exporter, job.counts, minlength=len(exporters)).astype(np.int64)
        rows = _batch({name: column[:end] for name, column in out.items()}, base, exporters, done)
        counts = {name: count for name, count in zip(exporters, read.tolist(), strict=True) if count}
        everything = int(read.sum())
        kept = counts if end == everything else by_exporter(rows)
        return Passed(rows, found[:many], counts, kept), everything


def _batch(out: dict[str, Array], base: int, exporters: list[str], jobs: list[_Job]) -> pa.RecordBatch:
    columns = {name: pa.array(column) for name, column in out.items()}
    once = {"ipVersion": IPV4}
    lowest, highest = ({int(one(job.heads.interval)) for job in jobs} for one in (np.min, np.max))
    if len(lowest) == 1 and lowest == highest:
        once[_INTERVAL] = lowest.pop()
        del columns[_INTERVAL]
    # Codes are places in ``exporters`` as the decoder gave them: nothing to look through.
    columns[_EXPORTER] = pa.DictionaryArray.from_arrays(
        columns[_EXPORTER], pa.array(exporters, pa.utf8()), safe=False
    )
    return packed_batch(columns, base, once)


def by_exporter(batch: pa.RecordBatch) -> dict[str, int]:
    """Return how many rows of a batch each exporter sent."""
    column = batch.column(_EXPORTER)
    counts = np.bincount(column.indices.to_numpy(), minlength=len(column.dictionary))
    pairs = zip(column.dictionary.to_pylist(), counts.tolist(), strict=True)
    return {name: count for name, count in pairs if count}
