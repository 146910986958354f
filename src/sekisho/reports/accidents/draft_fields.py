"""The fields of a draft: what the facts say of each; what only a person knows stays empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sekisho.model.draft import Field, FieldRule, Kind, Known
from sekisho.model.incident import Effect, Service
from sekisho.model.timeline import EVERYWHERE
from sekisho.reports.accidents.case import Case, courses, service_name, users_of
from sekisho.reports.accidents.words import span

Value = tuple[str, Known, str]


def field(rule: FieldRule, case: Case, kind: Kind) -> Field:
    """Return a field of a document; what only a person knows is missing, and asks for it."""
    said, known, remark = value(rule.id, case, kind)
    if not said:
        known = Known.MISSING
    if rule.confidence == "C" and not remark and kind is not Kind.NOTICE:
        remark = case.say("様式にこの欄があるかは未確認", "unverified whether the form has this field")
    return Field(rule.id, rule.title.say(case.language), said, known, remark)


def value(name: str, case: Case, kind: Kind) -> Value:
    """Return what a field says, how sure that is, and a remark; empty where only a person knows."""
    made = _VALUES.get(name)
    if made:
        return made(case, kind)
    # Addressee and filer stand in no file of facts: a person writes them.
    return getattr(case.about.report, name.replace("-", "_"), ""), Known.TOLD, ""


def _reported_at(case: Case, _kind: Kind) -> Value:
    """Only who sends it knows when: the moment of drafting would be another one."""
    own = case.about.report.reported_at
    if own:  # it may be that of the report before
        return own, Known.CHECK, case.say("この報告を送る時刻か", "is it the time of sending this report?")
    return (
        "",
        Known.MISSING,
        case.say("送る時刻を書いてから署名する", "write the time of sending before it is signed"),
    )


def _occurred(case: Case, _kind: Kind) -> Value:
    if case.ruling.incident.occurred_assumed:
        first = case.clock(case.ruling.incident.occurred)
        return "", Known.MISSING, case.say(f"最初の事実は {first}", f"the first fact is of {first}")
    return case.clock(case.ruling.incident.occurred), Known.TOLD, ""


def _known(case: Case, _kind: Kind) -> Value:
    if case.ruling.incident.known_assumed:
        said = case.say(
            "認知の時刻がないので、期限は発生から数えた",
            "nobody has told it: the days run from the occurrence",
        )
        return "", Known.MISSING, said
    return case.clock(case.ruling.incident.known), Known.TOLD, ""


def _due(case: Case, _kind: Kind) -> Value:
    duty = case.duty
    if duty is None:
        return "", Known.MISSING, ""
    day = duty.due
    clock = case.clock(duty.started)
    started = case.say(f"発生 {clock}", f"occurred {clock}")
    if case.ruling.incident.occurred_assumed:
        started = case.say(f"最初の事実 {clock}、発生は不明", f"first fact {clock}, occurrence unknown")
    if duty.rule.clock == "known":
        started = case.say(f"認知 {clock}", f"known {clock}")
    text = case.say(
        f"{day.year}年{day.month}月{day.day}日まで（起算：{started}）", f"by {day} (since: {started})"
    )
    if duty.by_operator:
        return text, Known.CHECK, case.say("自社の計算", "own count")
    remark = case.say(
        f"初日不算入、確度{duty.due_confidence}。休日で延びるかは未確認",
        f"first day not counted, confidence {duty.due_confidence}; whether a day off moves it is unverified",
    )
    return text, Known.CHECK, remark


def _restored(case: Case, kind: Kind) -> Value:
    one = case.ruling.incident
    if case.ruling.running:
        outlook = case.about.report.outlook
        going = case.say("継続中", "goes on")
        if kind is Kind.NOTICE:
            return going, Known.TOLD, ""
        plan = case.say(f"{going}（予定：{outlook}）", f"{going} (expected: {outlook})") if outlook else going
        return (
            plan,
            Known.TOLD if outlook else Known.CHECK,
            "" if outlook else case.say("予定が分かれば書く", "add when it is expected"),
        )
    ends = [part.end for part in (*one.effects, *one.equipment) if part.end]  # type: ignore[attr-defined]
    return (case.clock(max(ends)), Known.TOLD, "") if ends else ("", Known.MISSING, "")


def _duration(case: Case, _kind: Kind) -> Value:
    found = [course for _, _, course in courses(case)]
    if not found:
        return "", Known.MISSING, ""
    longest = max(found, key=lambda one: one.hours)
    words = span(longest.hours, case.say)
    return (words + case.say("（継続中）", " (goes on)") if longest.running else words), Known.TOLD, ""


def _services(case: Case, kind: Kind) -> Value:
    """Say what happened to each service, in its own words; equipment is no service and stands in its own field."""
    found = [
        case.say("：", ": ").join((service_name(case, service), _how(case, effects, kind)))
        for service, effects, _ in courses(case)
    ]
    remark = ""
    if not found and case.ruling.incident.equipment:
        remark = case.say(
            "止まった設備を使う役務を書く", "write which services use the equipment that failed"
        )
    return case.say("、", ", ").join(found), Known.TOLD, remark


def _how(case: Case, effects: list[Effect], kind: Kind) -> str:
    """Say how a service stands: readers of a notice ask for now, a report tells what it was too."""
    going = [one for one in effects if one.end is None]
    if kind is Kind.NOTICE and not going:
        return case.say("復旧", "restored")
    told = going if kind is Kind.NOTICE else effects
    how = (
        case.say("品質低下", "degraded")
        if all(one.degraded_only for one in told)
        else case.say("停止", "down")
    )
    if going or not case.ruling.running:
        return how
    end = case.clock(max(one.end for one in effects if one.end))
    return how + case.say(f"（{end}に復旧）", f" (restored {end})")


def _equipment(case: Case, _kind: Kind) -> Value:
    own = case.about.report.equipment
    if own or not case.ruling.incident.equipment:
        return own, Known.TOLD, ""
    names = dict.fromkeys(one.kind for one in case.ruling.incident.equipment)
    return (
        case.say("、", ", ").join(names),
        Known.CHECK,
        case.say("事実にある名のまま", "named as in the facts"),
    )


def _prefectures(case: Case, _kind: Kind) -> Value:
    areas = dict.fromkeys(
        one.area for one in case.ruling.incident.effects if one.area and one.area != EVERYWHERE
    )
    unknown = any(one.area in {"", EVERYWHERE} for one in case.ruling.incident.effects)
    if areas and unknown:
        areas[case.say("▲ 地域の分からない影響", "▲ effects of an unknown area")] = None
        return case.say("、", ", ").join(areas), Known.CHECK, ""
    return case.say("、", ", ").join(areas), Known.TOLD, ""


def _users(case: Case, kind: Kind) -> Value:
    found, open_ = [], False
    every = list(courses(case))
    for service, _, course in every:
        least, most = course.users
        if least == 0 and most is None:
            words, unsure = case.say("調査中", "being looked into"), True
        else:
            words, unsure = users_of(case, least, most), least != most
        open_ |= unsure
        found.append(f"{service_name(case, service)} {words}" if len(every) > 1 else words)
    text = case.say("、", ", ").join(found)
    if open_ and kind is not Kind.PERIODIC and case.say("調査中", "being looked into") not in text:
        text += case.say("（調査中）", " (being looked into)")
    return text, Known.CHECK if open_ else Known.TOLD, ""


def _wholesale(case: Case, _kind: Kind) -> Value:
    own = case.about.report.wholesale
    if own:
        return own, Known.TOLD, ""
    if case.ruling.incident.wholesale_cause:
        return (
            case.say("はい（卸元の重大な事故による）", "yes (the supplier's own serious accident)"),
            Known.TOLD,
            "",
        )
    return "", Known.MISSING, case.say("はい・いいえを書く", "write yes or no")


def _overview(case: Case, kind: Kind) -> Value:
    own = case.about.report.overview
    if own:
        return own, Known.TOLD, ""
    services, places = _services(case, kind)[0], _prefectures(case, kind)[0]
    if not services:  # users and areas are those of services
        return "", Known.MISSING, ""
    began, ended = _occurred(case, kind)[0], _restored(case, kind)[0]
    back = "まだ復旧していない" if case.ruling.running else f"復旧 {ended}"
    text = case.say(
        f"{began}、{places + 'で' if places else ''}{services}。影響利用者数 {_users(case, kind)[0]}。{back}。",
        f"{began}: {services}{' in ' + places if places else ''}. Users: {_users(case, kind)[0]}. Restored: {ended}.",
    )
    return text, Known.CHECK, case.say("事実から作った文", "a sentence made from the facts")


def _cause(case: Case, _kind: Kind) -> Value:
    return (
        case.about.report.cause,
        Known.TOLD,
        "" if case.about.report.cause else case.say("推定でよい", "may be presumed"),
    )


def _emergency(case: Case, _kind: Kind) -> Value:
    own = case.about.report.emergency
    hit = [one for one in case.ruling.incident.effects if one.service is Service.VOICE_EMERGENCY]
    ends = [one.end for one in hit if one.end]
    if hit and len(ends) == len(hit):
        back = case.say(
            f"{service_name(case, Service.VOICE_EMERGENCY)}は {case.clock(max(ends))} に復旧",
            f"{service_name(case, Service.VOICE_EMERGENCY)}: restored {case.clock(max(ends))}",
        )
        if own:  # it was perhaps written while calls didn't get through
            return (
                own,
                Known.CHECK,
                case.say(f"{back}。今も正しいか確かめる", f"{back}; is this still right?"),
            )
        said = case.say("復旧の事実から作った文", "made from the fact of its restoration")
        return back, Known.CHECK, said
    if own or not hit:
        return own, Known.TOLD, ""
    return (
        case.say(
            "110・119等の緊急通報がつながりにくい、またはつながらない場合がある",
            "emergency calls (110, 119) may not get through",
        ),
        Known.CHECK,
        case.say(
            "音声（緊急通報あり）への影響から作った文", "made from the effect on voice with emergency calls"
        ),
    )


def _form(case: Case, _kind: Kind) -> Value:
    track = case.ruling.periodic.track
    return (track.form if track else ""), Known.TOLD, ""


_VALUES: Mapping[str, Callable[[Case, Kind], Value]] = {
    "known": _known, "due": _due, "reported-at": _reported_at, "occurred": _occurred, "restored": _restored, "duration": _duration,
    "services": _services, "prefectures": _prefectures, "users": _users, "wholesale": _wholesale,
    "overview": _overview, "equipment": _equipment, "cause": _cause, "emergency": _emergency, "form": _form,
}  # fmt: skip
