"""Columns of text to numbers and times, all at once; a text that is none costs its own row only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = npt.NDArray[Any]
#: Values and which of them are good.
Values = tuple[Array, Array]

#: Protocol names of tools → IANA numbers; names of applications over UDP as Argus writes them.
PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipip": 4, "ipnip": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "dccp": 33, "ipv6": 41,
    "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89, "eigrp": 88,
    "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136, "rtp": 17, "rtcp": 17, "udt": 17,
}  # fmt: skip
_FLAG_BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
_WHOLE = r"^\s*[0-9]{1,30}\s*$"
_DECIMAL = r"^\s*[0-9]{1,30}(\.[0-9]{0,30})?\s*$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}"
_GREATEST = 9e18  # fits into 64 bits
_LATEST = 1 << 42  # ms of the epoch: year 2109
# Larger numbers of the epoch can only be ms, µs, ns.
_UNITS = ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6))


def _tolerant(texts: pa.Array, pattern: str, convert: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Convert what can be; the rest is null. The usual case is one call, a bad row costs a few more."""
    try:
        return convert(texts)
    except pa.ArrowException:
        pass
    if len(texts) == 1:
        return pa.nulls(1, convert(texts.slice(0, 0)).type)
    fits = pc.match_substring_regex(texts, pattern)
    if pc.any(pc.invert(fits)).as_py():
        return _tolerant(pc.if_else(fits, texts, None), pattern, convert)
    half = len(texts) // 2
    return pa.concat_arrays(
        [_tolerant(part, pattern, convert) for part in (texts.slice(0, half), texts.slice(half))]
    )


def _values(texts: pa.Array, found: pa.Array, null: Any, kind: Any) -> Values:
    values = pc.fill_null(found, null).to_numpy(zero_copy_only=False).astype(kind)
    if not found.null_count:
        return values, np.ones(len(values), bool)
    good = pc.or_(pc.is_valid(found), pc.is_null(texts)).to_numpy(zero_copy_only=False)
    return values, good


def whole_numbers(texts: pa.Array) -> Values:
    """Return integers of 0 and more, of text or of JSON's numbers; null is 0 and good."""
    if pa.types.is_floating(texts.type):
        numbers, fits = decimals(texts)
        return numbers.astype(np.int64), fits

    def convert(part: pa.Array) -> pa.Array:
        return pc.utf8_trim_whitespace(part).cast(pa.int64()) if len(part) else pa.array([], pa.int64())

    values, good = _values(texts, _tolerant(texts, _WHOLE, convert), 0, np.int64)
    return np.maximum(values, 0), good & (values >= 0)


def decimals(texts: pa.Array) -> Values:
    """Return numbers of 0 and more, below 9·10^18; null is 0 and good."""

    def convert(part: pa.Array) -> pa.Array:
        return pc.utf8_trim_whitespace(part).cast(pa.float64())

    found = texts if pa.types.is_floating(texts.type) else _tolerant(texts, _DECIMAL, convert)
    values, good = _values(texts, found, 0.0, np.float64)
    good = good & np.isfinite(values) & (values >= 0) & (values < _GREATEST)
    return np.where(good, values, 0.0), good


def durations(texts: pa.Array) -> Values:
    """Return durations in ms, written as seconds or as hours, minutes and seconds with colons."""
    if pa.types.is_floating(texts.type) or not pc.any(pc.match_substring(texts, ":")).as_py():
        values, good = decimals(texts)
    else:
        parts = pc.extract_regex(
            texts, r"^\s*(?:(?P<h>[0-9]{1,6}):(?P<m>[0-9]{1,2}):)?(?P<s>[0-9.]{1,30})\s*$"
        )
        values, good = np.zeros(len(texts)), np.asarray(pc.or_(pc.is_valid(parts), pc.is_null(texts)))
        for name, weight in (("h", 3600), ("m", 60), ("s", 1)):
            field = pc.struct_field(parts, name)
            part, fine = decimals(pc.if_else(pc.equal(field, ""), "0", field))
            values, good = values + part * weight, good & fine
    fits = good & (values < _LATEST / 1000)
    return np.rint(np.where(fits, values, 0) * 1000).astype(np.int64), fits


