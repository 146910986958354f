"""Accidents of the network: facts by and by, the verdict with its reasoning, what is due when, drafts and sign-off.

Nothing is sent from here. Times are read as people in Japan write them; what contradicts itself is refused and told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.responses import Response

from sekisho.errors import DescriptionError, SekishoError
from sekisho.formats.incident_words import EXAMPLES, SERVICES, WHATS
from sekisho.language import Language, Text
from sekisho.model.accident import japan_day
from sekisho.model.accident_record import AccidentRecord, Told
from sekisho.model.account import Permission
from sekisho.model.case_life import Actor
from sekisho.model.draft import Kind, Known
from sekisho.model.incident import Standing
from sekisho.model.ruling import Ruling
from sekisho.model.timeline import About, Details, Fact, What
from sekisho.reports.accidents import course_plot, words
from sekisho.web import accident_answers as answers
from sekisho.web import accident_files
from sekisho.web.accident_clocks import clocks, undone
from sekisho.web.asked import Asked
from sekisho.web.office import JAPAN
from sekisho.web.page import Page, Route
from sekisho.wiring.console_accidents import shown, told_in

_PAGE = 50
_NONE = Text(ja="その番号の事故はない", en="there is no such accident")
_NO_DOCUMENT = Text(ja="その書類・版はない", en="there is no such document or version")
_NO_MINUTES = Text(
    ja="目標は0から99999までの分（半角の数字）", en="the target is a number of minutes from 0 to 99999"
)
KINDS = {
    Kind.FIRST: Text(ja="第一報", en="First report"),
    Kind.DETAILED: Text(ja="詳細報告（30日以内）", en="Detailed report (30 days)"),
    Kind.NOTICE: Text(ja="利用者への周知", en="Notice to users"),
    Kind.PERIODIC: Text(ja="定期報告の表", en="Periodic report"),
}
MARKS = {
    "yes": ("fail", "!", Text(ja="重大な事故", en="serious")),
    "undecided": ("inconclusive", "?", Text(ja="まだ決まらない", en="undecided")),
    "no": ("pass", "–", Text(ja="重大でない", en="not serious")),
    "broken": ("fail", "×", Text(ja="判定できない", en="can't be judged")),
}
SAID = {
    "operator": Text(ja="事業者", en="Operator"),
    "contact": Text(ja="お問い合わせ先", en="Contact"),
    "place": Text(ja="発生場所（原因設備の設置場所）", en="Place of the equipment"),
    "overview": Text(ja="概要", en="Overview"),
    "cause": Text(ja="発生原因（推定可）", en="Cause (may be presumed)"),
    "cause_class": Text(ja="原因の区分（自社の語）", en="Kind of cause (own words)"),
    "equipment": Text(ja="故障設備", en="Equipment"),
    "measures": Text(ja="措置模様", en="Measures"),
    "outlook": Text(ja="復旧の見通し", en="Outlook"),
    "emergency": Text(ja="緊急通報への影響", en="Effect on emergency calls"),
    "substitutes": Text(ja="代わりの手段", en="Substitutes"),
    "other": Text(ja="その他参考となる事項", en="Other"),
    "reported_at": Text(ja="報告日時（送る時刻）", en="Reported at (time of sending)"),
    "wholesale": Text(ja="卸役務か（はい・いいえ）", en="Wholesale service (yes or no)"),
    "addressee": Text(ja="宛先", en="Addressee"),
    "submitted": Text(ja="提出日", en="Day of filing"),
    "address": Text(ja="住所", en="Address"),
    "representative": Text(ja="代表者", en="Representative"),
}
_CELLS = (
    "time",
    "what",
    "service",
    "area",
    "users",
    "source",
    "note",
    "equipment",
    "unusable",
    "all_traffic",
)


# What the page of an accident calls things.
_WORDS = {
    "users": words.users_words, "services": SERVICES, "examples": EXAMPLES, "whats": WHATS, "what": What, "said": SAID,
    "kinds": KINDS, "yes": Standing.YES, "no": Standing.NO,
}  # fmt: skip


def _actor(asked: Asked) -> Actor:
    if asked.who is None:
        raise DescriptionError(Text(ja="サインインが要る", en="sign in first"))
    return Actor(asked.who.name, asked.who.role.value)


def _record(asked: Asked) -> AccidentRecord | None:
    return asked.office.console.accidents.accident(asked.part("id"))


def _list(asked: Asked, problem: SekishoError | None = None) -> Response:
    if "format" in asked.query and not problem:
        return accident_files.listed(asked, _standing)
    found = asked.office.console.accidents.find(after=asked.query.get("after", ""), limit=_PAGE)
    standings = {one.id: _now(asked, one) for one in found}
    return asked.page(
        "accidents.html",
        status=400 if problem else 200,
        found=found,
        standings={name: standing for name, (standing, _) in standings.items()},
        going={name for name, (_, going) in standings.items() if going},
        marks=MARKS,
        next=found[-1].place if len(found) == _PAGE else "",
        services=SERVICES,
        examples=EXAMPLES,
        whats=WHATS,
        form=asked.form,
        problem=problem,
    )


def _standing(asked: Asked, record: AccidentRecord) -> str:
    """Return how it stands now: what goes on may have turned serious, and what is over may be judged by other rules."""
    return _now(asked, record)[0]


def _now(asked: Asked, record: AccidentRecord) -> tuple[str, bool]:
    """Return how it stands now, and whether it goes on."""
    try:
        ruling = asked.office.console.accidents.judged(record.told(), asked.now)
    except DescriptionError:  # one that can't be judged must not hide the others
        return "broken", True
    return ruling.serious.value, ruling.running


def _open(asked: Asked) -> Response:
    """Keep a new accident: out of a first fact, or of a pasted CSV or TOML."""
    desk, zone = asked.office.console.accidents, asked.zone or JAPAN
    try:
        told = (
            told_in(asked.form["text"], zone)
            if asked.form.get("text", "").strip()
            else Told(About(), (_fact(asked),))
        )
        title = asked.form.get("title", "").strip()[:200]
        if title:
            told = Told(msgspec.structs.replace(told.about, title=title), told.facts)
        record = desk.open(told, _actor(asked))
    except DescriptionError as error:
        return _list(asked, error)
    return asked.see_other(
        f"/accidents/{record.id}", asked.t("事故を記録し始めた", "The accident is on record")
    )


def _fact(asked: Asked) -> Any:
    from sekisho.formats.incident_file import read_fact

    return read_fact(_cells(asked), asked.who.name if asked.who else "", asked.zone or JAPAN)


def _cells(asked: Asked) -> dict[str, str]:
    cells = {name: asked.form.get(name, "").strip()[:400] for name in _CELLS}
    return {**cells, "source": cells["source"] or (asked.who.name if asked.who else "")}


def _one(asked: Asked, problem: SekishoError | None = None) -> Response:
    desk, record = asked.office.console.accidents, _record(asked)
    if record is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    if asked.query.get("format") == "toml" and not problem:
        return accident_files.as_file(record)
    # Nothing that somebody typed is lost where it couldn't be kept: each form is given back as it was sent.
    saying = asked.form if problem and asked.path.endswith("/said") else None
    told = record.told()
    ruling, fault = shown(desk, told, asked.now)
    zone, clock = asked.zone or JAPAN, _clock(asked)
    plots = [course_plot.plot(ruling, size, zone, asked.t) for size in (course_plot.WIDE, course_plot.NARROW)]
    return asked.page(
        "accident.html",
        status=409 if problem else 200,
        record=record,
        told=told,
        ruling=ruling,
        fault=fault,
        facts=list(_facts(told, ruling)),
        mark=MARKS[ruling.serious.value],
        marks=MARKS,
        clocks=list(clocks(ruling, asked.t)),
        undone=list(undone(ruling, asked.t)),
        judged=[
            (one, words.reasoning(one, ruling, asked.t), words.why(one, asked.t, clock))
            for one in ruling.judgements
        ],
        duties=[
            (one, words.due_words(due, asked.t))
            for one, due in zip(ruling.duties, ruling.due_days, strict=True)
        ],
        periodic_due=words.due_words(ruling.periodic_due, asked.t),
        plots=[Markup(one) for one in plots if one],  # noqa: S704 - texts are escaped where the drawing is made
        when=clock,
        documents=_documents(asked, record, ruling),
        form=asked.form if problem and not saying else {},
        saying=saying,
        problem=problem,
        **_asked_besides(asked, told, ruling, problem),
        **_WORDS,
    )


def _asked_besides(asked: Asked, told: Told, ruling: Ruling, problem: SekishoError | None) -> dict[str, Any]:
    """Return what the form of further questions shows, as it was sent where it couldn't be kept."""
    sent = problem and asked.path.endswith("/answers")
    return {
        "answers": asked.form if sent else answers.form_of(told.about),
        "unasked": list(words.unasked_words(ruling, asked.t)),
        "periodic_why": words.periodic_why(ruling.periodic.reason, asked.t),
        "events": answers.events_on(japan_day(ruling.incident.occurred), told.about.threat),
        "leak_words": answers.LEAK_WORDS,
        "flags": answers.ASKED,
        "threat_flags": answers.THREAT_ASKED,
        "facilities": answers.FACILITIES,
        "ticks": answers.TICKS,
    }


