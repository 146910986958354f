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
