"""``sekisho healing``: how long lines stay infected, by group, as a page, JSON or a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.case import Case
    from sekisho.reports.healing import Healing

_BY = ("all", "family", "device_model", "channel", "isp")


@click.command(
    help=t(
        "感染がどれだけ続くかを測る：カプラン・マイヤー曲線、−50 %と−80 %までの日数、再発率、群の比較。",
        "Measure how long infections last: Kaplan–Meier curves, days to −50 % and −80 %, relapse rate, and a "
        "comparison of groups.",
    )
)
@click.option(
    "--by",
    type=click.Choice(_BY),
    default="family",
    show_default=True,
    help=t("群の分け方", "how to group"),
)
@click.option(
    "--from",
    "origin",
    type=click.Choice(["detection", "notice"]),
    help=t(
        "起点（既定：手段別は通知、他は検出）", "time runs from (default: notice by channel, else detection)"
    ),
)
@click.option(
    "--also",
    multiple=True,
    metavar="NAME=FOLDER",
    help=t("別の事業者のデータ（--by isp）", "data of another ISP (--by isp)"),
)
@click.option("--name", default="", help=t("この --data の事業者名", "name of the ISP of --data"))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=t("HTML のページを書く", "write an HTML page"),
)
@data_option
@lang_option
def command(
    by: str, origin: str | None, also: tuple[str, ...], name: str, output: Path | None, data: Path, as_json: bool
) -> int:  # fmt: skip
    """Measure; exit 3 when there is no case to count."""
    from sekisho.reports.healing import as_json as plain
    from sekisho.reports.healing import left_out, page, summary
    from sekisho.wiring.moment import now, zone

    at = now()
    found = _measure(by, origin, _places(data, name, also), int(at.timestamp() * 1000))
    if output:
        output.write_text(page(found, LANGUAGE, zone()), encoding="utf-8")
        click.echo(str(output), err=True)
        if not found.curves:
            for said in (*summary(found, LANGUAGE), left_out(found, LANGUAGE)):
                click.secho(said, fg="yellow", err=True)
    if as_json:
        put_json(plain(found, LANGUAGE))
    elif not output:
        _tell(found)
    return 0 if found.curves else 3


def _places(data: Path, name: str, also: tuple[str, ...]) -> list[tuple[str, Path]]:
    places = [(name or data.resolve().name, data)]
    for word in also:
        other, separator, folder = word.partition("=")
        if not separator or not other:
            raise click.UsageError(
                t(f"--also は NAME=FOLDER の形：{word}", f"--also takes NAME=FOLDER: {word}")
            )
        places.append((other, Path(folder)))
    return places


def _measure(by: str, origin: str | None, places: list[tuple[str, Path]], at: int) -> Healing:
    from sekisho.model.survival import GROUPINGS, curves, log_rank
    from sekisho.ports.cases import CaseFilter
    from sekisho.reports.healing import Healing
    from sekisho.wiring.casebook import Casebook

    counted, small = 0, 0

    def grouped() -> Iterator[tuple[str, Case]]:
        nonlocal counted, small
        for isp, folder in places:
            with Casebook(folder) as book:
                small = small or book.values.small_events
                for case in book.every(CaseFilter()):
                    counted += 1
                    name = GROUPINGS[by](case) if by in GROUPINGS else isp if by == "isp" else by
                    yield name, case

    notified = origin == "notice" or (origin is None and by == "channel")
    every, courses = curves(grouped(), notified=notified)
    compared = log_rank(every, small) if len(every) > 1 else None
    left_out = counted - sum(one.cases for one in every)
    return Healing(by, notified, at, every, courses, compared, left_out)


def _tell(found: Healing) -> None:
    from sekisho.model.survival import relapse_rate
    from sekisho.reports.healing import UNKNOWN, WORDS, reached_words, summary

    rows = []
    for one in found.curves:
        rate = relapse_rate(one)
        rows.append(
            (
                one.group or UNKNOWN.say(LANGUAGE),
                f"{one.cases:,}",
                f"{one.healed:,}",
                reached_words(one.half, LANGUAGE),
                reached_words(one.four_fifths, LANGUAGE),
                "–" if rate is None else f"{rate:.0%}",
            )
        )
    names = ("group", "cases", "healed", "half", "fifth", "relapse")
    if rows:
        click.echo(table(rows, tuple(WORDS[name].say(LANGUAGE) for name in names)))
    for said in summary(found, LANGUAGE)[len(rows) :]:
        click.echo(said)
