"""Compose drafts: what the facts say goes in, what only a person knows stays an empty field that asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sekisho.model.draft import DocumentRule, DocumentRules, Draft, FieldRule, Kind, Sheet
from sekisho.model.incident import Standing
from sekisho.model.timeline import What
from sekisho.reports.accidents.case import Case
from sekisho.reports.accidents.draft_fields import field, value
from sekisho.reports.accidents.draft_sheets import course, effects, notice_areas
from sekisho.reports.accidents.words import reasoning, unasked_words


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
    fields = tuple(field(one, case, kind) for one in _fields(rule, case.rules) if _asked(one.id, kind, case))
    sheets = [notice_areas(case)] if kind is Kind.NOTICE else [effects(case), course(case)]
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
        rows.append((number, *(value(one.id, case, Kind.PERIODIC)[0] or "▲" for one in columns)))
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


def _later(case: Case) -> str:
    count = case.ruling.later
    return case.say(
        f"これより後の時刻の事実 {count} 件は使っていない", f"{count} facts of a later time are not used"
    )


def _nothing_asked(case: Case, what: str) -> Iterator[str]:
    """Yield that nothing is asked for; while questions are open only by what is told, with the questions."""
    if case.ruling.unasked:
        yield case.say("書かれた事実からは、", "by the facts that are told, ") + what
        yield from unasked_words(case.ruling, case.say)
    else:
        yield case.say("この時点で、", "as known now ") + what


def _why_asked(case: Case) -> Iterator[str]:
    if case.duty is None:
        yield from _nothing_asked(
            case, case.say("詳細報告の義務は見当たらない", "no duty asks for a detailed report")
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
        yield from _nothing_asked(
            case, case.say("直ちに報告する義務は見当たらない", "nothing has to be reported without delay")
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
