"""Plans which records become which rows: grids where slots are alike, gathers for any mix, walks where lengths vary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np

from sekisho.formats.flow_columns import Heads, Out, Pending, families, fill, plain, shape_of, two_way
from sekisho.formats.flow_records import Array, Gathered, Grid, Offsets, Records
from sekisho.formats.message_sets import Block
from sekisho.formats.templates import Layout

_GRID_ROWS = 256  # slots whose records are copied together: they stay in the second-level cache
_GRID_RECORDS = 2_048  # fewer in a row are gathered
_GATHER_OCTETS = 1 << 19


class Twin(Protocol):
    """What fills columns faster (`flow_records_fast`)."""

    def suits(self, layout: Layout, heads: Heads) -> bool:
        """Say whether it can, for records of this layout."""
        ...

    def fill(
        self, flat: Array, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads, out: Out
    ) -> bool:
        """Write the records of some sets; say whether no time and no counter is impossible."""
        ...


class Lane(Protocol):
    """What takes records further than columns at once (`passage`)."""

    def suits(self, layout: Layout) -> bool:
        """Say whether it can, for records of this layout."""
        ...

    def add(
        self, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads, otherwise: Callable[[], None]
    ) -> None:
        """Take the records of some sets; call ``otherwise`` when they have to be columns after all."""
        ...


class Plan:
    """Plans rows of one block into ``pending``, or with a ``twin`` into the ``lane``; ``count`` gets what is left out."""

    def __init__(
        self,
        block: Block,
        pending: Pending,
        count: Callable[[str, int], None],
        twin: Twin | None = None,
        lane: Lane | None = None,
    ) -> None:
        self._block = block
        self._twin = twin
        self._lane = lane
        self._pending = pending
        self._count = count

    def fixed(self, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads) -> None:
        """Plan records of fixed length: grids where slots are alike, gathers for the rest."""
        some = counts > 0
        if not some.all():
            begins, counts, heads = begins[some], counts[some], heads.take(some)
        if not len(begins):
            return
        twin = self._twin
        if twin is not None and plain(layout) and twin.suits(layout, heads):
            plan = partial(
                self._pending.add,
                shape_of(layout, families(layout)[0]),
                int(counts.sum()),
                partial(twin.fill, self._block.flat, layout, begins, counts, heads),
            )
            if self._lane is not None and self._lane.suits(layout):
                self._lane.add(layout, begins, counts, heads, plan)
            else:
                plan()
            return
        width = self._block.width
        alike = (np.diff(begins) == width) & (np.diff(counts) == 0)
        edges = np.concatenate(([0], np.flatnonzero(~alike) + 1, [len(begins)]))
        long = np.diff(edges) * counts[edges[:-1]] >= _GRID_RECORDS
        rest = np.ones(len(begins), bool)
        for first, last in zip(edges[:-1][long].tolist(), edges[1:][long].tolist(), strict=True):
            rest[first:last] = False
            row, offset = divmod(int(begins[first]), width)
            many = int(counts[first])
            for at in range(first, last, _GRID_ROWS):
                end = min(at + _GRID_ROWS, last)
                slots = self._block.octets[row + at - first : row + end - first]
                grid = partial(Grid, slots, offset, many, layout.octets)
                self._lazy(layout, grid, many * (end - at), heads.take(slice(at, end)))
        if rest.any():
            self._gathered(layout, begins[rest], counts[rest], heads.take(rest))

    def _gathered(self, layout: Layout, begins: Offsets, counts: Offsets, heads: Heads) -> None:
        sums = np.cumsum(counts)
        chunk = max(1, _GATHER_OCTETS // layout.octets)
        edges = np.searchsorted(sums, np.arange(0, int(sums[-1]), chunk), side="right")
        bounds = [*np.unique(edges).tolist(), len(begins)]
        for at, end in pairwise(bounds):
            many = counts[at:end]
            gather = partial(_gather, self._block, layout.octets, begins[at:end], many)
            self._lazy(layout, gather, int(many.sum()), heads.take(slice(at, end)))

    def _lazy(self, layout: Layout, make: Callable[[], Records], rows: int, heads: Heads) -> None:
        if plain(layout):
            shape = shape_of(layout, families(layout)[0])
            self._pending.add(shape, rows, lambda out: fill(layout, make(), heads, out))
        else:
            self.walked(layout, make(), heads)

    def walked(self, layout: Layout, records: Records, heads: Heads) -> None:
        """Plan records that are already found; those with more than one possible row are read at once."""
        if plain(layout):
            shape = shape_of(layout, families(layout)[0])
            self._pending.add(shape, records.shape[0], lambda out: fill(layout, records, heads, out))
        else:
            for shape, columns in two_way(layout, records, heads, self._count):
                self._pending.add_ready(shape, columns)


def _gather(block: Block, octets: int, begins: Offsets, counts: Offsets) -> Gathered:
    ends = np.cumsum(counts)
    total = int(ends[-1])
    starts = np.repeat(begins - octets * (ends - counts), counts) + np.arange(0, octets * total, octets)
    return Gathered(block.flat, starts, counts, octets)
