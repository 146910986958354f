"""Alarms out of files of four kinds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sekisho.errors import DescriptionError
from sekisho.formats.alarm_files import read_alerts, read_detections, read_syslog, read_tickets

JST = timezone(timedelta(hours=9))
NOW = datetime(2026, 1, 2, 9, tzinfo=JST)


def test_syslog_of_both_kinds() -> None:
    text = (
        '<187>1 2025-12-31T23:59:00.123+09:00 olt-1 dhcpd 77 LINK [a@1 b="c\\]"][d@1] \ufefflink 3 down\n'
        "<13>Dec 31 23:59:01 olt-1 kernel: eth0 up\n"
        "Jan  1 00:00:02 olt-2 sshd[12]: hello: world\n"
        "2026-01-01T00:00:03+09:00 olt-3 rsyslog form\n"
        "\n"
    )
    found, left = read_syslog(text, JST, NOW)
    assert left == ()
    assert [one.begin and one.begin.year for one in found] == [2025, 2025, 2026, 2026]
    assert found[0].fields == {
        "facility": "23", "severity": "error", "host": "olt-1", "app": "dhcpd", "process": "77", "id": "LINK",
        "data": '[a@1 b="c\\]"][d@1]', "message": "link 3 down",
    }  # fmt: skip
    assert found[2].fields == {"host": "olt-2", "app": "sshd", "process": "12", "message": "hello: world"}
    assert found[3].fields["message"] == "rsyslog form"


def test_syslog_that_is_none_names_line_and_reason() -> None:
    text = (
        "garbage\n<999>Dec 31 23:59:01 a b: c\nFeb 30 10:00:00 a b: c\nFoo 30 10:00:00 a b: c\n" + "x" * 9000
    )
    found, left = read_syslog(text, JST, NOW)
    assert found == ()
    assert [(one.line, one.reason) for one in left] == [
        ("line 1", "not-syslog"), ("line 2", "not-syslog"), ("line 3", "no-such-moment"), ("line 4", "not-a-time"),
        ("line 5", "too-long"),
    ]  # fmt: skip


def alert(**more: object) -> dict[str, object]:
    return {
        "labels": {"alertname": "Down", "site": "a"},
        "startsAt": "2026-01-01T03:00:00.123456789Z",
        **more,
    }


def test_webhooks_of_one_alert_are_one_alarm() -> None:
    firing = {"alerts": [alert(status="firing", endsAt="0001-01-01T00:00:00Z")]}
    resolved = {"alerts": [alert(status="resolved", endsAt="2026-01-01T03:10:00Z")]}
    found, left = read_alerts(f"{json.dumps(firing)}\n{json.dumps(resolved)}\n{json.dumps(firing)}", JST)
    assert left == ()
    assert [one.end for one in found] == [datetime(2026, 1, 1, 3, 10, tzinfo=UTC)]
    assert found[0].fields == {"message": "Down", "alertname": "Down", "site": "a"}


def test_an_end_that_is_only_a_lapse_is_no_end() -> None:
    listed = [alert(status={"state": "active"}, endsAt="2026-01-01T03:04:00Z", annotations={"summary": "s"})]
    found, _ = read_alerts(json.dumps(listed), JST)
    assert [(one.end, one.fields["message"]) for one in found] == [(None, "s")]


def test_prometheus_itself_and_what_is_pending() -> None:
    told = {"data": {"alerts": [
        {"labels": {"a": "b"}, "state": "firing", "activeAt": "2026-01-01T03:00:00Z"},
        {"labels": {"a": "b"}, "state": "pending", "activeAt": "2026-01-01T03:00:00Z"},
        {"labels": {}, "activeAt": 3}, "x",
    ]}}  # fmt: skip
    found, left = read_alerts(json.dumps(told), JST)
    assert len(found) == 1
    assert [(one.line, one.reason, one.fault) for one in left] == [
        ("line 1, alert 2", "pending", False), ("line 1, alert 3", "not-alerts", True),
        ("line 1, alert 4", "not-alerts", True),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["{", "3", '{"a": 1}', "[" * 100_000])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError):
        read_alerts(text, JST)


def test_tickets_and_rows_of_another_length() -> None:
    found, left = read_tickets('\ufeff番号,発生\nT1,"12:20\n過ぎ"\n\nT2\n')
    assert [one.fields for one in found] == [{"message": "", "番号": "T1", "発生": "12:20\n過ぎ"}]
    assert [(one.line, one.reason) for one in left] == [("line 5", "columns")]


def test_detections_of_log_and_command() -> None:
    one = {"id": "d1", "method": "ddos_participation", "reason": "flood", "begin": 1_767_236_400_000,
           "remotes": ["192.0.2.1:80/tcp"], "evidence": [{}], "subscriber": 7}  # fmt: skip
    for text in (json.dumps({"at": 1, "label": {}, "detection": one}), json.dumps({"detections": [one]})):
        found, left = read_detections(text)
        assert left == ()
        assert found[0].fields["message"] == "ddos_participation flood"
        assert found[0].fields["remotes"] == "192.0.2.1:80/tcp"
        assert "evidence" not in found[0].fields
    assert [one.reason for one in read_detections('{"begin": 1e99}\n{"begin": 99999999999999999}')[1]] == [
        "not-detection", "not-a-time",
    ]  # fmt: skip
