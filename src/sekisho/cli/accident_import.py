"""``sekisho accident import``: facts out of syslog, Prometheus alerts, tickets and detections, by the operator's rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

if TYPE_CHECKING:
    from sekisho.model.alarm import LeftOut

_FORMS = ("syslog", "alerts", "tickets", "detections", "routes")
_MOST_SHOWN = 20
_UNDECIDED = 3


@click.command(
    "import",
    help=t(
        "FILE の警報・記録・チケットを、対応表（TOML）に従って事実のCSVにする。`judge` がそのまま読む。",
        "Turn the alarms, log lines or tickets of FILE into facts (CSV that `judge` reads), by the rules of a TOML file.",
    ),
    epilog=t(
        "終了コード：0 読めた（規則のない行は数える）、2 使い方の誤り、3 読めない行があった",
        "Exit codes: 0 read (lines without a rule are counted), 2 usage, 3 lines that could not be read",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--from",
    "form",
    type=click.Choice(_FORMS),
    required=True,
    help=t(
        "種類：syslog、alerts（Prometheus・Alertmanager）、tickets（CSV）、detections（検出の記録）、routes（BGP を書いた MRT）",
        "kind: syslog, alerts (Prometheus, Alertmanager), tickets (CSV), detections (of the watch), routes (BGP as MRT)",
    ),
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help=t("対応表", "the rules"),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help=t("書く先（既定は標準出力）", "where to write (default: stdout)"),
)
@click.option(
    "--replace",
    is_flag=True,
    help=t("書く先が既にあれば置き換える", "replace the file if it is there already"),
)
@lang_option
def command(file: Path, form: str, rules: Path, output: Path | None, replace: bool, as_json: bool) -> int:
    """Write the facts, and say what was left out."""
    from sekisho.formats.incident_file import write_csv
    from sekisho.wiring.moment import now, zone
    from sekisho.workflows.import_alarms import import_alarms

    found = import_alarms(file, form, rules, zone(), now())
    faults = [one for one in found.left_out if one.fault]
    code = _UNDECIDED if faults else 0
    if as_json:
        put_json({"facts": found.facts, "left_out": found.left_out, "exit": code})
        return code
    text = write_csv(found.facts)
    if output:
        _write(output, text, replace=replace)
    else:
        click.echo(text, nl=False)
    passed = len(found.left_out) - len(faults)
    click.echo(
        t(
            f"事実 {len(found.facts):,}、規則のない行 {passed:,}、読めない行 {len(faults):,}",
            f"facts {len(found.facts):,}, without a rule {passed:,}, not readable {len(faults):,}",
        ),
        err=True,
    )
    for one in faults[:_MOST_SHOWN]:
        click.secho(f"  {_words(one)}", err=True, fg="yellow")
    if len(faults) > _MOST_SHOWN:
        click.echo(
            t(f"  ほか {len(faults) - _MOST_SHOWN:,}", f"  {len(faults) - _MOST_SHOWN:,} more"), err=True
        )
    return code


def _write(output: Path, text: str, *, replace: bool) -> None:
    """Write the facts; people add theirs to such a file, so another one that is there stays unless told."""
    if not replace and output.exists() and output.read_text(encoding="utf-8", errors="replace") != text:
        raise click.UsageError(
            t(
                f"{output} は既にある：別の名前にするか、--replace を付ける",
                f"{output} is there already: choose another name, or add --replace",
            )
        )
    output.write_text(text, encoding="utf-8")


def _words(one: LeftOut) -> str:
    from sekisho.formats.alarm_rules import reason_words

    reason = reason_words(one).say(LANGUAGE)
    return f"{one.line}: {reason}" + (f": {one.text}" if one.text and one.text != reason else "")
