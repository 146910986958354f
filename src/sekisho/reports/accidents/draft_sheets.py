"""The tables of a draft: effects, the course of events, areas for a notice."""

from __future__ import annotations

from sekisho.formats.incident_words import WHATS
from sekisho.model.draft import Sheet
from sekisho.model.timeline import EVERYWHERE, Fact
from sekisho.reports.accidents.case import Case, service_name, users_of

_MOST_ROWS = 500


def effects(case: Case) -> Sheet:
    """Return what was hit, from when to when, and how many users."""
    rows = []
    for one in case.ruling.incident.effects[:_MOST_ROWS]:
        how = case.say("品質低下", "degraded") if one.degraded_only else case.say("停止", "down")
        told = one.users_least or one.users_most is not None
        rows.append((
            service_name(case, one.service), "" if one.area == EVERYWHERE else one.area, how, case.clock(one.begin),
            case.clock(one.end) if one.end else case.say("継続中", "goes on"),
            users_of(case, one.users_least, one.users_most) if told else case.say("調査中", "being looked into"),
        ))  # fmt: skip
    head = case.say("役務,地域,状態,から,まで,利用者数", "service,area,state,from,to,users").split(",")
    return Sheet("effects", case.say("影響", "Effects"), tuple(head), tuple(rows))


def course(case: Case) -> Sheet:
    """Return the facts in their order."""
    rows = tuple(_told(case, one) for one in case.ruling.facts[:_MOST_ROWS])
    head = case.say(
        "日時,事実,役務・設備,地域,利用者数,出所・備考", "time,fact,service,area,users,source"
    ).split(",")
    return Sheet("course", case.say("経過", "Course of events"), tuple(head), rows)


def _told(case: Case, one: Fact) -> tuple[str, ...]:
    told = one.users_least is not None or one.users_most is not None
    return (
        case.clock(one.time), WHATS[one.what].say(case.language),
        service_name(case, one.service) if one.service else one.equipment, "" if one.area == EVERYWHERE else one.area,
        users_of(case, one.users_least or 0, one.users_most) if told else "",
        " ".join(filter(None, (one.source, one.note))),
    )  # fmt: skip


def notice_areas(case: Case) -> Sheet:
    """Return the areas as a notice to users lists them."""
    rows = {}
    for one in case.ruling.incident.effects:
        unknown = case.say("▲ 地域は人が書く", "▲ a person must write the area")
        where = unknown if one.area in {"", EVERYWHERE} else one.area
        how = (
            case.say("品質低下", "degraded")
            if one.degraded_only
            else case.say("利用できない", "not available")
        )
        state = how if one.end is None else case.say("復旧", "restored")
        when = case.clock(one.begin) + " – " + (case.clock(one.end) if one.end else "")
        rows[where, one.service] = (
            where,
            service_name(case, one.service),
            state,
            when,
        )  # the latest of an area counts
    head = case.say("地域,サービス,状況,日時", "area,service,state,time").split(",")
    return Sheet("areas", case.say("影響地域の一覧", "Areas"), tuple(head), tuple(rows.values()))
