"""The passage of flows from datagrams to watched rows: decoder, privacy door and list.

Where compiled code can take records through all three at once, it does (`flow_lane`), and packed rows come out; the rest
goes from one to the next as batches. What comes out is the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.formats.datagrams import Datagrams
from sekisho.formats.flow_export import Counter, Decoder
from sekisho.formats.flow_lane import Lane, Passed, Room, by_exporter
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.formats.watchlist import Watchlist

__all__ = ["Passage", "Passed"]


class Passage:
    """A decoder and a door, married."""

    def __init__(self, decoder: Decoder, door: Pseudonyms) -> None:
        self._decoder = decoder
        self._door = door
        self._room = Room()

    def take(self, datagrams: Datagrams, watchlist: Watchlist, tally: Counter) -> Iterator[Passed]:
        """Yield what is a line's of a block of datagrams; nothing of a customer is in it but pseudonyms."""
        table = self._door.table4
        lane = None if table is None or watchlist.bits is None else Lane(table, watchlist.bits, self._room)
        for batches, passed in self._decoder.passed(datagrams, tally, lane):
            if passed is not None:
                yield passed
            for batch in batches:
                watched, dropped = self._door.watch(batch)
                read = by_exporter(batch)
                yield Passed(watched, None, read, by_exporter(watched) if dropped else read)
