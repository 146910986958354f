"""The operator's rules that turn alarms into facts of an accident: which device carries which service, for how many.

A file in TOML. The first rule whose patterns match counts; what no rule takes is left out and shown. Troubles of the
same service and area may overlap: it is down from the first until the last has ended.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import msgspec

from sekisho.errors import DescriptionError
from sekisho.formats.incident_file import read_fact, read_users
from sekisho.formats.incident_words import REASONS
from sekisho.formats.japanese_time import read_moment
from sekisho.formats.route_files import FOREIGN, LOST, NO_VIEW, PARTLY, OwnRoutes
from sekisho.language import Text
from sekisho.model.alarm import Alarm, Imported, LeftOut
from sekisho.model.timeline import EVERYWHERE, Fact, What

_PART = re.compile(r"\{([^{}]+)\}")
_ENDS = {What.RESTORED: What.DOWN, What.EQUIPMENT_RESTORED: What.EQUIPMENT_DOWN}
_LASTING = {What.DOWN, What.DEGRADED, What.EQUIPMENT_DOWN}


class AlarmRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an alarm means.

    :ivar match: field → regular expression that the whole value must match; named groups become fields
    :ivar what: the kind of fact; ``restored`` ends what another rule began under the same ``key``, in the service and
        area that it names, or wherever that is
    :ivar area: and the others: texts in which ``{field}`` stands for the alarm's value
    :ivar key: what ties begin and end of one trouble together; by itself the alarm's own
    """

    what: What
    match: dict[str, str] = {}
    service: str = ""
    area: str = ""
    users: str = ""
    equipment: str = ""
    all_traffic: str = ""
    unusable: str = ""
    source: str = ""
    note: str = "{message}"
    key: str = ""


class Tickets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a ticket says when it began and ended, like ``{発生日時}``; an empty end is "goes on"."""

    begin: str
    end: str = ""
    key: str = ""


class AlarmRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; ``routes`` names the prefixes that are looked for in files of routes."""

    rules: tuple[AlarmRule, ...]
    tickets: Tickets | None = None
    routes: OwnRoutes | None = None


# What routes tell is noted for a person where no rule takes it: a note says nothing of services or users.
_NOTED = AlarmRule(What.NOTE, {"event": f"{FOREIGN}|{LOST}|{PARTLY}|{NO_VIEW}"})


class _Event(NamedTuple):
    """Something begins, ends or is noted; ``row`` are the cells of the fact."""

    time: datetime
    opens: bool
    rule: AlarmRule
    key: str
    row: Mapping[str, str]
    line: str


def read_rules(text: str) -> AlarmRules:
    """Return the rules.

    :raises DescriptionError: no TOML, an unknown field, or a bad regular expression
    """
    try:
        found = msgspec.convert(tomllib.loads(text), AlarmRules)
    except (ValueError, RecursionError) as error:
        raise DescriptionError(Text(ja="対応表の誤り", en="the rules are wrong"), str(error)) from error
    for number, rule in enumerate(found.rules, 1):
        for name, pattern in rule.match.items():
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise DescriptionError(
                    Text(ja="正規表現の誤り", en="not a regular expression"),
                    f"[[rules]] {number}: {name}: {error}",
                ) from error
    return found


def facts(alarms: Iterable[Alarm], rules: AlarmRules, zone: tzinfo, source: str) -> Imported:
    """Return the facts that the alarms tell, in the order of time. ``source`` is written where a rule names none."""
    events: list[_Event] = []
    left: list[LeftOut] = []
    for alarm in alarms:
        try:
            events.extend(_events(alarm, rules, zone, source, left))
        except ValueError as error:
            left.append(LeftOut(alarm.line, str(error), alarm.fields.get("message", "")[:120]))
        except DescriptionError as error:
            left.append(LeftOut(alarm.line, "description", f"{error.what.ja} {error.where}"))
    # At one moment what begins comes first, or a hand-over would look like a restoration.
    events.sort(key=lambda one: (one.time, not one.opens))
    found = tuple(_folded(events, zone, left))
    return Imported(found, tuple(left))


def _events(
    alarm: Alarm, rules: AlarmRules, zone: tzinfo, source: str, left: list[LeftOut]
) -> Iterator[_Event]:
    rule, fields = _rule(alarm, rules.rules)
    begin, end, key = alarm.begin, alarm.end, alarm.key
    if begin is None:
        if rules.tickets is None:
            raise ValueError("no-columns")
        begin = read_moment(_filled(rules.tickets.begin, fields), zone)
        told = _filled(rules.tickets.end, fields)
        end = read_moment(told, zone) if told else None
        key = _filled(rules.tickets.key, fields) or alarm.line
    if end is not None and end < begin:
        raise ValueError("ended-before-it-began")
    key = _filled(rule.key, fields) or key
    row = {
        name: _filled(getattr(rule, name), fields)
        for name in ("service", "area", "equipment", "all_traffic", "unusable", "source", "note")
    }
    try:
        row["users"] = _filled(rule.users, fields)
    except DescriptionError as error:  # an outage for nobody knows how many is an outage
        row["users"] = ""
        left.append(LeftOut(alarm.line, "users-missing", error.where))
    row["source"] = row["source"] or source
    row["note"] = row["note"][:200]
    read_users(row, alarm.line)
    if rule.what in _LASTING and not row["service" if rule.what is not What.EQUIPMENT_DOWN else "equipment"]:
        raise ValueError("equipment-missing" if rule.what is What.EQUIPMENT_DOWN else "service-missing")
    read_fact({**row, "time": begin.isoformat(), "what": rule.what.value}, alarm.line, zone)
    yield _Event(begin, rule.what not in _ENDS, rule, key, row, alarm.line)
    if end is not None and rule.what in _LASTING:
        over = {**row, "note": f"終わり / ended: {row['note']}"[:200] if row["note"] else ""}
        yield _Event(end, opens=False, rule=rule, key=key, row=over, line=alarm.line)


