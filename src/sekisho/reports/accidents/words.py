"""How a judged accident reads: the line of reasoning, what would change it, days. One place for terminal, page, paper.

``say`` chooses between a Japanese and an English sentence; ``clock`` writes a moment in the reader's zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from sekisho.formats.incident_words import SERVICES
from sekisho.language import Text
from sekisho.model.accident import Judgement
from sekisho.model.accident_line import DOUBTS
from sekisho.model.incident import Standing
from sekisho.model.ruling import DueDay, Ruling

Say = Callable[[str, str], str]
Clock = Callable[[datetime], str]
#: Reasons by which another line of the class may still be reached, or shows why it was not.
_OTHERS = frozenset({"too-short", "too-few", "users-unknown", "readings-differ", "outages-apart"})


def users_words(least: int, most: int | None) -> str:
    """Return a number of users, or the least and the most."""
    return f"{least:,}" if most == least else f"{least:,}–{'?' if most is None else f'{most:,}'}"


def reasoning(judged: Judgement, ruling: Ruling, say: Say) -> str:
    """Return like ``58条2項1号 class 6 (Internet connection): 2 h 10 min × 41,000 ≥ 2 h × 30,000``."""
    hours = span(judged.hours[0], say) + ("" if judged.hours[1] is not None else say("〜", " or more"))
    sign = "≥" if judged.standing is Standing.YES else "?" if judged.standing is Standing.UNDECIDED else "<"
    if judged.service is None:
        return f"58条2項2号 {judged.equipment}: {hours} {sign} {span(judged.line[0], say)}"
    named_class = next(one.title for one in ruling.rules.classes if one.id == judged.class_id)
    title = told(named_class, say)
    service = say("・", ", ").join(told(SERVICES[one], say) for one in judged.services or (judged.service,))
    users = users_words(*judged.users)
    head = say(f"{judged.class_id}（{title}）", f"class {judged.class_id} ({title})")
    named = "" if service == title else f" {service}"
    article = ruling.rules.article
    return (
        f"{article} {head}{named}: {hours} × {users} {sign} {span(judged.line[0], say)} × {judged.line[1]:,}"
    )


def why(judged: Judgement, say: Say, clock: Clock) -> str:
    """Return the reason, and what would change it."""
    when = clock(judged.becomes) if judged.becomes else ""
    said = _reason(judged.reason, judged.line, when, say)
    others = [one for one in judged.others if judged.standing is not Standing.YES and one[2] in _OTHERS]
    others = [one for one in others if one[2] != judged.reason]
    if judged.standing is Standing.UNDECIDED:  # a line that says no is no way out of doubt
        others = [one for one in others if not one[2].startswith("too-")]
    if others:
        every = [(*judged.line, judged.reason), *others]
        said = say("。", "; ").join(
            f"{span(hours, say)} × {users:,}{say('人：', ': ')}{_reason(reason, (hours, users), when, say)}"
            for hours, users, reason in every
        )
    for one in judged.doubts:
        said += say("。ほかに、", "; also ") + _reason(DOUBTS.get(one, one), judged.line, when, say)
    if judged.services:
        said = say(
            f"同じ号の役務は合わせて数える（利用者が重なるか分からないので、最大から和まで）。{said}",
            f"services of one class count together (between the largest and the sum: whether they share users is not "
            f"known); {said}",
        )
    if judged.reason == "readings-differ" and judged.becomes:
        said += say(f"。{when} には数え方によらず重大", f"; serious however counted at {when}")
    if judged.possible:
        said += say("。", "; ") + possible_words(judged, say, clock)
    return said if judged.confidence == "A" else f"{said} [{say('確度', 'confidence')} {judged.confidence}]"


def _reason(reason: str, line: tuple[float, int], when: str, say: Say) -> str:
    """Return the sentence of one reason, for the line of so many hours and users."""
    hours, users = span(line[0], say), f"{line[1]:,}"
    return {
        "reached": say("基準に達した", "the threshold is reached"),
        "too-short": say("時間が足りない", "too short"),
        "too-few": say(
            f"利用者が足りない。{users}人以上と分かれば変わる",
            f"too few users; changes if {users} or more turn out to be hit",
        ),
        "still-running": say(
            f"継続中。{when} までに復旧しなければ重大", f"goes on; serious if not restored by {when}"
        ) if when else say("継続中", "goes on"),
        "running-readings-differ": say(
            f"継続中。{when} までに復旧しなければ、全体の時間と利用者では重大（{users}人以上が{hours}続いたとは言えない。数え方を総務省に確かめる）",
            f"goes on; by the whole time and all users serious if not restored by {when} (not by {users} at a time for "
            f"{hours}: ask the ministry how to count)",
        ) if when else say("継続中", "goes on"),
        "users-unknown": say(
            f"時間は足りる。影響利用者が{users}人以上なら重大",
            f"long enough; serious if {users} users or more were hit",
        ),
        "running-and-users-unknown": say(
            f"継続中。{users}人以上が{hours}以上続けば重大",
            f"goes on; serious if {users} users or more are hit for {hours}",
        ),
        "readings-differ": say(
            f"全体の時間と利用者では達するが、{users}人以上が{hours}続いたとは言えない。数え方を総務省に確かめる",
            f"reached by the whole time and all users, but not {users} at a time for {hours}: ask the ministry how to count",
        ),
        "outages-apart": say(
            f"一つずつの停止では達しないが、合わせれば{hours}・{users}人に達する。合わせて数えるか、資料では決められない。総務省に確かめる",
            f"no outage alone reaches it, together they come to {hours} and {users}: ask the ministry whether they count as one",
        ),
        "no-equipment-failure": say(
            "電気通信設備の故障による停止・品質低下に当たらない", "no failure of telecom equipment that counts"
        ),
        "traffic-unknown": say(
            "全ての通信が止まったかどうかで決まる（all_traffic）", "hangs on whether all traffic stopped (all_traffic)"
        ),
        "not-all-traffic": say("一部の通信は止まらなかった", "not all of its traffic stopped"),
    }.get(reason) or _unweighed(say).get(reason, reason)  # fmt: skip


def _unweighed(say: Say) -> dict[str, str]:
    """Return the sentences of what only a person can tell."""
    return {
        "fault-unknown": say(
            "電気通信設備の故障によるかどうかで決まる（fault）", "hangs on whether telecom equipment failed (fault)"
        ),
        "unusable-unknown": say(
            "品質低下が停止と変わらないほどかどうかで決まる。人が判断する（unusable）",
            "hangs on whether the degradation was as good as a stop, which a person weighs (unusable)",
        ),
        "carried-where": say(
            "インターネット接続点までのデータ伝送（FTTH・CATV・FWA・モバイルデータ・Wi-Fi等、access）か、ほか（IP-VPN等、private-data）かで決まる",
            "hangs on whether it carries to the Internet connection point (FTTH, CATV, FWA, mobile data, Wi-Fi …: access) "
            "or elsewhere (IP-VPN …: private-data)",
        ),
        "class-unknown": say(
            "前年の月平均利用者数が分からず、どの号か決まらない（monthly_users）",
            "the class hangs on last year's monthly users, which are not told (monthly_users)",
        ),
    }  # fmt: skip


def possible_words(judged: Judgement, say: Say, clock: Clock) -> str:
    """Return the earliest moments at which it could turn serious, each with the users it would take."""
    every = [
        say(f"{clock(when)}（{users:,}人以上なら）", f"{clock(when)} (if {users:,} or more)")
        for when, users in judged.possible
    ]
    return say("早ければ ", "earliest possible ") + say("、", ", ").join(every)


def reading(ruling: Ruling, say: Say) -> str:
    """Return what is added to the moment at which it turns serious, where that is the earlier of two readings."""
    sure = any(
        one.becomes == ruling.becomes and one.reason != "running-readings-differ" for one in ruling.judgements
    )
    return "" if sure else say("（二つの数え方の早い方）", " (the earlier of two readings)")


def earliest_possible(ruling: Ruling) -> tuple[datetime, int] | None:
    """Return the first moment at which it could turn serious, and how many users it takes; None when none is nearer."""
    every = [pair for one in ruling.judgements for pair in one.possible]
    first = min(every, default=None)
    return None if first is None or (ruling.becomes and ruling.becomes <= first[0]) else first


def span(hours: float, say: Say) -> str:
    """Return ``2 h 10 min``."""
    minutes = max(0, int(hours * 60 + 1e-6))
    whole, rest = divmod(minutes, 60)
    parts = [say(f"{whole}時間", f"{whole} h")] if whole else []
    parts += [say(f"{rest}分", f"{rest} min")] if rest or not whole else []
    return say("", " ").join(parts)


def due_words(due: DueDay, say: Say) -> str:
    """Return a day with its weekday, what kind of day off it is, and how far away."""
    weekday = say("月火水木金土日"[due.day.weekday()], due.day.strftime("%a"))
    kind = due.holiday or (say("休日", "weekend") if due.weekend else "")
    kind += "" if due.checked else say(" 祝日未確認", " holidays unknown")
    left = (
        say(f"あと{due.days}日", f"{due.days} days left")
        if due.days >= 0
        else say(f"{-due.days}日過ぎた", f"{-due.days} days past")
    )
    return f"{due.day.isoformat()} ({', '.join(filter(None, (weekday, kind.strip(), left)))})"


def unasked_words(ruling: Ruling, say: Say) -> Iterator[str]:
    """Yield what was not judged since nobody has answered it; nothing when all is answered."""
    names = {
        "leaks": say("通信の秘密・特定利用者情報の漏えい（leaks）", "leaks of secrecy or user information (leaks)"),
        "stopped-business": say("業務の一部停止（stopped_business）", "a stop of part of the business (stopped_business)"),
        "threat": say("重大な事故が生ずるおそれがある事態（threat）", "a situation that may lead to a serious accident (threat)"),
    }  # fmt: skip
    if ruling.unasked:
        every = say("、", ", ").join(names[one] for one in ruling.unasked)
        yield say(
            f"聞いていないので判定していない：{every}", f"not judged, since nobody has answered: {every}"
        )


def periodic_why(reason: str, say: Say) -> str:
    """Return why an accident is in the periodic report, is not, or may be."""
    return {
        "users": say("利用者数による", "by its users"),
        "hours": say("時間による", "by its hours"),
        "facility-information": say("設備情報の漏えい", "a leak of facility information"),
        "serious-excluded": say("重大な事故は除く", "serious ones are left out"),
        "serious-undecided": say("重大な事故かどうかによる", "hangs on whether it is serious"),
        "minor": say("軽微と記されている", "said to be minor"),
        "below": say("基準未満", "below its threshold"),
        "no-failure": say("設備の故障でない", "no failure of equipment"),
        "other-equipment-unknown": say(
            "電気通信設備以外の設備の故障かどうかによる（other_equipment）",
            "hangs on whether other equipment than that of telecommunications failed (other_equipment)",
        ),
        "services-together": say(
            "役務の利用者を合わせて数えるかによる", "hangs on whether users of several services add up"
        ),
        "outages-apart": say(
            "間に復旧した停止を合わせて数えるかによる", "hangs on whether outages with a restoration between them add up"
        ),
        "users-unknown": say("影響利用者数による", "hangs on how many users were hit"),
        "still-running": say("まだ続いている", "still goes on"),
        "not-weighed": say(
            "設備の故障か、利用不能と同じかによる（fault、unusable）",
            "hangs on whether equipment failed, or use was as good as impossible (fault, unusable)",
        ),
        "nothing-known": say("役務への影響がまだ書かれていない", "no effect on a service is told yet"),
    }.get(reason, reason)  # fmt: skip


def serious_words(standing: Standing, say: Say) -> str:
    """Return the answer in one sentence."""
    return {
        Standing.YES: say("重大な事故に当たる", "a serious accident"),
        Standing.NO: say("重大な事故に当たらない", "not a serious accident"),
        Standing.UNDECIDED: say(
            "重大な事故かどうか、まだ決まらない", "not decided yet whether it is a serious accident"
        ),
    }[standing]


def told(text: Text, say: Say) -> str:
    """Return a pair's sentence in the reader's language."""
    return say(text.ja, text.en)
