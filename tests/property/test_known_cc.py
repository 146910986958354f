"""Judging known C&C: the order and the batches in which flows come don't matter, and sums are those of a plain loop."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.watched import flow, window
from sekisho.catalogues.detection import parameters
from sekisho.detectors.flows.known_cc import KnownCc, Matches
from sekisho.detectors.flows.known_cc.conversations import Strength, conversations, strengths
from sekisho.formats.watchlist import Watchlist
from sekisho.model.detection import Grade
from sekisho.model.indicator import Indicator
from sekisho.model.tables import RECEIVES, SENDS, SYN, WATCHED

CC = ["203.0.113.7", "203.0.113.8", "2001:db8::7"]
LIST = (
    Indicator("203.0.113.7/32", port=23, family="a", source="l"),
    Indicator("203.0.113.7/32", family="b", source="m"),
    Indicator("203.0.113.0/24", source="n"),
    Indicator("2001:db8::7/128", port=23, source="o"),
)
FLOWS = st.builds(
    flow,
    st.integers(1, 4),
    st.sampled_from([*CC, "198.51.100.1"]),
    st.sampled_from([23, 50_000]),
    at=st.integers(0, 50).map(float),
    side=st.sampled_from([SENDS, RECEIVES]),
    own_port=st.sampled_from([80, 40_000]),
    protocol=st.sampled_from([6, 17, 1]),
    flags=st.integers(0, 31),
    packets=st.integers(1, 5),
    octets=st.integers(40, 9_000),
    sampling=st.sampled_from([1, 1, 1, 0, 100]),
)
Rows = list[dict[str, Any]]


def judged(rows: Rows, batches: int) -> Any:
    unit, matches = KnownCc(LIST), Matches()
    watchlist = Watchlist(LIST)
    for at in range(batches):
        if part := rows[at::batches]:
            matches.feed(watchlist, pa.RecordBatch.from_pylist(part, WATCHED))
    return unit.judge(matches, window(), parameters("known_cc"))


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return line, remote address and port, own port, protocol."""
    ours, theirs = ("source", "destination") if row["subscriberSide"] == SENDS else ("destination", "source")
    remote = row[f"{theirs}IPv4Address"] or row[f"{theirs}IPv6Address"]
    return (
        row["subscriber"],
        remote,
        row[f"{theirs}TransportPort"],
        row[f"{ours}TransportPort"],
        row["protocolIdentifier"],
    )


@given(st.lists(FLOWS, min_size=1, max_size=40), st.integers(0, 1_000), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_order_and_batches_do_not_matter(rows: Rows, seed: int, batches: int) -> None:
    mixed = random.Random(seed).sample(rows, len(rows))
    one, other = judged(rows, 1), judged(mixed, batches)
    # Rows alike in everything that orders them may change places among the evidence.
    assert [bare(found) for found in one.finds.detections] == [
        bare(found) for found in other.finds.detections
    ]
    assert one.finds.coverage == other.finds.coverage
    assert one.noise == other.noise


def bare(found: Any) -> Any:
    return (found.id, found.grade, found.reason, found.arguments, set(found.remotes), found.rows, found.sampling,
            found.sources, found.begin, found.end, len(found.evidence))  # fmt: skip


@given(st.lists(FLOWS, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_sums_are_those_of_a_plain_loop(rows: Rows) -> None:
    talks = conversations(pa.Table.from_pylist(rows, WATCHED))
    plain: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        plain[key(row)].append(row)
    assert talks.count == len(plain)
    for at, row in enumerate(rows):
        mine = plain[key(row)]
        place = int(talks.of_row[at])
        got = [one for one in mine if one["subscriberSide"] == RECEIVES]
        # The same ends, second, packets and octets are one flow that was seen or taken in twice.
        once = {
            (
                one["subscriberSide"],
                one["flowStartMilliseconds"] // 1000,
                one["packetDeltaCount"],
                one["octetDeltaCount"],
            )
            for one in mine
        }
        assert talks.sent_octets[place] == sum(octets for side, _, _, octets in once if side == SENDS)
        assert talks.got_packets[place] == sum(packets for side, _, packets, _ in once if side == RECEIVES)
        assert talks.got_flags[place] == np.bitwise_or.reduce([one["tcpControlBits"] for one in got] or [0])
        assert talks.begin[place] == min(one["flowStartMilliseconds"] for one in mine)
        assert talks.sampling[place] == max(one["samplingPacketInterval"] for one in mine)
        assert talks.sampled[place] == any(one["samplingPacketInterval"] != 1 for one in mine)


@given(st.lists(FLOWS, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_what_must_always_hold(rows: Rows) -> None:
    table = pa.Table.from_pylist(rows, WATCHED)
    talks = conversations(table)
    for listed in (False, True):
        strength = strengths(talks, np.full(talks.count, listed))
        sent, got = talks.sent_packets > 0, talks.got_packets > 0
        # Nobody talked where only one direction is known; nothing is held against a line that sent nothing unsampled
        # unless acknowledged data came to it.
        assert not (strength[~(sent & got)] >= Strength.ESTABLISHED).any()
        silent = ~sent & ~talks.sampled & (talks.protocol != 6)
        assert (strength[silent] == Strength.NOISE).all()
        scanned = ~sent & (talks.protocol == 6) & (talks.got_flags == SYN)
        assert (strength[scanned] == Strength.NOISE).all()
    for found in judged(rows, 1).finds.detections:
        mine = [row for row in rows if row["subscriber"] == found.subscriber]
        assert 1 <= found.rows <= len(mine)
        assert found.grade is not Grade.CONFIRMED or found.reason == "established"
        assert found.remote_count >= len(found.remotes) >= 1
        assert not any("198.51.100.1" in remote for remote in found.remotes)
