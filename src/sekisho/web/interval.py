"""The interval that a page is about, out of its URL, and the round steps that cut it into marks."""

from __future__ import annotations

from datetime import datetime, tzinfo

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.detection import Window
from sekisho.web.asked import Asked
from sekisho.web.filtering import moment

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_STEPS = (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY)
# Beyond this a program that is asked for years of minutes would be asked for too much.
_LONGEST = 3 * 365 * DAY


def interval(asked: Asked) -> Window | None:
    """Return the interval of ``since`` and ``until``; None when the URL names neither.

    :raises DescriptionError: it ends before it begins, it is too long, or a time can't be read
    """
    since, until = moment(asked, "since"), moment(asked, "until", ends=True)
    if not since and not until:
        return None
    end = until or asked.now
    begin = since or end - DAY
    if begin >= end:
        raise DescriptionError(
            Text(ja="終わりが始まりより前にある", en="the end is before the beginning"), f"{begin} – {end}"
        )
    if end - begin > _LONGEST:
        raise DescriptionError(Text(ja="区間が長すぎる（3年まで）", en="too long: three years at most"))
    return Window(begin, end)


def local(milliseconds: int, zone: tzinfo | None) -> str:
    """Return a moment as the field ``datetime-local`` of a form wants it; empty for none."""
    return (
        datetime.fromtimestamp(milliseconds / 1000, zone).strftime("%Y-%m-%dT%H:%M") if milliseconds else ""
    )


def step_of(window: Window, most: int = 96) -> int:
    """Return a round step, in milliseconds, that cuts a window into at most ``most`` parts."""
    return next((one for one in _STEPS if (window.end - window.begin) / one <= most), 90 * DAY)
