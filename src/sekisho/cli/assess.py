"""``sekisho assess TARGET``: the main job, from the first packet to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.number_option import Number
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.assessment import Plan

DEFAULT_CATALOGUES = ("jp-2020", "jp-2025-report")


def _options(command: Any) -> Any:
    """Add the options, last one first."""
    path = click.Path(path_type=Path)
    for option in (
        click.option("--subcontractor", default="", help=t("試験を委託した先", "subcontractor")),
        click.option("--method", default="", help=t("試験方法（版も）", "test method and edition")),
        click.option("--place", default="", help=t("試験の場所", "place of the test")),
        click.option("--tester", default="", help=t("試験の責任者", "responsible person")),
        click.option("--number", default="", help=t("認定番号など", "certification number")),
        click.option(
            "--assume-up", is_flag=True, help=t("応答がなくても続ける", "go on although nothing answers")
        ),
        click.option(
            "--rate", type=Number(1), help=t("毎秒の接続数の上限", "connections per second at most")
        ),
        click.option(
            "--limits", "limits_file", type=path, help=t("速さと量の上限（TOML）", "rates and bounds (TOML)")
        ),
        click.option(
            "--answers",
            type=path,
            help=t("人への質問の回答ファイル（TOML）", "answers to the questions (TOML)"),
        ),
        click.option("--only", multiple=True, help=t("この試験だけ行う", "run only this probe")),
        click.option("--format", "formats", multiple=True, help=t("報告書の形式", "report format")),
        click.option(
            "--resume", type=path, help=t("中断した評価を続ける", "go on with a stopped assessment")
        ),
        click.option(
            "--dry-run", is_flag=True, help=t("計画を示すだけで何も送らない", "print the plan, send nothing")
        ),
        click.option("-o", "--output", type=path, help=t("証跡フォルダー（新規）", "evidence folder (new)")),
        click.option(
            "-a",
            "--authorisation",
            type=path,
            help=t("許可の記録（authorise が作る）", "record made by authorise"),
        ),
        click.option(
            "-c", "--catalogue", "names", multiple=True, help=t("判定の基準", "catalogue to judge by")
        ),
        click.argument("target", required=False),
    ):
        command = option(command)
    return command


def _desk_options(command: Any) -> Any:
    """Add the options by which a console drives a run."""
    for option in (
        click.option(
            "--desk",
            type=click.Path(path_type=Path),
            help=t(
                "進み具合と人への質問を置く画面用のフォルダー",
                "folder of a console: progress goes there, questions are answered there",
            ),
        ),
        click.option(
            "--answer-seconds",
            type=Number(0),
            default=0.0,
            help=t(
                "画面での回答を待つ秒数（0は尋ねない）",
                "wait so long for answers at the desk (0: ask nobody)",
            ),
        ),
        click.option(
            "--capture-without",
            type=click.IntRange(1, 65_535),
            multiple=True,
            help=t("通信の記録から除く TCP ポート", "TCP port that the packet capture leaves out"),
        ),
    ):
        command = option(command)
    return command


@click.command(
    help=t(
        "TARGET（IPアドレス又は機器記述のTOML）を評価し、証跡を残して判定し、報告書を書く。",
        "Assess TARGET (an IP address or a description file), keep the evidence, judge it, write reports.",
    )
)
@_options
@_desk_options
@lang_option
def command(target: str | None, resume: Path | None, as_json: bool, **options: Any) -> int:
    """Plan, collect, judge, report; a console that watches is told how far it is and how it ended."""
    if options["desk"] is None or options["dry_run"]:
        return _assess(target, resume, options, as_json=as_json)
    from sekisho.wires.told import Told
    from sekisho.wiring import assessing
    from sekisho.wiring.moment import milliseconds

    told = options["told"] = Told(options["desk"], milliseconds)
    assessing.LEAVING.append(lambda: told.ended(130))
    try:
        code = _assess(target, resume, options, as_json=as_json)
    except BaseException as error:
        told.ended(getattr(error, "exit_code", 130 if isinstance(error, KeyboardInterrupt) else 70), error)
        raise
    told.ended(code)
    return code


def _assess(target: str | None, resume: Path | None, options: dict[str, Any], *, as_json: bool) -> int:
    from sekisho.errors import AuthorisationError
    from sekisho.language import Text
    from sekisho.model.assess_run import DESCRIPTION
    from sekisho.model.assessment import Limits
    from sekisho.wiring import assessing
    from sekisho.workflows.describe import read_authorisation, read_table

    authorisation, limits = None, Limits()
    if resume:
        target, authorisation, limits = assessing.reopen(resume)
    elif options["authorisation"]:
        authorisation = read_authorisation(options["authorisation"])
    if not target:
        raise click.UsageError(t("TARGET か --resume が要る", "TARGET or --resume is needed"))
    if options["limits_file"]:
        limits = read_table(options["limits_file"], Limits)
    if options["rate"]:
        import msgspec

        limits = msgspec.structs.replace(limits, connections_per_second=options["rate"])
    _check(options)
    desk, given = options["desk"], options["desk"] and options["desk"] / DESCRIPTION
    terminal = assessing.again(target, resume, desk) if resume else assessing.target_of(target, given)
    catalogues = assessing.catalogues(options["names"] or DEFAULT_CATALOGUES)
    if authorisation is not None:
        assessing.scope_of(terminal, authorisation)  # what the run would be refused for, its plan is too
    if options["dry_run"]:
        return _show_plan(assessing.plan_for(terminal, catalogues, authorisation, options["only"]), as_json)
    if authorisation is None:
        addresses = " ".join(a for one in terminal.interfaces for a in one.addresses)
        raise AuthorisationError(
            Text(ja="許可の記録がないので何も送らない", en="nothing is sent without an authorisation"),
            target,
            Text(
                ja=f"sekisho authorise {addresses} で記録を作り -a で渡す",
                en=f"make one with: sekisho authorise {addresses}; then pass it by -a",
            ),
        )
    from sekisho.cli.running import Request, run

    return run(
        Request(
            target, terminal, catalogues, authorisation, limits, resume or options["output"], bool(resume)
        ),
        options,
        as_json=as_json,
    )


def _check(options: dict[str, Any]) -> None:
    """Refuse what would only be noticed after everything was sent: unknown names, a bad answers file."""
    from sekisho import plugins
    from sekisho.wires.person import read_answers

    for kind, chosen in (("probes", options["only"]), ("renderers", options["formats"])):
        for name in chosen:
            plugins.unit(kind, name)
    if options["answers"]:
        read_answers(options["answers"])


def _show_plan(plan: Plan, as_json: bool) -> int:
    if as_json:
        put_json(plan)
        return 0
    click.secho(t("計画（まだ何も送っていない）", "Plan (nothing has been sent)"), bold=True)
    for target in plan.targets:
        click.echo(f"  {target}")
    why = {
        "no-authorisation": t("許可の記録がない", "no authorisation"),
        "not-authorised": t("この強さの試験は許可されていない", "this risk is not authorised"),
        "not-installed": t("部品がない", "not installed"),
    }
    rows = []
    for one in plan.probes:
        rows.append(
            (one.probe, one.risk.name.lower(), t("行う", "runs") if one.runs else why.get(one.why, one.why))
        )
        rows.extend(("", "", f"- {line.say(LANGUAGE)}") for line in one.what)
    click.echo(table(rows, (t("試験", "probe"), t("強さ", "risk"), t("内容", "what"))))
    return 0
