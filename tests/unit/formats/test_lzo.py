"""LZO1X by hand: literals, each kind of match, the end mark, and damage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats.lzo import LzoError, lzo_unpacked

END = b"\x11\0\0"


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        (b"\x16hello" + END, b"hello"),
        (bytes([17 + 4]) + b"abcd" + bytes([0b0110_1100, 0]) + END, b"abcdabcd"),  # 4 octets from 4 back
        (bytes([17 + 4]) + b"abcd" + bytes([32 + 8, 3 << 2, 0]) + END, b"abcd" + b"abcdabcdab"),
        (bytes([17 + 4]) + b"abcd" + bytes([32, 1, 0, 0]) + END, b"abcd" + b"d" * 34),
        (bytes([17 + 1]) + b"a" + bytes([32 + 1, 2, 0]) + b"xy" + bytes([0b0000_0100, 0]) + END, b"aaaaxyxy"),
        (bytes([0, 5]) + b"q" * 23 + END, b"q" * 23),
        (bytes([17 + 4]) + b"abcd" + bytes([32 + 31, 0, 0, 0]) + b"", None),
        (b"\x16hel", None),
        (bytes([17 + 4]) + b"abcd" + bytes([0b0111_1100, 9]) + END, None),
        (b"", None),
    ],
)
def test_streams(packed: bytes, plain: bytes | None) -> None:
    if plain is None:
        with pytest.raises(LzoError):
            lzo_unpacked(packed, 100)
    else:
        assert lzo_unpacked(packed, 100) == plain


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_octets_end_within_the_bound(packed: bytes) -> None:
    with contextlib.suppress(LzoError):
        assert len(lzo_unpacked(packed, 5000)) <= 5000
