"""What people type and read at the doors of the watch: times and pseudonyms, within what a calendar and a number hold."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from sekisho.cli.looking import clock, line_of, line_word, moment

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize("milliseconds", [1 << 50, 1 << 63, -(1 << 62)])
def test_a_moment_that_no_calendar_has_stays_a_number(milliseconds: int) -> None:
    assert clock(milliseconds) == f"{milliseconds} ms"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (None, "2026-11-21 18:00:00 JST"),
        ("", "2026-11-21 18:00:00 JST"),
        ("Asia/Tokyo", "2026-11-21 18:00:00 JST"),
        ("UTC", "2026-11-21 09:00:00 UTC"),
        ("Europe/Berlin", "2026-11-21 10:00:00+0100"),
    ],
)
def test_times_are_of_japan_unless_tz_says_otherwise_and_name_their_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str | None, shown: str
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    if zone is not None:
        monkeypatch.setenv("TZ", zone)
    at = int(NOW.timestamp() * 1000)
    assert clock(at) == shown
    assert moment(shown[:19], NOW) == at
    assert moment("2026-11-21T09:00+00:00", NOW) == at


@pytest.mark.parametrize(
    "word", ["Lffffffffffffffffff", "L8000000000000000", "", "L", "L-5", "L_1", "0x1", "L12G"]
)
def test_what_is_no_pseudonym_is_refused(word: str) -> None:
    with pytest.raises(click.UsageError):
        line_of(word)


@pytest.mark.parametrize("line", [1, 0x6440003F, (1 << 63) - 1])
def test_a_pseudonym_reads_as_it_is_written(line: int) -> None:
    assert line_of(line_word(line)) == line_of(line_word(line).removeprefix("L")) == line


@pytest.mark.parametrize("word", ["9999999d", "99999999999999999999h", "٧d"])
def test_a_span_beyond_all_times_is_refused(word: str) -> None:
    with pytest.raises(click.UsageError):
        moment(word, NOW)
