"""Is it a 重大な事故? Rules by date, intervals of time and users, and the line of reasoning.

電気通信事業法28条, 施行規則57条 and 58条; the rules themselves are data (``catalogues/accidents_jp.toml``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from sekisho.language import Text
from sekisho.model.incident import Effect, Incident, Service, Standing

_EVERYTHING = "*"


class AccidentClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of a rule set; ``lines`` are pairs of hours and users, either of which suffices.

    ``monthly_users``: the class takes only services with so many monthly users (previous year's mean) or more.
    """

    id: str
    title: Text
    services: tuple[str, ...]
    lines: tuple[tuple[float, int], ...]
    monthly_users: int = 0


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a span of dates, ``valid_to`` exclusive; None for open."""

    id: str
    classes: tuple[AccidentClass, ...]
    source: str
    confidence: str
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Say whether an accident of that day is judged by it."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one class says of one service.

    ``hours`` and ``users`` are (at least, at most); at most None for unknown. ``line`` is the pair that decides or
    comes nearest. ``becomes`` is the moment at which a running accident turns serious if nothing changes.
    """

    standing: Standing
    rules: str
    class_id: str
    service: Service
    hours: tuple[float, float | None]
    users: tuple[int, int | None]
    line: tuple[float, int]
    reason: str
    becomes: datetime | None = None


def rules_for(day: date, every: Iterable[RuleSet]) -> RuleSet:
    """Return the one rule set of that day.

    :raises ValueError: none or several: the data are broken
    """
    found = [one for one in every if one.holds(day)]
    if len(found) != 1:
        raise ValueError(f"{day}: {len(found)} rule sets")
    return found[0]


def judge(incident: Incident, rules: RuleSet) -> tuple[Judgement, ...]:
    """Judge each service that was hit; effects of one service are taken together."""
    grouped: dict[Service, list[Effect]] = {}
    for effect in incident.effects:
        grouped.setdefault(effect.service, []).append(effect)
    return tuple(
        _judge_service(service, effects, incident.as_of, rules)
        for service, effects in sorted(grouped.items())
    )


def standing(judgements: Sequence[Judgement]) -> Standing:
    """Return whether the accident is serious: yes when any class says so, undecided when any might."""
    found = {one.standing for one in judgements}
    for answer in (Standing.YES, Standing.UNDECIDED):
        if answer in found:
            return answer
    # An accident of which no effect is known is not one without effect.
    return Standing.NO if judgements else Standing.UNDECIDED


def _judge_service(service: Service, effects: Sequence[Effect], as_of: datetime, rules: RuleSet) -> Judgement:
    counted = [one for one in effects if one.fault]
    chosen = _class_of(service, counted or effects, rules)
    begin = min(one.begin for one in (counted or effects))
    running = any(one.end is None for one in counted)
    end = max((one.end or as_of for one in (counted or effects)), default=begin)
    hours = (end - begin) / timedelta(hours=1)
    most: float | None = None if running else hours
    least_users = max((one.users_least for one in counted), default=0)
    most_users = _most_users(counted)
    made = [
        _by_line(one, (hours, most), (least_users, most_users), begin, as_of if running else None)
        for one in chosen.lines
    ]
    order = {Standing.YES: 0, Standing.UNDECIDED: 1, Standing.NO: 2}
    (answer, reason, becomes), line = min(
        zip(made, chosen.lines, strict=True),
        key=lambda one: (order[one[0][0]], one[0][2] or datetime.max.replace(tzinfo=begin.tzinfo)),
    )
    if not counted:
        answer, reason, becomes = Standing.NO, "no-equipment-failure", None
    return Judgement(
        answer, rules.id, chosen.id, service, (hours, most), (least_users, most_users), line, reason, becomes
    )


def _class_of(service: Service, effects: Sequence[Effect], rules: RuleSet) -> AccidentClass:
    """Return the first class that takes the service."""
    for one in rules.classes:
        if service not in one.services and _EVERYTHING not in one.services:
            continue
        if one.monthly_users and not any(
            (effect.monthly_users or 0) >= one.monthly_users for effect in effects
        ):
            continue
        return one
    raise ValueError(f"{rules.id}: no class takes {service}")


def _most_users(effects: Sequence[Effect]) -> int | None:
    """Return how many users may have been hit at most: sums, because areas may hold different people."""
    known = [one.users_most for one in effects]
    return None if any(one is None for one in known) else sum(one or 0 for one in known)


def _by_line(
    line: tuple[float, int], hours: tuple[float, float | None], users: tuple[int, int | None], begin: datetime,
    running_at: datetime | None,
) -> tuple[Standing, str, datetime | None]:  # fmt: skip
    wanted_hours, wanted_users = line
    long_enough, many_enough = hours[0] >= wanted_hours, users[0] >= wanted_users
    if long_enough and many_enough:
        return Standing.YES, "reached", None
    may_last = hours[1] is None or hours[1] >= wanted_hours
    may_hit = users[1] is None or users[1] >= wanted_users
    if not may_last:
        return Standing.NO, "too-short", None
    if not may_hit:
        return Standing.NO, "too-few", None
    becomes = begin + timedelta(hours=wanted_hours) if running_at is not None and many_enough else None
    reason = "still-running" if becomes else "users-unknown" if long_enough else "running-and-users-unknown"
    return Standing.UNDECIDED, reason, becomes
