"""Alarms become facts by the operator's rules."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from sekisho.errors import DescriptionError
from sekisho.formats.alarm_files import read_alerts, read_syslog, read_tickets
from sekisho.formats.alarm_rules import facts, read_rules, reason_words
from sekisho.formats.incident_file import read_csv, write_csv
from sekisho.model.alarm import Imported
from sekisho.model.incident import Service
from sekisho.model.timeline import Fact, What

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 11, 22, 9, tzinfo=JST)
SYSLOG = r"""
[[rules]]
what = "down"
match = { host = "olt-(?P<site>.*)", message = "port (?P<port>\\d+) down(?: (?P<users>\\d+))?" }
service = "internet"
area = "{site}"
users = "{users}"
key = "{host}/{port}"
[[rules]]
what = "restored"
match = { host = "olt-(?P<site>.*)", message = "port (?P<port>\\d+) up" }
service = "internet"
area = "{site}"
key = "{host}/{port}"
"""


def imported(text: str, rules: str = SYSLOG) -> Imported:
    alarms, left = read_syslog(text, JST, NOW)
    assert left == ()
    return facts(alarms, read_rules(rules), JST, "s.log")


def short(found: Imported) -> list[tuple[str, str, str, int | None, int | None]]:
    return [
        (f"{one.time:%H:%M}", one.what.value, one.area, one.users_least, one.users_most)
        for one in found.facts
    ]


def test_overlapping_troubles_are_down_from_first_to_last() -> None:
    found = imported(
        "Nov 21 12:00:00 olt-a x: port 1 down 100\nNov 21 12:05:00 olt-a x: port 2 down 300\n"
        "Nov 21 12:10:00 olt-a x: port 1 up\nNov 21 12:20:00 olt-b x: port 1 down\n"
        "Nov 21 12:30:00 olt-a x: port 2 up\nNov 21 12:30:00 olt-a x: unrelated\n"
        "Nov 21 12:40:00 olt-a x: port 9 up\n"
    )
    assert short(found) == [
        ("12:00", "down", "a", 100, 100), ("12:05", "users-now", "a", 300, 400), ("12:10", "users-now", "a", 300, 300),
        ("12:20", "down", "b", None, None), ("12:30", "restored", "a", None, None),
    ]  # fmt: skip
    assert [(one.line, one.reason, one.fault) for one in found.left_out] == [
        ("line 6", "no-rule", False), ("line 7", "restored-before-failed", True),
    ]  # fmt: skip
    assert reason_words(found.left_out[1]).en == "restored before it failed"


def test_one_without_an_area_does_not_restore_the_others() -> None:
    rules = SYSLOG.replace('area = "{site}"', 'area = ""', 1)
    rules = rules.replace('what = "down"', 'what = "down"', 1)
    both = (
        '[[rules]]\nwhat="down"\nmatch={message="all down"}\nservice="internet"\nkey="w"\n'
        '[[rules]]\nwhat="restored"\nmatch={message="all up"}\nservice="internet"\nkey="w"\n' + SYSLOG
    )
    found = imported(
        "Nov 21 12:00:00 olt-a x: port 1 down\nNov 21 12:05:00 x x: all down\nNov 21 12:10:00 x x: all up\n",
        both,
    )
    assert short(found)[-1] == ("12:10", "restored", "*", None, None)


def test_worse_and_better_again() -> None:
    rules = """
[[rules]]
what = "degraded"
match = { alertname = "Slow" }
service = "voice"
[[rules]]
what = "down"
match = { alertname = "Dead" }
service = "voice"
users = "{lines}"
[[rules]]
what = "equipment-down"
match = { alertname = "Cable" }
equipment = "cable {name}"
all_traffic = "yes"
"""
    text = """[
 {"labels": {"alertname": "Slow"}, "startsAt": "2026-11-21T12:00:00+09:00", "endsAt": "2026-11-21T13:00:00+09:00", "status": "resolved"},
 {"labels": {"alertname": "Dead", "lines": "5万"}, "startsAt": "2026-11-21T12:10:00+09:00", "endsAt": "2026-11-21T12:20:00+09:00", "status": "resolved"},
 {"labels": {"alertname": "Cable", "name": "A"}, "startsAt": "2026-11-21T12:15:00+09:00", "status": "firing"},
 {"labels": {"alertname": "Cable"}, "startsAt": "2026-11-21T12:15:00+09:00", "status": "firing"},
 {"labels": {"alertname": "Dead", "lines": "-1"}, "startsAt": "2026-11-21T12:15:00+09:00", "status": "firing"},
 {"labels": {"alertname": "Slow", "x": "1"}, "startsAt": "2026-11-21T12:15:00+09:00", "endsAt": "2026-11-21T12:00:00+09:00", "status": "resolved"}
]"""
    alarms, _ = read_alerts(text, JST)
    found = facts(alarms, read_rules(rules), JST, "x")
    assert short(found) == [
        ("12:00", "degraded", "", None, None), ("12:10", "down", "", 50_000, None),
        ("12:15", "equipment-down", "", None, None), ("12:20", "degraded", "", None, None),
        ("13:00", "restored", "", None, None),
    ]  # fmt: skip
    assert found.facts[2].all_traffic is True
    assert [one.reason for one in found.left_out] == ["description", "description", "ended-before-it-began"]
    assert "{name}" in found.left_out[0].text, "which field is missing is told"


def test_tickets_by_their_columns() -> None:
    rules = """
