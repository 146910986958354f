"""Is it a 重大な事故? Rules by date, intervals of time and users, and the line of reasoning.

電気通信事業法28条, 施行規則57条 and 58条; the rules themselves are data (``catalogues/accidents_jp.toml``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone

import msgspec

from sekisho.language import Text
from sekisho.model.accident_line import doubts_of, outcome, weighed
from sekisho.model.affected import Affected, affected, counts
from sekisho.model.incident import Effect, Equipment, Incident, Service, Standing

_EVERYTHING = "*"
_ORDER = {Standing.YES: 0, Standing.UNDECIDED: 1, Standing.NO: 2}
#: The law's days are Japan's.
JAPAN = timezone(timedelta(hours=9), "JST")


class AccidentClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of a rule set; ``lines`` are pairs of hours and users, either of which suffices.

    ``monthly_users``: the class takes only services with so many monthly users (previous year's mean) or more.
    ``perhaps``: services of which it is not told whether the class takes them.
    """

    id: str
    title: Text
    services: tuple[str, ...]
    lines: tuple[tuple[float, int], ...]
    monthly_users: int = 0
    perhaps: tuple[str, ...] = ()


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
    running-readings-differ (``becomes`` is the moment of the earlier one), outages-apart, fault-unknown, unusable-unknown, class-unknown, carried-where, no-equipment-failure, traffic-unknown,
    not-all-traffic. ``users`` are those who were counted, also where nobody has weighed yet whether they count.
    ``services``: all of them, where services of one class are judged together. ``doubts``: what it hangs on as well.
    ``others``: the class's other lines (hours, users), each with its reason.
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
    services: tuple[Service, ...] = ()
    doubts: tuple[str, ...] = ()
    others: tuple[tuple[float, int, str], ...] = ()


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
    """Judge each service that was hit, those of one class together, and each piece of important equipment."""
    grouped: dict[Service, list[Effect]] = {}
    for effect in incident.effects:
        grouped.setdefault(effect.service, []).append(effect)
    services = [
        _judge_service(service, effects, incident, rules) for service, effects in sorted(grouped.items())
    ]
    sure = {one.class_id for one in services if one.standing is Standing.YES}
    together = (one for one in _judge_classes(grouped, incident, rules) if one.class_id not in sure)
    equipment = (_judge_equipment(one, incident.as_of, rules) for one in incident.equipment)
    return (*services, *together, *equipment)


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
    every = list(_classes_of(service, counted or effects, rules))
    made = [_judge_class(one, (service,), counted or effects, incident, rules) for one in every]
    first = min(made, key=lambda one: _ORDER[one.standing])
    if not counted:
        return msgspec.structs.replace(
            first, standing=Standing.NO, reason="no-equipment-failure", becomes=None, users=(0, 0),
            possible=(), doubts=(), others=(),
        )  # fmt: skip
    if len({(one.standing, one.becomes) for one in made}) == 1 or first.standing is Standing.NO:
        return first
    return _class_open(first, made, _question(service, every))


def _question(service: Service, classes: Sequence[AccidentClass]) -> str:
    """Return what would decide the class."""
    return "carried-where" if any(service in one.perhaps for one in classes) else "class-unknown"


def _class_open(first: Judgement, made: Sequence[Judgement], question: str) -> Judgement:
    """Return what is said as long as several classes are possible that don't say the same."""
    if first.standing is Standing.YES:
        return msgspec.structs.replace(first, standing=Standing.UNDECIDED, reason=question)
    # It turns serious for certain only when it does so in each of them.
    last = [one.becomes for one in made if one.becomes]
    becomes = max(last) if len(last) == len(made) else None
    moments = {(one.becomes, one.line[1]) for one in made if one.becomes and one.becomes != becomes}
    return msgspec.structs.replace(
        first,
        becomes=becomes,
        possible=tuple(sorted({*first.possible, *moments})),
        doubts=(*first.doubts, question),
    )


def _judge_classes(
    grouped: Mapping[Service, Sequence[Effect]], incident: Incident, rules: RuleSet
) -> Iterator[Judgement]:
    """Judge services of one class together: a threshold is that of the class.

    Whether they have the same users nobody knows, so that between the largest and the sum may be hit, as with areas.
    """
    counted = {service: [one for one in effects if counts(one)] for service, effects in grouped.items()}
    classes = {
        service: list(_classes_of(service, effects, rules)) for service, effects in counted.items() if effects
    }
    for chosen in rules.classes:
        services = tuple(sorted(one for one, every in classes.items() if chosen in every))
        if len(services) == 1 or not services:
            continue
        effects = [effect for one in services for effect in counted[one]]
        made = _judge_class(chosen, services, effects, incident, rules)
        open_ones = [one for one in services if len(classes[one]) > 1]
        if open_ones and made.standing is not Standing.NO:
            # Where those turn out to be of another class, only the others are left.
            sure = tuple(one for one in services if one not in open_ones)
            left = [effect for one in sure for effect in counted[one]]
            alone = _judge_class(chosen, sure, left, incident, rules) if sure else None
            if alone and alone.standing is Standing.YES:
                made = alone
            else:
                other = alone or msgspec.structs.replace(made, becomes=None)
                made = _class_open(made, (made, other), _question(open_ones[0], classes[open_ones[0]]))
        if made.standing is not Standing.NO:
            yield made


def _judge_class(
    chosen: AccidentClass,
    services: tuple[Service, ...],
    effects: Sequence[Effect],
    incident: Incident,
    rules: RuleSet,
) -> Judgement:
    """Judge effects by the lines of one class."""
    whole = affected(weighed(effects), incident.as_of, apart=incident.areas_apart)
    certain = affected(effects, incident.as_of, apart=incident.areas_apart)
    doubts = doubts_of(effects)
    lines = [outcome(one, whole, certain, doubts) for one in chosen.lines]
    first = min(lines, key=lambda one: (_ORDER[one.standing], one.becomes or _latest(whole)))
    before = first.becomes or _latest(whole)
    possible = sorted((one.earliest, one.line[1]) for one in lines if one.earliest and one.earliest < before)
    # What is certain is shown by what is certain.
    shown = certain if doubts and first.standing is Standing.YES else whole
    long, _ = shown.longest(first.line[1])
    undecided = first.standing is Standing.UNDECIDED
    return Judgement(
        first.standing, rules.id, chosen.id, services[0],
        (long or shown.hours, None if shown.running else shown.hours),
        shown.users, first.line, first.reason, first.becomes,
        confidence=rules.confidence,
        possible=tuple(possible) if undecided else (),
        services=services if len(services) > 1 else (),
        doubts=first.doubts if undecided else (),
        others=tuple((*one.line, one.reason) for one in lines if one is not first),
    )  # fmt: skip


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
    """Yield the class that takes the service; several when its monthly users, or what it carries, are not known."""
    for one in rules.classes:
        if service in one.perhaps:
            yield one
            continue
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
