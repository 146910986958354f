"""Where the time of day comes in."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_JAPAN = timezone(timedelta(hours=9), "JST")
_NAMED = frozenset({"JST", "UTC"})


def now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is where time comes in


def milliseconds() -> int:
    """Return the time of day in milliseconds of the Unix epoch."""
    return int(now().timestamp() * 1000)


def zone() -> tzinfo:
    """Return the zone in which people read and write times: that of the variable TZ; Japan's when it isn't set."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        return _JAPAN
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):  # no name of the tz database, but perhaps one of the C library ("JST-9")
        return now().astimezone().tzinfo or UTC


def local() -> datetime:
    """Return the time of day in the zone in which times are printed: its day is the day of whoever signs or tests."""
    return now().astimezone(zone())


def shown(milliseconds: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a moment for people, always with its zone; one that no calendar has stays a number."""
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone())
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    name = when.tzname() or ""
    return f"{when:{form}} {name}" if name in _NAMED else f"{when:{form}}{when:%z}"
