"""Compose drafts: what the facts say goes in, what only a person knows stays an empty field that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec

from sekisho.formats.incident_words import SERVICES, WHATS
from sekisho.language import Language, Text
from sekisho.model.affected import Affected, affected
from sekisho.model.draft import DocumentRule, DocumentRules, Draft, Field, FieldRule, Kind, Known, Sheet
from sekisho.model.duty import Duty
from sekisho.model.incident import Effect, Service, Standing
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import EVERYWHERE, About, Fact, What
from sekisho.reports.accidents.words import reasoning, span, users_words

_MOST_ROWS = 500
Value = tuple[str, Known, str]


class Case(msgspec.Struct, frozen=True):
    """What a draft is made from; ``duty`` is the one that a detailed report answers to."""

    about: About
    ruling: Ruling
    rules: DocumentRules
    language: Language
    zone: tzinfo
    duty: Duty | None = None

    def say(self, ja: str, en: str) -> str:
        """Return the sentence in the draft's language."""
        return Text(ja=ja, en=en).say(self.language)

    def clock(self, moment: datetime) -> str:
        """Return a moment as documents have it, with its zone where it isn't Japan's."""
        local = moment.astimezone(self.zone)
        name = local.tzname() or ""
        if self.language is Language.JA:
            tail = "" if name == "JST" else f"（{name}）"
            return f"{local.year}年{local.month}月{local.day}日{local.hour}時{local.minute:02}分{tail}"
        return f"{local:%Y-%m-%d %H:%M} {name}"


def compose_all(kind: Kind, case: Case) -> tuple[Draft, ...]:
    """Return the drafts of one accident: of the detailed report one for each duty, on its own form."""
    duties = case.ruling.duties if kind is Kind.DETAILED else ()
    if not duties:
        return (compose(kind, case),)
    return tuple(compose(kind, msgspec.structs.replace(case, duty=one)) for one in duties)


def compose(kind: Kind, case: Case) -> Draft:
    """Return one draft; ``periodic`` is `compose_periodic` of one, ``detailed`` that of its duty, or of the first."""
    if kind is Kind.PERIODIC:
        return compose_periodic([case])
    if kind is Kind.DETAILED and case.duty is None:
        case = msgspec.structs.replace(case, duty=next(iter(case.ruling.duties), None))
    rule = _rule(kind, case)
    ruling = case.ruling
    fields = tuple(_field(one, case, kind) for one in _fields(rule, case.rules) if _asked(one.id, kind, case))
    sheets = [_notice_areas(case)] if kind is Kind.NOTICE else [_effects(case), _course(case)]
    duty = case.duty if kind is Kind.DETAILED else None
    return Draft(
        kind,
        case.language,
        ruling.incident.id,
        rule.title.say(case.language) + _state(kind, case),
        ruling.incident.title or case.say("▲ 人が書く", "▲ a person must fill this in"),
        case.about.report.operator,
        ruling.incident.as_of,
        duty.rule.form if duty else "",
        rule.source,
        rule.confidence,
        fields,
        tuple(one for one in sheets if one.rows),
        tuple(_remarks(rule, kind, case)),
        duty=duty.rule.trigger if duty else "",
    )


def compose_periodic(cases: Sequence[Case]) -> Draft:
    """Return the table of the periodic report: one row an accident that belongs, or may belong, in it."""
    first = cases[0]
    rule = _rule(Kind.PERIODIC, first)
    columns = _fields(rule, first.rules)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for case in cases:
        if case.ruling.periodic.standing is Standing.NO:
            continue
        number = str(len(rows) + 1)
        rows.append((number, *(_value(one.id, case, Kind.PERIODIC)[0] or "▲" for one in columns)))
        if case.ruling.later:
            notes.append(f"{number}: {_later(case)}")
        if case.ruling.periodic.standing is Standing.UNDECIDED:
            notes.append(
                first.say(
                    f"{number}番は、載せるかまだ決まらない",
                    f"row {number}: not decided yet whether it belongs in",
                )
            )
    head = (first.say("番号", "No."), *(one.title.say(first.language) for one in columns))
    found = first.ruling.periodic
    period = first.say(
        f"対象期間 {found.first}から{found.last}まで、提出期限 {found.due}",
        f"period {found.first} to {found.last}, due {found.due}",
    )
    blank = first.say("▲は人が書く欄", "▲ marks what a person must fill")
    newest = max(case.ruling.incident.as_of for case in cases)
    if not rows:
        notes.append(first.say("載せる事故はない", "no accident belongs in it"))
    sheet = Sheet(
        "accidents",
        first.say("事故の一覧", "Accidents"),
        head,
        tuple(rows),
        ("number", *(one.id for one in columns)),
    )
    return Draft(
        Kind.PERIODIC, first.language, first.ruling.incident.id, rule.title.say(first.language), period,
        first.about.report.operator, newest, found.track.form if found.track else "", f"{rule.source}（{found.rules.id}）",
        rule.confidence, (), (sheet,), (rule.remark.say(first.language), blank, *notes),
    )  # fmt: skip


