"""``sekisho cases …``: list the cases, look at the life of one, and work on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.case_life import key_word, life_json, method_word, state_word, tell_life
from sekisho.cli.looking import (
    UNDECIDED,
    ZONE,
    between,
    clock,
    data_option,
    grade_word,
    line_of,
    line_word,
    tell_damaged,
    warn_torn,
)
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.language import Text
    from sekisho.model.case import Case
    from sekisho.model.case_life import Actor, Change
    from sekisho.wiring.casebook import Casebook

Act = Callable[["Casebook", "Actor", int], "tuple[Change, ...]"]
_STATES = ("new", "confirmed", "notified", "acknowledged", "healed", "relapsed", "closed")
_REASONS = ("false-alarm", "left", "not-ours", "opted-out", "other")


@click.group(
    help=t(
        "事案：検出を回線ごとにまとめ、確認・担当・終了・統合・分割し、治癒を観測する。",
        "Cases: detections folded by line; confirm, assign, close, merge, split, and observe the healing.",
    )
)
def command() -> None:
    """Hold the commands of cases."""


def _who(command_: Any) -> Any:
    """Add ``--as``."""
    return click.option(
        "--as",
        "name",
        default=login,
        help=t("行う人（既定：ログイン名）", "who acts (default: the user of this system)"),
    )(command_)


@command.command(name="list", help=t("事案を新しい順に示す。", "Show cases, the latest change first."))
@click.option("--state", "states", multiple=True, type=click.Choice((*_STATES, "open")))
@click.option("--line", default="", help=t("回線の仮名（L…）", "pseudonym of the line (L…)"))
@click.option("--family", default="", help=t("マルウェアの種類", "malware family"))
@click.option("--model", default="", help=t("機種", "device model"))
@click.option("--assignee", default=None, help=t("担当（空文字は未担当）", "assignee ('' for nobody)"))
@click.option("--since", help=t("更新がここから", "changed from here") + ZONE)
@click.option("--until", help=t("更新がここまで", "changed up to here") + ZONE)
@click.option("--after", default="", help=t("前の頁の next", "the next of the page before"))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@data_option
@lang_option
def list_(
    states: tuple[str, ...], line: str, family: str, model: str, assignee: str | None, since: str | None,
    until: str | None, after: str, limit: int, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Print a page."""
    from sekisho.model.case import CaseState
    from sekisho.ports.cases import CaseFilter
    from sekisho.wiring.casebook import Casebook
    from sekisho.wiring.moment import now

    begin, end = between(since, until, now())
    chosen = {one for one in CaseState if one.value in states or ("open" in states and one.open)}
    wanted = CaseFilter(
        states=tuple(one for one in CaseState if one in chosen),
        subscriber=line_of(line) if line else None, family=family, device_model=model, assignee=assignee,
        since=begin or 0, until=end or 0,
    )  # fmt: skip
    with Casebook(data) as book:
        page = book.store.find(wanted, after=after, limit=limit)
        counts, titles = book.store.counts(), book.titles()
    if as_json:
        put_json({"cases": [_plain(one) for one in page.cases], "next": page.next, "counts": counts})
        return 0
    head = (
        t("事案", "case"),
        t("状態", "state"),
        t("確度", "grade"),
        t("回線", "line"),
        t("種類", "kind"),
        t("検出", "seen"),
        t("最後", "last seen"),
        t("担当", "assignee"),
    )
    click.echo(table([_row(one, titles) for one in page.cases], head))
    said = (f"{CaseState(name).label.say(LANGUAGE)} {count:,}" for name, count in counts.items() if count)
    click.echo(t("全体：", "all: ") + t("、", ", ").join(said))
    if page.next:
        click.echo(t(f"続き：--after {page.next}", f"more: --after {page.next}"))
    return 0


@command.command(help=t("事案の経過と根拠を示す。", "Show the life of a case with its evidence."))
@click.argument("case")
@data_option
@lang_option
def show(case: str, data: Path, as_json: bool) -> int:
    """Print a life."""
    from sekisho.wiring.casebook import Casebook

    with Casebook(data) as book:
        life = book.life(case)
        found, reasons = book.evidence(tuple(life.sightings.values())), book.reasons()
        titles = book.titles()
    if as_json:
        put_json(life_json(life, found, reasons))
    else:
        tell_life(life, found, reasons, titles)
    warn_torn(found.torn)
    return 0


