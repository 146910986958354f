"""All duties of the operator in one list: reports that come round, engineers, accidents on record."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import msgspec

from sekisho.catalogues.accidents import calendar_rules
from sekisho.errors import DescriptionError, NothingThere, ReadingError
from sekisho.formats.icalendar import Event
from sekisho.language import Language, Text
from sekisho.model.accident import japan_day
from sekisho.model.compliance import (
    KINDS,
    Done,
    Engineer,
    Entry,
    Installer,
    Operator,
    State,
    entries,
    proved,
)
from sekisho.model.incident import Standing
from sekisho.model.learning import Countermeasure
from sekisho.model.ruling import Ruling

_LARGEST = 2_000_000
_YEARS = range(1950, 2100)
_LONGEST_ID = 400
#: How the id of a measure after an accident begins in the list of duties.
MEASURE = "measure-"
# What was done longer ago than this is no longer listed, like reports that came round.
_DONE_DAYS = 366
STATES = {
    State.DUE: Text(ja="これから", en="due"),
    State.LATE: Text(ja="期限を過ぎ、済みの記録がない", en="past its day, no proof that it is done"),
    State.DONE: Text(ja="済み", en="done"),
    State.OPEN: Text(ja="決まらない", en="open"),
}
MISSING = {
    "sites": Text(ja="事業場（sites）による", en="hangs on the sites (sites)"),
    "users": Text(
        ja="前年度末の利用者数（users）による", en="hangs on the users at the end of the fiscal year (users)"
    ),
    "voice": Text(ja="音声の役務があるか（voice）による", en="hangs on whether there is voice (voice)"),
    "qualified": Text(
        ja="学歴と経験のある人がいるか（qualified）による", en="hangs on a qualified person (qualified)"
    ),
    "municipality": Text(
        ja="事業場の市町村（municipality）による", en="hangs on the sites' municipalities (municipality)"
    ),
    "lines": Text(ja="線路があるか（lines）による", en="hangs on whether there are lines (lines)"),
    "full-time": Text(
        ja="選任した人が、ほかの事業場か都道府県も受け持つ。事業場ごとに専任なので、認められるか総務省に確かめる",
        en="whoever is appointed answers for other sites or prefectures too; each site asks for somebody full-time: ask the ministry",
    ),
    "day": Text(ja="期日が資料で確かめられない（未確認）", en="its day is in no source (unverified)"),
    "bound": Text(
        ja="どの事業者が対象か、資料で確かめられない（未確認）",
        en="whom it binds is in no source (unverified)",
    ),
    "nil": Text(
        ja="対象期間に載せる事故があったかによる。ないときの報告が要るかは未確認",
        en="hangs on whether an accident of the period belongs in it; whether a report of none is asked is unverified",
    ),
    "work": Text(ja="その工事をできる資格の人がいない", en="nobody posted there may do that work"),
    "first": Text(
        ja="第一報の記録がない。「速やかに」に日数の定めはない（義務の始まった日を示す）。したのなら事実「報告」を加える",
        en="no first report is on record; “without delay” has no number of days (its day is the one the duty began): if it was "
        "made, add the fact “reported”",
    ),
    "serious": Text(ja="重大な事故かどうかによる", en="hangs on whether the accident is serious"),
}


def read_operator(path: Path) -> Operator:
    """Return what the operator says of itself.

    :raises ReadingError: too large or not in UTF-8
    :raises DescriptionError: no TOML, a wrong field, a double name, an unknown post
    :raises NothingThere: it says nothing
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        text = data.decode("utf-8") if len(data) <= _LARGEST else ""
    except UnicodeDecodeError:
        text = ""
    if data and not text:
        raise ReadingError(Text(ja="大きすぎるか、UTF-8でない", en="too large, or not in UTF-8"), str(path))
    operator = operator_of(text, str(path))
    if operator == Operator():
        raise NothingThere(
            Text(
                ja="事業者のことが何も書かれていないので、義務は分からない",
                en="nothing is said of the operator, so nothing can be said of its duties",
            ),
            str(path),
            Text(
                ja="利用者数（users）、音声の有無（voice）、事業場（[[sites]]）を書く",
                en="state its users, whether there is voice, and its sites ([[sites]])",
            ),
        )
    return operator


