"""How a judged accident reads: the line of reasoning, what would change it, duties and their days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, t, table
from sekisho.formats.incident_words import SERVICES, WHATS
from sekisho.model.incident import Standing

if TYPE_CHECKING:
    from sekisho.model.accident import Judgement
    from sekisho.model.foreign import Foreign
    from sekisho.model.periodic import Periodic
    from sekisho.workflows.judge_accident import DueDay, Ruling

_COLOURS = {Standing.YES: "red", Standing.UNDECIDED: "yellow", Standing.NO: "green"}


def lines(ruling: Ruling) -> Iterator[str]:
    """Yield the whole answer, line by line."""
    one = ruling.incident
    yield click.style(one.title or one.id, bold=True)
    yield t(f"{clock(one.as_of)} 時点で分かっていること", f"as known at {clock(one.as_of)}")
    yield click.style(serious_words(ruling.serious), fg=_COLOURS[ruling.serious], bold=True)
    if ruling.becomes:
        left = (ruling.becomes - one.as_of).total_seconds() / 3600
        yield click.style(
            t(
                f"復旧しなければ {clock(ruling.becomes)} に重大な事故になる（あと{span(left)}）",
                f"becomes serious at {clock(ruling.becomes)} if not restored (in {span(left)})",
            ),
            fg="yellow",
            bold=True,
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


def _facts(ruling: Ruling) -> Iterator[tuple[str, ...]]:
    for fact in ruling.facts:
        service = SERVICES[fact.service].say(LANGUAGE) if fact.service else fact.equipment
        told = fact.users_least is not None or fact.users_most is not None
        users = users_words(fact.users_least or 0, fact.users_most) if told else ""
        source = " ".join(filter(None, (fact.source, fact.note)))
        yield clock(fact.time), WHATS[fact.what].say(LANGUAGE), service, fact.area, users, source


def users_words(least: int, most: int | None) -> str:
    """Return a number of users, or the least and the most."""
    return f"{least:,}" if most == least else f"{least:,}–{'?' if most is None else f'{most:,}'}"


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
        else t("直ちに報告する義務は見当たらない", "nothing to report without delay")
    )
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
    if ruling.incident.known_assumed and any(duty.rule.clock == "known" for duty in ruling.duties):
        yield t(
            "認知の時刻がないので、発生から数えた", "no time of knowing is told: counted from the occurrence"
        )
    for duty in ruling.duties:
        if duty.rule.remark:
            yield duty.rule.remark.say(LANGUAGE)
    yield _periodic(ruling.periodic, ruling.periodic_due)


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


def reasoning(judged: Judgement, ruling: Ruling) -> str:
    """Return like ``58条2項1号 class 6 (Internet connection): 2 h 10 min × 41,000 ≥ 2 h × 30,000``."""
    hours = span(judged.hours[0]) + ("" if judged.hours[1] is not None else t("〜", " or more"))
    sign = "≥" if judged.standing is Standing.YES else "?" if judged.standing is Standing.UNDECIDED else "<"
    if judged.service is None:
        return f"58条2項2号 {judged.equipment}: {hours} {sign} {span(judged.line[0])}"
    title = next(one.title for one in ruling.rules.classes if one.id == judged.class_id).say(LANGUAGE)
    service = SERVICES[judged.service].say(LANGUAGE)
    users = users_words(*judged.users)
    head = t(f"{judged.class_id}（{title}）", f"class {judged.class_id} ({title})")
    named = "" if service == title else f" {service}"
    article = ruling.rules.article
    return f"{article} {head}{named}: {hours} × {users} {sign} {span(judged.line[0])} × {judged.line[1]:,}"


def why(judged: Judgement) -> str:
    """Return the reason, and what would change it."""
    hours, users = span(judged.line[0]), f"{judged.line[1]:,}"
    when = clock(judged.becomes) if judged.becomes else ""
    words = {
        "reached": t("基準に達した", "the threshold is reached"),
        "too-short": t("時間が足りない", "too short"),
        "too-few": t(
            f"利用者が足りない。{users}人以上と分かれば変わる",
            f"too few users; changes if {users} or more turn out to be hit",
        ),
        "still-running": t(
            f"継続中。{when} までに復旧しなければ重大", f"goes on; serious if not restored by {when}"
        ),
        "users-unknown": t(
            f"時間は足りる。影響利用者が{users}人以上なら重大",
            f"long enough; serious if {users} users or more were hit",
        ),
        "running-and-users-unknown": t(
            f"継続中。{users}人以上が{hours}以上続けば重大",
            f"goes on; serious if {users} users or more are hit for {hours}",
        ),
        "readings-differ": t(
            f"全体の時間と利用者では達するが、{users}人以上が{hours}続いたとは言えない。数え方を総務省に確かめる",
            f"reached by the whole time and all users, but not {users} at a time for {hours}: ask the ministry how to count",
        ),
        "class-unknown": t(
            "前年の月平均利用者数が分からず、どの号か決まらない（monthly_users）",
            "the class hangs on last year's monthly users, which are not told (monthly_users)",
        ),
        "no-equipment-failure": t(
            "電気通信設備の故障による停止・品質低下に当たらない", "no failure of telecom equipment that counts"
        ),
        "traffic-unknown": t(
            "全ての通信が止まったかどうかで決まる（all_traffic）", "hangs on whether all traffic stopped (all_traffic)"
        ),
        "not-all-traffic": t("一部の通信は止まらなかった", "not all of its traffic stopped"),
    }  # fmt: skip
    said = words.get(judged.reason, judged.reason)
    return said if judged.confidence == "A" else f"{said} [{t('確度', 'confidence')} {judged.confidence}]"


def span(hours: float) -> str:
    """Return ``2 h 10 min``."""
    minutes = max(0, int(hours * 60 + 1e-6))
    whole, rest = divmod(minutes, 60)
    parts = [t(f"{whole}時間", f"{whole} h")] if whole else []
    parts += [t(f"{rest}分", f"{rest} min")] if rest or not whole else []
    return t("", " ").join(parts)


def clock(moment: datetime) -> str:
    """Return a moment for people, with its zone."""
    from sekisho.wiring.moment import shown

    return shown(int(moment.timestamp() * 1000), "%Y-%m-%d %H:%M")


def due_words(due: DueDay) -> str:
    """Return a day with its weekday, what kind of day off it is, and how far away."""
    weekday = t("月火水木金土日"[due.day.weekday()], due.day.strftime("%a"))
    kind = due.holiday or (t("休日", "weekend") if due.weekend else "")
    kind += "" if due.checked else t(" 祝日未確認", " holidays unknown")
    left = (
        t(f"あと{due.days}日", f"{due.days} days left")
        if due.days >= 0
        else t(f"{-due.days}日過ぎた", f"{-due.days} days late")
    )
    return f"{due.day.isoformat()} ({', '.join(filter(None, (weekday, kind.strip(), left)))})"


def serious_words(standing: Standing) -> str:
    """Return the answer in one sentence."""
    return {
        Standing.YES: t("重大な事故に当たる", "a serious accident"),
        Standing.NO: t("重大な事故に当たらない", "not a serious accident"),
        Standing.UNDECIDED: t(
            "重大な事故かどうか、まだ決まらない", "not decided yet whether it is a serious accident"
        ),
    }[standing]


def _sign(standing: Standing) -> str:
    signs = {Standing.YES: "!", Standing.UNDECIDED: "?", Standing.NO: "-"}
    return click.style(signs[standing], fg=_COLOURS[standing])


def _periodic(found: Periodic, due: DueDay) -> str:
    place = f"{found.rules.article}、{found.first}–{found.last}"
    if found.standing is Standing.NO:
        reason = {
            "serious-excluded": t("重大な事故は除く", "serious ones are left out"),
            "minor": t("軽微と記されている", "said to be minor"),
        }.get(found.reason, t("基準未満", "below its threshold"))
        return t(f"定期報告：載せない（{reason}）", f"periodic report: not in it ({reason})")
    form = found.track.form if found.track else ""
    perhaps = "" if found.standing is Standing.YES else t("（未定）", " (undecided)")
    return t(
        f"定期報告：載せる{perhaps} {form}、{due_words(due)}まで（{place}）",
        f"periodic report: in it{perhaps}, {form}, by {due_words(due)} ({place})",
    )
