"""``sekisho held PSEUDONYM``: everything held of a line, why, and until when."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.reason_words import dataset_word, deletion_word
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.holding import Held

_LINE = re.compile(r"L([0-9a-f]{1,16})")


@click.command(
    help=t(
        "仮名（例 L6440003f）の回線について保有する全てのデータ、目的、根拠、期限、削除の証明を示す。監査記録に残る。",
        "Show everything held of the line of a pseudonym (such as L6440003f): why, on which ground, until when, and the "
        "receipts of deletions. The look is recorded in the audit log.",
    )
)
@click.argument("pseudonym")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help=t("同じ内容の頁をここに書く", "write the same as a page here"),
)
@click.option(
    "--as", "who", default="", help=t("調べる人の名前（既定は利用者名）", "who looks (default: the user)")
)
@data_option
@lang_option
def command(pseudonym: str, html: Path | None, who: str, data: Path, as_json: bool) -> int:
    """Show what is held of one line."""
    from sekisho.wiring.held import held
    from sekisho.wiring.holdings import Holdings
    from sekisho.wiring.watch import Watch

    found = _LINE.fullmatch(pseudonym)
    if not found or int(found[1], 16) >= 1 << 63:
        raise click.UsageError(
            t(f"仮名ではない：{pseudonym}（例 L6440003f）", f"not a pseudonym: {pseudonym} (L6440003f)")
        )
    with Watch(data, create=False) as watch:
        holdings = Holdings(watch)
        person = holdings.person(who or login())
        told = held(holdings, int(found[1], 16), person.name, person.role.value if person.role else "")
    if html:
        from sekisho.reports.held import page
        from sekisho.wiring.moment import zone

        html.write_bytes(page(told, LANGUAGE, zone()))
    if as_json:
        put_json(told)
    else:
        _tell(told)
    return 0


def _tell(told: Held) -> None:
    from sekisho.reports.held import words
    from sekisho.wiring.moment import zone

    rows = [words(one, LANGUAGE, zone()) for one in told.holdings]
    names = ("dataset", "stage", "rows", "span", "purpose", "basis", "until")
    head = (
        t("データ", "data"), t("段階", "stage"), t("件数", "rows"), t("いつからいつまで", "from – to"),
        t("目的", "purpose"), t("根拠", "ground"), t("期限", "until"),
    )  # fmt: skip
    click.secho(f"{told.line}  {clock(told.at)}", bold=True)
    click.echo(table([[row[name] for name in names] for row in rows], head))
    for row in rows:
        if row["note"]:
            click.echo(f"  {row['dataset']}: {row['note']}")
    click.secho(t("削除の証明（データ全体）", "receipts of deletion (of whole datasets)"), bold=True)
    for one in told.receipts:
        click.echo(
            f"  {clock(one.at)}  {dataset_word(one.dataset)}  {one.rows:,}  {deletion_word(one.reason)}"
        )
    if not told.receipts:
        click.echo(t("  まだない", "  none yet"))
