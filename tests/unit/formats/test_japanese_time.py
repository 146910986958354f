"""Moments as people write them, and the ones that are refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from sekisho.formats.japanese_time import read_day, read_moment

JST = timezone(timedelta(hours=9))
WANTED = datetime(2026, 11, 21, 14, 20, tzinfo=JST)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T14:20",
        "2026-11-21 14:20:00+09:00",
        "2026-11-21T05:20Z",
        "2026/11/21 14:20",
        "2026年11月21日14時20分",
        "２０２６年１１月２１日　１４時２０分",
        "令和８年11月21日 14:20",
        "R8.11.21 14:20",
        "r8/11/21 14:20 JST",
        " 2026-11-21 05:20 UTC ",
    ],
)
def test_the_same_moment(text: str) -> None:
    assert read_moment(text, JST) == WANTED


def test_eras_midnight_and_zones() -> None:
    assert read_moment("令和元年5月1日0時", JST) == datetime(2019, 5, 1, tzinfo=JST)
    assert read_moment("平成31年4月30日 24:00", JST) == datetime(2019, 5, 1, tzinfo=JST)
    assert read_moment("2026-11-21 05:20", UTC) == WANTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-time"),
        ("昨日の夜", "not-a-time"),
        ("2026-11-21", "no-time-of-day"),
        ("2026-02-30 10:00", "no-such-moment"),
        ("2026-11-21 25:00", "no-such-moment"),
        ("2026-11-21 24:01", "no-such-moment"),
        ("8-11-21 10:00", "no-such-moment"),
        ("9999-12-31 24:00", "no-such-moment"),
        ("令和9999年1月1日 10:00", "no-such-moment"),
        ("0001-01-01 00:00", "no-such-moment"),
        ("平成31年5月1日 10:00", "outside-the-era"),
        ("令和元年4月30日 10:00", "outside-the-era"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        read_moment(text, JST)


@pytest.mark.parametrize(
    "text", ["2026-04-01", "2026/4/1", "2026年4月1日", "令和８年４月１日", "R8.4.1", " ｒ８．４．１ "]
)
def test_the_same_day(text: str) -> None:
    assert read_day(text) == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-day"), ("20260401", "not-a-day"), ("2026-04-01 10:00", "not-a-day"), ("2026-04-01Z", "not-a-day"),
        ("2026-02-30", "no-such-moment"), ("平成35年1月1日", "outside-the-era"), ("8-4-1", "no-such-moment"),
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_day(text)


def test_between_two_moments_lies_the_true_time_also_where_clocks_are_changed() -> None:
    york = ZoneInfo("America/New_York")
    back = [read_moment(f"2026-11-01 {one}", york) for one in ("00:30", "02:29")]
    assert back[1] - back[0] == timedelta(hours=2, minutes=59)
    forward = [read_moment(f"2026-03-08 {one}", york) for one in ("01:30", "03:30")]
    assert forward[1] - forward[0] == timedelta(hours=1)
    for twice_or_never in ("2026-11-01 01:30", "2026-03-08 02:30"):
        with pytest.raises(ValueError, match=r"^twice-or-never$"):
            read_moment(twice_or_never, york)
    assert read_moment("2026-11-01 01:30-05:00", york) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
