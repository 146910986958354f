"""``sekisho verify FOLDER``: does every byte of the evidence still match the chain?"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.speech import lang_option, put_json, t, table

# What the check of a folder may find.
KINDS = {
    "altered": t("改変", "altered"),
    "missing": t("欠落", "missing"),
    "unlisted": t("一覧にない", "unlisted"),
    "torn": t("途中で切れている", "torn"),
    "interrupted": t("中断のまま", "interrupted"),
    "chain": t("鎖の切断", "chain broken"),
    "head": t("鎖にない先頭値", "head not of this chain"),
}


@click.command(
    help=t("証跡フォルダーの改変・欠落・余分を調べる。何も書き込まない。", "Check a folder; writes nothing.")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--head", default="", help=t("報告書に印刷された鎖の値", "chain head as printed in a report"))
@lang_option
def command(folder: Path, head: str, as_json: bool) -> int:
    """Verify and print; exit 0 when whole, 1 when altered or incomplete."""
    from sekisho.stores.evidence_folder import verify

    checked, problems = verify(folder, head)
    if as_json:
        put_json({"checked": checked, "problems": [msgspec.structs.asdict(one) for one in problems]})
    elif problems:
        found = table([(KINDS.get(one.kind, one.kind), one.where, one.detail) for one in problems])
        click.secho(found, fg="red")
        click.echo(
            t(
                f"問題 {len(problems)} 件（確認 {checked} 件）",
                f"{len(problems)} problems in {checked} checks",
            )
        )
    else:
        click.secho(t(f"改変なし（確認 {checked} 件）", f"unaltered ({checked} checks)"), fg="green")
    return 1 if problems else 0
