"""The walk from set to set: both ways find the same sets and give the same reasons, in honest messages and in any octets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats import message_sets_fast
from sekisho.formats.message_sets import MOST_SETS, Block, sets_of

WIDTH = 96


def honest(bodies: list[tuple[int, int]], padding: int) -> bytes:
    return b"".join(
        identifier.to_bytes(2) + (length + 4).to_bytes(2) + b"\7" * length for identifier, length in bodies
    ) + bytes(padding)


messages = st.lists(
    st.one_of(
        st.builds(honest, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 24)), max_size=5), st.integers(0, 6)),
        st.binary(max_size=WIDTH),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def found(
    octets: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], begins: list[int], ends: list[int], *, fast: bool
) -> tuple[list[list[int]], dict[str, set[int]]]:
    faults: dict[str, set[int]] = {}
    sets = sets_of(
        Block(octets, message_sets_fast if fast else None), np.array(begins, np.int64), np.array(ends, np.int64),
        lambda reason, which: faults.setdefault(reason, set()).update(which.tolist()),
    )  # fmt: skip
    return [column.tolist() for column in sets], faults


@given(messages, st.data())
@settings(max_examples=300, deadline=None)
def test_both_walks_agree_on_sets_and_reasons(sent: list[bytes], data: st.DataObject) -> None:
    octets = np.full((len(sent), WIDTH), 0xEE, np.uint8)
    begins, ends = [], []
    for row, whole in enumerate(sent):
        message = whole[:WIDTH]
        octets[row, : len(message)] = np.frombuffer(message, np.uint8)
        begins.append(row * WIDTH + data.draw(st.integers(0, min(4, len(message)))))
        ends.append(row * WIDTH + len(message))
    assert found(octets, begins, ends, fast=True) == found(octets, begins, ends, fast=False)


def test_more_sets_than_are_read_are_told_by_both() -> None:
    octets = np.frombuffer(honest([(300, 0)] * (MOST_SETS + 3), 0), np.uint8).reshape(1, -1).copy()
    one, other = (found(octets, [0], [octets.shape[1]], fast=fast) for fast in (True, False))
    assert one == other
    assert one[1] == {"too-many-sets": {0}}
    assert len(one[0][0]) == MOST_SETS


@given(st.binary(min_size=4, max_size=64), st.data())
def test_numbers_are_those_of_python(line: bytes, data: st.DataObject) -> None:
    octets = np.frombuffer(line, np.uint8).reshape(1, -1)
    at = np.array(data.draw(st.lists(st.integers(0, len(line) - 4), min_size=1, max_size=9)), np.int64)
    for twin in (None, message_sets_fast):
        block = Block(octets, twin)
        assert block.pair(at).tolist() == [int.from_bytes(line[one : one + 2]) for one in at]
        assert block.quad(at).tolist() == [int.from_bytes(line[one : one + 4]) for one in at]
        with pytest.raises(IndexError):
            block.quad(np.array([len(line) - 3]))
        with pytest.raises(IndexError):
            block.pair(np.array([len(line) - 1]))
