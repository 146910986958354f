"""Rules of accidents by date, as data."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.model.accident import RuleSet


@cache
def accident_rules() -> tuple[RuleSet, ...]:
    """Return the Japanese rule sets of 施行規則58条2項1号, oldest first."""
    text = files("sekisho.catalogues").joinpath("accidents_jp.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["rules"], tuple[RuleSet, ...])
