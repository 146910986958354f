"""``sekisho accident``: is it a 重大な事故, what is due by when, and the countdown while it goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli import (
    accident_draft,
    accident_drill,
    accident_import,
    accident_learning,
    accident_statistics,
    accident_watch,
)
from sekisho.cli.accident_reading import nothing_else
from sekisho.cli.day_option import DAY
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t
from sekisho.errors import SekishoError

if TYPE_CHECKING:
    from sekisho.model.ruling import Ruling
    from sekisho.model.timeline import About

_EXITS = {"yes": 1, "no": 0, "undecided": 3}


@click.group(
    help=t(
        "事故を法令に照らす：重大な事故か、何をいつまでに報告するか、いつ重大になるか。何も送らない。",
        "Hold an accident against the law: is it serious, what is due by when, when does it turn serious. Sends nothing.",
    ),
    epilog=t(
        "終了コード：0 直ちに報告するものなし、1 直ちに報告する（重大な事故・漏えい・おそれなど）、2 使い方や入力の誤り、3 まだ決まらない、または聞いていないことがある",
        "Exit codes: 0 nothing to report without delay, 1 report without delay (serious, leak, threat …), 2 usage or bad "
        "input, 3 undecided, or something was never asked",
    ),
)
def command() -> None:
    """Hold the commands."""


def _options(function: Any) -> Any:
    function = click.option(
        "--at",
        metavar="TIME",
        help=t(
            "この時点で分かっていたことで判定する（既定は今）", "judge by what was known then (default: now)"
        ),
    )(function)
    files = click.Path(path_type=Path, exists=True, dir_okay=False)
    return click.argument("file", type=files, nargs=-1, required=True)(function)


@command.command(
    "judge",
    help=t(
        "FILE（TOML または CSV、いくつでも）の事実で判定し、理由と、何で変わるかを示す。",
        "Judge by the facts of FILE (TOML or CSV, as many as there are), with the reasoning and what would change it.",
    ),
)
@_options
@nothing_else
@click.option(
    "--watch",
    is_flag=True,
    help=t("続いている間、ファイルを読み直して秒読みする", "read again and count down while it goes on"),
)
@click.option(
    "--every",
    type=click.IntRange(1, 3600),
    default=30,
    show_default=True,
    help=t("--watch の間隔（秒）", "seconds between readings with --watch"),
)
@lang_option
def judge(
    file: tuple[Path, ...], at: str | None, denied: bool, watch: bool, every: int, as_json: bool
) -> int:
    """Judge once, or while the accident goes on."""
    if watch and at:
        raise click.UsageError(t("--watch と --at は一緒に使えない", "--watch and --at exclude each other"))
    ruling = _ruling(file, at, denied=denied)
    _show(ruling, as_json=as_json, whole=True)
    while watch and ruling.running:
        time.sleep(every)
        try:
            ruling = _ruling(file, at, denied=denied)
        except SekishoError as error:  # half-written while somebody edits it: the countdown goes on
            click.secho(error.explain(LANGUAGE), err=True, fg="yellow")
            continue
        click.echo("")
        _show(ruling, as_json=as_json, whole=True)
    return _EXITS[ruling.urgent.value]


@command.command(
    "duties",
    help=t(
        "報告の義務と期日だけを示す（休日も示す）。",
        "Show only the duties to report and their days, days off marked.",
    ),
)
@_options
@nothing_else
@lang_option
def duties(file: tuple[Path, ...], at: str | None, denied: bool, as_json: bool) -> int:
    """List what is due."""
    ruling = _ruling(file, at, denied=denied)
    _show(ruling, as_json=as_json, whole=False)
    return _EXITS[ruling.urgent.value]


@command.command(
    "abroad",
    help=t(
        "外国の事故報告の基準（FCC、NIS2、ENISA、ドイツ、Ofcom）に当てる。条文を確かめられた範囲だけで、未確認のものはそう示す。",
        "Hold it against rules abroad (FCC, NIS2, ENISA, Germany, Ofcom), as far as their texts could be read; what is "
        "unverified says so.",
    ),
)
@_options
@click.option("--profile", multiple=True, metavar="ID", help=t("この基準だけ", "only this profile"))
@lang_option
def abroad(file: tuple[Path, ...], at: str | None, profile: tuple[str, ...], as_json: bool) -> int:
    """Judge by the profiles of other countries."""
    from sekisho.catalogues.accidents import foreign_profiles
    from sekisho.cli.accident_words import abroad_lines, later_words
    from sekisho.model.foreign import judge_abroad

    every = {one.id: one for one in foreign_profiles()}
    for name in profile:
        if name not in every:
            raise click.UsageError(
                t(f"その基準はない：{name}", f"no such profile: {name}") + f" ({', '.join(every)})"
            )
    about, ruling = _read(file, at)
    found = [
        judge_abroad(ruling.incident, every[name], significant=about.significant) for name in profile or every
    ]
    states = {one.standing.value for one in found}
    code = next((_EXITS[one] for one in ("yes", "undecided") if one in states), 0)
    if as_json:
        put_json({"as_of": ruling.incident.as_of, "profiles": found, "exit": code})
        return code
    if ruling.later:
        click.secho(later_words(ruling.later), fg="yellow")
    for line in abroad_lines(found):
        click.echo(line)
    return code


@command.command(
    "rules",
    help=t(
        "その日の重大な事故の基準を示す（既定は今日）。",
        "Show the thresholds of that day (default: today).",
    ),
)
@click.option("--on", "day", type=DAY, help=t("日付", "date"))
@lang_option
def rules(day: datetime | None, as_json: bool) -> None:
    """Print the rule set in force."""
    from sekisho.catalogues.accidents import accident_rules
    from sekisho.cli.speech import table
    from sekisho.model.accident import japan_day, rules_for

    found = rules_for(day.date() if day else japan_day(datetime.now(UTC)), accident_rules())
    if as_json:
        put_json(found)
        return
    click.echo(f"{found.id}: {found.source} [{found.confidence}]")
    rows = [
        (
            one.id,
            one.title.say(LANGUAGE),
            " / ".join(f"{hours:g} h × {users:,}" for hours, users in one.lines),
        )
        for one in found.classes
    ]
    rows.append(
        (
            "58-2-2",
            t("衛星・海底ケーブル等の全ての通信", "all traffic of satellites, submarine cables and the like"),
            f"{found.equipment.hours:g} h [{found.equipment.confidence}]",
        )
    )
    click.echo(table(rows, (t("号", "class"), t("役務", "service"), t("時間 × 利用者", "hours × users"))))


command.add_command(accident_draft.command)
command.add_command(accident_drill.command)
command.add_command(accident_import.command)
command.add_command(accident_learning.learning)
command.add_command(accident_learning.measure)
command.add_command(accident_learning.lesson)
command.add_command(accident_statistics.command)
command.add_command(accident_watch.command)


def _ruling(file: tuple[Path, ...], at: str | None, *, denied: bool) -> Ruling:
    return _read(file, at, denied=denied)[1]


def _read(file: tuple[Path, ...], at: str | None, *, denied: bool = False) -> tuple[About, Ruling]:
    from sekisho.cli.accident_reading import answered, moment_of
    from sekisho.wiring.moment import zone
    from sekisho.workflows.judge_accident import read_accidents, rule

    moment = moment_of(at)
    about, facts = read_accidents(file, zone())
    about = answered(about, denied=denied)
    return about, rule(about, facts, moment)


def _show(ruling: Ruling, *, as_json: bool, whole: bool) -> None:
    from sekisho.cli.accident_words import duty_lines, later_words, lines, reasoning, why

    if as_json:
        import msgspec

        found = msgspec.to_builtins(ruling)
        if whole:
            for plain, judged in zip(found["judgements"], ruling.judgements, strict=True):
                plain |= {"reasoning": reasoning(judged, ruling), "why": why(judged)}
        else:
            found = {
                name: found[name]
                for name in ("later", "urgent", "unasked", "duties", "due_days", "periodic", "periodic_due")
            }
        put_json({**found, "exit": _EXITS[ruling.urgent.value]})
        return
    if ruling.later and not whole:
        click.secho(later_words(ruling.later), fg="yellow")
    for line in lines(ruling) if whole else duty_lines(ruling):
        click.echo(line)
