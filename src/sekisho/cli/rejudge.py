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
    from sekisho import plugins
    from sekisho.cli import outcome, running
    from sekisho.cli.assess import DEFAULT_CATALOGUES
    from sekisho.stores.evidence_folder import EvidenceFolder, whole
    from sekisho.wiring import assessing
    from sekisho.wiring.moment import now
    from sekisho.workflows.judge import changes, judge

    catalogues = assessing.catalogues(names or DEFAULT_CATALOGUES)
    whole(folder)
    store = EvidenceFolder(folder, lambda: now().isoformat())
    try:
        terminal = assessing.stored_terminal(store)
        before = running.latest(store)
        after = judge(
            store,
            terminal,
            catalogues,
            plugins.units("probes"),
            plugins.units("criteria"),
            tool=assessing.TOOL,
            now=now(),
        )
        paths = running.write(store, after, terminal, catalogues, formats, before)
    finally:
        store.close()
    # A catalogue that only one of the two judgements used is no change of a verdict.
    both = {one.catalogue for one in before.judged} & {one.id for one in catalogues} if before else set()
    changed = [one for one in changes(before, after) if one[0] in both] if before else []
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
