"""What an assessment's end looks like on a screen and in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec

from sekisho.cli.speech import EXITS, LANGUAGE, put_json, t, table, verdict_word
from sekisho.model.assessment import Assessment
from sekisho.model.requirement import Catalogue, Status
from sekisho.model.verdict import Verdict

_STATUS = {
    Status.IN_FORCE: t("施行中", "in force"),
    Status.PROPOSED: t("改正案（未施行）", "proposed, not law"),
    Status.VOLUNTARY: t("任意", "voluntary"),
    Status.FOREIGN: t("外国", "foreign"),
    Status.PARAMETERS: t("数値", "parameters"),
}


def exit_code(assessment: Assessment, catalogues: Iterable[Catalogue]) -> int:
    """Return the exit code: one failed requirement is 1, anything undecided 3, otherwise 0."""
    verdicts = {assessment.verdict(one.id) for one in catalogues if one.requirements}
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NONE):
        if verdict in verdicts:
            return EXITS[verdict]
    return 0 if verdicts else EXITS[Verdict.NONE]


def show(
    assessment: Assessment, catalogues: Sequence[Catalogue], folder: Path, reports: Sequence[Path]
) -> None:
    """Print the verdict table, what could not be measured, and where the reports are."""
    for catalogue in catalogues:
        if not catalogue.requirements:
            continue
        whole = assessment.verdict(catalogue.id)
        click.secho(
            f"\n{catalogue.title.say(LANGUAGE)}  [{_STATUS[catalogue.status]}]  {verdict_word(whole)}",
            bold=True,
        )
        rows = []
        for one in assessment.judged:
            requirement = catalogue.requirement(one.requirement) if one.catalogue == catalogue.id else None
            if requirement is None or (one.verdict is Verdict.NONE and requirement.rule is None):
                continue
            rows.append((verdict_word(one.verdict), one.requirement, requirement.title.say(LANGUAGE)))
        click.echo(table(rows))
        unjudged = sum(1 for one in catalogue.requirements if one.rule is None)
        if unjudged:
            click.secho(
                t(
                    f"! 判定基準のない条項 {unjudged} 件は未実施",
                    f"! {unjudged} provisions without a criterion: not run",
                ),
                fg="yellow",
            )
    click.echo()
    for path in reports:
        click.echo(f"  {path}")
    click.echo(t(f"証跡：{folder}", f"evidence: {folder}"))


def put(
    assessment: Assessment, catalogues: Sequence[Catalogue], folder: Path, reports: Sequence[Path]
) -> None:
    """Print the same as JSON."""
    put_json(
        {
            "folder": str(folder),
            "reports": [str(path) for path in reports],
            "verdicts": {one.id: assessment.verdict(one.id).name for one in catalogues},
            "judged": [
                {**msgspec.to_builtins(one), "verdict": one.verdict.name} for one in assessment.judged
            ],
            "attempts": msgspec.to_builtins(assessment.attempts),
        }
    )
