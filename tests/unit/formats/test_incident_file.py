"""Files of an accident: TOML and CSV, Japanese and English, and the bad ones with their line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sekisho.errors import DescriptionError
from sekisho.formats.incident_file import read_csv, read_fact, read_toml, read_users
from sekisho.language import Language
from sekisho.model.incident import Service
from sekisho.model.timeline import What

JST = timezone(timedelta(hours=9))
CSV = """時刻,種別,役務,地域,利用者数,出所
令和８年11月21日12時20分,停止,インターネット接続,東京都,"４１，０００～６万",監視
2026/11/21 12:25,認知,,,,NOC
2026-11-21T13:00,利用者数,internet,東京都,3万以上,NOC
"""


def test_csv_in_japanese() -> None:
    _, facts = read_csv("\ufeff" + CSV, JST)
    first = facts[0]
    assert (first.time, first.what, first.service) == (
        datetime(2026, 11, 21, 12, 20, tzinfo=JST),
        What.DOWN,
        Service.INTERNET,
    )
    assert [(one.users_least, one.users_most) for one in facts] == [
        (41_000, 60_000),
        (None, None),
        (30_000, None),
    ]
    assert first.line == "line 2"


def test_toml() -> None:
    text = """
title = "x"
leaks = ["secrecy"]
[threat]
events = ["fire"]
carrier_users = 30000
[[facts]]
time = 2026-11-21T12:20:00+09:00
what = "equipment-down"
equipment = "cable"
all_traffic = true
[[facts]]
time = "R8.11.21 12:30"
what = "down"
service = "voice"
users = [10, 20]
"""
    about, facts = read_toml(text, JST, {"fire"}, {"serious"})
    assert about.leaks == ("secrecy",)
    assert (facts[0].all_traffic, facts[1].users_least, facts[1].users_most) == (True, 10, 20)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2026-02-30 10:00,停止,internet,,1,", "no such moment\n  → line 2: time: 2026-02-30 10:00"),
        ("2026-11-21 10:00,爆発,internet,,1,", "unknown kind of fact\n  → line 2: 爆発"),
        ("2026-11-21 10:00,停止,電報,,1,", "unknown service\n  → line 2: 電報"),
        ("2026-11-21 10:00,停止,internet,,-1,", "negative users\n  → line 2"),
        ("2026-11-21 10:00,停止,internet,,多数,", "not a number of users\n  → line 2"),
        ("2026-11-21 10:00,停止,internet", "another number of columns than the heading\n  → line 2"),
        (f"2026-11-21 10:00,停止,internet,,{'9' * 400},", "the number is too large\n  → line 2"),
        ("2026-11-21 10:00,停止,internet,,3万～9999999万,", "the number is too large\n  → line 2"),
        ("", "there are no facts"),
    ],
)
def test_bad_rows(row: str, said: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_csv("時刻,種別,役務,地域,利用者数,出所\n" + row, JST)
    assert said in caught.value.explain(Language.EN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "not valid TOML"),
        ("x = " + "9" * 5_000, "not valid TOML"),
        ("x = " + "[" * 50_000, "not valid TOML"),
        ("title = 'x'", "there are no facts"),
        ("tittle = 'x'\n[[facts]]\n", "a field has a wrong name or type"),
        ("leaks = ['all']\n[[facts]]\n", "unknown kind of leak"),
        ("threat.events = ['flood']\n[[facts]]\n", "unknown event of a threat"),
        ("due.tax = 2026-11-30\n[[facts]]\n", "unknown duty"),
        ("leaked_users = -1\n[[facts]]\n", "negative users"),
        (f"target_minutes = {10**20}\n[[facts]]\n", "the number is too large"),
        (f"threat.prefectures = {10**20}\n[[facts]]\n", "the number is too large"),
        (f"subscribers.internet = {10**20}\n[[facts]]\n", "the number is too large"),
        ("[[facts]]\ntime = 2026-11-21T10:00:00\nwhat = 'down'\nuser = 3\n", "unknown field"),
        (
            "[[facts]]\ntime = 2026-11-21T10:00:00\nwhat = 'down'\nunusable = 'perhaps'\n",
            "neither yes nor no",
        ),
        ("[[facts]]\ntime = 2026-11-21\nwhat = 'down'\n", "no time of day"),
    ],
)
def test_bad_toml(text: str, said: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_toml(text, JST, {"fire"}, {"serious"})
    assert said in caught.value.explain(Language.EN)


def test_a_column_twice_is_refused() -> None:
    for head in ("time,what,service,users,users", "time,what,service,users,利用者数"):
        with pytest.raises(DescriptionError, match="a column twice"):
            read_csv(f"{head}\n2026-11-21 10:00,down,internet,5,50000\n", JST)


def test_what_would_steer_a_terminal_is_replaced() -> None:
    _, facts = read_csv("time,what,source\n2026-11-21 10:00,note,\x1b[31mred\n", JST)
    assert facts[0].source == "\ufffd[31mred"


@pytest.mark.parametrize(
    "users", ["約2.9万", "約３万人", "およそ30000", "3万程度", "3万人弱", "4-6万", "1〜2万人"]
)
def test_a_number_of_unknown_width_is_refused_with_how_to_write_it(users: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_csv(f"time,what,service,users\n2026-11-21 12:20,down,internet,{users}\n", JST)
    assert "万" in refused.value.what.ja
    assert users in refused.value.where or "users" in refused.value.where


@pytest.mark.parametrize(
    ("users", "wanted"),
    [
        ("4万-6万", (40_000, 60_000)),
        ("500-2万", (500, 20_000)),
        ("0以上", (0, None)),
        ("2.8万~3.2万", (28_000, 32_000)),
    ],
)
def test_ranges_that_say_what_they_mean(users: str, wanted: tuple[int, int | None]) -> None:
    _, (fact,) = read_csv(f"time,what,service,users\n2026-11-21 12:20,down,internet,{users}\n", JST)
    assert (fact.users_least, fact.users_most) == wanted


@pytest.mark.parametrize("text", ["29999.9", "2.99999万", "0.5", "1-2.5"])
def test_users_are_never_rounded_over_a_threshold(text: str) -> None:
    with pytest.raises(DescriptionError, match="not a number of users"):
        read_users({"users": text}, "line 1")


def test_whole_numbers_of_ten_thousands_are_exact() -> None:
    assert read_users({"users": "2.9999万-4.1万"}, "") == (29_999, 41_000)
    assert read_users({"users": "30000.0"}, "") == (30_000, 30_000)


def test_a_sign_that_does_not_print_is_seen_in_a_note() -> None:
    fact = read_fact({"time": "2026-11-21 12:00", "what": "note", "note": "a\x00b\u202e ①"}, "", UTC)
    assert fact.note == "a\ufffdb\ufffd ①"
