"""``sekisho rejudge FOLDER``: a newer catalogue on old evidence, without the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import lang_option, put_json, t, table, verdict_word

if TYPE_CHECKING:
    from sekisho.model.assessment import Assessment
    from sekisho.model.requirement import Catalogue
    from sekisho.model.verdict import Verdict

    Change = tuple[str, str, Verdict | None, Verdict | None]


@click.command(
    help=t(
        "保存した証跡を、機器もネットワークも使わずに判定し直し、前回からの変化を示す。",
        "Judge stored evidence again, offline, and show what changed.",
    )
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-c", "--catalogue", "names", multiple=True, help=t("判定の基準", "catalogue to judge by"))
@click.option("--format", "formats", multiple=True, help=t("報告書の形式", "report format"))
@lang_option
def command(folder: Path, names: tuple[str, ...], formats: tuple[str, ...], as_json: bool) -> int:
    """Judge, report, print the changes; the exit code is that of the new judgement."""
    from sekisho.cli import outcome
    from sekisho.cli.assess import DEFAULT_CATALOGUES
    from sekisho.wiring.judging import rejudge

    done = rejudge(folder, names or DEFAULT_CATALOGUES, formats)
    after, catalogues, paths, changed = done.after, done.catalogues, done.reports, done.changed
    if as_json:
        _put(after, catalogues, paths, changed)
    else:
        outcome.show(after, catalogues, folder, paths)
        _show(changed)
    return outcome.exit_code(after, catalogues)


def _put(
    after: Assessment, catalogues: Sequence[Catalogue], paths: Sequence[Path], changed: Sequence[Change]
) -> None:
    put_json(
        {
            "reports": [str(path) for path in paths],
            "verdicts": {one.id: after.verdict(one.id).name for one in catalogues},
            "changes": [
                {"catalogue": c, "requirement": r, "before": o and o.name, "after": n and n.name}
                for c, r, o, n in changed
            ],
        }
    )


def _show(changed: Sequence[Change]) -> None:
    count = len(changed)
    click.secho(
        "\n" + t(f"前回からの変化：{count} 件", f"changes since the last judgement: {count}"), bold=True
    )
    none = t("（なし）", "(none)")
    rows = (
        (c, r, none if o is None else verdict_word(o), "→", none if n is None else verdict_word(n))
        for c, r, o, n in changed
    )
    click.echo(table(rows))
