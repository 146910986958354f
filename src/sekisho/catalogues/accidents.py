"""Rules of accidents by date, as data: what is serious, what is reported, when, and abroad."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from sekisho.model.accident import RuleSet
from sekisho.model.accident_statistics import Published
from sekisho.model.compliance import CalendarRules
from sekisho.model.draft import DocumentRules
from sekisho.model.duty import DutyRules
from sekisho.model.foreign import Profile
from sekisho.model.periodic import PeriodicRules, Track
from sekisho.model.telling import TellingRules


class PeriodicFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The periodic report: its rules by date, and its forms."""

    rules: tuple[PeriodicRules, ...]
    tracks: tuple[Track, ...]


@cache
def accident_rules() -> tuple[RuleSet, ...]:
    """Return the Japanese rule sets of 施行規則58条2項, oldest first."""
    return msgspec.convert(_read("accidents_jp.toml")["rules"], tuple[RuleSet, ...])


@cache
def duty_rules() -> DutyRules:
    """Return the duties to report, and the events of 58条の2 by date."""
    return msgspec.convert(_read("duties_jp.toml"), DutyRules)


@cache
def periodic_file() -> PeriodicFile:
    """Return the rules of the periodic report by date, oldest first."""
    return msgspec.convert(_read("periodic_jp.toml"), PeriodicFile)


@cache
def telling_rules() -> tuple[TellingRules, ...]:
    """Return the guidelines on telling users of an outage, by date."""
    return msgspec.convert(_read("telling_jp.toml")["rules"], tuple[TellingRules, ...])


@cache
def document_rules() -> DocumentRules:
    """Return which fields each document has, and how sure that is."""
    return msgspec.convert(_read("documents_jp.toml"), DocumentRules)


@cache
def calendar_rules() -> CalendarRules:
    """Return the duties that come round, and the rules of engineers."""
    return msgspec.convert(_read("calendar_jp.toml"), CalendarRules)


@cache
def published_accidents() -> Published:
    """Return the published counts by fiscal year, with their gaps."""
    return msgspec.convert(_read("published_accidents.toml"), Published)


@cache
def foreign_profiles() -> tuple[Profile, ...]:
    """Return the profiles of other countries."""
    return msgspec.convert(_read("foreign_accidents.toml")["profiles"], tuple[Profile, ...])


def _read(name: str) -> Any:
    return tomllib.loads(files("sekisho.catalogues").joinpath(name).read_text(encoding="utf-8"))
