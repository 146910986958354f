"""Fields of forms as values: days and counts; what can't be read is refused in words."""

from __future__ import annotations

from datetime import date

from sekisho.errors import DescriptionError
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_day
from sekisho.language import Text
from sekisho.web.asked import Asked

_MOST_DIGITS = 15


def day_or_none(asked: Asked, name: str) -> date | None:
    """Return the day of a field, None when it is empty. :raises DescriptionError: it is no day."""
    text = asked.form.get(name, "").strip()
    try:
        return read_day(text) if text else None
    except ValueError as error:
        raise DescriptionError(REASONS[str(error)], f"{name}={text[:40]}") from None


def day(asked: Asked, name: str) -> date:
    """Return the day of a field. :raises DescriptionError: it is none, or empty."""
    found = day_or_none(asked, name)
    if found is None:
        raise DescriptionError(Text(ja="日付が要る", en="a day is needed"), name)
    return found


def count(text: str) -> int | None:
    """Return a whole number of 0 or more; None for anything else."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) <= _MOST_DIGITS else None
