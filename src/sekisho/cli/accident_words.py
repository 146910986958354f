"""How a judged accident reads: the line of reasoning, what would change it, duties and their days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, t, table
from sekisho.formats.incident_words import SERVICES, WHATS
from sekisho.model.incident import Incident, Standing
from sekisho.model.timeline import About
from sekisho.reports.accidents import words
from sekisho.reports.accidents.words import users_words

if TYPE_CHECKING:
    from sekisho.model.accident import Judgement
    from sekisho.model.foreign import Foreign
    from sekisho.model.periodic import Periodic
    from sekisho.model.ruling import DueDay, Ruling

_COLOURS = {Standing.YES: "red", Standing.UNDECIDED: "yellow", Standing.NO: "green"}


def reasoning(judged: Judgement, ruling: Ruling) -> str:
    """Return the line of reasoning of one class."""
    return words.reasoning(judged, ruling, t)


def why(judged: Judgement) -> str:
    """Return the reason, and what would change it."""
    return words.why(judged, t, clock)


def span(hours: float) -> str:
    """Return ``2 h 10 min``."""
    return words.span(hours, t)


def due_words(due: DueDay) -> str:
    """Return a day with its weekday, what kind of day off it is, and how far away."""
    return words.due_words(due, t)


def serious_words(standing: Standing) -> str:
    """Return the answer in one sentence."""
    return words.serious_words(standing, t)


def title(one: Incident) -> str:
    """Return what an accident is called: its subject, its id, or that it has neither."""
    nameless = one.id == About().id
    return one.title or (t("件名のない事故", "an accident without a subject") if nameless else one.id)


def lines(ruling: Ruling) -> Iterator[str]:
    """Yield the whole answer, line by line."""
    one = ruling.incident
    yield click.style(title(one), bold=True)
    yield t(f"{clock(one.as_of)} 時点で分かっていること", f"as known at {clock(one.as_of)}")
    if ruling.later:
        yield click.style(later_words(ruling.later), fg="yellow")
    yield click.style(serious_words(ruling.serious), fg=_COLOURS[ruling.serious], bold=True)
    if ruling.becomes:
        left = (ruling.becomes - one.as_of).total_seconds() / 3600
        yield click.style(
            t(
                f"復旧しなければ {clock(ruling.becomes)} に重大な事故になる（あと{span(left)}）",
                f"becomes serious at {clock(ruling.becomes)} if not restored (in {span(left)})",
            )
            + words.reading(ruling, t),
            fg="yellow",
            bold=True,
        )
    if possible := words.earliest_possible(ruling):
        when, users = clock(possible[0]), f"{possible[1]:,}"
        yield click.style(
            t(
                f"早ければ {when} に重大な事故になる（{users}人以上なら）",
                f"earliest possible: serious at {when}, if {users} users or more",
            ),
            fg="yellow",
        )
    yield t(
        f"基準：{ruling.rules.id}（{ruling.rules.source}、確度{ruling.rules.confidence}）",
        f"rules: {ruling.rules.id} ({ruling.rules.source}, confidence {ruling.rules.confidence})",
    )
    for judged in ruling.judgements:
        yield f"  {_sign(judged.standing)} {reasoning(judged, ruling)}"
        yield f"      {why(judged)}"
    if not ruling.judgements and not one.unhurt:
        yield t("  役務への影響がまだ書かれていない", "  no effect on a service is told yet")
    yield from duty_lines(ruling)
    yield ""
    yield table(
        _facts(ruling), t("時刻,事実,役務,地域,利用者,出所", "time,fact,service,area,users,source").split(",")
    )


def later_words(count: int) -> str:
    """Say that facts of a later time are not used."""
    return t(
        f"これより後の時刻の事実 {count} 件は、まだ使っていない（年の書き誤りでないか確かめる）",
        f"{count} facts of a later time are not used yet (check their year)",
    )


def _facts(ruling: Ruling) -> Iterator[tuple[str, ...]]:
    for fact in ruling.facts:
        service = SERVICES[fact.service].say(LANGUAGE) if fact.service else fact.equipment
        told = fact.users_least is not None or fact.users_most is not None
        users = users_words(fact.users_least or 0, fact.users_most) if told else ""
        source = " ".join(filter(None, (fact.source, fact.note)))
        yield clock(fact.time), WHATS[fact.what].say(LANGUAGE), service, fact.area, users, source


def duty_lines(ruling: Ruling) -> Iterator[str]:
    """Yield the duties with their days, then the periodic report."""
    rows = []
    for duty, due in zip(ruling.duties, ruling.due_days, strict=True):
        rule = duty.rule
        started = t("発生", "occurred") if rule.clock == "occurred" else t("認知", "known")
        rows.append(
            (
                _sign(duty.standing),
                rule.title.say(LANGUAGE),
                rule.first.say(LANGUAGE),
                t(f"{due_words(due)}まで", f"by {due_words(due)}")
                + ("" if duty.by_operator else f" [{t('確度', 'confidence')} {duty.due_confidence}]")
                + (t("（自社の計算）", " (own count)") if duty.by_operator else ""),
                rule.form,
                f"{started} {clock(duty.started)}",
                rule.article,
            )
        )
    head = t(",義務,第一報,詳細報告,様式,起算,根拠", ",duty,first report,detailed,form,clock,article").split(
        ","
    )
    yield ""
    yield (
        table(rows, head)
        if rows
        else t(
            "書かれた事実からは、直ちに報告する義務は見当たらない",
            "by the facts that are told, nothing to report without delay",
        )
        if ruling.unasked
        else t("直ちに報告する義務は見当たらない", "nothing to report without delay")
    )
    for said in words.unasked_words(ruling, t):
        yield click.style(said, fg="yellow", bold=True)
    yield from _notes(ruling)
    yield _periodic(ruling.periodic, ruling.periodic_due)


def _notes(ruling: Ruling) -> Iterator[str]:
    """Yield what must be known of the days and forms."""
    if ruling.duties:
        yield t(
            "「速やかに」に時間の定めはない。30日は初日不算入（民法の一般原則、確度C）。休日で延びるかは資料で確かめられない",
            '"Without delay" has no number of hours. 30 days: first day not counted (general rule, confidence C). '
            "Whether a day off moves the day is in no source.",
        )
    if any(not duty.confirmed for duty in ruling.duties):
        yield t(
            "その日の様式と日数は未確認（今の条文による）",
            "forms and days of that date are unverified: they are those of today's text",
        )
    if ruling.incident.occurred_assumed:
        yield t(
            "発生の時刻がないので、最初の事実から数えた",
            "no time of occurrence is told: counted from the first fact",
        )
    if ruling.incident.known_assumed and any(duty.rule.clock == "known" for duty in ruling.duties):
        yield t(
            "認知の時刻がないので、発生から数えた", "no time of knowing is told: counted from the occurrence"
        )
    for duty in ruling.duties:
        if duty.rule.remark:
            yield duty.rule.remark.say(LANGUAGE)


def abroad_lines(every: Iterable[Foreign]) -> Iterator[str]:
    """Yield what each profile says, its deadlines, and how sure its text is."""
    answers = {
        Standing.YES: t("当たる", "applies"),
        Standing.NO: t("当たらない", "does not apply"),
        Standing.UNDECIDED: t("決まらない", "undecided"),
    }
    missing = {
        "significant": t("重大な影響か、人が判断する（significant）", "a person decides whether it is significant (significant)"),
        "subscribers": t("役務の全利用者数がない（subscribers）", "all users of the service are not told (subscribers)"),
        "users": t("影響利用者数による", "hangs on how many users were hit"),
        "end": t("まだ続いている", "still goes on"),
        "not-judged": t("数値には達しない。下の「判定していない」は人が確かめる", "below its numbers; a person checks what is not judged"),
        "effects": t("役務への影響がまだ書かれていない", "no effect on a service is told yet"),
    }  # fmt: skip
    for one in every:
        profile = one.profile
        mark = t(" 【未確認】", " [UNVERIFIED]") if one.unverified else ""
        yield f"{_sign(one.standing)} {profile.title.say(LANGUAGE)}: {answers[one.standing]}{mark}"
        if one.missing:
            yield f"    {missing[one.missing]}"
        if one.standing is not Standing.NO:
            for deadline, due in zip(profile.deadlines, one.due, strict=True):
                yield f"    {deadline.title.say(LANGUAGE)}" + (f": {clock(due)}" if due else "")
        if profile.not_judged:
            yield t("    判定していない：", "    not judged: ") + profile.not_judged.say(LANGUAGE)
        grade = one.threshold.confidence
        yield f"    {profile.source} [{t('確度', 'confidence ')}{max(grade, profile.confidence)}]"


def clock(moment: datetime) -> str:
    """Return a moment for people, with its zone."""
    from sekisho.wiring.moment import shown

    return shown(int(moment.timestamp() * 1000), "%Y-%m-%d %H:%M")


def _sign(standing: Standing) -> str:
    signs = {Standing.YES: "!", Standing.UNDECIDED: "?", Standing.NO: "-"}
    return click.style(signs[standing], fg=_COLOURS[standing])


def _periodic(found: Periodic, due: DueDay) -> str:
    place = f"{found.rules.article}、{found.first}–{found.last}"
    reason = words.periodic_why(found.reason, t)
    if found.standing is Standing.NO:
        return t(f"定期報告：載せない（{reason}）", f"periodic report: not in it ({reason})")
    form = found.track.form if found.track else ""
    if found.standing is Standing.UNDECIDED:
        return t(
            f"定期報告：載せるかまだ決まらない（{reason}）。載せるなら {form}、{due_words(due)}まで（{place}）",
            f"periodic report: not decided yet ({reason}); if it belongs in it: {form}, by {due_words(due)} ({place})",
        )
    return t(
        f"定期報告：載せる {form}、{due_words(due)}まで（{place}）",
        f"periodic report: in it, {form}, by {due_words(due)} ({place})",
    )
