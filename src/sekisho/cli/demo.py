"""``sekisho demo``: three terminals on loopback, assessed like strangers; reports in a minute."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import lang_option, put_json, t, table, verdict_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sekisho.cli.running import Request
    from sekisho.demo.street import Street
    from sekisho.model.assessment import Assessment

CATALOGUES = ("jp-2020", "jp-2025-report")


@click.command(
    help=t(
        "ループバックに三台の見本の端末を立て、評価して報告書を書く。root は要らない。",
        "Start three demo terminals on loopback, assess them, write the reports. No root needed.",
    )
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help=t("書き出す先（新規）", "where to write (new)")
)
@click.option("-c", "--catalogue", "names", multiple=True, default=CATALOGUES, show_default=True)
@lang_option
def command(output: Path | None, names: tuple[str, ...], as_json: bool) -> int:
    """Build the street, assess each terminal, print the table; exit 0 when all three were assessed."""
    if not sys.platform.startswith("linux"):
        raise click.ClickException(t("見本はLinuxのループバックで動く", "the demo needs Linux (127.0.0.0/8)"))
    from sekisho import wiring
    from sekisho.cli import running
    from sekisho.demo.street import NAMES, Street

    began = time.monotonic()
    folder = output or Path("assessments") / f"demo-{wiring.now().astimezone():%Y%m%d-%H%M%S}"
    click.secho(
        t("関所の見本：三台の端末を評価する", "Sekisho demo: assessing three terminals"), bold=True, err=True
    )
    street = Street((folder / "street").resolve())
    outcomes = []
    wiring.LEAVING.append(street.stop)
    try:
        street.build()
        street.start("updates")
        for number, name in enumerate(NAMES, 1):
            request = _request(street, name, number, folder / name, names)
            street.start(name)
            outcomes.append(
                (name, *running.perform(request, {"tester": t("見本", "demo"), "place": "loopback"}))
            )
            street.cut(name)
            if number == 1:
                seconds = time.monotonic() - began
                click.echo(
                    t(f"最初の報告書まで {seconds:.1f} 秒", f"first report after {seconds:.1f} s"), err=True
                )
    finally:
        street.stop()
    seconds = time.monotonic() - began
    if as_json:
        put_json(
            {
                "seconds": round(seconds, 1),
                "terminals": [
                    {
                        "name": name,
                        "folder": str(where),
                        "verdicts": {one: assessment.verdict(one).name for one in names},
                        "judged": {
                            f"{j.catalogue}/{j.requirement}": j.verdict.name for j in assessment.judged
                        },
                        "reports": [str(path) for path in paths],
                    }
                    for name, assessment, where, paths in outcomes
                ],
            }
        )
        return 0
    _show(outcomes, names, seconds)
    return 0


def _request(street: Street, name: str, number: int, folder: Path, names: tuple[str, ...]) -> Request:
    """Return what to assess: the description as written, ports of this machine itself left out."""
    import msgspec

    from sekisho import wiring
    from sekisho.cli.running import Request
    from sekisho.demo.street import NAMES, listeners
    from sekisho.model.assessment import Authorisation, Limits
    from sekisho.model.terminal import Exclusion
    from sekisho.workflows.describe import read_terminal

    reason = t(
        "試験器自身が待ち受けている（端末のものではない）", "this machine's own listener, not the terminal's"
    )
    excluded = tuple(Exclusion(transport=kind, port=port, reason=reason) for kind, port in listeners())
    file = street.describe(name)
    terminal = msgspec.structs.replace(read_terminal(file), exclusions=excluded)
    today = wiring.now().astimezone().date()
    allowed = Authorisation(
        allowed_by=t("見本の持ち主（この計算機の利用者）", "owner of the demo (the user of this machine)"),
        role=t("アクセス管理者", "access administrator"),
        statement=t("自分の計算機の上の見本を試験する", "I test demo terminals on my own machine"),
        signed_on=today,
        addresses=(f"{street.net(name)}.0/24", f"{street.net('updates')}.1/32"),
        valid_from=today,
        valid_until=today,
        risks=("read", "login", "write", "update", "power", "factory", "lockout"),
    )
    # Loopback bears more than a real device, and nobody declared a lock that a row of wrong codes would trip.
    limits = Limits(
        connections_per_second=100_000.0, requests_per_second=400.0, wrong_in_a_row=16, throttle_tries=30
    )
    label = f"{number}/{len(NAMES)} {terminal.maker} {terminal.model}"
    return Request(str(file), terminal, wiring.catalogues(names), allowed, limits, folder, label=label)


def _show(
    outcomes: Sequence[tuple[str, Assessment, Path, tuple[Path, ...]]], names: tuple[str, ...], seconds: float
) -> None:
    from sekisho import wiring
    from sekisho.cli.speech import LANGUAGE
    from sekisho.model.verdict import Verdict

    by_terminal = [(name, one) for name, one, _, _ in outcomes]
    for catalogue in wiring.catalogues(names):
        click.secho("\n" + catalogue.title.say(LANGUAGE), bold=True)
        rows = []
        for requirement in catalogue.requirements:
            cells = []
            for _, assessment in by_terminal:
                found = [
                    j
                    for j in assessment.judged
                    if (j.catalogue, j.requirement) == (catalogue.id, requirement.id)
                ]
                info = any(j.note == "information" for j in found)
                cells.append(
                    t("（参考）", "(info)")
                    if info
                    else verdict_word(found[0].verdict if found else Verdict.NONE)
                )
            rows.append((requirement.id, *cells, requirement.title.say(LANGUAGE)))
        whole = [verdict_word(assessment.verdict(catalogue.id)) for _, assessment in by_terminal]
        rows.append((t("全体", "whole"), *whole, ""))
        click.echo(table(rows, ("", *(name for name, _ in by_terminal), "")))
    click.secho("\n" + t("報告書", "Reports"), bold=True)
    for _, _, _, paths in outcomes:
        for path in paths:
            if path.suffix in {".html", ".pdf"}:
                click.echo(f"  {path}")
    last = outcomes[-1][2]
    click.secho(
        "\n"
        + t(f"{seconds:.0f} 秒で終わった。次に試すこと：", f"Done in {seconds:.0f} s. What to type next:"),
        bold=True,
    )
    for line, meaning in (
        (
            f"./run sekisho verify {last}",
            t("証跡が改変されていないか調べる", "check that the evidence is unaltered"),
        ),
        (
            f"./run sekisho rejudge {last} -c en303645-v2.1.1",
            t("同じ証跡を欧州の規格で判定する", "judge the same evidence by EN 303 645"),
        ),
        ("./run sekisho terminal init", t("手元の機器の記述を作る", "describe your own device")),
    ):
        click.echo(f"  {line}\n      {meaning}")
