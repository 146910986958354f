"""NetFlow v5 (Cisco's fixed format) and the header of v9 (RFC 3954 section 5.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from sekisho.formats.elements import NETFLOW_9
from sekisho.formats.flow_records import Array, Offsets
from sekisho.formats.message_sets import Block
from sekisho.formats.templates import Definition, Layout

NETFLOW_5 = 5
HEADER_5, RECORD_5, HEADER_9 = 24, 48, 20
_INTERVAL_5 = 0x3FFF  # the two bits above are the sampling mode
_NANOSECONDS = 1_000_000_000

# A v5 record as if a v9 template described it: (type, octets), 210 being padding.
_FIELDS_5 = (
    *((8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2)),
    *((210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2)),
)
LAYOUT_5 = Layout(
    NETFLOW_9,
    Definition(
        0,
        options=False,
        scopes=0,
        length=len(_FIELDS_5),
        fields=b"".join(struct.pack("!HH", *one) for one in _FIELDS_5),
    ),
)


class Headers(NamedTuple):
    """Message headers, one value a message.

    ``export`` ms of the epoch; ``uptime`` uint32 ms of the exporter at that time (0 when the version has none);
    ``sequence``; ``domain``: engine type and id (v5), source id (v9), observation domain (IPFIX).
    """

    export: Offsets
    uptime: Array
    sequence: Offsets
    domain: Offsets

    def take(self, which: Array) -> Headers:
        """Return some of them."""
        return Headers(*(column[which] for column in self))


def headers_5(block: Block, begins: Offsets) -> tuple[Headers, Offsets, Array]:
    """Return the headers of v5, the records each says it has, and the sampling interval (0: none stated)."""
    nanoseconds = block.quad(begins + 12)
    nanoseconds[nanoseconds >= _NANOSECONDS] = 0
    export = block.quad(begins + 8) * 1000 + nanoseconds // 1_000_000
    headers = Headers(
        export, block.quad(begins + 4).astype(np.uint32), block.quad(begins + 16), block.pair(begins + 20)
    )
    return headers, block.pair(begins + 2), (block.pair(begins + 22) & _INTERVAL_5).astype(np.uint32)


def headers_9(block: Block, begins: Offsets) -> Headers:
    """Return the headers of v9."""
    return Headers(
        block.quad(begins + 8) * 1000,
        block.quad(begins + 4).astype(np.uint32),
        block.quad(begins + 12),
        block.quad(begins + 16),
    )
