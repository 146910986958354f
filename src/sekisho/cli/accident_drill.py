"""``sekisho accident drill``: a scenario plays into a file of facts, and the team's own facts are measured."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.number_option import Number
from sekisho.cli.speech import lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.drill import Measure

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(
    "drill",
    help=t(
        "訓練：SCENARIO の事実を、起きた順に OUTPUT（CSV）へ書き足す。チームは `accident watch OUTPUT` で見て、認知・周知・報告を TEAM（CSV）に書く。終わると時間を測る。",
        "A drill: facts of SCENARIO go into OUTPUT (CSV) as they happen. The team looks with `accident watch OUTPUT` and "
        "writes what it knows, tells users and reports into TEAM (CSV). At the end its times are measured.",
    ),
    epilog=t(
        "終了コード：0 全て間に合った、1 間に合わなかった、2 入力の誤り",
        "Exit codes: 0 all in time, 1 not, 2 bad input",
    ),
)
@click.argument("scenario", type=_FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=t("書くCSV", "CSV to write"),
)
@click.option(
    "--team",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=t("チームが書くCSV", "CSV that the team writes"),
)
@click.option(
    "--speed",
    type=Number(1, 10_000),
    default=1.0,
    show_default=True,
    help=t("何倍の速さで", "how many times as fast"),
)
@lang_option
def command(scenario: Path, output: Path, team: Path, speed: float, as_json: bool) -> int:
    """Play, then measure."""
    import msgspec

    from sekisho.catalogues.accidents import telling_rules
    from sekisho.formats.incident_file import write_csv
    from sekisho.model.drill import measure, played
    from sekisho.wiring.moment import now, zone
    from sekisho.workflows.judge_accident import read_accident

    about, told = read_accident(scenario, zone())
    start = now()
    facts = played(told, start)
    for number, fact in enumerate(facts, 1):
        wait = (start + (fact.time - start) / speed - now()).total_seconds()
        if wait > 0:
            time.sleep(wait)
        output.write_text(write_csv(facts[:number]), encoding="utf-8")
        if not as_json:
            click.echo(
                f"{fact.time.astimezone(zone()):%H:%M:%S}  {fact.what.value}  {fact.source} {fact.note}".rstrip(),
                err=True,
            )
    # A heading without facts is a team that wrote none: late, not a fault of the file.
    wrote = team.exists() and len(team.read_bytes().split(b"\n", 1)[-1].strip()) > 0
    own = read_accident(team, zone())[1] if wrote else ()
    # People write minutes: a fact of the minute in which it began is one of the beginning, not of before.
    kept = [
        msgspec.structs.replace(one, time=max(one.time, start))
        for one in own
        if one.time >= start - timedelta(minutes=1)
    ]
    found = measure(facts, kept, start, speed, telling_rules()[-1], about.target_minutes)
    late = any(one.met is False for one in found)
    if as_json:
        put_json({"measures": found, "met": [one.met for one in found], "exit": int(late)})
        return int(late)
    _show(found)
    return int(late)


def _show(found: tuple[Measure, ...]) -> None:
    names = {
        "known": t("認知まで", "until known"),
        "told": t("利用者への初報まで", "until users were told"),
        "updates": t("周知の最も長い間", "longest pause between notices"),
        "reported": t("第一報まで", "until first report"),
    }
    words = {
        None: t("目標なし", "no target"),
        True: t("間に合った", "in time"),
        False: t("間に合わない", "not in time"),
    }
    rows = [
        (
            names[one.id], t("なし", "never") if one.minutes is None else f"{one.minutes:.1f}",
            "" if one.limit is None else f"{one.limit:g}", words[one.met],
        )
        for one in found
    ]  # fmt: skip
    click.echo(table(rows, t("訓練,分,目標,結果", "drill,minutes,target,result").split(",")))