def _answer(asked: Asked) -> Response:
    record = _seen(asked)
    if record is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    told = record.told()
    try:
        about = answers.answered(told.about, answers.of_form(asked.form))
        asked.office.console.accidents.change(record, Told(about, told.facts), _actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return _changed(asked, record, asked.t("答えを保存した", "The answers are kept"))


def _facts(told: Told, ruling: Ruling) -> Iterator[tuple[int, Fact, str]]:
    """Yield every fact on record by its time, with its number, and whether it is withdrawn or of a later time."""
    gone = {one.withdraws for one in told.facts if one.what is What.WITHDRAWN}
    numbered = sorted(enumerate(told.facts, 1), key=lambda pair: pair[1].time)
    for number, one in numbered:
        if number in gone:
            yield number, one, "withdrawn"
        elif one.what is What.WITHDRAWN:
            yield number, one, "withdrawal"
        else:
            yield number, one, "later" if one.time > ruling.incident.as_of else ""


def _withdraw(asked: Asked) -> Response:
    record = _seen(asked)
    if record is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    try:
        asked.office.console.accidents.withdraw(record, _number(asked, "number") or -1, _actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return _changed(asked, record, asked.t("事実を取り消した", "The fact is withdrawn"))


def _number(asked: Asked, name: str) -> int:
    """Return the number of a fact, counted from 1; 0 for none, -1 for what is no number."""
    text = asked.form.get(name, "")
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len("100000") else -1


def _documents(
    asked: Asked, record: AccidentRecord, ruling: Ruling
) -> dict[str, tuple[str, str, str, list[Any]]]:
    """Return the documents that the accident may ask for, with their versions: of the detailed report one for each duty."""
    found: dict[str, tuple[str, str, str, list[Any]]] = {}
    for kind, text in KINDS.items():
        duties = ruling.duties if kind is Kind.DETAILED else ()
        for one in duties:
            trigger, title = one.rule.trigger, words.told(one.rule.title, asked.t)
            found[f"{kind.value}-{trigger}"] = (
                f"{words.told(text, asked.t)} — {title}",
                kind.value,
                trigger,
                [],
            )
        if not duties:
            found[kind.value] = (words.told(text, asked.t), kind.value, "", [])
    for kept, signed in asked.office.console.accidents.documents(record.id):
        name, _, duty = kept.kind.partition("-")
        title = words.told(KINDS[Kind(name)], asked.t)
        # What isn't asked for any more stays on record.
        found.setdefault(kept.kind, (title, name, duty, []))[3].append((kept, signed))
    return found


def _clock(asked: Asked) -> words.Clock:
    zone = asked.zone or JAPAN

    def clock(moment: datetime) -> str:
        local = moment.astimezone(zone)
        return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"

    return clock


def _changed(asked: Asked, record: AccidentRecord, done: str) -> Response:
    return asked.see_other(f"/accidents/{record.id}", done)


def _seen(asked: Asked) -> AccidentRecord | None:
    """Return the record if it is there, in the revision that the form's reader saw."""
    record = _record(asked)
    seen = asked.form.get("seen", "")
    if record and seen.isascii() and seen.isdecimal():
        return msgspec.structs.replace(record, revision=int(seen[:18]))
    return record


def _add(asked: Asked) -> Response:
    record = _seen(asked)
    if record is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    try:
        asked.office.console.accidents.add_fact(
            record, _cells(asked), asked.zone or JAPAN, _actor(asked), instead=_number(asked, "instead")
        )
    except SekishoError as error:
        return _one(asked, error)
    return _changed(asked, record, asked.t("事実を加えた", "The fact is added"))


def _say(asked: Asked) -> Response:
    record = _seen(asked)
    if record is None:
        return asked.problem(404, _NONE, where=asked.part("id")[:40])
    told = record.told()
    details = Details(**{name: asked.form.get(name, "").strip()[:2000] for name in SAID})
    try:
        about = msgspec.structs.replace(
            told.about, report=details, title=asked.form.get("title", told.about.title).strip()[:200],
            areas_apart=asked.form.get("areas_apart") == "1", target_minutes=_minutes(asked),
        )  # fmt: skip
        asked.office.console.accidents.change(record, Told(about, told.facts), _actor(asked))
    except SekishoError as error:
        return _one(asked, error)
    return _changed(asked, record, asked.t("書いたことを保存した", "What you wrote is kept"))


def _minutes(asked: Asked) -> int | None:
    """Return the target that was typed, None for none. :raises DescriptionError: it is no number of minutes."""
    text = asked.form.get("target_minutes", "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < len("100000")):
        raise DescriptionError(_NO_MINUTES, text[:20])
    return int(text) if text else None


def _draft(asked: Asked) -> Response:
    record = _record(asked)
    kind = next((one for one in KINDS if one.value == asked.form.get("kind")), None)
    if record is None or kind is None:
        return asked.problem(404, _NONE if record is None else _NO_DOCUMENT, where=asked.part("id")[:40])
    language = Language.EN if asked.form.get("language") == "en" else Language.JA
    desk = asked.office.console.accidents
    duty = asked.form.get("duty", "")[:40]
    kept = desk.draft(record, kind, language, asked.zone or JAPAN, _actor(asked), duty)
    return asked.see_other(
        f"/accidents/{record.id}/{kept.kind}/{kept.version}",
        asked.t(f"第{kept.version}版", f"Version {kept.version}"),
    )


def _version(asked: Asked) -> tuple[AccidentRecord, Any] | None:
    record, number = _record(asked), asked.part("version")
    if record is None or not (number.isascii() and number.isdecimal() and len(number) < len("1000000")):
        return None
    found = asked.office.console.accidents.version(record.id, asked.part("kind")[:60], int(number))
    return (record, found) if found else None


def _document(asked: Asked) -> Response:
    known = _version(asked)
    if known is None:
        return asked.problem(404, _NO_DOCUMENT, where=asked.path[:80])
    record, found = known
    from sekisho.workflows.draft_accident import FORMATS, render

    form = asked.query.get("format", "")
    if form in FORMATS:
        answer = Response(render(found.draft, form, asked.zone or JAPAN), media_type=FORMATS[form][1])
        name = f"{record.id}-{found.kept.kind}-{found.kept.version}.{form}"
        answer.headers["content-disposition"] = f'attachment; filename="{name}"'
        return answer
    if form:
        raise DescriptionError(Text(ja="その形式はない", en="there is no such form"), form[:20])
    return asked.page(
        "accident_document.html",
        record=record,
        found=found,
        draft=found.draft,
        known=Known,
        kinds=KINDS,
        formats=tuple(FORMATS),
        missing=found.draft.gaps,
        signed_at=datetime.fromtimestamp(0, JAPAN) + timedelta(milliseconds=found.signed.at)
        if found.signed
        else None,
        when=_clock(asked),
    )


def _fill(asked: Asked) -> Response:
    """Give the ministry's own form back with this version in it; nothing of it is kept here."""
    known = _version(asked)
    if known is None:
        return asked.problem(404, _NO_DOCUMENT, where=asked.path[:80])
    from sekisho.workflows.draft_accident import filled

    record, found = known
    files = {name: (given, data) for name, given, data in asked.files}
    if not {"form", "mapping"} <= set(files):
        raise DescriptionError(
            Text(ja="様式と対応表を選ぶ", en="choose the form and the mapping"), ", ".join(files)
        )
    given, form = files["form"]
    octets = filled(found.draft, form, files["mapping"][1], files["mapping"][0][:60])
    suffix = next((one for one in ("xlsx", "xlsm", "docx") if given.lower().endswith(f".{one}")), "bin")
    answer = Response(octets, media_type="application/octet-stream")
    name = f"{record.id}-{found.kept.kind}-{found.kept.version}-form.{suffix}"
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


def _sign(asked: Asked) -> Response:
    known = _version(asked)
    if known is None:
        return asked.problem(404, _NO_DOCUMENT, where=asked.path[:80])
    record, found = known
    asked.office.console.accidents.sign(record.id, found.kept.kind, found.kept.version, _actor(asked))
    done = asked.t("署名した。送るのは人が行う", "Signed off. Sending it is done by people")
    return asked.see_other(f"/accidents/{record.id}/{found.kept.kind}/{found.kept.version}", done)


PAGE = Page(
    "accidents",
    Text(ja="事故", en="Accidents"),
    (
        Route("GET", "/accidents", _list, Permission.SEE),
        Route("POST", "/accidents", _open, Permission.WORK, opens=2_000_000),
        Route("GET", "/accidents/{id}", _one, Permission.SEE),
        Route("POST", "/accidents/{id}/facts", _add, Permission.WORK, opens=16_384),
        Route("POST", "/accidents/{id}/withdrawals", _withdraw, Permission.WORK, opens=1024),
        Route("POST", "/accidents/{id}/said", _say, Permission.WORK, opens=65_536),
        Route("POST", "/accidents/{id}/answers", _answer, Permission.WORK, opens=16_384),
        Route("POST", "/accidents/{id}/drafts", _draft, Permission.WORK, opens=1024),
        Route("GET", "/accidents/{id}/{kind}/{version}", _document, Permission.SEE),
        Route("POST", "/accidents/{id}/{kind}/{version}/form", _fill, Permission.WORK, opens=24_000_000),
        Route("POST", "/accidents/{id}/{kind}/{version}", _sign, Permission.SEND, opens=1024, fresh=True),
    ),
    order=8,
    sign="故",
)
