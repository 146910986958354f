"""The few words in which the two engines' table definitions differ."""

from __future__ import annotations

import msgspec


class Dialect(msgspec.Struct, frozen=True):
    """An engine's words.

    :ivar text: the type of texts that sort by code point
    :ivar clustered: what keeps the rows of a table in the order of its key
    """

    name: str
    text: str
    clustered: str
