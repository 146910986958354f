"""The form in which a fetched list is kept: where it is from, and its indicators as they were read and guarded.

Nothing else of what a stranger wrote is kept. The entries are checked again like those of any list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sekisho.exchange.lists.entries import Entries
from sekisho.model.indicator import Indicator

NAME = "sekisho"


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a list is from: ``taxii`` or ``misp``, address, collection, when it was fetched (milliseconds), what of it was left out."""

    kind: str
    address: str
    collection: str = ""
    fetched: int = 0
    entries: int = 0
    left_out: Mapping[str, int] = {}
    others: int = 0


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    sekisho_list: int
    origin: Origin
    indicators: tuple[Indicator, ...]


def written(origin: Origin, indicators: tuple[Indicator, ...]) -> bytes:
    """Return the octets of a list."""
    return msgspec.json.format(msgspec.json.encode(Kept(1, origin, indicators)), indent=1)


def sniff(head: str, name: str) -> bool:  # noqa: ARG001 - all forms are asked alike
    """Say whether it is a list of this form."""
    return head.lstrip().startswith("{") and '"sekisho_list"' in head[:200]


def read(octets: bytes, entries: Entries, options: Mapping[str, str]) -> None:  # noqa: ARG001 - all alike
    """Read the indicators."""
    try:
        held = msgspec.json.decode(octets, type=dict[str, Any])
        indicators = held["indicators"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as fault:
        entries.reject("list", "bad-json", str(fault)[:200])
        return
    for number, row in enumerate(indicators if isinstance(indicators, list) else [], 1):
        with entries.each(str(number)):
            one = msgspec.convert(row, Indicator)
            entries.add(one.network, one.port, str(number), protocol=one.protocol, more=one)