def _rule(kind: Kind, case: Case) -> DocumentRule:
    name = kind.value
    # The short form is for the supplier's accident alone: another duty still asks for everything.
    alone = all(one.rule.trigger == "wholesale" for one in case.ruling.duties)
    if kind is Kind.FIRST and case.ruling.incident.wholesale_cause and alone:
        name = "first-wholesale"
    return next(one for one in case.rules.documents if one.kind == name)


def _fields(rule: DocumentRule, rules: DocumentRules) -> list[FieldRule]:
    known = {one.id: one for one in rules.fields}
    return [known[name] for name in rule.fields]


def _asked(name: str, kind: Kind, case: Case) -> bool:
    """Say whether a field belongs in: when it was known matters where a clock starts then."""
    if name == "known":
        duties = [case.duty] if kind is Kind.DETAILED and case.duty else case.ruling.duties
        return any(one.rule.clock == "known" for one in duties)
    return name != "due" or case.duty is not None


def _state(kind: Kind, case: Case) -> str:
    if kind is not Kind.NOTICE:
        return ""
    told = sum(one.what is What.TOLD for one in case.ruling.facts)
    if not case.ruling.running:
        return case.say("（復旧）", " (restored)")
    return (
        case.say("（初報）", " (first)") if not told else case.say(f"（第{told + 1}報）", f" (update {told})")
    )


def _field(rule: FieldRule, case: Case, kind: Kind) -> Field:
    value, known, remark = _value(rule.id, case, kind)
    if not value:
        known = Known.MISSING
    if rule.confidence == "C" and not remark and kind is not Kind.NOTICE:
        remark = case.say("様式にこの欄があるかは未確認", "unverified whether the form has this field")
    return Field(rule.id, rule.title.say(case.language), value, known, remark)


def _value(name: str, case: Case, kind: Kind) -> Value:
    made = _VALUES.get(name)
    if made:
        return made(case, kind)
    # Addressee and filer stand in no file of facts: a person writes them.
    return getattr(case.about.report, name.replace("-", "_"), ""), Known.TOLD, ""


def _reported_at(case: Case, _kind: Kind) -> Value:
    return (
        case.clock(case.ruling.incident.as_of),
        Known.CHECK,
        case.say("送る時刻に直す", "set to the time of sending"),
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
    courses = [course for _, _, course in _courses(case)]
    if not courses:
        return "", Known.MISSING, ""
    longest = max(courses, key=lambda one: one.hours)
    words = span(longest.hours, case.say)
    return (words + case.say("（継続中）", " (goes on)") if longest.running else words), Known.TOLD, ""


def _services(case: Case, _kind: Kind) -> Value:
    found = []
    for service, effects, _ in _courses(case):
        degraded = all(one.degraded_only for one in effects)
        how = case.say("品質低下", "degraded") if degraded else case.say("停止", "down")
        found.append(case.say(f"{_service(case, service)}：{how}", f"{_service(case, service)}: {how}"))
    found += [one.kind for one in case.ruling.incident.equipment]
    return case.say("、", ", ").join(found), Known.TOLD, ""


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
    every = list(_courses(case))
    for service, _, course in every:
        least, most = course.users
        if least == 0 and most is None:
            words, unsure = case.say("調査中", "being looked into"), True
        else:
            words, unsure = _number(case, least, most), least != most
        open_ |= unsure
        found.append(f"{_service(case, service)} {words}" if len(every) > 1 else words)
    text = case.say("、", ", ").join(found)
    if open_ and kind is not Kind.PERIODIC and case.say("調査中", "being looked into") not in text:
        text += case.say("（調査中）", " (being looked into)")
    return text, Known.CHECK if open_ else Known.TOLD, ""


def _number(case: Case, least: int, most: int | None) -> str:
    if most is None:
        return case.say(f"{least:,}以上", f"{least:,} or more")
    return users_words(least, most)


def _wholesale(case: Case, _kind: Kind) -> Value:
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
    if not services:
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
    hit = any(one.service is Service.VOICE_EMERGENCY for one in case.ruling.incident.effects)
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
    "overview": _overview, "cause": _cause, "emergency": _emergency, "form": _form,
}  # fmt: skip


