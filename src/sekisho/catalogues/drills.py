"""Scenarios of drills, as data."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec

from sekisho.language import Text
from sekisho.model.incident import Service
from sekisho.model.timeline import Fact, What


class SceneFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fact of a scenario, ``minutes`` after it begins; ``users`` least and most."""

    minutes: float
    what: What
    service: Service | None = None
    area: str = ""
    users: tuple[int, int] | None = None
    source: str = ""
    note: str = ""


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario; ``target_minutes`` is the target for the first report."""

    id: str
    title: Text
    target_minutes: int
    facts: tuple[SceneFact, ...]

    def told(self, start: datetime) -> tuple[Fact, ...]:
        """Return its facts from ``start`` on."""
        return tuple(
            Fact(
                start + timedelta(minutes=one.minutes), one.what, f"{number}", one.service, one.area,
                one.users[0] if one.users else None, one.users[1] if one.users else None, one.source, one.note,
            )
            for number, one in enumerate(self.facts, 1)
        )  # fmt: skip


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return every scenario that is shipped."""
    text = files("sekisho.catalogues").joinpath("drills.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["scenarios"], tuple[Scenario, ...])
