"""What is counted down at an accident, and what is due next: for its own page and for the first page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sekisho.model.accident import JAPAN, japan_day
from sekisho.model.draft import Kind
from sekisho.model.incident import Standing
from sekisho.model.ruling import Ruling
from sekisho.reports.accidents import words

Say = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Clock:
    """One moment that is counted down to: what it is, when, the words of now, and whether it is past."""

    what: str
    when: datetime
    left: str
    late: bool

    @property
    def milliseconds(self) -> int:
        """The moment, for the page's script."""
        return int(self.when.timestamp() * 1000)


def clocks(ruling: Ruling, say: Say) -> Iterator[Clock]:
    """Yield what is counted down while an accident goes on."""
    if not ruling.running:
        return
    telling, possible = ruling.telling, words.earliest_possible(ruling)
    users = f"{possible[1]:,}" if possible else ""
    every = [
        (
            say("復旧しなければ重大な事故になる", "Serious if not restored") + words.reading(ruling, say),
            ruling.becomes,
        ),
        (
            say(f"早ければ重大（{users}人以上なら）", f"Earliest possible (if {users} or more)"),
            possible[0] if possible else None,
        ),
        (say("第一報（自社の目標）", "First report (own target)"), ruling.target),
    ]
    for what, when in every:
        if when:
            yield _clock(ruling, what, when)
    if telling:
        first = telling.first is None
        words_ = (
            say("利用者への初報", "First notice to users")
            if first
            else say("利用者への次の更新", "Next notice to users")
        )
        yield from _notice(ruling, words_, telling.first_due if first else telling.update_due, say)


def _notice(ruling: Ruling, what: str, when: datetime | None, say: Say) -> Iterator[Clock]:
    """Yield the next notice. Its minutes bind 8 bodies; whether this operator is one is not known, so none is late."""
    if when is None:
        return
    seconds = int((when - ruling.incident.as_of).total_seconds())
    aim = (
        say("目安", "by the guideline")
        if seconds >= 0
        else say("目安の時刻を過ぎた", "past the guideline's time")
    )
    yield Clock(f"{what}{say('（', ' (')}{aim}{say('）', ')')}", when, left_words(seconds), late=False)


def undone(ruling: Ruling, say: Say) -> Iterator[str]:
    """Yield what is on record nowhere: a first report that is due, also while it goes on; the rest when it is over."""
    if ruling.first_missing:
        yield say(
            "総務省への第一報（速やかに）の記録がない",
            "no first report to the ministry is on record, which is due without delay",
        )
    if ruling.running:
        return
    if ruling.telling and ruling.telling.first is None:
        yield say("利用者に知らせた記録がない", "no notice to users is on record")
    if ruling.target and not ruling.first_missing:
        yield say("総務省への第一報の記録がない", "no first report to the ministry is on record")


def next_due(ruling: Ruling, signed: frozenset[str], say: Say) -> Clock | None:
    """Return what comes first: a clock that runs, or the last day of a detailed report that nobody signed off yet.

    A day is over at midnight in Japan. None when nothing is due.
    """
    days = (
        _clock(ruling, say(f"詳細報告：{one.rule.title.ja}", f"Detailed report: {one.rule.title.en}"), _end(one.due))
        for one in ruling.duties
        if one.standing is not Standing.NO and f"{Kind.DETAILED.value}-{one.rule.trigger}" not in signed
    )  # fmt: skip
    return min((*clocks(ruling, say), *days), key=lambda one: one.when, default=None)


def first_report(ruling: Ruling, say: Say) -> Clock | None:
    """Return the first report where it is due and not on record: the law has no hours, but it is late the day after."""
    if duty := ruling.first_missing:
        seconds = int((ruling.incident.as_of - duty.started).total_seconds())
        late = japan_day(ruling.incident.as_of) > japan_day(duty.started)
        what = say("第一報（速やかに）の記録がない", "First report (without delay): not on record")
        return Clock(what, duty.started, left_words(-seconds), late)
    return None


def left_words(seconds: int) -> str:
    """Return ``1:23:45``, with a minus for what is past; the page's script counts on in the same form."""
    sign = "−" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours}:{rest // 60:02}:{rest % 60:02}"


def _clock(ruling: Ruling, what: str, when: datetime) -> Clock:
    seconds = int((when - ruling.incident.as_of).total_seconds())
    return Clock(what, when, left_words(seconds), seconds < 0)


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), JAPAN)
