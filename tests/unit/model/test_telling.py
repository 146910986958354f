"""Telling users, by the guideline of 2023."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sekisho.catalogues.accidents import telling_rules
from sekisho.model.incident import Service
from sekisho.model.telling import Telling, telling
from sekisho.model.timeline import About, Fact, What, incident

JST = timezone(timedelta(hours=9))


def at(hour: int, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, 11, 21, hour, minute, tzinfo=JST)


def told(*facts: Fact, now: datetime, about: About = About()) -> Telling | None:  # noqa: B008 - frozen
    return telling(incident(about, facts, now), facts, telling_rules())


DOWN = Fact(at(12), What.DOWN, service=Service.INTERNET)


def test_first_within_half_an_hour_then_hourly() -> None:
    before = told(DOWN, now=at(12, 10))
    assert before
    assert (before.first_due, before.first, before.update_due, before.late) == (
        at(12, 30),
        None,
        at(12, 30),
        False,
    )
    after = told(DOWN, Fact(at(12, 40), What.TOLD), Fact(at(13, 30), What.TOLD), now=at(13, 40))
    assert after
    assert (after.first, after.last, after.update_due, after.late) == (
        at(12, 40),
        at(13, 30),
        at(14, 30),
        True,
    )
    assert after.rules.confidence == "B"


def test_what_is_told_later_is_not_known_yet() -> None:
    early = told(DOWN, Fact(at(12, 40), What.TOLD), now=at(12, 35))
    assert early
    assert early.first is None


def test_nothing_is_due_when_all_is_restored_or_nobody_was_hit_or_before_the_guideline() -> None:
    over = told(DOWN, Fact(at(13), What.RESTORED), now=at(14))
    assert over
    assert over.update_due is None
    assert told(Fact(at(12), What.OCCURRED), now=at(14), about=About(unhurt=True)) is None
    assert told(Fact(at(12, year=2022), What.DOWN, service=Service.VOICE), now=at(14)) is None