def operator_of(text: str, where: str = "") -> Operator:
    """Return what the TOML of an operator says. :raises DescriptionError: as `read_operator`."""
    try:
        operator = msgspec.convert(tomllib.loads(text), Operator)
    except (ValueError, RecursionError) as error:
        raise DescriptionError(
            Text(ja="事業者のファイルの誤り", en="the operator's file is wrong"), f"{where}: {error}"
        ) from error
    check(operator, where)
    return operator


def check(operator: Operator, where: str = "") -> None:
    """Look whether what is said goes together.

    :raises DescriptionError: a double name, an unknown post, kind or work, negative users
    """
    names = [one.name for one in operator.sites]
    known = {*names, *(name for one in operator.sites for name in (one.prefecture, one.prefecture.strip()))}
    if len(set(names)) != len(names):
        raise DescriptionError(Text(ja="事業場の名前が二度ある", en="a site's name twice"), where)
    if operator.users is not None and operator.users < 0:
        raise DescriptionError(Text(ja="利用者数が負", en="negative users"), where)
    for one in operator.engineers:
        if one.kind not in KINDS:
            raise DescriptionError(
                Text(ja="主任技術者の種別が不明", en="unknown kind of engineer"), f"{one.name}: {one.kind}"
            )
    days = [site.starts for site in operator.sites]
    days += [day for one in operator.engineers for day in (one.appointed, one.card, one.course) if day]
    if any(not _YEARS.start <= day.year < _YEARS.stop for day in days):
        raise DescriptionError(Text(ja="日付の年は1950から2099まで", en="years between 1950 and 2099"), where)
    for proof in operator.done:
        if not proof.id.isprintable() or not 0 < len(proof.id) <= _LONGEST_ID:
            raise DescriptionError(
                Text(ja="義務の番号ではない", en="not the id of a duty"), repr(proof.id[:60])
            )
    _check_posts(operator, known, where)


def _check_posts(operator: Operator, known: set[str], where: str) -> None:
    rules = calendar_rules().installers
    for technician in operator.installers:
        if technician.kind not in {one.id for one in rules.kinds}:
            raise DescriptionError(
                Text(ja="工事担任者の種別が不明", en="unknown kind of installation technician"),
                f"{where} {technician.name}: {technician.kind}".strip(),
            )
    people: tuple[Engineer | Installer, ...] = (*operator.engineers, *operator.installers)
    for person in people:
        for post in person.posts:
            if post not in known:
                raise DescriptionError(
                    Text(ja="知らない事業場・都道府県", en="unknown site or prefecture"),
                    f"{person.name}: {post}",
                )
    for site in operator.sites:
        for work in site.works:
            if work not in rules.works:
                raise DescriptionError(Text(ja="知らない工事", en="unknown works"), f"{site.name}: {work}")


def duties_of(operator: Operator, rulings: Iterable[Ruling], today: date, until: date) -> tuple[Entry, ...]:
    """Return every duty up to ``until`` by its day; those without a day last.

    :raises DescriptionError: a course that has not been attended by ``today``
    """
    for one in operator.engineers:
        if one.course and one.course > today:
            raise DescriptionError(
                Text(ja="講習の日がまだ来ていない", en="the day of the course has not come"),
                f"{one.name}: {one.course}",
            )
    rulings = tuple(rulings)
    asked = {
        f"periodic-accidents-{ruling.periodic.first:%Y-%m}"
        for ruling in rulings
        if ruling.periodic.standing is Standing.YES
    }
    found = [_with_accidents(one, asked, today) for one in entries(operator, calendar_rules(), today, until)]
    proofs = {one.id: one for one in operator.done}
    for ruling in rulings:
        found += _first_reports(ruling, proofs, today)
        for duty in ruling.duties:
            identifier = f"accident-{ruling.incident.id}-{duty.rule.trigger}"
            proof = proofs.get(identifier)
            if duty.due > until and proof is None:
                continue
            undecided = duty.standing is Standing.UNDECIDED
            late = State.LATE if duty.due < today else State.DUE
            state = State.OPEN if undecided else late
            name = ruling.incident.title or ruling.incident.id
            entry = Entry(
                identifier,
                Text(ja=f"詳細報告：{duty.rule.title.ja}「{name}」", en=f"detailed report: {duty.rule.title.en} “{name}”"),
                duty.rule.article, duty.rule.form, duty.due, state, duty.due_confidence,
                "serious" if undecided else "", duty.rule.remark, accident=ruling.incident.id,
                since=japan_day(duty.started),
            )  # fmt: skip
            found.append(proved(entry, proof, today) if proof else entry)
    return tuple(sorted(found, key=lambda one: (one.day or date.max, one.id)))


