"""Alarms out of files: syslog (RFC 5424, RFC 3164), alerts of Prometheus, tickets as CSV, detections of the watch.

A line that can't be read is left out with its number and reason, and never stops the rest.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_moment
from sekisho.language import Text
from sekisho.model.alarm import Alarm, LeftOut

#: A syslog message may be long (RFC 5424, 6.1); what is longer than this is no message.
_LONGEST = 8_192
_PRIORITY = re.compile(r"<(\d{1,3})>")
_RFC5424 = re.compile(
    r"1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<id>\S+) "
    r"(?:-|(?P<data>(?:\[(?:[^\]\\\"]|\\.|\"(?:[^\"\\]|\\.)*\")*\])+))(?: \ufeff?(?P<message>.*))?"
)
_RFC3164 = re.compile(
    r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (?P<host>\S+) "
    r"(?:(?P<app>[^\s:\[]{1,64})(?:\[(?P<process>[^\]]{0,64})\])?: ?)?(?P<message>.*)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")
_HIGHEST_PRIORITY = 191
Read = tuple[tuple[Alarm, ...], tuple[LeftOut, ...]]


def read_syslog(text: str, zone: tzinfo, latest: datetime) -> Read:
    """Return the messages of a syslog file, with or without ``<priority>``.

    RFC 3164 tells no year and no zone: the year is the last one in which the moment is not after ``latest`` (by more
    than a day), the zone is ``zone``.
    """
    alarms, left = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            alarms.append(_message(line, f"line {number}", zone, latest))
        except ValueError as error:
            left.append(LeftOut(f"line {number}", str(error), line[:120]))
    return tuple(alarms), tuple(left)


def _message(line: str, where: str, zone: tzinfo, latest: datetime) -> Alarm:
    if len(line) > _LONGEST:
        raise ValueError("too-long")
    fields = {}
    if head := _PRIORITY.match(line):
        if int(head[1]) > _HIGHEST_PRIORITY:
            raise ValueError("not-syslog")
        fields = {"facility": str(int(head[1]) // 8), "severity": _SEVERITIES[int(head[1]) % 8]}
        line = line[head.end() :]
    found = _RFC5424.fullmatch(line) or _RFC3164.fullmatch(line)
    if found is None:
        raise ValueError("not-syslog")
    time = found["time"]
    when = _short(time, zone, latest) if time[0].isalpha() else read_moment(time, zone)
    fields |= {
        name: value for name, value in found.groupdict().items() if value and value != "-" and name != "time"
    }
    return Alarm(when, {"message": "", **fields}, where)


def _short(text: str, zone: tzinfo, latest: datetime) -> datetime:
    """Read ``Nov  1 12:20:00``."""
    if text[:3] not in _MONTHS:
        raise ValueError("not-a-time")
    month, day, clock = _MONTHS.index(text[:3]) + 1, text[4:6].strip(), text[7:]
    year = latest.astimezone(zone).year
    for one in (year + 1, year, year - 1, year - 2, year - 3, year - 4):
        try:
            when = read_moment(f"{one:04}-{month:02}-{int(day):02} {clock}", zone)
        except ValueError:  # 29 February, or no such moment in any year
            continue
        if when <= latest + timedelta(days=1):
            return when
    raise ValueError("no-such-moment")


def read_alerts(text: str, zone: tzinfo) -> Read:
    """Return the alerts of Alertmanager (webhook, one or several as JSON lines; API v2) or of Prometheus' own API.

    :raises DescriptionError: no JSON of that kind
    """
    newest: dict[tuple[str, str], Alarm] = {}
    left: list[LeftOut] = []
    for where, alert in _alerts(text):
        try:
            one = _alert(alert, where, zone)
        except ValueError as error:
            left.append(LeftOut(where, str(error), str(alert)[:120]))
            continue
        before = newest.get((one.key, str(one.begin)))
        if before is None or before.end is None:
            newest[one.key, str(one.begin)] = one
    return tuple(newest.values()), tuple(left)


def _alerts(text: str) -> Iterator[tuple[str, Any]]:
    for where, document in _documents(text):
        found = document
        if isinstance(found, dict):
            inner = found.get("data", found)
            found = inner.get("alerts") if isinstance(inner, dict) else None
        if not isinstance(found, list):
            raise DescriptionError(REASONS["not-alerts"], where)
        for number, one in enumerate(found, 1):
            yield f"{where}, alert {number}", one


def _documents(text: str) -> Iterator[tuple[str, Any]]:
    try:
        yield "line 1", msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield f"line {number}", msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise DescriptionError(REASONS["not-json"], f"line {number}: {error}") from error


def _alert(alert: Any, where: str, zone: tzinfo) -> Alarm:
    if not isinstance(alert, dict):
        raise ValueError("not-alerts")  # noqa: TRY004 - reasons are ids of one kind
    labels, notes = _texts(alert.get("labels")), _texts(alert.get("annotations"))
    begin = alert.get("startsAt", alert.get("activeAt"))
    if not labels or not isinstance(begin, str):
        raise ValueError("not-alerts")
    state = alert.get("status", alert.get("state"))
    if state == "pending":  # Prometheus: the condition has not held long enough yet to be an alert
        raise ValueError("pending")
    # API v2 tells in endsAt when an alert lapses unless it is repeated: only "resolved" is an end.
    end = read_moment(str(alert.get("endsAt")), zone) if state == "resolved" else None
    key = str(alert.get("fingerprint") or sorted(labels.items()))
    message = notes.get("summary") or notes.get("description") or labels.get("alertname", "")
    return Alarm(read_moment(begin, zone), {"message": message, **notes, **labels}, where, end, key)


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}


def read_tickets(text: str) -> Read:
    """Return tickets: the first row names the columns, which are the fields; the rules say which hold the times.

    :raises DescriptionError: no CSV
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    names: list[str] = []
    alarms, left = [], []
    try:
        for row in reader:
            where = f"line {reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = [cell.strip() for cell in row]
            elif len(row) != len(names):
                left.append(LeftOut(where, "columns", ",".join(row)[:120]))
            else:
                fields = {name: cell.strip() for name, cell in zip(names, row, strict=True)}
                # A rule writes the message as the note unless it says otherwise; not every table has one.
                alarms.append(Alarm(None, {"message": "", **fields}, where))
    except csv.Error as error:
        raise DescriptionError(
            Text(ja="CSVの書式の誤り", en="not valid CSV"), f"line {reader.line_num}: {error}"
        ) from error
    return tuple(alarms), tuple(left)


def read_detections(text: str) -> Read:
    """Return detections of the watch: lines of its log, or what ``sekisho detect --json`` prints.

    Lines of subscribers stay pseudonyms. The last flow of a detection is no restoration, so no end is told.
    """
    alarms, left = [], []
    for where, one in _detections(text):
        found = one.get("detection", one) if isinstance(one, dict) else None
        begin = found.get("begin") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(begin, int):
            left.append(LeftOut(where, "not-detection", str(one)[:120]))
            continue
        fields = {name: _word(value) for name, value in found.items() if name != "evidence"}
        fields["message"] = " ".join(filter(None, (fields.get("method"), fields.get("reason"))))
        try:
            when = datetime.fromtimestamp(begin / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            left.append(LeftOut(where, "not-a-time", str(begin)))
            continue
        alarms.append(Alarm(when, fields, where, key=fields.get("id", "")))
    return tuple(alarms), tuple(left)


def _detections(text: str) -> Iterator[tuple[str, Any]]:
    for where, document in _documents(text):
        found = document.get("detections") if isinstance(document, Mapping) else document
        if isinstance(found, list):
            yield from ((f"{where}, detection {number}", one) for number, one in enumerate(found, 1))
        else:
            yield where, document


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_word, value))
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