def times(texts: pa.Array, utc_offset: int = 0) -> Values:
    """Return ms of the epoch: numbers are s, ms, µs or ns by their size, else ISO 8601 (also with ``/`` and a space).

    A time without a zone is ``utc_offset`` seconds ahead of UTC. Null is not good.
    """
    there = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    values, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    dated = np.zeros(len(texts), bool)
    if not pa.types.is_floating(texts.type):
        dated = pc.fill_null(pc.match_substring(texts, ":"), False).to_numpy(zero_copy_only=False)
    for mask, reading in ((~dated, _numbered), (dated, lambda part: _moments(part, utc_offset))):
        if mask.all():
            values, good = reading(texts)
        elif mask.any():
            values[mask], good[mask] = reading(texts.take(pa.array(np.flatnonzero(mask))))
    good = good & there & (values >= 0) & (values < _LATEST)
    return np.where(good, values, 0), good


def _numbered(texts: pa.Array) -> Values:
    numbers, good = decimals(texts)
    values = numbers * 1e3
    for least, factor in _UNITS:
        values = np.where(numbers >= least, numbers * factor, values)
    return np.rint(np.minimum(values, _GREATEST)).astype(np.int64), good


def _moments(texts: pa.Array, utc_offset: int) -> Values:
    texts = pc.replace_substring(pc.utf8_trim_whitespace(texts), "/", "-")
    values, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
    zoned = pc.fill_null(pc.match_substring_regex(texts, r"(Z|[+-][0-9]{2}:?[0-9]{2})$"), False)
    zoned = zoned.to_numpy(zero_copy_only=False)
    for mask, zone in ((zoned, "UTC"), (~zoned, None)):
        if not mask.any():
            continue

        def convert(part: pa.Array, zone: str | None = zone) -> pa.Array:
            return part.cast(pa.timestamp("ns", zone)).cast(pa.int64())

        which = np.flatnonzero(mask)
        part = texts.take(pa.array(which))
        found, fine = _values(part, _tolerant(part, _ISO, convert), 0, np.int64)
        values[which] = found // 1_000_000 - (0 if zone else utc_offset * 1000)
        good[which] = fine
    return values, good


def mapped(texts: pa.Array, one: Callable[[str | None], int]) -> Array:
    """Return ``one`` of each text (int64), called once for each distinct text."""
    encoded = texts.dictionary_encode()
    table = np.array([one(text) for text in encoded.dictionary.to_pylist()] + [one(None)], np.int64)
    codes = pc.fill_null(encoded.indices, len(table) - 1).to_numpy(zero_copy_only=False)
    values: Array = table[codes]
    return values


def protocols(texts: pa.Array) -> Values:
    """Return IANA protocol numbers of names or numbers."""

    def one(text: str | None) -> int:
        name = (text or "").strip().lower()
        return int(name) if name.isascii() and name.isdigit() and len(name) <= 3 else PROTOCOLS.get(name, -1)  # noqa: PLR2004 - up to 255

    values = mapped(texts, one)
    good = (values >= 0) & (values <= 255)  # noqa: PLR2004 - an octet
    return np.where(good, values, 0).astype(np.uint8), good


def tcp_flags(texts: pa.Array) -> Array:
    """Return TCP flags (uint8) of letters (``...AP.SF``), a number, or hexadecimal (``0x1b``)."""

    def one(text: str | None) -> int:
        word = (text or "").strip().upper()
        if word.isascii() and word.isdigit():
            return int(word[-9:]) & 255
        if word.startswith("0X"):
            return hexadecimal(word[2:])
        bits = 0
        for letter in word[:32]:
            bits |= _FLAG_BITS.get(letter, 0)
        return bits

    return mapped(texts, one).astype(np.uint8)


def hexadecimal(word: str | None) -> int:
    """Return the lower octet of a hexadecimal number; 0 of what is none."""
    try:
        return int((word or "0")[-8:], 16) & 255
    except ValueError:
        return 0
