"""Sequence numbers taken in runs: the same losses, late ones and restarts as one datagram after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.flow_sources import Sequence

_WHOLE = 1 << 32
sent = st.tuples(
    st.integers(-1, 30),  # what it holds; -1: not known
    st.one_of(
        st.just(0), st.just(0), st.integers(-40, 40), st.integers(0, _WHOLE - 1)
    ),  # how far from its place
)


def breaks(numbers: np.ndarray, units: np.ndarray) -> list[int]:
    broken = np.ones(len(numbers), bool)
    broken[1:] = ((numbers[:-1] + units[:-1] - numbers[1:]) % _WHOLE) != 0
    return np.flatnonzero(broken | (units < 0)).tolist()


@given(
    st.lists(st.lists(sent, min_size=1, max_size=20), min_size=1, max_size=3),
    st.integers(0, _WHOLE - 1),
    st.sampled_from([1, 32, 1024]),
)
def test_runs_count_as_single_datagrams_do(
    blocks: list[list[tuple[int, int]]], start: int, window: int
) -> None:
    together, singly = Sequence(window), Sequence(window)
    place = start
    for block in blocks:
        numbers, units = [], []
        for held, away in block:
            numbers.append((place + away) % _WHOLE)
            units.append(held)
            place = (place + max(held, 0)) % _WHOLE
        # Another exporter's stand before and behind, as in a sorted block.
        all_numbers = np.array([7, *numbers, 9], np.int64)
        all_units = np.array([1, *units, 1], np.int64)
        together.follow(all_numbers, all_units, breaks(all_numbers, all_units), 1, len(numbers) + 1)
        for number, held in zip(numbers, units, strict=True):
            singly.seen(number, held if held >= 0 else None)
        states = [(one.expected, one.lost, one.late, one.resets) for one in (together, singly)]
        assert states[0] == states[1]
