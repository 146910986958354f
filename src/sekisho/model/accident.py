"""Is it a 重大な事故? Rules by date, intervals of time and users, and the line of reasoning.

電気通信事業法28条, 施行規則57条 and 58条; the rules themselves are data (``catalogues/accidents_jp.toml``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta, timezone

import msgspec

from sekisho.language import Text
from sekisho.model.affected import Affected, affected, counts
from sekisho.model.incident import Effect, Equipment, Incident, Service, Standing

_EVERYTHING = "*"
_ORDER = {Standing.YES: 0, Standing.UNDECIDED: 1, Standing.NO: 2}
#: The law's days are Japan's.
JAPAN = timezone(timedelta(hours=9), "JST")


class AccidentClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of a rule set; ``lines`` are pairs of hours and users, either of which suffices.

    ``monthly_users``: the class takes only services with so many monthly users (previous year's mean) or more.
    """

    id: str
    title: Text
    services: tuple[str, ...]
    lines: tuple[tuple[float, int], ...]
    monthly_users: int = 0


class EquipmentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """58条2項2号: satellites, submarine cables and the like, all of whose traffic stops for so many hours."""

    hours: float
    source: str
    confidence: str


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a span of dates, ``valid_to`` exclusive; None for open."""

    id: str
    classes: tuple[AccidentClass, ...]
    source: str
    confidence: str
    equipment: EquipmentRule
    article: str = "58条2項1号"
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, day: date) -> bool:
        """Say whether an accident of that day is judged by it."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one class says of one service, or 58条2項2号 of one piece of equipment (then ``service`` is None).

    ``hours`` and ``users`` are (at least, at most); at most None for unknown. ``line`` is the pair that decides or
    comes nearest. ``becomes`` is the moment at which a running accident turns serious if nothing changes, the earlier one
    where two readings differ. ``possible`` are the moments before it at which it could, each with the users who would
    have to turn out to be hit.
    ``reason``: reached, too-short, too-few, still-running, users-unknown, running-and-users-unknown, readings-differ,
    class-unknown, no-equipment-failure, traffic-unknown, not-all-traffic.
    """

    standing: Standing
    rules: str
    class_id: str
    service: Service | None
    hours: tuple[float, float | None]
    users: tuple[int, int | None]
    line: tuple[float, int]
    reason: str
    becomes: datetime | None = None
    equipment: str = ""
    confidence: str = "A"
    possible: tuple[tuple[datetime, int], ...] = ()


def japan_day(moment: datetime) -> date:
    """Return the day in Japan, which chooses the rules and starts the deadlines."""
    return moment.astimezone(JAPAN).date()


def rules_for(day: date, every: Iterable[RuleSet]) -> RuleSet:
    """Return the one rule set of that day.

    :raises ValueError: none or several: the data are broken
    """
    found = [one for one in every if one.holds(day)]
    if len(found) != 1:
        raise ValueError(f"{day}: {len(found)} rule sets")
    return found[0]


def judge(incident: Incident, rules: RuleSet) -> tuple[Judgement, ...]:
    """Judge each service that was hit, and each piece of important equipment."""
    grouped: dict[Service, list[Effect]] = {}
    for effect in incident.effects:
        grouped.setdefault(effect.service, []).append(effect)
    services = [
        _judge_service(service, effects, incident, rules) for service, effects in sorted(grouped.items())
    ]
    return (*services, *(_judge_equipment(one, incident.as_of, rules) for one in incident.equipment))


def standing(judgements: Sequence[Judgement], *, unhurt: bool = False) -> Standing:
    """Return whether the accident is serious: yes when any class says so, undecided when any might.

    ``unhurt``: that nobody lost a service is a fact. Without it no effect known is not no effect.
    """
    found = {one.standing for one in judgements}
    for answer in (Standing.YES, Standing.UNDECIDED):
        if answer in found:
            return answer
    return Standing.NO if judgements or unhurt else Standing.UNDECIDED


def _judge_service(
    service: Service, effects: Sequence[Effect], incident: Incident, rules: RuleSet
) -> Judgement:
    counted = [one for one in effects if counts(one)]
    course = affected(counted or effects, incident.as_of, apart=incident.areas_apart)
    made = []
    for chosen in _classes_of(service, counted or effects, rules):
        lines = [(*_by_line(one, course), one) for one in chosen.lines]
        answer, reason, becomes, _, line = min(
            lines, key=lambda one: (_ORDER[one[0]], one[2] or _latest(course))
        )
        before = becomes or _latest(course)
        possible = sorted((one[3], one[4][1]) for one in lines if one[3] and one[3] < before)
        long, _ = course.longest(line[1])
        hours = (long or course.hours, None if course.running else course.hours)
        made.append(
            Judgement(
                answer, rules.id, chosen.id, service, hours, course.users, line, reason, becomes,
                confidence=rules.confidence, possible=tuple(possible) if answer is Standing.UNDECIDED else (),
            )
        )  # fmt: skip
    first = min(made, key=lambda one: _ORDER[one.standing])
    if not counted:
        return msgspec.structs.replace(
            first,
            standing=Standing.NO,
            reason="no-equipment-failure",
            becomes=None,
            users=(0, 0),
            possible=(),
        )
    if len({one.standing for one in made}) > 1 and first.standing is Standing.YES:
        return msgspec.structs.replace(first, standing=Standing.UNDECIDED, reason="class-unknown")
    return first


def _latest(course: Affected) -> datetime:
    return datetime.max.replace(tzinfo=course.begin.tzinfo)


def _judge_equipment(one: Equipment, as_of: datetime, rules: RuleSet) -> Judgement:
    wanted = rules.equipment.hours
    hours = ((one.end or max(as_of, one.begin)) - one.begin) / timedelta(hours=1)
    becomes = None
    if one.all_traffic is False:
        answer, reason = Standing.NO, "not-all-traffic"
    elif one.end is not None and hours < wanted:
        answer, reason = Standing.NO, "too-short"
    elif one.all_traffic is None:
        answer, reason = Standing.UNDECIDED, "traffic-unknown"
    elif hours >= wanted:
        answer, reason = Standing.YES, "reached"
    else:
        answer, reason = Standing.UNDECIDED, "still-running"
        becomes = one.begin + timedelta(hours=wanted)
    most = None if one.end is None else hours
    return Judgement(
        answer, rules.id, "58-2-2", None, (hours, most), (0, None), (wanted, 0), reason, becomes, one.kind,
        rules.equipment.confidence,
    )  # fmt: skip


def _classes_of(service: Service, effects: Sequence[Effect], rules: RuleSet) -> Iterator[AccidentClass]:
    """Yield the class that takes the service; several when its monthly users are not known."""
    for one in rules.classes:
        if service not in one.services and _EVERYTHING not in one.services:
            continue
        known = [effect.monthly_users for effect in effects if effect.monthly_users is not None]
        if one.monthly_users and not any(users >= one.monthly_users for users in known):
            if not known:
                yield one
            continue
        yield one
        return
    raise ValueError(f"{rules.id}: no class takes {service}")


def _by_line(
    line: tuple[float, int], course: Affected
) -> tuple[Standing, str, datetime | None, datetime | None]:
    """Return the standing, why, when it turns serious, and when it could at the earliest if more users were hit."""
    wanted_hours, wanted_users = line
    long, since = course.longest(wanted_users)
    if long >= wanted_hours:
        return Standing.YES, "reached", None, None
    may = [one for one in course.runs if one.running or one.hours >= wanted_hours]
    if not may:
        return Standing.NO, "too-short", None, None
    may = [one for one in may if one.users[1] is None or one.users[1] >= wanted_users]
    if not may:
        return Standing.NO, "too-few", None, None
    lasting = timedelta(hours=wanted_hours)
    narrow = since + lasting if since else None
    # Both readings: a run in which enough were hit has done its hours, though not all of them for so long.
    if any(one.hours >= wanted_hours and one.users[0] >= wanted_users for one in may):
        return Standing.UNDECIDED, "readings-differ", narrow, None
    now = next((one for one in may if one.running), None)
    wide = now.begin + lasting if now else None
    if now and now.users[0] >= wanted_users:
        return Standing.UNDECIDED, "still-running", min(filter(None, (narrow, wide))), None
    if any(one.hours >= wanted_hours for one in may):
        return Standing.UNDECIDED, "users-unknown", None, None
    return Standing.UNDECIDED, "running-and-users-unknown", None, wide
