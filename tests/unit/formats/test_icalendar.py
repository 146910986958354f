"""Calendars as RFC 5545 says."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.icalendar import Event, calendar, escaped, folded

MADE = datetime(2026, 11, 21, 6, tzinfo=UTC)


def test_an_event_of_a_day_with_its_reminders() -> None:
    text = calendar(
        "義務", [Event("a@sekisho", date(2026, 12, 31), "報告; 一,二", "一\n二\\")], MADE
    ).decode()
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    for line in ("DTSTAMP:20261121T060000Z", "DTSTART;VALUE=DATE:20261231", "DTEND;VALUE=DATE:20270101",
                 "SUMMARY:報告\\; 一\\,二", "DESCRIPTION:一\\n二\\\\", "TRIGGER:-P30D", "TRIGGER:-P7D"):  # fmt: skip
        assert f"\r\n{line}\r\n" in text
    done = calendar("x", [Event("a", date(2026, 12, 31), "x", "", done=True)], MADE)
    assert b"VALARM" not in done


@given(st.text())
def test_lines_are_short_and_unfold_to_what_they_were(text: str) -> None:
    line = "SUMMARY:" + escaped(text)
    pieces = folded(line).split("\r\n")
    assert all(len(one.encode()) <= 75 for one in pieces)
    assert all(one.startswith(" ") for one in pieces[1:])
    assert pieces[0] + "".join(one[1:] for one in pieces[1:]) == line


@given(st.text())
def test_a_text_never_ends_its_line(text: str) -> None:
    assert not set(escaped(text)) & set("\r\n\x00")
