"""Where the time of day comes in."""

from __future__ import annotations

import io
import os
import re
import struct
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from sekisho.errors import ReadingError
from sekisho.language import Text

_JAPAN = timezone(timedelta(hours=9), "JST")
_NAMED = frozenset({"JST", "UTC"})
# A zone as POSIX writes it, like JST-9: hours west of Greenwich. With summer time its own rules would be needed.
_POSIX = re.compile(r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)([+-]?)(\d{1,2})(?::([0-5]\d))?")
_HOURS = 24  # fewer than these: no offset of a datetime is a whole day, though POSIX allows one
_MOST_FILE = 1 << 16
# A KeyError when the tz database has none of that name, an AssertionError or struct.error when a file is damaged.
_NONE = (AssertionError, KeyError, ValueError, OSError, struct.error)


def now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is where time comes in


def milliseconds() -> int:
    """Return the time of day in milliseconds of the Unix epoch."""
    return int(now().timestamp() * 1000)


def zone() -> tzinfo:
    """Return the zone in which people read and write times: that of the variable TZ; Japan's when it isn't set.

    :raises ReadingError: there is no such zone; the C library would take it for UTC without a word
    """
    said = os.environ.get("TZ", "")
    name = said.removeprefix(":")
    if not name:
        return _JAPAN
    try:
        return _of_file(Path(name)) if name.startswith("/") else ZoneInfo(name)
    except _NONE:
        found = _POSIX.fullmatch(name)
        if found is None or int(found[3]) > _HOURS - 1:
            raise ReadingError(
                Text(ja="環境変数 TZ の時間帯はない", en="the variable TZ names no time zone"), f"TZ={said[:60]}",
                Text(ja="例：Asia/Tokyo、JST-9、UTC。なければ日本時間", en="such as Asia/Tokyo, JST-9, UTC; without it: Japan's"),
            ) from None  # fmt: skip
    west = timedelta(hours=int(found[3]), minutes=int(found[4] or 0))
    return timezone(west if found[2] == "-" else -west, found[1].strip("<>"))


@lru_cache(maxsize=4)  # as `ZoneInfo` keeps those that it knows by name
def _of_file(path: Path) -> ZoneInfo:
    """Return the zone of a file, such as /etc/localtime."""
    if not path.is_file():
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        octets = file.read(_MOST_FILE)
    if octets[:4] != b"TZif" or not octets.endswith(b"\n"):
        raise ValueError(path)
    return ZoneInfo.from_file(
        io.BytesIO(octets + b"#\n")
    )  # of half a file it would look for the end of a line for ever


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
