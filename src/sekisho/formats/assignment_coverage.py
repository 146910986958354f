"""Which addresses a log speaks of, and when: what tells "nobody had it" from "no data"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sekisho.formats.assignment_rows import MAPPED
from sekisho.formats.assignment_settling import FOREVER, Intervals

Array = npt.NDArray[Any]
_BUCKETS = 64
_POOL = {True: MAPPED + 24, False: 48}


class Coverage:
    """Pools (/24, /48, or the network itself when it is larger) and the times that their logs spoke of."""

    def __init__(self, every: Intervals, four: Array, silence: int) -> None:
        self._levels: list[tuple[bool, int, Array, Array]] = []
        order = np.argsort(every.scope, kind="stable")
        edges = np.flatnonzero(np.diff(every.scope[order])) + 1
        scopes = np.split(order, edges) if len(order) else []
        sizes = np.minimum(every.length, np.where(four, _POOL[True], _POOL[False]))
        rows: dict[tuple[bool, int], list[tuple[Array, Array, Array]]] = {}
        for which in scopes:
            begin, end = _spoken(every, which, silence)
            kinds = np.unique(sizes[which].astype(np.int64) << 1 | four[which])
            for kind in kinds.tolist():
                family, length = bool(kind & 1), kind >> 1
                mine = which[(sizes[which] == length) & (four[which] == family)]
                pools = np.unique(_pool(every.high[mine], every.low[mine], length))
                rows.setdefault((family, length), []).append(
                    (np.repeat(pools, len(begin)), np.tile(begin, len(pools)), np.tile(end, len(pools)))
                )
        for (family, length), some in rows.items():
            self._add(family, length, some)

    def _add(self, family: bool, length: int, rows: list[tuple[Array, Array, Array]]) -> None:
        pool, begin, end = (np.concatenate(column) for column in zip(*rows, strict=True))
        order = np.lexsort((begin, pool))
        pool, begin, end = pool[order], begin[order], end[order]
        pools, first = np.unique(pool, return_index=True)
        # Ends only grow within a pool, so that the last interval that has begun is the one to look at.
        for start, stop in zip(first.tolist(), np.append(first[1:], len(pool)).tolist(), strict=True):
            np.maximum.accumulate(end[start:stop], out=end[start:stop])
        number = np.searchsorted(pools, pool).astype(np.uint64)
        self._levels.append(
            (
                family,
                length,
                pools,
                np.stack([number << np.uint64(44) | begin.astype(np.uint64), end.astype(np.uint64)]),
            )
        )

    def covers(self, high: Array, low: Array, four: Array, moment: Array) -> Array:
        """Say for each address and moment whether some log covers it."""
        found = np.zeros(len(high), bool)
        when = np.clip(moment, 0, FOREVER).astype(np.uint64)
        for family, length, pools, times in self._levels:
            key = _pool(high, low, length)
            number = np.minimum(np.searchsorted(pools, key), len(pools) - 1)
            known = (four == family) & (pools[number] == key)
            asked = number.astype(np.uint64) << np.uint64(44) | when
            place = np.searchsorted(times[0], asked, "right") - 1
            known &= (place >= 0) & (times[0][place] >> np.uint64(44) == number.astype(np.uint64))
            found |= known & (when <= times[1][place])
        return found


def _pool(high: Array, low: Array, length: int) -> Array:
    if length > 64:  # noqa: PLR2004 - only IPv4 in the mapped space has pools as long
        return (low & np.uint64(0xFFFFFFFF)) >> np.uint64(128 - length)
    return high >> np.uint64(64 - length) if length else np.zeros_like(high)


def _spoken(every: Intervals, which: Array, silence: int) -> tuple[Array, Array]:
    """Return the times from and to which a log spoke without a longer silence."""
    begin = np.maximum(every.begin[which], 0)
    fixed = every.end[which] == FOREVER
    # What is held until somebody says otherwise says so all the time.
    if fixed.any():
        return np.array([begin[fixed].min()]), np.array([FOREVER])
    seen = np.maximum(every.seen[which], begin)
    end = np.minimum(every.end[which], seen)
    # Buckets much shorter than a silence tell where it was silent; the first and last mark are exact.
    step = max(1, silence // _BUCKETS)
    buckets = np.unique(np.concatenate([begin // step, seen // step, end // step]))
    breaks = np.flatnonzero(np.diff(buckets) > _BUCKETS)
    first = buckets[np.append(0, breaks + 1)] * step
    last = (buckets[np.append(breaks, len(buckets) - 1)] + 1) * step
    lowest = min(int(begin.min()), int(end.min()))
    return np.maximum(first, lowest), np.minimum(last, int(seen.max()))