@command.command(
    help=t("確認済にする（人が見て確かめた）。", "Confirm: a person has looked and is convinced.")
)
@click.argument("case")
@_who
@data_option
@lang_option
def confirm(case: str, name: str, data: Path, as_json: bool) -> int:
    """Confirm."""
    from sekisho.model.case import CaseState
    from sekisho.model.case_life import step

    return _act(
        data, name, as_json, lambda book, who, at: (step(book.life(case).case, CaseState.CONFIRMED, who, at),)
    )


@command.command(help=t("担当を決める（空文字で外す）。", "Give a case to somebody ('' for nobody)."))
@click.argument("case")
@click.argument("assignee")
@_who
@data_option
@lang_option
def assign(case: str, assignee: str, name: str, data: Path, as_json: bool) -> int:
    """Assign."""
    from sekisho.model.case_life import assign as act

    return _act(data, name, as_json, lambda book, who, at: (act(book.life(case).case, assignee, who, at),))


@command.command(
    help=t(
        "機種を書く（空文字で不明に戻す）。お知らせの文・封じ込め・治癒の曲線が機種に従う。",
        "Say which device model it is ('' for unknown): words of notices, containment and curves follow it.",
    )
)
@click.argument("case")
@click.argument("device_model", metavar=t("機種", "MODEL"))
@click.option(
    "--known-by", default="", help=t("どうして知ったか（契約者の話、写真、評価など）", "how it is known")
)
@_who
@data_option
@lang_option
def model(case: str, device_model: str, known_by: str, name: str, data: Path, as_json: bool) -> int:
    """Name the device model."""
    from sekisho.model.case_life import name_model

    return _act(
        data,
        name,
        as_json,
        lambda book, who, at: (name_model(book.life(case).case, device_model, known_by, who, at),),
    )


@command.command(help=t("メモを書く。", "Write a comment."))
@click.argument("case")
@click.argument("text")
@_who
@data_option
@lang_option
def comment(case: str, text: str, name: str, data: Path, as_json: bool) -> int:
    """Comment."""
    from sekisho.model.case_life import comment as act

    return _act(data, name, as_json, lambda book, who, at: (act(book.life(case).case, text, who, at),))


@command.command(
    help=t(
        "治癒を待たずに終える。治癒は観測だけで決まる。",
        "Close without healing; healing is observed, not declared.",
    )
)
@click.argument("case")
@click.option("--reason", required=True, type=click.Choice(_REASONS))
@click.option("--note", default="", help=t("説明", "explanation"))
@_who
@data_option
@lang_option
def close(case: str, reason: str, note: str, name: str, data: Path, as_json: bool) -> int:
    """Close."""
    from sekisho.model.case import CloseReason
    from sekisho.model.case_life import close as act

    return _act(
        data,
        name,
        as_json,
        lambda book, who, at: (act(book.life(case).case, CloseReason(reason), who, at, note),),
    )


@command.command(
    help=t("OTHER を INTO に統合する（同じ回線だけ）。", "Merge OTHER into INTO (of one line only).")
)
@click.argument("into")
@click.argument("other")
@_who
@data_option
@lang_option
def merge(into: str, other: str, name: str, data: Path, as_json: bool) -> int:
    """Merge."""
    from sekisho.model.case_life import merge as act

    return _act(data, name, as_json, lambda book, who, at: act(book.life(into), book.life(other), who, at))


@command.command(help=t("選んだ検出を新しい事案に分ける。", "Take chosen detections out into a new case."))
@click.argument("case")
@click.argument("detections", nargs=-1, required=True)
@_who
@data_option
@lang_option
def split(case: str, detections: tuple[str, ...], name: str, data: Path, as_json: bool) -> int:
    """Split."""
    from sekisho.model.case_folding import case_id
    from sekisho.model.case_life import split as act

    def do(book: Casebook, who: Actor, at: int) -> tuple[Change, ...]:
        life = book.life(case)
        # A moment in it: the same detections may be split off again after an undo.
        new = case_id(life.case.subscriber, f"split:{case}:{at}", detections[0], ())
        return act(life, detections, who, at, new)

    return _act(data, name, as_json, do)


