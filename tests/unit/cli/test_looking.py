"""What people type and read at the doors of the watch: times and pseudonyms, within what a calendar and a number hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import TZPATH

import click
import pytest

from fakes.command import typed
from sekisho.cli.looking import _put, clock, line_of, line_word, moment
from sekisho.cli.number_option import Number
from sekisho.errors import ReadingError

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


def test_tz_may_name_a_file_and_half_a_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ``TZ=:/etc/localtime``, which some systems set for everybody."""
    berlin = next(file for one in TZPATH if (file := Path(one, "Europe", "Berlin")).is_file()).read_bytes()
    file = tmp_path / "localtime"
    at = int(NOW.timestamp() * 1000)
    file.write_bytes(berlin)
    for name in (f":{file}", str(file)):
        monkeypatch.setenv("TZ", name)
        assert clock(at) == "2026-11-21 10:00:00+0100"
    monkeypatch.setenv("TZ", "XST-08:59")
    assert clock(at) == "2026-11-21 17:59:00+0859"
    footer = berlin.rindex(b"\n", 0, -1)
    for length in (0, 4, 100, footer, footer + 1, footer + 5, len(berlin) - 1):
        half = tmp_path / str(length)
        half.write_bytes(berlin[:length])
        monkeypatch.setenv("TZ", str(half))
        with pytest.raises(ReadingError):
            clock(at)


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


def test_a_file_that_refuses_what_is_written_is_named() -> None:
    with pytest.raises(OSError, match="No space left") as refused:
        _put("text", Path("/dev/full"))
    assert refused.value.filename == "/dev/full"


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "NaN", "1e999"])
def test_a_number_that_cannot_be_counted_to_is_refused(word: str) -> None:
    with pytest.raises(click.BadParameter):
        Number(0.1).convert(word, None, None)


def test_a_watch_for_ever_or_for_no_time_is_a_wrong_use(tmp_path: Path) -> None:
    for word in ("nan", "inf"):
        done = typed(("watch", "--data", tmp_path / "data", "--for", word, "--lang", "en"), timeout=30)
        assert (done.returncode, "is not a finite number" in done.stderr) == (2, True)
    assert not (tmp_path / "data").exists()
