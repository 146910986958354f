"""Calendars as RFC 5545 says: whole-day events with a reminder, lines of 75 octets at most."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import msgspec

_LONGEST = 75
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


class Event(msgspec.Struct, frozen=True):
    """A whole day; ``remind_days`` before it a reminder; ``done`` takes the reminder away."""

    uid: str
    day: date
    summary: str
    description: str
    remind_days: tuple[int, ...] = (30, 7)
    done: bool = False


def calendar(name: str, events: Iterable[Event], made: datetime) -> bytes:
    """Return the calendar; ``made`` is its DTSTAMP."""
    stamp = made.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Sekisho//duties//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    lines.append(f"X-WR-CALNAME:{escaped(name)}")
    for one in events:
        after = one.day + timedelta(days=1)
        lines += [
            "BEGIN:VEVENT", f"UID:{escaped(one.uid)}", f"DTSTAMP:{stamp}", f"DTSTART;VALUE=DATE:{one.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{after:%Y%m%d}", f"SUMMARY:{escaped(one.summary)}",
            f"DESCRIPTION:{escaped(one.description)}", "TRANSP:TRANSPARENT",
        ]  # fmt: skip
        for days in () if one.done else one.remind_days:
            lines += [
                "BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-P{days}D", f"DESCRIPTION:{escaped(one.summary)}", "END:VALARM",
            ]  # fmt: skip
        lines.append("END:VEVENT")
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(one)}\r\n" for one in lines).encode()


def escaped(text: str) -> str:
    """Return a TEXT value (RFC 5545, 3.3.11) without controls."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(
        sign for sign in plain if sign == "\n" or (sign.isprintable() and not "\ud800" <= sign <= "\udfff")
    )
    return kept.translate(_ESCAPED)


def folded(line: str) -> str:
    """Return a line in pieces of 75 octets at most (RFC 5545, 3.1); no sign is cut in two."""
    pieces, piece, octets = [], "", 0
    for sign in line:
        length = len(sign.encode())
        if octets + length > _LONGEST:
            pieces.append(piece)
            piece, octets = " ", 1
        piece += sign
        octets += length
    return "\r\n".join((*pieces, piece))
