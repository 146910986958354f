"""Moments as people in Japan write them: ISO 8601, 2026/11/21 14:20, 2026年11月21日14時20分, 令和８年…, R8.11.21, full-width."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone, tzinfo

#: Era sign or name → the year before its first, and its first and last day.
_ERAS = {
    "令和": (2018, date(2019, 5, 1), date.max),
    "平成": (1988, date(1989, 1, 8), date(2019, 4, 30)),
}
_SIGNS = {"R": "令和", "H": "平成"}
_TEXT = re.compile(
    r"(?P<era>令和|平成|[RH])?\s*(?P<year>元|\d{1,4})(?:年|[-/.])\s*(?P<month>\d{1,2})(?:月|[-/.])\s*(?P<day>\d{1,2})日?"
    r"(?:\s*[T ]?\s*(?P<hour>\d{1,2})(?::|時)\s*(?:(?P<minute>\d{1,2})分?)?(?::?(?P<second>\d{1,2})(?:\.\d+)?秒?)?)?"
    r"\s*(?P<zone>Z|JST|UTC|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
#: What lies outside is a slip of the pen, and no calendar arithmetic may run over the ends of time.
_YEARS = range(1900, 3000)
_LAST_HOUR = 24


def read_moment(text: str, zone: tzinfo) -> datetime:
    """Return the moment; without an offset of its own it is in ``zone``. ``24:00`` is the next day's midnight.

    Its offset is a fixed one: between two moments of a zone with summer time Python would count by the wall clock.

    :raises ValueError: the reason id: ``not-a-time``, ``no-time-of-day``, ``no-such-moment``, ``outside-the-era``,
        ``twice-or-never``: clocks are put forward or back then, and the text names no offset
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _TEXT.fullmatch(plain)
    if found is None:
        raise ValueError("not-a-time")
    if found["hour"] is None:
        raise ValueError("no-time-of-day")
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if hour > _LAST_HOUR or (hour == _LAST_HOUR and (minute or second)):
        raise ValueError("no-such-moment")
    try:
        day = date(_year(found), int(found["month"]), int(found["day"]))
        _in_era(found["era"], day)
        when = datetime(day.year, day.month, day.day, hour % _LAST_HOUR, minute, second, tzinfo=zone)
        own = _zone(found["zone"])
    except ValueError as error:
        raise ValueError(str(error) if str(error) == "outside-the-era" else "no-such-moment") from error
    when = when.replace(tzinfo=own) if own else when
    return _fixed(when + timedelta(days=1) if hour == _LAST_HOUR else when)


def _fixed(when: datetime) -> datetime:
    offset = when.utcoffset()
    if offset is None or offset != when.replace(fold=1).utcoffset():
        raise ValueError("twice-or-never")
    return when.replace(tzinfo=timezone(offset))


def read_day(text: str) -> date:
    """Return the day, written in any of these ways, without a time of day.

    :raises ValueError: the reason id: ``not-a-day``, ``no-such-moment``, ``outside-the-era``
    """
    found = _TEXT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None or found["hour"] is not None or found["zone"]:
        raise ValueError("not-a-day")
    try:
        day = date(_year(found), int(found["month"]), int(found["day"]))
        _in_era(found["era"], day)
    except ValueError as error:
        raise ValueError(str(error) if str(error) == "outside-the-era" else "no-such-moment") from error
    return day


def _era(name: str) -> str:
    return _SIGNS.get(name.upper(), name)


def _year(found: re.Match[str]) -> int:
    year = 1 if found["year"] == "元" else int(found["year"])
    if found["era"]:
        year += _ERAS[_era(found["era"])][0]
    elif found["year"] == "元":
        raise ValueError("year")
    if year not in _YEARS:
        raise ValueError("year")
    return year


def _in_era(name: str | None, day: date) -> None:
    if name:
        _, first, last = _ERAS[_era(name)]
        if not first <= day <= last:
            raise ValueError("outside-the-era")


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text.upper() == "JST":
        text = "+09:00"
    elif text.upper() == "UTC":
        text = "Z"
    return datetime.fromisoformat(f"2000-01-01T00:00:00{text.upper()}").tzinfo
