"""Charts: every mark is a link, what nobody looked at is hatched, no line crosses a gap, hostile words stay words."""

from __future__ import annotations

from datetime import UTC
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.detection import Window
from sekisho.reports.charts import NARROW, WIDE, Drawing, Mark, area, both, columns, short, ticks

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_795_212_000_000 // DAY * DAY


def drawing(*values: float, gap: int | None = None) -> Drawing:
    marks = tuple(
        Mark(START + n * HOUR, value, f"/x?since={n}&until=<", f"{value} <b>")
        for n, value in enumerate(values)
        if n != gap
    )
    return Drawing(
        "a <title>",
        marks,
        Window(START, START + max(len(values), 1) * HOUR),
        HOUR,
        UTC,
        (Window(START, START + HOUR),),
        "not looked",
    )


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def test_every_bar_is_a_link_with_its_words() -> None:
    found = parsed(columns(drawing(3, 0, 5), WIDE))
    assert [one.get("href") for one in found.iter("a")] == ["/x?since=0&until=<", "/x?since=2&until=<"]
    assert [one.get("aria-label") for one in found.iter("a")] == ["3 <b>", "5 <b>"]
    assert sum(one.get("class") == "unlooked" for one in found.iter("rect")) == 1
    assert found.get("aria-label") == "a <title>"


def test_no_line_crosses_a_stretch_without_a_value() -> None:
    found = parsed(area(drawing(1, 2, 3, 4, 5, gap=2), WIDE))
    assert len(list(found.iter("polyline"))) == 2
    assert len(list(parsed(area(drawing(1, 2, 3, gap=1), WIDE)).iter("circle"))) == 2


@given(st.lists(st.floats(0, 1e15, allow_nan=False), max_size=40))
def test_anything_is_drawn_inside_its_paper(values: list[float]) -> None:
    for draw in (columns, area):
        for size in (WIDE, NARROW):
            found = parsed(draw(drawing(*values), size))
            for one in found.iter("rect"):
                assert float(one.get("x", 0)) >= 0
                assert float(one.get("x", 0)) + float(one.get("width", 0)) <= size.width + 1
                assert -0.2 <= float(one.get("y", 0)) <= size.height


@given(st.integers(0, 4_000_000_000_000), st.integers(1, 4 * 365 * DAY), st.integers(2, 12))
def test_times_are_round_in_order_and_few(begin: int, length: int, most: int) -> None:
    for zone in (UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("Asia/Kolkata")):
        found = list(ticks(Window(begin, begin + length), most, zone))
        assert len(found) <= most + 1 or length > most * 365 * DAY
        assert [at for at, _ in found] == sorted({at for at, _ in found})
        assert all(begin <= at < begin + length for at, _ in found)


def test_midnight_is_a_date_and_other_hours_are_times() -> None:
    found = dict(ticks(Window(START - 9 * HOUR, START + 15 * HOUR), 9, ZoneInfo("Asia/Tokyo")))
    words = list(found.values())
    assert words[0] == "11/20"
    assert words[1] == "03:00"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (999.4, "999"), (999.6, "1k"), (1e18, "1e+03P"), (-1500, "-1.5k"), (0.5, "0.5")],
)
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words


def test_both_sizes_are_drawn() -> None:
    assert both(columns, drawing(1)).count("<svg") == 2
