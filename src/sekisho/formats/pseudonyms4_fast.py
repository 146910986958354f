"""The twin of `Lines4.sides`, compiled by numba: each row is read once and written once, without a temporary.

Imported only when `Pseudonyms` are made with ``fast_from``; it gives the same rows as the NumPy path.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types

from sekisho.model.tables import RECEIVES, SENDS


@numba.njit(nogil=True)
def _name(address: Any, start: Any, table: Any) -> Any:
    page = start[address >> 16]
    # Nobody's addresses all look at one entry, which is zero: it stays in the nearest cache.
    return table[page + (address & 0xFFFF) if page else np.uint32(0)]


def _loop(
    source: Any, destination: Any, start: Any, table: Any,
    new_source: Any, new_destination: Any, line: Any, side: Any,
) -> None:  # fmt: skip
    for row in range(source.size):
        one, two = source[row], destination[row]
        sends, receives = _name(one, start, table), _name(two, start, table)
        new_source[row] = sends or one
        new_destination[row] = receives or two
        line[row] = sends or receives
        side[row] = SENDS if sends else (RECEIVES if receives else 0)


_ADDRESSES = types.Array(types.uint32, 1, "C", readonly=True)
# Compiled when this is imported.
sides: Any = numba.njit(
    types.void(
        *(_ADDRESSES,) * 4, *(types.uint32[::1],) * 2, types.int64[::1], types.uint8[::1]
    ),
    nogil=True,
)(_loop)  # fmt: skip
