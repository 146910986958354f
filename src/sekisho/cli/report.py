"""``sekisho report FOLDER``: write the reports of the last judgement again, in other formats too."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.speech import lang_option, put_json, t


@click.command(
    help=t(
        "最後の判定の報告書を書く。前の報告書は残る。",
        "Write reports of the last judgement; older ones stay.",
    )
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--format", "formats", multiple=True, help=t("報告書の形式", "report format"))
@lang_option
def command(folder: Path, formats: tuple[str, ...], as_json: bool) -> int:
    """Render and print the paths."""
    from sekisho.wiring.judging import report_again

    paths = report_again(folder, formats)
    if as_json:
        put_json({"reports": [str(path) for path in paths]})
    else:
        click.echo("\n".join(str(path) for path in paths))
    return 0