def _first_reports(ruling: Ruling, proofs: Mapping[str, Done], today: date) -> Iterator[Entry]:
    """Yield first reports that are due and of which nothing is on record among the facts."""
    if ruling.reported:
        return
    name = ruling.incident.title or ruling.incident.id
    for duty in ruling.duties:
        if duty.standing is not Standing.YES:
            continue
        identifier = f"accident-{ruling.incident.id}-{duty.rule.trigger}-first"
        proof, day = proofs.get(identifier), japan_day(duty.started)
        title = Text(
            ja=f"第一報（{duty.rule.first.ja}）：{duty.rule.title.ja}「{name}」",
            en=f"first report ({duty.rule.first.en}): {duty.rule.title.en} “{name}”",
        )
        entry = Entry(
            identifier, title, duty.rule.article, "", day, State.LATE if day < today else State.DUE,
            duty.rule.confidence, "first", duty.rule.remark, accident=ruling.incident.id, since=day,
        )  # fmt: skip
        entry = proved(entry, proof, today) if proof else entry
        yield msgspec.structs.replace(entry, missing="") if entry.done else entry


def measures_of(
    measures: Iterable[Countermeasure], titles: Mapping[str, str], today: date, until: date
) -> tuple[Entry, ...]:
    """Return measures after accidents as entries of the list; they are done by their own proof.

    ``titles``: accident → what it is called
    """
    found = []
    for one in measures:
        if one.due > until and one.done_on is None:
            continue
        if one.done_on and one.done_on < today - timedelta(days=_DONE_DAYS):
            continue
        proof = Done(MEASURE + one.id, one.done_on, one.done_by, one.proof) if one.done_on else None
        state = State.DONE if proof else State.LATE if one.late(today) else State.DUE
        name = titles.get(one.accident, one.accident)
        title = Text(
            ja=f"再発防止策：{one.text}（事故「{name}」）", en=f"measure: {one.text} (after “{name}”)"
        )
        found.append(
            Entry(
                MEASURE + one.id,
                title,
                "",
                "",
                one.due,
                state,
                "",
                done=proof,
                owner=one.owner,
                accident=one.accident,
            )
        )
    return tuple(found)


def _with_accidents(one: Entry, asked: set[str], today: date) -> Entry:
    """Return the entry as due when an accident on record belongs in that report."""
    if one.missing != "nil" or one.id not in asked or one.day is None:
        return one
    state = one.state if one.done else State.LATE if one.day < today else State.DUE
    return msgspec.structs.replace(one, state=state, missing="")


def events_of(found: Iterable[Entry], language: Language) -> tuple[Event, ...]:
    """Return what has a day as events of a calendar."""
    return tuple(
        Event(
            f"{one.id}@sekisho",
            one.day,
            ("✓ " if one.done else "") + one.title.say(language),
            describe(one, language),
            done=one.done is not None,
        )
        for one in found
        if one.day is not None
    )


def describe(one: Entry, language: Language) -> str:
    """Return article, form, how it stands and what is unverified, in lines."""
    words = (
        [f"{one.article} [{Text(ja='確度', en='confidence').say(language)} {one.confidence}]"]
        if one.article
        else []
    )
    words.append(f"{Text(ja='担当', en='owner').say(language)} {one.owner}" if one.owner else "")
    words.append(one.form)
    words.append(STATES[one.state].say(language))
    words.append(MISSING[one.missing].say(language) if one.missing else "")
    words.append(one.remark.say(language) if one.remark else "")
    if one.done:
        words.append(f"{one.done.on} {one.done.by} {one.done.proof}")
    return "\n".join(filter(None, words))
