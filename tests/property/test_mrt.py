"""MRT and BGP: what was written is read back, and whatever octets come, nothing is raised and nothing is made up."""

from __future__ import annotations

import io
from collections import Counter
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes import mrt_file
from sekisho.formats.bgp import read_update
from sekisho.formats.mrt import read_mrt

ASNS = st.integers(1, 2**32 - 1)
SMALL = st.integers(1, 65_535)


@st.composite
def prefixes(draw: Any) -> str:
    if draw(st.booleans()):
        length = draw(st.integers(0, 32))
        return str(ip_network((draw(st.integers(0, 2**32 - 1)) >> (32 - length) << (32 - length), length)))
    length = draw(st.integers(1, 128))
    # Written as octets: as a number a small one would be taken for IPv4.
    number = draw(st.integers(0, 2**128 - 1)) >> (128 - length) << (128 - length)
    return str(ip_network((number.to_bytes(16), length)))


PEERS = st.tuples(ASNS, st.sampled_from(["198.51.100.1", "203.0.113.7", "2001:db8::7"]))
LISTS = st.lists(prefixes(), max_size=6, unique=True)


@given(
    LISTS,
    LISTS,
    st.lists(ASNS, min_size=1, max_size=5),
    PEERS,
    st.booleans(),
    st.floats(0, 2**31, allow_nan=False),
    st.integers(0, 2**32 - 1),
)
def test_an_update_comes_back_as_it_was_written(
    announced: list[str], withdrawn: list[str], path: list[int], peer: tuple[int, str], finer: bool, at: float, identifier: int
) -> None:  # fmt: skip
    for add_path in (False, True):
        sent = mrt_file.update(
            announced, withdrawn, ((mrt_file.SEQUENCE, path),), identifier=identifier if add_path else None
        )
        octets = mrt_file.told(at, peer, sent, finer=finer, add_path=add_path)
        left: Counter[str] = Counter()
        (found,) = read_mrt(io.BytesIO(octets), left)
        assert not left
        assert found.update
        assert sorted(map(str, found.update.announced)) == sorted(announced)
        assert sorted(map(str, found.update.withdrawn)) == sorted(withdrawn)
        assert found.update.origins == ((path[-1],) if announced else ())
        assert (found.peer.number, found.peer.address) == peer
        assert abs(found.time.timestamp() - at) < (0.001 if finer else 1)


@given(st.lists(SMALL, min_size=1, max_size=4), st.lists(ASNS, min_size=1, max_size=4))
def test_as_numbers_of_two_octets_take_the_wide_path_beside_them(short: list[int], wide: list[int]) -> None:
    sent = mrt_file.update(["192.0.2.0/24"], path=((2, short),), octets=2, as4=((2, wide),))
    origins = read_update(sent, as_octets=2).origins
    assert origins == ((wide[-1],) if len(wide) <= len(short) else (short[-1],))


@given(st.binary(max_size=400))
def test_any_octets_are_read_or_counted(octets: bytes) -> None:
    left: Counter[str] = Counter()
    for record in read_mrt(io.BytesIO(octets), left):
        assert record.time.tzinfo
    assert not octets or left


@given(st.data())
def test_an_update_with_any_damage_is_told_in_part_or_refused(data: st.DataObject) -> None:
    sent = bytearray(
        mrt_file.update(
            ["192.0.2.0/24", "2001:db8::/32"],
            ["198.51.100.0/24", "2001:db8:1::/48"],
            ((2, (64_500, 64_501)),),
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(sent[: data.draw(st.integers(0, len(sent)))])
    for octets in (bytes(sent), cut):
        for width in (2, 4):
            found = read_update(octets, as_octets=width)
            assert len(found.announced) + len(found.withdrawn) <= len(octets)
