"""An accident on record becomes a file that says the same."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest

from sekisho.formats.incident_file import read_toml
from sekisho.formats.incident_toml import write_toml
from sekisho.model.incident import Service, Threat
from sekisho.model.timeline import About, Details, Fact, What

JST = timezone(timedelta(hours=9))
BEGIN = datetime(2026, 11, 21, 12, 20, tzinfo=JST)
FACTS = (
    Fact(BEGIN, What.DOWN, "", Service.INTERNET, '東京 "都"', 41_000, None, "監視", "a\\b = [x]"),
    Fact(BEGIN, What.EQUIPMENT_DOWN, equipment="海底ケーブル", all_traffic=False),
    Fact(BEGIN, What.DEGRADED, "", Service.DATA, "*", 0, 5, unusable=True),
    Fact(BEGIN + timedelta(hours=1), What.RESTORED, "", Service.INTERNET),
)


@pytest.mark.parametrize(
    "about",
    [
        About(),
        About(
            "A1", "件名 # \\ \"'", "unknown", areas_apart=True, leaks=("secrecy",), leaked_users=3, target_minutes=0,
            threat=Threat(("no-stop",), carrier_users=50_000, terminal_side=False), designated=False,
            monthly_users={Service.FREE_MAIL: 12_000_000}, due={"serious": date(2026, 12, 18)},
            report=Details(cause="一行目\n二行目\t", measures="'''"),
        ),
    ],
)  # fmt: skip
def test_what_is_written_says_the_same(about: About) -> None:
    text = write_toml(about, FACTS)
    read, facts = read_toml(text, UTC, {"no-stop"}, {"serious"})
    assert read == about
    assert tuple(msgspec.structs.replace(one, line="") for one in facts) == FACTS


def test_signs_that_toml_forbids_are_escaped() -> None:
    title = "a\x7fb\x00c\x1f\u2028"
    assert tomllib.loads(write_toml(About(title=title), FACTS))["title"] == title


def test_none_is_an_answer_and_silence_is_not() -> None:
    fact = Fact(datetime(2026, 11, 21, 12, 20, tzinfo=UTC), What.KNOWN)
    for about in (About(), About(leaks=(), stopped_business=False, threat=Threat(events=()))):
        again, _ = read_toml(write_toml(about, [fact]), UTC, set(), set())
        assert again.answers == about.answers