def _rule(alarm: Alarm, rules: Sequence[AlarmRule]) -> tuple[AlarmRule, dict[str, str]]:
    for rule in (*rules, _NOTED):
        fields = dict(alarm.fields)
        for name, pattern in rule.match.items():
            found = re.fullmatch(pattern, alarm.fields[name]) if name in alarm.fields else None
            if found is None:
                break
            fields |= {group: value or "" for group, value in found.groupdict().items()}
        else:
            return rule, fields
    raise ValueError("no-rule")


def _filled(template: str, fields: Mapping[str, str]) -> str:
    for name in _PART.findall(template):
        if name not in fields:
            raise DescriptionError(REASONS["field-missing"], f"{{{name}}}")
    return _PART.sub(lambda part: fields[part[1]], template)


def _place(event: _Event) -> tuple[str, str]:
    if event.rule.what in {What.EQUIPMENT_DOWN, What.EQUIPMENT_RESTORED}:
        return "equipment", event.row["equipment"]
    return event.row["service"], event.row["area"]


def _folded(events: Sequence[_Event], zone: tzinfo, left: list[LeftOut]) -> Iterator[Fact]:
    troubles: dict[tuple[str, str], dict[str, _Event]] = {}
    for event in _placed(events, left):
        if event.rule.what not in _LASTING | _ENDS.keys():
            yield _fact(event, event.rule.what, event.row, zone)
            continue
        place = _place(event)
        here = troubles.setdefault(place, {})
        before = _state(here)
        if event.opens:
            # Told again while it goes on: the same trouble, perhaps with another number of users.
            here[event.key] = event
        else:
            here.pop(event.key, None)
        after = _state(here)
        if after != before:
            others = any(held and one[0] == place[0] and one != place for one, held in troubles.items())
            yield from _changed(event, before, after, zone, others=others)


def _placed(events: Sequence[_Event], left: list[LeftOut]) -> Iterator[_Event]:
    """Yield the events; an end stands for each place where its key goes on, with that place's service and area."""
    running: dict[tuple[bool, str], dict[tuple[str, str], _Event]] = {}
    for event in events:
        if event.rule.what not in _LASTING | _ENDS.keys():
            yield event
            continue
        place = _place(event)
        here = running.setdefault((place[0] == "equipment", event.key), {})
        if event.opens:
            here[place] = event
            yield event
            continue
        named = ("equipment",) if place[0] == "equipment" else ("service", "area")
        ended = [
            one
            for one, opened in here.items()
            if one == place
            or (event.rule.what in _ENDS and all(event.row[n] in {"", opened.row[n]} for n in named))
        ]
        if not ended:
            left.append(LeftOut(event.line, "restored-before-failed", event.row["note"]))
        for one in ended:
            opened = here.pop(one)
            yield event._replace(row={**event.row, **{name: opened.row[name] for name in named}})


def _state(here: Mapping[str, _Event]) -> tuple[What | None, int | None, int | None]:
    """Return what holds for a service and area: the worst, with the users hit at least and at most."""
    if not here:
        return None, None, None
    kinds = {one.rule.what for one in here.values()}
    worst = next(one for one in (What.EQUIPMENT_DOWN, What.DOWN, What.DEGRADED) if one in kinds)
    told = [read_users(one.row, one.line) for one in here.values()]
    least = [users for users, _ in told if users is not None]
    most = [users for _, users in told if users is not None]
    # Troubles of one area may hit the same users or others.
    return worst, max(least, default=None), sum(most) if len(most) == len(told) else None


def _changed(
    event: _Event,
    before: tuple[What | None, int | None, int | None],
    after: tuple[What | None, int | None, int | None],
    zone: tzinfo,
    *,
    others: bool,
) -> Iterator[Fact]:
    kind, least, most = after
    row = dict(event.row)
    row.pop("users", None)
    if kind is None:
        ended = What.EQUIPMENT_RESTORED if before[0] is What.EQUIPMENT_DOWN else What.RESTORED
        if others and not row["area"]:  # without an area it would restore the other areas too
            row["area"] = EVERYWHERE
        yield _fact(event, ended, {**row, "all_traffic": "", "unusable": ""}, zone)
        return
    if kind is What.EQUIPMENT_DOWN and before[0] is kind:
        return
    told = {"users_least": least, "users_most": most}
    row |= {name: str(users) for name, users in told.items() if users is not None}
    if kind is before[0]:
        if least is not None or most is not None:
            yield _fact(event, What.USERS_NOW, {**row, "all_traffic": "", "unusable": ""}, zone)
        return
    yield _fact(event, kind, row, zone)


def _fact(event: _Event, what: What, row: Mapping[str, str], zone: tzinfo) -> Fact:
    cells = {**row, "time": event.time.isoformat(), "what": what.value}
    return read_fact(cells, event.line, zone)


def reason_words(one: LeftOut) -> Text:
    """Return why something was left out."""
    return REASONS.get(one.reason, Text(ja=one.text, en=one.text))
