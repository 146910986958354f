"""A number as an option: within its bounds, and one that can be counted to."""

from __future__ import annotations

import math
from typing import Any

import click

from sekisho.cli.speech import t


class Number(click.FloatRange):
    """A `click.FloatRange` without "nan", which no bound refuses, and without infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it; what is no finite number is refused in words."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(t(f"{value} は有限の数ではない", f"{value} is not a finite number."), param, ctx)
        return number