@command.command(help=t("最後の操作を取り消す。", "Undo the last act of a person."))
@click.argument("case")
@_who
@data_option
@lang_option
def undo(case: str, name: str, data: Path, as_json: bool) -> int:
    """Undo."""
    from sekisho.model.case_life import last_act, partner_of
    from sekisho.model.case_life import undo as act

    def do(book: Casebook, who: Actor, at: int) -> tuple[Change, ...]:
        life = book.life(case)
        last = last_act(life)
        partner = partner_of(last) if last and last.kind in {"merged", "split"} else ""
        return act(life, book.life(partner) if partner else None, who, at)

    return _act(data, name, as_json, do)


@command.command(help=t("検出を事案にまとめる（何度でも同じ）。", "Fold detections into cases (repeatable)."))
@click.option("--all", "everything", is_flag=True, help=t("前回以前のものも", "those of before, too"))
@data_option
@lang_option
def fold(everything: bool, data: Path, as_json: bool) -> int:
    """Fold; exit 3 when a part of the log of detections is damaged: what stood there is in no case."""
    from sekisho.wiring.casebook import Casebook

    with Casebook(data, create=True) as book:
        done = book.fold(everything=everything)
    if as_json:
        put_json(done)
    else:
        click.echo(
            t(
                f"検出 {done.detections:,} 件（{done.lines:,} 回線）：新しい事案 {done.opened:,}、更新 {done.changed:,}、うち再発 {done.relapsed:,}",
                f"{done.detections:,} detections of {done.lines:,} lines: {done.opened:,} cases opened, "
                f"{done.changed:,} changed, {done.relapsed:,} of them relapsed",
            )
        )
    warn_torn(done.torn)
    return UNDECIDED if done.torn else 0


@command.command(
    help=t(
        "治癒を観測する：回線が動き、検査もしたのに、検出のない日が続いた事案。沈黙した回線は「不明」。",
        "Observe healing: days on which the line was at work and was looked at, without a detection. "
        "A silent line is unknown.",
    )
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=None, help=t("必要な日数", "days that it takes")
)
@data_option
@lang_option
def heal(days: int | None, data: Path, as_json: bool) -> int:
    """Observe; exit 3 when nothing could be said of any open case."""
    from sekisho.model.case import Healing
    from sekisho.wiring.casebook import Casebook

    with Casebook(data) as book:
        every = list(book.heal(days=days or 0))
        need, damaged = days or book.values.quiet_days, book.damaged
    counts = Counter(one.healing.value for one in every)
    if as_json:
        put_json({"days": need, "counts": counts, "observed": every, "damaged": damaged})
    else:
        words = {
            Healing.ACTIVE: t("検出が続いている", "still seen"), Healing.QUIET: t("静か（日数不足）", "quiet, not long enough"),
            Healing.HEALED: t("治癒を観測", "observed to be healed"), Healing.UNKNOWN: t("不明（沈黙又は未検査）", "unknown: silent, or not looked at"),
        }  # fmt: skip
        click.echo(table([(words[one], f"{counts[one.value]:,}") for one in Healing]))
    tell_damaged(damaged)
    return 3 if every and set(counts) == {Healing.UNKNOWN.value} else 0


def _act(data: Path, name: str, as_json: bool, act: Act) -> int:
    from sekisho.wiring.casebook import Casebook
    from sekisho.wiring.watch import milliseconds

    with Casebook(data) as book:
        stored = book.save(*act(book, book.actor(name), milliseconds()))
        titles = book.titles()
    if as_json:
        put_json({"cases": [_plain(one) for one in stored]})
    else:
        click.echo(table([_row(one, titles) for one in stored]))
    return 0


def _row(one: Case, titles: Mapping[str, Text]) -> tuple[str, ...]:
    methods = t("、", ", ").join(method_word(name, titles) for name in one.methods)
    kind = one.family or methods or key_word(one.key, titles)
    return (
        one.id, state_word(one.state), grade_word(one.grade), line_word(one.subscriber), kind,
        f"{one.detections:,}", clock(one.last_seen), one.assignee,
    )  # fmt: skip


def _plain(one: Case) -> dict[str, Any]:
    import msgspec

    return {"line": line_word(one.subscriber), **msgspec.to_builtins(one)}
