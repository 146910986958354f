"""LZO1X by hand: literals, each kind of match, the end mark, and damage."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats import lzo_fast
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
    for unpack in (lzo_unpacked, lzo_fast.lzo_unpacked):
        if plain is None:
            with pytest.raises(LzoError):
                unpack(packed, 100)
        else:
            assert unpack(packed, 100) == plain


def outcome(unpack: Callable[[bytes, int], bytes], packed: bytes) -> bytes | None:
    try:
        return unpack(packed, 5000)
    except LzoError:
        return None


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([0, 1, 17, 18, 21, 32, 64, 100, 255]), max_size=60).map(bytes)
)
def test_any_octets_end_within_the_bound_and_compiled_code_gives_the_same(packed: bytes) -> None:
    plain = outcome(lzo_unpacked, packed)
    assert plain is None or len(plain) <= 5000
    assert outcome(lzo_fast.lzo_unpacked, packed) == plain
