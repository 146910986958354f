"""Two-way records as flows: one row for each direction that has packets (RFC 5103), one batch for each family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sekisho.formats.address_text import IPV4, IPV6, NO_ADDRESS, addresses, six_column
from sekisho.formats.text_lines import Rejecting
from sekisho.model.tables import MOST_COUNTED

Array = npt.NDArray[Any]
_WITH_PORTS = (6, 17, 33, 132, 136)
_GREATEST_PORT = 65535


@dataclass(slots=True)
class TwoWay:
    """Records read from text: one value a record, with the line each stood on.

    ``backward`` is empty for one-way records; else octets, packets and TCP flags of the other direction. ``bad`` has a
    mask for each reason; a record is counted for the first. ``intervals``: 1 of n was sampled, 0 (also when None) unknown.
    ``exporters``: whose records they are, where the text says so.
    """

    lines: Array
    start: Array
    end: Array
    source: pa.Array
    destination: pa.Array
    ports: tuple[Array, Array]
    protocol: Array
    packets: Array
    octets: Array
    flags: Array
    backward: tuple[Array, Array, Array] | None = None
    intervals: Array | None = None
    exporters: pa.DictionaryArray | None = None
    bad: dict[str, Array] = field(default_factory=dict)

    def rows(self, rejecting: Rejecting) -> Iterator[dict[str, Any]]:
        """Yield columns of FLOW, one family at a time; bad records are counted."""
        family, four, six = addresses(self.source)
        family_of_other, four_of_other, six_of_other = addresses(self.destination)
        wrong = (family == NO_ADDRESS) | (family != family_of_other)
        masks = self.bad | {"address": wrong}
        counted = (self.packets, self.octets, *(self.backward[:2] if self.backward else ()))
        masks["counter"] = np.any([values > MOST_COUNTED for values in counted], axis=0)
        masks["port"] = (self.ports[0] > _GREATEST_PORT) | (self.ports[1] > _GREATEST_PORT)
        good = np.ones(len(self.lines), bool)
        for reason, mask in masks.items():
            if (now := mask & good).any():
                rejecting.rows(reason, self.lines[now])
                good &= ~mask
        ends = (four, four_of_other), (six, six_of_other)
        for number, (one, other) in ((IPV4, ends[0]), (IPV6, ends[1])):
            which = np.flatnonzero(good & (family == number))
            if len(which):
                yield self._family(number, which, one, other)

    def _family(self, number: int, which: Array, one: Array, other: Array) -> dict[str, Any]:
        forth, back = which, which[:0]
        if self.backward is not None:
            back = which[self.backward[0][which] > 0]
            # A connection of which only the other side was seen; without any packet the record itself still counts.
            forth = which[(self.packets[which] > 0) | (self.backward[0][which] == 0)]
        both = np.concatenate([forth, back])
        reverse = np.arange(len(both)) >= len(forth)
        ported = np.isin(self.protocol[both], _WITH_PORTS)
        columns: dict[str, Any] = {
            "flowStartMilliseconds": self.start[both],
            "flowEndMilliseconds": np.maximum(self.start[both], self.end[both]),
            "ipVersion": np.full(len(both), number, np.uint8),
            "sourceTransportPort": np.where(
                ported, np.where(reverse, self.ports[1][both], self.ports[0][both]), 0
            ),
            "destinationTransportPort": np.where(
                ported, np.where(reverse, self.ports[0][both], self.ports[1][both]), 0
            ),
            "protocolIdentifier": self.protocol[both],
            "packetDeltaCount": np.concatenate([self.packets[forth], self._back(0, back)]),
            "octetDeltaCount": np.concatenate([self.octets[forth], self._back(1, back)]),
            "tcpControlBits": np.concatenate([self.flags[forth], self._back(2, back).astype(np.uint8)]),
            "samplingPacketInterval": (
                np.zeros(len(both)) if self.intervals is None else self.intervals[both]
            ).astype(np.uint32),
        }
        for name in ("sourceTransportPort", "destinationTransportPort"):
            columns[name] = columns[name].astype(np.uint16)
        columns["tcpControlBits"] = np.where(columns["protocolIdentifier"] == 6, columns["tcpControlBits"], 0)  # noqa: PLR2004 - TCP
        names = ("sourceIPv4Address", "destinationIPv4Address") if number == IPV4 else (
            "sourceIPv6Address", "destinationIPv6Address")  # fmt: skip
        sides = np.concatenate([one[forth], other[back]]), np.concatenate([other[forth], one[back]])
        for name, side in zip(names, sides, strict=True):
            columns[name] = side if number == IPV4 else six_column(side)
        if self.exporters is not None:
            columns["exporter"] = self.exporters.take(pa.array(both))
        return columns

    def _back(self, part: int, which: Array) -> Array:
        return which[:0] if self.backward is None else self.backward[part][which]
