"""Numbers gathered from anywhere in a run of octets, many at a time, at any alignment."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class OctetFields:
    """Gathers numbers of ``order`` (``<`` or ``>``) from ``content``, whose last eight octets must be padding."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content = content
        self._order = order
        self._last = len(content) - 8

    def at(self, places: Array, octets: int) -> Array:
        """Return the unsigned numbers of ``octets`` (1, 2, 4, 8) that begin at ``places``; native order.

        A place beyond the end gives what stands in the padding: callers test lengths before they believe a value.
        """
        view = np.ndarray((self._last + 1,), f"{self._order}u{octets}", buffer=self._content, strides=(1,))
        values = view[np.minimum(places, self._last)]
        return values.astype(values.dtype.newbyteorder("="), copy=False)


class RecordFields:
    """Gathers numbers at an offset of every record; records at even distances are read without an index."""

    def __init__(self, content: bytes, order: str, starts: Array, octets: int = 0) -> None:
        """Take where the records begin (ascending); a record's fields must lie within ``content``.

        ``octets``: the length of all records, when they have one and many fields are asked for. Then they are brought
        together first, a record at a time, which costs as much as two fields one by one.
        """
        if octets and len(starts) > 1 and not (np.diff(starts) == starts[1] - starts[0]).all():
            windows = np.ndarray((len(content) - octets + 1,), f"V{octets}", content, 0, (1,))
            content, starts = windows[starts].tobytes(), np.arange(0, octets * len(starts), octets)
        self._content = content
        self._order = order
        self._starts = starts
        step = int(starts[1] - starts[0]) if len(starts) > 1 else 1
        self._step = step if (np.diff(starts) == step).all() else 0
        self._fields = OctetFields(content, order)

    def at(self, offset: int, octets: int) -> Array:
        """Return the unsigned numbers of ``octets`` (1, 2, 4, 8) at ``offset`` of each record; native order."""
        rows = len(self._starts)
        begin = int(self._starts[0]) + offset if rows else 0
        if not self._step or not rows or begin + (rows - 1) * self._step + octets > len(self._content):
            return self._fields.at(self._starts + offset, octets)
        kind = np.dtype(f"{self._order}u{octets}")
        values: Array = np.ndarray((rows,), kind, self._content, begin, (self._step,))
        return values.astype(kind.newbyteorder("="))