def _courses(case: Case) -> Iterator[tuple[Service, list[Effect], Affected]]:
    one = case.ruling.incident
    for service in sorted({effect.service for effect in one.effects}):
        effects = [effect for effect in one.effects if effect.service is service]
        yield service, effects, affected(effects, one.as_of, apart=one.areas_apart)


def _service(case: Case, service: Service) -> str:
    return SERVICES[service].say(case.language)


def _effects(case: Case) -> Sheet:
    rows = []
    for one in case.ruling.incident.effects[:_MOST_ROWS]:
        how = case.say("品質低下", "degraded") if one.degraded_only else case.say("停止", "down")
        told = one.users_least or one.users_most is not None
        rows.append((
            _service(case, one.service), "" if one.area == EVERYWHERE else one.area, how, case.clock(one.begin),
            case.clock(one.end) if one.end else case.say("継続中", "goes on"),
            _number(case, one.users_least, one.users_most) if told else case.say("調査中", "being looked into"),
        ))  # fmt: skip
    head = case.say("役務,地域,状態,から,まで,利用者数", "service,area,state,from,to,users").split(",")
    return Sheet("effects", case.say("影響", "Effects"), tuple(head), tuple(rows))


def _course(case: Case) -> Sheet:
    rows = tuple(_told(case, one) for one in case.ruling.facts[:_MOST_ROWS])
    head = case.say(
        "日時,事実,役務・設備,地域,利用者数,出所・備考", "time,fact,service,area,users,source"
    ).split(",")
    return Sheet("course", case.say("経過", "Course of events"), tuple(head), rows)


def _told(case: Case, one: Fact) -> tuple[str, ...]:
    told = one.users_least is not None or one.users_most is not None
    return (
        case.clock(one.time), WHATS[one.what].say(case.language),
        _service(case, one.service) if one.service else one.equipment, "" if one.area == EVERYWHERE else one.area,
        _number(case, one.users_least or 0, one.users_most) if told else "",
        " ".join(filter(None, (one.source, one.note))),
    )  # fmt: skip


def _notice_areas(case: Case) -> Sheet:
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
            _service(case, one.service),
            state,
            when,
        )  # the latest of an area counts
    head = case.say("地域,サービス,状況,日時", "area,service,state,time").split(",")
    return Sheet("areas", case.say("影響地域の一覧", "Areas"), tuple(head), tuple(rows.values()))


def _later(case: Case) -> str:
    count = case.ruling.later
    return case.say(
        f"これより後の時刻の事実 {count} 件は使っていない", f"{count} facts of a later time are not used"
    )


def _why_asked(case: Case) -> Iterator[str]:
    if case.duty is None:
        yield case.say(
            "この時点で、詳細報告の義務は見当たらない", "as known now no duty asks for a detailed report"
        )
        return
    yield (
        case.say("義務：", "duty: ")
        + case.duty.rule.title.say(case.language)
        + f"（{case.duty.rule.article}）"
    )
    if case.duty.standing is Standing.UNDECIDED:
        yield case.say("義務があるか、まだ決まらない", "not decided yet whether the duty applies")


def _standing_remarks(kind: Kind, case: Case) -> Iterator[str]:
    if kind is Kind.FIRST and not case.ruling.duties:
        yield case.say(
            "この時点で、直ちに報告する義務は見当たらない",
            "as known now nothing has to be reported without delay",
        )
    if case.ruling.later:
        yield _later(case)


def _remarks(rule: DocumentRule, kind: Kind, case: Case) -> Iterator[str]:
    yield rule.remark.say(case.language)
    yield from _standing_remarks(kind, case)
    if kind is Kind.NOTICE:
        telling = case.ruling.telling
        if telling:
            yield telling.rules.bound.say(case.language)
        return
    if kind is Kind.DETAILED:
        yield from _why_asked(case)
    for duty in (case.duty,) if case.duty else case.ruling.duties:
        if not duty.confirmed:
            yield case.say(
                "その日の様式と日数は未確認（今の条文による）", "forms and days of that date are unverified"
            )
        if duty.rule.remark:
            yield duty.rule.remark.say(case.language)
    if kind is Kind.DETAILED:
        for one in case.ruling.judgements:
            yield case.say("判定：", "judged: ") + reasoning(one, case.ruling, case.say)
