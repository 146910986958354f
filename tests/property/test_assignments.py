"""The interval index and the settling of statements beside plain Python that tries every assignment."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats.assignment_index import OUTCOMES, AssignmentIndex, address_number
from sekisho.formats.assignment_rows import ALL_PORTS, CLOSED, LEASED, OPEN, RESET, Rows, octets_of, rows_of
from sekisho.formats.assignment_settling import settle
from sekisho.model.assignment import Assignment, Outcome

NOON = 1_700_000_000_000
SKEW = 2_000
LONG = 60_000
NETWORKS = ("192.0.2.1/32", "192.0.2.2/32", "192.0.2.0/30", "2001:db8::/56", "2001:db8::/64", "2001:db8::5/128",
            "2001:db8:0:0100::/56", "0.0.0.0/0")  # fmt: skip
ADDRESSES = (
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.200",
    "198.51.100.1",
    "2001:db8::5",
    "2001:db8::6",
    "2001:db8:0:1ff::1",
    "2001:db9::1",
)
MOMENTS = st.integers(0, 40).map(lambda step: NOON + step * 500)
BLOCKS = st.sampled_from([(0, ALL_PORTS), (1024, 2047), (2048, 3071), (1500, 2500)])


@st.composite
def assignments(draw: st.DrawFn) -> Assignment:
    begin = draw(MOMENTS)
    length = draw(st.sampled_from([0, 500, 1500, 4000, 9000, None]))
    end = 0 if length is None else begin + length
    first, last = draw(BLOCKS)
    return Assignment(
        draw(st.sampled_from(["a", "b", "c"])),
        draw(st.sampled_from(NETWORKS)),
        begin,
        end,
        first,
        last,
        "log:1",
    )


def oracle(every: Sequence[Assignment], address: str, port: int, moment: int) -> tuple[Outcome, str]:
    """Try them all."""
    who = {
        one.account
        for one in every
        if ip_address(address) in ip_network(one.network)
        and one.begin - SKEW <= moment
        and (not one.end or moment < one.end + SKEW)
        and (port == 0 or one.port_begin <= port <= one.port_end)
    }
    if len(who) > 1:
        return Outcome.AMBIGUOUS, ""
    if who:
        return Outcome.FOUND, who.pop()
    for one in every:
        net = ip_network(one.network)
        pool = (
            net
            if net.prefixlen < (24 if net.version == 4 else 48)
            else net.supernet(new_prefix=24 if net.version == 4 else 48)
        )
        if ip_address(address) not in pool:
            continue
        marks = [
            mark for other in every for mark in (other.begin, other.end) if mark
        ]  # one log, no long silence
        last = 1 << 60 if any(not other.end for other in every) else max(marks)
        # With one that never ends the log is taken to speak from its begin on.
        first = min((other.begin for other in every if not other.end), default=min(marks))
        if first <= moment <= last:
            return Outcome.GAP, ""
    return Outcome.NO_DATA, ""


def index_of(every: Sequence[Assignment]) -> AssignmentIndex:
    found, faults = settle(pa.Table.from_batches([rows_of(every)]), longest_open=LONG)
    assert not faults
    return AssignmentIndex(found, skew=SKEW)


def ask(index: AssignmentIndex, questions: Sequence[tuple[str, int, int]]) -> list[tuple[Outcome, str]]:
    numbers = [address_number(address) for address, _, _ in questions]
    high = np.array([number >> 64 for number in numbers], np.uint64)
    low = np.array([number & (1 << 64) - 1 for number in numbers], np.uint64)
    found = index.find(
        high,
        low,
        np.array([one[1] for one in questions], np.int64),
        np.array([one[2] for one in questions], np.int64),
    )
    return [
        (OUTCOMES[outcome], index.accounts[account].as_py() if account >= 0 else "")
        for outcome, account in zip(found.outcome.tolist(), found.account.tolist(), strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(assignments(), min_size=1, max_size=12),
    st.lists(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from([0, 80, 1024, 1500, 2047, 2048, 2501, 65535]),
                       st.integers(-6, 60).map(lambda step: NOON + step * 499)), min_size=1, max_size=30),
)  # fmt: skip
def test_the_index_answers_as_plain_python(
    every: list[Assignment], questions: list[tuple[str, int, int]]
) -> None:
    assert ask(index_of(every), questions) == [oracle(every, *question) for question in questions]


@settings(max_examples=40, deadline=None)
@given(st.lists(assignments(), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(every: list[Assignment], dice: Any) -> None:
    questions = [
        (address, port, NOON + step * 700)
        for address in ADDRESSES
        for port in (0, 1500)
        for step in range(30)
    ]
    mixed = every + every[:3]
    dice.shuffle(mixed)
    assert ask(index_of(every), questions) == ask(index_of(mixed), questions)


@settings(max_examples=40, deadline=None)
@given(st.lists(assignments(), min_size=1, max_size=12))
def test_candidates_are_all_that_could_have_been_it(every: list[Assignment]) -> None:
    index = index_of(every)
    for address in ADDRESSES:
        for port in (0, 1500):
            moment = NOON + 7_000
            number = address_number(address)
            rows = index.candidates(number >> 64, number & (1 << 64) - 1, port, moment)
            near = index.about(
                np.array([number >> 64], np.uint64), np.array([number & (1 << 64) - 1], np.uint64)
            )
            few = index.candidates(number >> 64, number & (1 << 64) - 1, port, moment, near)
            assert sorted(few.tolist()) == sorted(rows.tolist())
            who = {index.accounts[one].as_py() for one in index.intervals.account[rows].tolist()}
            outcome, account = oracle(every, address, port, moment)
            assert (outcome is Outcome.FOUND) == (who == {account})
            assert (outcome is Outcome.AMBIGUOUS) == (len(who) > 1)


Statement = tuple[str, int, int, int]  # session, kind, begin, moment


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("pqrs"), st.sampled_from([OPEN, CLOSED]), st.integers(0, 20), st.integers(0, 20)),
        min_size=1, max_size=20,
    ),
    st.lists(st.integers(0, 50), max_size=3),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_sessions_settle_in_any_order(said: list[Statement], resets: list[int], dice: Any) -> None:
    """Each session has an address of its own; so only statements and resets decide."""
    rows, sessions = Rows("log"), {}
    for session, state, begin, later in said:
        start, moment = NOON + begin * 1000, NOON + (begin + later) * 1000
        sessions.setdefault(session, []).append((state, start, moment))
    entries = [("said", session, *one) for session, every in sessions.items() for one in every]
    entries += [("reset", "", RESET, NOON + one * 1000, 0) for one in resets]
    dice.shuffle(entries)
    for kind, session, state, start, moment in entries:
        if kind == "reset":
            rows.add(
                "", octets_of(ip_address("::")), RESET, (start, start, start), session=0, scope=7, line=1
            )
        else:
            times = (start, moment if state == CLOSED else 0, moment)
            address = octets_of(ip_address(f"192.0.2.{ord(session)}"))
            rows.add(session, address, state, times, session=ord(session), scope=7, line=1)
    found, faults = settle(pa.Table.from_batches([rows.batch()]), longest_open=LONG)
    assert not faults
    got = {
        found.accounts[account].as_py(): (begin, end, is_open)
        for account, begin, end, is_open in zip(
            found.account.tolist(), found.begin.tolist(), found.end.tolist(), found.open.tolist(), strict=True
        )
    }
    meant = {}
    for session, every in sessions.items():
        begin, seen = min(start for _, start, _ in every), max(moment for _, _, moment in every)
        closed = [moment for state, _, moment in every if state == CLOSED]
        after = [NOON + one * 1000 for one in resets if NOON + one * 1000 >= seen]
        end = max(closed) if closed else min(after) if after else seen + LONG
        meant[session] = (begin, end, not closed and not after)
    assert got == meant


def test_a_lease_ends_when_the_address_is_given_again_and_a_lost_stop_at_the_next_start() -> None:
    rows = Rows("log")
    address = octets_of(ip_address("192.0.2.1"))
    rows.add("a", address, LEASED, (NOON, NOON + 3_600_000, NOON), session=1, scope=1, line=1)
    rows.add(
        "b", address, LEASED, (NOON + 60_000, NOON + 3_660_000, NOON + 60_000), session=2, scope=1, line=2
    )
    other = octets_of(ip_address("192.0.2.2"))
    rows.add("c", other, OPEN, (NOON, 0, NOON + 10_000), session=3, scope=1, line=3)
    rows.add("d", other, OPEN, (NOON + 20_000, 0, NOON + 20_000), session=4, scope=1, line=4)
    rows.add("e", other, OPEN, (NOON + 30_000, 0, NOON + 30_000), session=5, scope=1, line=5)
    rows.add("d", other, OPEN, (NOON + 20_000, 0, NOON + 50_000), session=4, scope=1, line=6)
    found, _ = settle(pa.Table.from_batches([rows.batch()]), longest_open=LONG)
    index = AssignmentIndex(found, skew=SKEW)
    asked = [("192.0.2.1", 0, NOON + 50_000), ("192.0.2.1", 0, NOON + 61_000), ("192.0.2.1", 0, NOON + 70_000),
             ("192.0.2.2", 0, NOON + 15_000), ("192.0.2.2", 0, NOON + 25_000), ("192.0.2.2", 0, NOON + 40_000)]  # fmt: skip
    assert ask(index, asked) == [
        (Outcome.FOUND, "a"), (Outcome.AMBIGUOUS, ""), (Outcome.FOUND, "b"),
        (Outcome.FOUND, "c"), (Outcome.FOUND, "d"), (Outcome.AMBIGUOUS, ""),
    ]  # fmt: skip


def test_the_inside_of_a_cgn_is_looked_up_once_more() -> None:
    index = index_of(
        [
            Assignment("inside:100.64.0.9", "198.51.100.1/32", NOON, NOON + 60_000, 1024, 2047, "cgn:1"),
            Assignment("inside:100.64.0.10", "198.51.100.1/32", NOON, NOON + 60_000, 2048, 3071, "cgn:2"),
            Assignment("line-9", "100.64.0.9/32", NOON, NOON + 30_000, source="radius:1"),
        ]
    )
    asked = [
        ("198.51.100.1", 1500, NOON + 9_000),
        ("198.51.100.1", 2500, NOON + 9_000),
        ("198.51.100.1", 0, NOON + 9_000),
    ]
    found = ask(index, asked)
    assert found[0] == (Outcome.FOUND, "line-9")
    assert found[1][0] is not Outcome.FOUND
    assert found[2] == (Outcome.AMBIGUOUS, "")
