"""A day as an option: 2026-11-21, 2026/11/21, 令和８年11月21日, R8.11.21, full-width digits."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import click

from sekisho.cli.speech import LANGUAGE
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_day


class Day(click.ParamType[datetime]):
    """A day; given on as a moment at its beginning, as `click.DateTime` does."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return it; what is no day is refused in words."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.combine(read_day(str(value)), time())
        except ValueError as error:
            return self.fail(f"{REASONS[str(error)].say(LANGUAGE)}: {value!s:.40}", param, ctx)


DAY = Day()
