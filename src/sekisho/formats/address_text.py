"""Addresses as text to numbers, a column at a time; and IPv6 octets as an Arrow column."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = npt.NDArray[Any]
_DOT, _ZERO = 46, 48
_LONGEST_IPV6 = 45  # with an IPv4 tail; RFC 4291 section 2.2
NO_ADDRESS, IPV4, IPV6 = 0, 4, 6


def six_column(octets: Array) -> pa.Array:
    """Return IPv6 addresses (uint8, n by 16, network order) as a column of 16 octets each, without a null."""
    data = pa.py_buffer(np.ascontiguousarray(octets, np.uint8))
    return pa.Array.from_buffers(pa.binary(16), len(octets), [None, data])


def addresses(texts: pa.Array) -> tuple[Array, Array, Array]:
    """Return family (0 no address, 4, 6), IPv4 addresses (uint32, host order) and IPv6 ones (uint8, n by 16).

    ``texts`` is a string column; nulls and what is no address have family 0. An IPv4 part with a leading zero is an
    address in decimal, as collectors write it. The IPv6 array has no rows when there is no IPv6 address at all.
    """
    texts = texts.cast(pa.string())
    rows = len(texts)
    family = np.zeros(rows, np.uint8)
    four, good = _dotted(texts)
    family[good] = IPV4
    rest = np.flatnonzero(~good)
    if not len(rest):
        return family, four, np.empty((0, 16), np.uint8)
    encoded = texts.take(pa.array(rest)).dictionary_encode()
    distinct = [_six(text) for text in encoded.dictionary.to_pylist()]
    if not any(distinct):
        return family, four, np.empty((0, 16), np.uint8)
    table = np.frombuffer(b"".join(one or bytes(16) for one in distinct) + bytes(16), np.uint8).reshape(
        -1, 16
    )
    codes = pc.fill_null(encoded.indices, len(distinct)).to_numpy(zero_copy_only=False)
    known = np.array([one is not None for one in distinct] + [False])
    six = np.zeros((rows, 16), np.uint8)
    six[rest] = table[codes]
    family[rest[known[codes]]] = IPV6
    return family, four, six


def _six(text: str | None) -> bytes | None:
    if not text or ":" not in text or len(text) > _LONGEST_IPV6:
        return None
    try:
        return IPv6Address(text).packed
    except AddressValueError:
        return None


def _dotted(texts: pa.Array) -> tuple[Array, Array]:
    """Return the value of each text that is four decimal octets with dots, and which ones are."""
    rows = len(texts)
    value = np.zeros(rows, np.uint32)
    buffers = texts.buffers()
    if not rows or buffers[2] is None:
        return value, np.zeros(rows, bool)
    offsets = np.frombuffer(buffers[1], np.int32, rows + 1, texts.offset * 4).astype(np.int64)
    data = np.frombuffer(buffers[2], np.uint8)
    begin, end = int(offsets[0]), int(offsets[-1])
    data, offsets = data[begin:end], offsets - begin
    dots = np.flatnonzero(data == _DOT)
    before = np.searchsorted(dots, offsets)
    shaped = np.diff(before) == 3  # noqa: PLR2004 - dots of an address
    if texts.null_count:
        shaped &= np.asarray(texts.is_valid())
    which = np.flatnonzero(shaped)
    if not len(which):
        return value, shaped
    points = dots[before[which][:, None] + np.arange(3)]
    starts = np.concatenate([offsets[which, None], points + 1], axis=1)
    ends = np.concatenate([points, offsets[which + 1, None]], axis=1)
    length = ends - starts
    good = ((length >= 1) & (length <= 3)).all(axis=1)  # noqa: PLR2004 - digits of an octet
    total = np.zeros(starts.shape, np.int32)
    for place, weight in ((1, 1), (2, 10), (3, 100)):
        digit = data[np.maximum(ends - place, 0)].astype(np.int32) - _ZERO
        there = length >= place
        good &= (~there | ((digit >= 0) & (digit <= 9))).all(axis=1)  # noqa: PLR2004 - a decimal digit
        total += np.where(there, digit, 0) * weight
    good &= (total <= 255).all(axis=1)  # noqa: PLR2004 - an octet
    octets = total.astype(np.uint32)
    value[which] = octets[:, 0] << 24 | octets[:, 1] << 16 | octets[:, 2] << 8 | octets[:, 3]
    shaped[which] = good
    return value, shaped
