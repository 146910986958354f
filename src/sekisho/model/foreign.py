"""Profiles of other countries by the same facts: user-minutes, user-hours, shares of the base, a person's judgement. Pure.

The rules are data (``catalogues/foreign_accidents.toml``), graded as far as their texts could be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from sekisho.language import Text
from sekisho.model.affected import Affected, affected
from sekisho.model.incident import Incident, Service, Standing

_ORDER = (Standing.YES, Standing.UNDECIDED, Standing.NO)


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is given must be reached; ``significant`` is a person's judgement. ``share`` is of the service's users."""

    confidence: str
    hours: float = 0
    users: int = 0
    share: float = 0
    user_minutes: int = 0
    significant: bool = False


class Deadline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One report: minutes or months after it was known; neither when the text gives no number."""

    title: Text
    minutes: int = 0
    months: int = 0


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A country's rule: any ``thresholds`` suffices. ``not_judged`` says what the text asks and the facts can't answer.

    :ivar unverified: a draft, or a text that may have changed: never to be relied upon unread
    """

    id: str
    title: Text
    services: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    deadlines: tuple[Deadline, ...]
    source: str
    confidence: str
    unverified: bool = False
    not_judged: Text | None = None


class Foreign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one profile says; ``due`` beside its deadlines, None where the text gives no number.

    ``threshold`` is the one that decides or comes nearest; ``missing`` the fact that would decide.
    """

    profile: Profile
    standing: Standing
    threshold: Threshold
    missing: str
    due: tuple[datetime | None, ...]
    unverified: bool


def judge_abroad(incident: Incident, profile: Profile, *, significant: bool | None = None) -> Foreign:
    """Judge by one profile; deadlines run from when the accident was known.

    Where a part of the rule can't be judged, below its numbers is undecided and not "no".
    """
    made: list[tuple[Standing, str, Threshold]] = []
    courses = _courses(incident, profile)
    for one in profile.thresholds:
        if one.significant:
            answers = [_significant(significant)]
        else:
            answers = [_reached(one, course, base) for course, base in courses]
        if not answers:
            answers = [(Standing.NO, "") if _elsewhere(incident) else (Standing.UNDECIDED, "effects")]
        answer, missing = min(answers, key=lambda found: _ORDER.index(found[0]))
        made.append((answer, missing, one))
    answer, missing, threshold = min(made, key=lambda found: _ORDER.index(found[0]))
    if answer is Standing.NO and profile.not_judged and courses and not threshold.significant:
        answer, missing = Standing.UNDECIDED, "not-judged"
    due = tuple(_due(incident.known, one) for one in profile.deadlines)
    doubtful = profile.unverified or threshold.confidence not in {"A", "B"}
    return Foreign(profile, answer, threshold, missing, due, doubtful)


def _elsewhere(incident: Incident) -> bool:
    """Say whether it is known that only other services were hit, or none."""
    return bool(incident.effects) or incident.unhurt


def _courses(incident: Incident, profile: Profile) -> list[tuple[Affected, int | None]]:
    found = []
    for service in _services(incident, profile.services):
        effects = [one for one in incident.effects if one.service is service]
        # Whose equipment failed is a question of the Japanese rule.
        plain = [msgspec.structs.replace(one, fault=True) for one in effects if not one.additional]
        base = next((one.subscribers for one in effects if one.subscribers), None)
        if plain:
            found.append((affected(plain, incident.as_of, apart=incident.areas_apart), base))
    return found


def _services(incident: Incident, wanted: Iterable[str]) -> list[Service]:
    names = set(wanted)
    return sorted({one.service for one in incident.effects if one.service in names or "*" in names})


def _significant(word: bool | None) -> tuple[Standing, str]:
    if word is None:
        return Standing.UNDECIDED, "significant"
    return (Standing.YES, "") if word else (Standing.NO, "")


def _reached(one: Threshold, course: Affected, base: int | None) -> tuple[Standing, str]:
    """Compare one service with a threshold: certain only when the least known reaches it."""
    if one.share and base is None:
        enough = course.running or course.hours >= one.hours
        return (Standing.UNDECIDED, "subscribers") if enough else (Standing.NO, "")
    wanted = max(one.users, int(one.share * (base or 0)) + 1 if one.share else 0)
    least, most = course.users
    long, _ = course.longest(max(wanted, 1))
    sure = long >= one.hours and least >= wanted and course.user_hours() * 60 >= one.user_minutes
    if sure and (least or not (one.users or one.share or one.user_minutes)):
        return Standing.YES, ""
    if not course.running and course.hours < one.hours:
        return Standing.NO, ""
    if most is not None and most < wanted:
        return Standing.NO, ""
    if (
        most is not None
        and not course.running
        and most * sum(run.hours for run in course.runs) * 60 < one.user_minutes
    ):
        return Standing.NO, ""
    return Standing.UNDECIDED, "end" if course.running else "users"


def _due(known: datetime, deadline: Deadline) -> datetime | None:
    if deadline.minutes:
        return known + timedelta(minutes=deadline.minutes)
    if not deadline.months:
        return None
    months = known.year * 12 + known.month - 1 + deadline.months
    first = known.replace(year=months // 12, month=months % 12 + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    last = (following - timedelta(days=1)).day
    return first.replace(day=min(known.day, last))
