"""``sekisho accident watch``: the countdown in the terminal, second by second, while the files of facts are edited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.accident_reading import answered, nothing_else
from sekisho.cli.accident_words import (
    clock,
    due_words,
    later_words,
    reasoning,
    serious_words,
    span,
    title,
    why,
)
from sekisho.cli.speech import LANGUAGE, t
from sekisho.errors import SekishoError
from sekisho.model.incident import Standing
from sekisho.reports.accidents import words

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sekisho.model.ruling import Ruling

_STYLES = {
    Standing.YES: "bold white on red",
    Standing.UNDECIDED: "bold black on yellow",
    Standing.NO: "bold green",
}
_SOON = 600


@click.command(
    "watch",
    help=t(
        "続いている間、秒読みする：いつ重大になるか、周知と報告の期限。FILE を書き足すとすぐ反映する。",
        "Count down while it goes on: when it turns serious, when to tell users and to report. Edits of FILE show at once.",
    ),
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--lang",
    type=click.Choice(["ja", "en"]),
    expose_value=False,
    help=t("表示の言語", "language of the output"),
)
@nothing_else
def command(files: tuple[Path, ...], denied: bool) -> int:
    """Show until everything is restored, or the reader leaves (Ctrl-C)."""
    from rich.live import Live

    from sekisho.wiring.moment import now, zone
    from sekisho.workflows.judge_accident import read_accidents, rule

    about, facts = read_accidents(files, zone())
    about = answered(about, denied=denied)
    ruling, seen, fault = rule(about, facts, now()), _marks(files), ""
    with Live(screen(ruling, fault), auto_refresh=False, vertical_overflow="visible") as live:
        while ruling.running:
            time.sleep(1)
            if (marks := _marks(files)) != seen:
                seen = marks
                try:  # half-written while somebody edits it: the countdown goes on with what was there
                    about, facts = read_accidents(files, zone())
                    about = answered(about, denied=denied)
                    rule(about, facts, now())
                    fault = ""
                except SekishoError as error:
                    fault = error.explain(LANGUAGE)
                except OSError as error:
                    fault = str(error)
            if not fault:
                ruling = rule(about, facts, now())
            live.update(screen(ruling, fault), refresh=True)
    return {Standing.YES: 1, Standing.NO: 0, Standing.UNDECIDED: 3}[ruling.urgent]


def _marks(files: tuple[Path, ...]) -> tuple[int, ...]:
    found = []
    for one in files:
        try:
            found.append(one.stat().st_mtime_ns)
        except OSError:  # an editor replaces it just now
            found.append(0)
    return tuple(found)


def screen(ruling: Ruling, fault: str) -> RenderableType:
    """Return what is shown."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text as Line

    one = ruling.incident
    since = (one.as_of - one.occurred).total_seconds() / 3600
    head = Line.assemble(
        (f" {serious_words(ruling.serious)} ", _STYLES[ruling.serious]),
        "  ",
        t(f"発生から{span(since)}", f"{span(since)} since it occurred"),
        f"  {clock(one.as_of)}",
    )
    clocks = Table.grid(padding=(0, 2))
    for what, when in _clocks(ruling):
        clocks.add_row(Line(what), Line(clock(when)), _left(when, one.as_of))
    parts: list[RenderableType] = [head, Line(""), clocks, Line("")]
    for judged in ruling.judgements:
        parts += [Line(reasoning(judged, ruling)), Line(f"   {why(judged)}", style="dim")]
    for duty, due in zip(ruling.duties, ruling.due_days, strict=True):
        first = duty.rule.first.say(LANGUAGE)
        grade = f"[{t('確度', 'confidence')} {duty.due_confidence}]"
        parts.append(
            Line(f"{duty.rule.title.say(LANGUAGE)}: {first} → {due_words(due)} {grade} {duty.rule.form}")
        )
    parts += [Line(one, style="yellow") for one in words.unasked_words(ruling, t)]
    if ruling.telling:
        rules = ruling.telling.rules
        parts.append(Line(f"{rules.source} [{t('確度', 'confidence ')}{rules.confidence}]", style="dim"))
    if ruling.later:
        parts += [Line(""), Line(later_words(ruling.later), style="yellow")]
    if fault:
        parts += [Line(""), Line(fault, style="yellow")]
    return Panel(Group(*parts), title=title(one))


def _clocks(ruling: Ruling) -> Iterator[tuple[str, datetime]]:
    if ruling.becomes:
        what = t("復旧しなければ重大な事故", "serious if not restored") + words.reading(ruling, t)
        yield what, ruling.becomes
    if possible := words.earliest_possible(ruling):
        users = f"{possible[1]:,}"
        yield t(f"早ければ重大（{users}人以上なら）", f"earliest possible (if {users} or more)"), possible[0]
    if ruling.target:
        yield t("第一報（自社の目標）", "first report (own target)"), ruling.target
    telling = ruling.telling
    if telling and telling.first is None:
        yield t("利用者への初報", "first notice to users"), telling.first_due
    elif telling and telling.update_due:
        yield t("利用者への次の更新", "next notice to users"), telling.update_due


def _left(when: datetime, now: datetime) -> RenderableType:
    from rich.text import Text as Line

    seconds = round((when - now).total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{hours}:{rest // 60:02}:{rest % 60:02}"
    if seconds < 0:
        return Line(t(f"{text} 過ぎた", f"{text} late"), style="bold red")
    return Line(t(f"あと {text}", f"in {text}"), style="bold yellow" if seconds < _SOON else "bold")
