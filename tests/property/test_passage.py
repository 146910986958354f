"""From datagrams to watched rows in one pass, and by decoder, door and list one after the other: the same in all."""

from __future__ import annotations

import random
import struct
from collections import Counter
from ipaddress import ip_network

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.tally import Counts
from sekisho.formats.datagrams import datagrams_of
from sekisho.formats.flow_export import Decoder
from sekisho.formats.flow_lane import by_exporter
from sekisho.formats.packed_rows import is_packed, numbers, packed, unpacked
from sekisho.formats.passage import Passage
from sekisho.formats.pseudonyms import Pseudonyms
from sekisho.formats.watchlist import Watchlist
from sekisho.model.indicator import Indicator
from sekisho.model.tables import WATCHED, completed

from . import exports
from .exports import NOW, broken, traffic

SEEDS = st.integers(0, 2**32)
KEY = bytes(range(32))
CUSTOMERS = [ip_network("10.1.0.0/16"), ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")]
PLAIN_DOOR, DOOR = Pseudonyms(KEY, CUSTOMERS), Pseudonyms(KEY, CUSTOMERS, fast_from=0)
ENTRIES = [Indicator("203.0.113.9/32", port=23), Indicator("203.0.113.128/25"), Indicator("192.0.0.0/4")]
PLAIN_LIST, LIST = Watchlist(ENTRIES), Watchlist(ENTRIES, fast=True)
ADDRESSES = (
    "10.1.2.3",
    "10.1.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "203.0.113.200",
    "203.0.114.1",
    "8.8.8.8",
)
PACKED = [bytes(map(int, one.split("."))) for one in ADDRESSES]


class Likely(exports.Exporter):
    """An exporter whose flows are mostly those of a network: customers, listed addresses, times of today."""

    def template(self) -> bytes:
        if self.rng.random() < 0.3:
            return super().template()
        times = self.rng.choice([[], [(22, 4), (21, 4)], [(152, 8), (153, 8)], [(150, 4)], [(21, 4), (6, 1)]])
        fields = [*exports.BASE, *times, *self.rng.choice([[], [(6, 2)], [(82, 7)]])]
        self.rng.shuffle(fields)
        identifier = self.rng.randint(256, 259)
        self.templates[identifier] = [length for _, length in fields]
        head = struct.pack("!HH", identifier, len(fields))
        return self.set(
            0 if self.version == 9 else 2, head + b"".join(struct.pack("!HH", *one) for one in fields)
        )

    def value(self, length: int) -> bytes:
        if self.rng.random() < 0.02:
            return super().value(length)
        if length == 4 and self.rng.random() < 0.8:
            return self.rng.choice(PACKED)
        if length == 8 and self.rng.random() < 0.7:
            return (NOW * 1000 - self.rng.randrange(10**6)).to_bytes(8, "big")
        return (
            self.rng.choice([0, 1, 23, 6]).to_bytes(length, "big")
            if 0 < length < 65535
            else super().value(length)
        )


def likely(seed: int, messages: int) -> list[tuple[bytes, str, int]]:
    rng = random.Random(seed)
    senders = [Likely(rng, f"192.0.2.{number}", rng.choice([9, 10])) for number in range(rng.randint(1, 3))]
    return [
        (one.message(), one.address, NOW * 1000 + at)
        for at in range(messages)
        for one in [rng.choice(senders)]
    ]


def rows_of(batch: pa.RecordBatch) -> list[tuple[object, ...]]:
    return list(zip(*completed(batch, WATCHED).to_pydict().values(), strict=True))


def compare(items: list[tuple[bytes, str, int]]) -> tuple[int, int]:
    """Compare both ways; return how many rows were packed, and how many touch the list."""
    block = datagrams_of(items)
    tally, counts = Counts(), Counts()
    rows, hits, read, kept = Counter(), Counter(), Counter(), Counter()
    for batch in Decoder().decode(block, tally):
        watched, _ = PLAIN_DOOR.watch(batch)
        there = rows_of(watched)
        rows.update(there)
        hits.update(
            (there[row], entry) for row, entry in zip(*map(list, PLAIN_LIST.match(watched)), strict=True)
        )
        read.update(by_exporter(batch))
        kept.update(by_exporter(watched))
    narrow = 0
    got, touched, came, stayed = Counter(), Counter(), Counter(), Counter()
    for passed in Passage(Decoder(fast_from=0), DOOR).take(block, LIST, counts):
        passed.rows.validate(full=True)
        narrow += passed.rows.num_rows * is_packed(passed.rows.schema)
        there = rows_of(unpacked(passed.rows))
        got.update(there)
        pairs = LIST.match_among(passed.rows, passed.among)
        touched.update((there[row], entry) for row, entry in zip(*map(list, pairs), strict=True))
        came.update(passed.read)
        stayed.update(passed.kept)
    assert got == rows
    assert touched == hits
    assert (came, stayed) == (read, kept)
    assert (counts.rows, counts.rejects, counts.notes) == (tally.rows, tally.rejects, tally.notes)
    return narrow, sum(hits.values())


@settings(max_examples=120, deadline=None)
@given(SEEDS, st.integers(1, 40))
def test_likely_exports(seed: int, messages: int) -> None:
    compare(likely(seed, messages))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 30))
def test_any_exports_and_broken_ones(seed: int, messages: int) -> None:
    compare(traffic(seed, messages))
    compare(broken(likely(seed, messages), seed))


def test_the_likely_exports_are_packed_and_touch_the_list() -> None:
    found = [compare(likely(seed, 30)) for seed in range(30)]
    assert sum(narrow for narrow, _ in found) > 500
    assert sum(hits for _, hits in found) > 100


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_packing_loses_nothing(seed: int) -> None:
    for batch in Decoder().decode(datagrams_of(likely(seed, 20)), Counts()):
        watched, _ = PLAIN_DOOR.watch(batch)
        narrow = packed(watched)
        assert unpacked(narrow).equals(watched)
        assert packed(narrow) is narrow
        for name in ("flowStartMilliseconds", "subscriber", "octetDeltaCount"):
            assert numbers(narrow, name).tolist() == watched.column(name).to_pylist()
