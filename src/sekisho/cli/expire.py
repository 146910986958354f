"""``sekisho expire``: every dataset gives up what is past its time; the watch does the same by itself."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.reason_words import dataset_word, deletion_word
from sekisho.cli.speech import lang_option, put_json, t, table
from sekisho.wiring.login import login

_FAILED = 1


@click.command(
    help=t(
        "保存期限の過ぎたデータを、フロー・検出・事案・連絡先・割当・監査記録と、残された受信データの全てから消し、削除の証明を残す。",
        "Delete what is past its time from all of flows, detections, cases, contacts, assignments, the audit log and "
        "datagrams left behind, and keep receipts.",
    )
)
@click.option("--dry-run", is_flag=True, help=t("消さずに示すだけ", "show it, delete nothing"))
@data_option
@lang_option
def command(*, dry_run: bool, data: Path, as_json: bool) -> int:
    """Expire; exit 1 when a dataset could not be reached."""
    from sekisho.wiring.holdings import Holdings
    from sekisho.wiring.watch import Watch

    with Watch(data, create=False) as watch:
        done = Holdings(watch).expire(login(), role="operator", dry=dry_run)
    code = _FAILED if done.faults else 0
    if as_json:
        put_json({"expired": done, "exit": code})
        return code
    rows = [
        (
            dataset_word(one.dataset),
            f"{one.rows:,}",
            f"{one.octets:,}",
            deletion_word(one.reason),
            clock(one.at),
        )
        for one in done.receipts
    ]
    head = (
        t("データ", "dataset"),
        t("件数", "rows"),
        t("オクテット", "octets"),
        t("理由", "reason"),
        t("時刻", "at"),
    )
    if rows:
        said = t("消すもの（まだ消していない）", "would be deleted") if dry_run else t("消した", "deleted")
        click.secho(said, bold=True)
        click.echo(table(rows, head))
    else:
        click.echo(t("期限の過ぎたものはない", "nothing is past its time"))
    for name, fault in done.faults.items():
        click.secho(f"{dataset_word(name)}: {fault}", fg="red", err=True)
    return code
