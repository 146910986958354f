"""National holidays of Japan, as data with years of validity and a source; a year without data is unknown.

Days off that follow from the rules (Act on National Holidays, Article 3-2 and 3-3) and are in no source are computed
for the operator's own years and flagged ``computed``: somebody has to check them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import msgspec

from sekisho.errors import CatalogueError
from sekisho.language import Text
from sekisho.model.requirement import Confidence

_FILE = Path(__file__).parent / "holidays_jp.toml"
_DAY = timedelta(days=1)
_SUNDAY = 6


class Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One day off; ``kind``: holiday, substitute, between, operator, computed (to be checked by a person)."""

    name: str
    kind: str = "holiday"


class Holidays(msgspec.Struct, frozen=True):
    """The days off, and for which years anything is known of them."""

    days: Mapping[date, Holiday]
    years: frozenset[int]
    source: Text
    confidence: Confidence

    def known(self, day: date) -> bool:
        """Say whether the year's holidays are known at all."""
        return day.year in self.years

    def on(self, day: date) -> Holiday | None:
        """Return the holiday on that day."""
        return self.days.get(day)

    def to_check(self) -> tuple[date, ...]:
        """Return the days that were computed and stand in no source."""
        return tuple(sorted(day for day, one in self.days.items() if one.kind == "computed"))


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    valid_from: int
    valid_until: int
    confidence: Confidence
    source: Text
    days: dict[str, Holiday]


def holidays(own: Mapping[str, str] | None = None, file: Path = _FILE) -> Holidays:
    """Return the catalogue's days and the operator's ``own`` (ISO date → name).

    A year of ``own`` that the catalogue lacks counts as known, and the days that follow by Article 3 are computed.

    :raises CatalogueError: a date can't be read or lies outside the years of validity
    """
    found = _read(file)
    days: dict[date, Holiday] = {}
    for text, one in found.days.items():
        day = _date(text, file.name)
        if not found.valid_from <= day.year <= found.valid_until:
            raise _error("有効年の外の日付", "a date outside the years of validity", f"{file.name}: {text}")
        days[day] = one
    covered = set(range(found.valid_from, found.valid_until + 1))
    added = {_date(text, "holidays"): Holiday(name, "operator") for text, name in (own or {}).items()}
    new_years = {day.year for day in added} - covered
    days = {**added, **days}
    for day in follow({day for day in days if day.year in new_years}):
        days.setdefault(day, Holiday("休日（計算による）", "computed"))
    return Holidays(days, frozenset(covered | new_years), found.source, found.confidence)


def follow(days: set[date]) -> set[date]:
    """Return what Article 3 adds to the national holidays ``days``: days after a Sunday's, days between two."""
    added = set()
    for day in days:
        if day.weekday() == _SUNDAY:
            after = day + _DAY
            while after in days:
                after += _DAY
            added.add(after)
    added |= {day + _DAY for day in days if day + 2 * _DAY in days and day + _DAY not in days}
    return added


@cache
def _read(file: Path) -> _File:
    try:
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise _error(
            "祝日の表を読めない", "the table of holidays can't be read", f"{file.name}: {error}"
        ) from error


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _error("日付の書き方が違う", "not a date", f"{where}: {text}") from error


def _error(ja: str, en: str, where: str) -> CatalogueError:
    return CatalogueError(Text(ja=ja, en=en), where)
