"""The IPFIX message header (RFC 7011 section 3.1)."""

from __future__ import annotations

import numpy as np

from sekisho.formats.flow_records import Offsets
from sekisho.formats.message_sets import Block
from sekisho.formats.netflow import Headers

HEADER = 16


def headers(block: Block, begins: Offsets) -> tuple[Headers, Offsets]:
    """Return the headers and the length that each message says it has."""
    found = Headers(
        block.quad(begins + 4) * 1000,
        np.zeros(len(begins), np.uint32),
        block.quad(begins + 8),
        block.quad(begins + 12),
    )
    return found, block.pair(begins + 2)