[tickets]
begin = "{発生日時}"
end = "{復旧日時}"
[[rules]]
what = "down"
match = { "分類" = "障害" }
service = "{サービス}"
area = "{地域}"
users = "{影響}"
source = "チケット {番号}"
note = ""
"""
    text = (
        "番号,分類,サービス,地域,影響,発生日時,復旧日時\n"
        "7,障害,インターネット接続,東京,３万～４万,令和８年11月21日12時20分,R8.11.21 13:05\n"
        "8,障害,不明なもの,東京,1,R8.11.21 12:00,\n9,質問,,,,,\n10,障害,data,東京,1,昨日,\n"
    )
    alarms, _ = read_tickets(text)
    found = facts(alarms, read_rules(rules), JST, "t.csv")
    assert short(found) == [
        ("12:20", "down", "東京", 30_000, 40_000),
        ("13:05", "restored", "東京", None, None),
    ]
    assert found.facts[0].source == "チケット 7"
    assert [(one.line, one.reason) for one in found.left_out] == [
        ("line 3", "description"), ("line 4", "no-rule"), ("line 5", "not-a-time"),
    ]  # fmt: skip
    assert "unknown" not in reason_words(found.left_out[0]).ja
    assert read_csv(write_csv(found.facts), JST)[1] == tuple(
        Fact(
            **{name: getattr(one, name) for name in Fact.__struct_fields__ if name != "line"},
            line=f"line {number}",
        )
        for number, one in enumerate(found.facts, 2)
    )


def test_lasting_facts_ask_for_what_they_are_about() -> None:
    for what, reason in ((What.DOWN, "service-missing"), (What.EQUIPMENT_DOWN, "equipment-missing")):
        found = imported("Nov 21 12:00:00 a x: y\n", f'[[rules]]\nwhat = "{what}"\n')
        assert [one.reason for one in found.left_out] == [reason]


@pytest.mark.parametrize(
    "text", ["", "[[rules]]\nwhat='x'", "[[rules]]\nwhat='down'\nmatch={a='('}", "[[rules]]\nb=1"]
)
def test_wrong_rules_are_refused(text: str) -> None:
    with pytest.raises(DescriptionError):
        read_rules(text)


def test_an_end_needs_nothing_but_the_key_of_what_it_ends() -> None:
    rules = SYSLOG.split("[[rules]]")
    end = '\nwhat = "restored"\nmatch = { message = "port (?P<port>\\\\d+) up" }\nkey = "{host}/{port}"\n'
    found = imported(
        "Nov 21 12:00:00 olt-a x: port 1 down 100\nNov 21 12:05:00 olt-b x: port 1 down 300\n"
        "Nov 21 12:10:00 olt-a x: port 1 up\nNov 21 12:20:00 olt-a x: port 1 up\n",
        "[[rules]]".join([rules[0], rules[1], end]),
    )
    assert short(found) == [
        ("12:00", "down", "a", 100, 100), ("12:05", "down", "b", 300, 300), ("12:10", "restored", "a", None, None),
    ]  # fmt: skip
    assert [one.service for one in found.facts] == [Service.INTERNET] * 3
    assert [(one.line, one.reason) for one in found.left_out] == [("line 4", "restored-before-failed")]
    # Where it names another service or area than the one that is down, it doesn't end it.
    elsewhere = imported(
        "Nov 21 12:00:00 olt-a x: port 1 down 100\nNov 21 12:10:00 olt-a x: port 1 up\n",
        "[[rules]]".join([rules[0], rules[1], end + 'area = "b"\n']),
    )
    assert [one.what for one in elsewhere.facts] == [What.DOWN]
    assert [one.reason for one in elsewhere.left_out] == ["restored-before-failed"]


def test_an_alarm_that_does_not_tell_users_is_an_outage_for_nobody_knows_how_many() -> None:
    alert = {
        "labels": {"alertname": "OltDown", "site": "tokyo"},
        "startsAt": "2026-11-21T03:20:00Z",
        "state": "firing",
    }
    rules = '[[rules]]\nwhat="down"\nservice="internet"\narea="{site}"\nusers="{subscribers}"\n'
    alarms, left = read_alerts(json.dumps({"data": {"alerts": [alert]}}), JST)
    assert (len(alarms), left) == (1, ())
    found = facts(alarms, read_rules(rules), JST, "a.json")
    assert short(found) == [("03:20", "down", "tokyo", None, None)]
    assert [(one.reason, one.fault, one.text) for one in found.left_out] == [
        ("users-missing", True, "{subscribers}")
    ]
