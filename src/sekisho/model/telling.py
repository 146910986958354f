"""Telling users of an outage: the first notice, the updates, the map of areas (guideline of 2023). Pure.

The guideline counts from the failure. What was told is a fact of the timeline (``told``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from sekisho.language import Text
from sekisho.model.accident import japan_day
from sekisho.model.incident import Incident
from sekisho.model.timeline import Fact, What


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a notice says."""

    id: str
    title: Text


class TellingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The guideline of a span of dates; ``map_hours``: the map of areas at least and at most so many hours apart."""

    id: str
    first_minutes: int
    update_minutes: int
    map_hours: tuple[int, int]
    contents: tuple[Content, ...]
    source: str
    confidence: str
    bound: Text
    night: Text
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Say whether an outage of that day falls under it."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What users were told, and what is next.

    :ivar first: when they were first told, None when they were not yet; ``first_due`` by when they should be
    :ivar last: when they were last told
    :ivar update_due: None when nothing goes on any more
    """

    rules: TellingRules
    first_due: datetime
    first: datetime | None
    last: datetime | None
    update_due: datetime | None

    @property
    def late(self) -> bool:
        """Whether the first notice came, or would come, after its time."""
        return self.first is not None and self.first > self.first_due


def telling(incident: Incident, facts: Sequence[Fact], every: Iterable[TellingRules]) -> Telling | None:
    """Return what the guideline of that day asks; None before there was one, or when users lost nothing."""
    day = japan_day(incident.occurred)
    rules = next((one for one in every if one.holds(day)), None)
    if rules is None or incident.unhurt or not incident.effects:
        return None
    told = sorted(one.time for one in facts if one.what is What.TOLD and one.time <= incident.as_of)
    began = min(one.begin for one in incident.effects)
    first_due = began + timedelta(minutes=rules.first_minutes)
    running = any(one.end is None for one in incident.effects)
    update = None
    if running:
        update = told[-1] + timedelta(minutes=rules.update_minutes) if told else first_due
    return Telling(rules, first_due, told[0] if told else None, told[-1] if told else None, update)
