"""The interval that a page is about, out of its URL: ``since`` and ``until``, as milliseconds or as a form's local time."""

from __future__ import annotations

from datetime import datetime, tzinfo

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.web.asked import Asked

HOUR = 3_600_000
DAY = 24 * HOUR
_LATEST = 253_402_300_799_000


def moment(asked: Asked, name: str) -> int:
    """Return a moment of the URL in milliseconds, 0 when it isn't given.

    :raises DescriptionError: it is neither milliseconds nor a local time like ``2026-11-21T11:00``
    """
    told = asked.query.get(name, "").strip()
    if not told:
        return 0
    if told.isascii() and told.isdigit() and len(told) <= len(str(_LATEST)):
        return min(int(told), _LATEST)
    try:
        when = datetime.fromisoformat(told)
        return int((when if when.tzinfo else when.replace(tzinfo=asked.zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise DescriptionError(
            Text(ja="時刻が読めない", en="can't read the time"),
            f"{name}={told[:40]}",
            Text(ja="2026-11-21T11:00 の形で書く", en="write it like 2026-11-21T11:00"),
        ) from error


def interval(asked: Asked) -> Window | None:
    """Return the interval of the URL; None when it names none.

    :raises DescriptionError: it ends before it begins, or a time can't be read
    """
    since, until = moment(asked, "since"), moment(asked, "until")
    if not since and not until:
        return None
    end = until or asked.now
    if since >= end:
        raise DescriptionError(
            Text(ja="終わりが始まりより前にある", en="the end is before the beginning"), f"{since} – {end}"
        )
    return Window(since, end)


def local(milliseconds: int, zone: tzinfo | None) -> str:
    """Return a moment as the field ``datetime-local`` of a form wants it."""
    return datetime.fromtimestamp(milliseconds / 1000, zone).strftime("%Y-%m-%dT%H:%M") if milliseconds else ""


def step_of(window: Window, most: int = 96) -> int:
    """Return a round step, in milliseconds, that cuts a window into at most ``most`` parts."""
    minute = HOUR // 60
    for one in (minute, 5 * minute, 15 * minute, 30 * minute, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY):
        if (window.end - window.begin) / one <= most:
            return one
    return 365 * DAY
