"""Compressed inputs: every kind unpacks, torn ones give what came before, bombs stay small."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.errors import ReadingError
from sekisho.formats.compression import compression_of, unpacked

PLAIN = b"".join(b"%d flows went by, and %d were counted\n" % (n, n * 7919 % 1009) for n in range(40_000))


def arrow(codec: str) -> Callable[[bytes], bytes]:
    def pack(plain: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as out:
            out.write(plain)
        return sink.getvalue().to_pybytes()

    return pack


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": arrow("zstd"),
    "lz4": arrow("lz4"),
}
BOMB = 48 << 20
SMALL = {name: pack(PLAIN[:3000]) for name, pack in PACKERS.items()}


@cache
def packed_plain(kind: str) -> bytes:
    return PACKERS[kind](PLAIN)


class Pipe(io.RawIOBase):
    """Not seekable, and gives seven octets at a time."""

    def __init__(self, content: bytes) -> None:
        self.inner = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 7) if size > 0 else size)


def test_plain_passes_through() -> None:
    assert unpacked(io.BytesIO(PLAIN)).read() == PLAIN
    assert unpacked(io.BytesIO(b"")).read() == b""
    assert unpacked(io.BytesIO(b"abc")).read() == b"abc"


@pytest.mark.parametrize("kind", PACKERS)
def test_each_kind_unpacks(kind: str) -> None:
    packed = packed_plain(kind)
    assert compression_of(packed) == kind
    assert unpacked(io.BytesIO(packed)).read() == PLAIN
    assert unpacked(Pipe(PACKERS[kind](PLAIN[:5000]))).read() == PLAIN[:5000]


@pytest.mark.parametrize("kind", PACKERS)
def test_two_members_one_after_the_other(kind: str) -> None:
    assert unpacked(io.BytesIO(PACKERS[kind](b"one\n") + PACKERS[kind](b"two\n"))).read() == b"one\ntwo\n"


@pytest.mark.parametrize("kind", PACKERS)
def test_torn_gives_what_came_before_and_says_so(kind: str) -> None:
    packed = packed_plain(kind)
    faults: list[tuple[str, str]] = []
    got = unpacked(io.BytesIO(packed[: len(packed) * 2 // 3]), lambda *fault: faults.append(fault)).read()
    assert PLAIN.startswith(got)
    assert [reason for reason, _ in faults] == ["compressed-stream-torn"]
    with pytest.raises(ReadingError):
        unpacked(io.BytesIO(packed[: len(packed) * 2 // 3])).read()


@pytest.mark.parametrize("kind", PACKERS)
def test_bomb_stays_small(kind: str) -> None:
    stream = unpacked(io.BytesIO(PACKERS[kind](bytes(BOMB))))
    tracemalloc.start()
    total = 0
    while got := stream.read(1 << 20):
        total += len(got)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == BOMB
    assert peak < 16 << 20


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SMALL)), st.data())
def test_any_damage_ends_the_stream(kind: str, data: st.DataObject) -> None:
    packed = bytearray(SMALL[kind])
    for at in data.draw(st.lists(st.integers(6, len(packed) - 1), min_size=1, max_size=4)):
        packed[at] ^= data.draw(st.integers(1, 255))
    faults: list[tuple[str, str]] = []
    stream = unpacked(io.BytesIO(bytes(packed)), lambda *fault: faults.append(fault))
    total = 0
    while got := stream.read(1 << 16):
        total += len(got)
        assert total < 1 << 26
    assert len(faults) <= 1
