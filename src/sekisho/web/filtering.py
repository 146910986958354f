"""Filters as they stand in the URL: moments, days, lines; what can't be read is refused in words."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.web.asked import Asked

_LINE = re.compile(r"L?([0-9a-f]{1,16})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AGO = re.compile(r"([0-9]{1,5})([mhd])")
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MOST_LINE = 1 << 63
_MOST_MOMENT = 1 << 53


def moment(asked: Asked, name: str, *, ends: bool = False) -> int:
    """Return milliseconds of a parameter, 0 without one: a day, a time, ``7d`` before now, or milliseconds.

    :param ends: a day stands for its end
    :raises DescriptionError: it is no moment
    """
    text = asked.query.get(name, "").strip()
    if not text:
        return 0
    if text.isascii() and text.isdecimal() and int(text) < _MOST_MOMENT:
        return int(text)
    if found := _AGO.fullmatch(text):
        return max(1, asked.now - int(found[1]) * _UNITS[found[2]])
    try:
        parsed = datetime.fromisoformat(text)
        parsed += timedelta(days=1) if ends and _DAY.fullmatch(text) else timedelta()
        local = (
            parsed
            if parsed.tzinfo
            else parsed.replace(tzinfo=asked.zone)
            if asked.zone
            else parsed.astimezone()
        )
        return max(1, int(local.timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        raise DescriptionError(
            Text(ja="日時が読めない", en="that is not a time"),
            f"{name}={text[:60]}",
            Text(
                ja="例：2026-11-21、2026-11-21T09:00、7d", en="for example 2026-11-21, 2026-11-21T09:00, 7d"
            ),
        ) from None


def day(asked: Asked, name: str, *, ends: bool = False) -> str:
    """Return a parameter as a field for days shows it; empty for none."""
    milliseconds = moment(asked, name, ends=ends)
    if not milliseconds:
        return ""
    try:
        shown = datetime.fromtimestamp((milliseconds - (1 if ends else 0)) / 1000, asked.zone)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{shown:%Y-%m-%d}"


def line(text: str) -> int | None:
    """Return the pseudonym that people copied (``L6440003f``); None for an empty text.

    :raises DescriptionError: it is none
    """
    if not text.strip():
        return None
    found = _LINE.fullmatch(text.strip())
    if not found or int(found[1], 16) >= _MOST_LINE:
        raise DescriptionError(
            Text(
                ja="回線の仮名ではない（例 L6440003f）", en="not the pseudonym of a line, such as L6440003f"
            ),
            text.strip()[:60],
        )
    return int(found[1], 16)
