"""Text columns against plain Python: addresses, numbers, times, durations."""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv4Address, IPv6Address, ip_address

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sekisho.formats.address_text import addresses
from sekisho.formats.text_columns import decimals, durations, times, whole_numbers

TEXTS = st.one_of(
    st.none(),
    st.ip_addresses().map(str),
    st.text("0123456789.:af /", max_size=20),
    st.integers(-10, 1 << 70).map(str),
    st.lists(st.integers(0, 300).map(str), min_size=3, max_size=5).map(".".join),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=30), st.integers(0, 3))
@example(
    ["1.2.3.4", None, "1.2.3", ".1.2.3", "1..2.3", "1.2.3.", "256.1.1.1", "01.2.3.4", "::", "::ffff:1.2.3.4"],
    0,
)
def test_addresses(texts: list[str | None], skipped: int) -> None:
    family, four, six = addresses(pa.array(texts, pa.string()).slice(skipped))
    for row, text in enumerate(texts[skipped:]):
        parts = (text or "").split(".")
        if len(parts) == 4 and all(part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts):
            # Unlike ipaddress, a leading zero is decimal here.
            assert (family[row], IPv4Address(int(four[row]))) == (
                4,
                IPv4Address(".".join(str(int(p)) for p in parts)),
            )
            continue
        try:
            known = ip_address(text or "")
        except ValueError:
            assert family[row] == 0
            continue
        assert (family[row], IPv6Address(bytes(six[row]))) == (6, known)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS | st.integers(0, 10**17).map(lambda n: f" {n} "), max_size=30))
def test_whole_numbers(texts: list[str | None]) -> None:
    values, good = whole_numbers(pa.array(texts, pa.string()))
    for text, value, fine in zip(texts, values.tolist(), good.tolist(), strict=True):
        meant = (
            0
            if text is None
            else int(text)
            if text.strip(" ").isdigit() and len(text.strip()) <= 30
            else None
        )
        if meant is not None and meant >= 1 << 63:
            meant = None
        assert fine == (meant is not None), text
        assert value == (meant or 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 1e9) | st.none(), max_size=20),
    st.sampled_from(["x", "1.2.3", "nan", "-1", "", "1e999"]),
)
def test_decimals(numbers: list[float | None], bad: str) -> None:
    texts = [None if one is None else f"{one:.6f}" for one in numbers]
    values, good = decimals(pa.array([*texts, bad], pa.string()))
    assert good.tolist() == [True] * len(texts) + [False]
    assert [
        abs(value - float(text or 0)) < 1e-6 for text, value in zip(texts, values.tolist(), strict=False)
    ] == [True] * len(texts)


MOMENTS = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2099, 1, 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(MOMENTS, max_size=10), st.sampled_from([0, 9, -5]), st.booleans(), st.booleans())
def test_times(moments: list[dt.datetime], hours: int, zoned: bool, slashed: bool) -> None:
    zone = dt.timezone(dt.timedelta(hours=hours))
    forms = [one.replace(tzinfo=zone).isoformat(timespec="microseconds") for one in moments]
    texts = [form if zoned else form[:26].replace("T", " ") for form in forms]
    if slashed:
        texts = [text[:10].replace("-", "/") + text[10:] for text in texts]
    values, good = times(pa.array([*texts, "2023-02-31 00:00:00", "soon", None], pa.string()), hours * 3600)
    assert good.tolist() == [True] * len(texts) + [False] * 3
    for one, value in zip(moments, values.tolist(), strict=False):
        seconds = int(one.replace(tzinfo=zone, microsecond=0).timestamp())
        assert value == seconds * 1000 + one.microsecond // 1000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(100_000_000, 4_000_000_000_000), max_size=10), st.sampled_from([1, 1000, 1_000_000])
)
def test_numbers_of_the_epoch_tell_their_unit(stamps: list[int], ticks: int) -> None:
    # Milliseconds written as seconds with a fraction, as µs and as ns; before 1973 the last two are ambiguous.
    stamps = [stamp for stamp in stamps if stamp >= 100_000_000_000]
    texts = [str(stamp * ticks) if ticks > 1 else f"{stamp // 1000}.{stamp % 1000:03}" for stamp in stamps]
    assert times(pa.array(texts, pa.string()))[0].tolist() == stamps


def test_durations() -> None:
    values, good = durations(
        pa.array(["00:00:01.500", "1:00:00", "2.25", None, "x:y:z", "01:02"], pa.string())
    )
    assert values.tolist()[:4] == [1500, 3_600_000, 2250, 0]
    assert good.tolist() == [True, True, True, True, False, False]
