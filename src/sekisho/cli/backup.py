"""``sekisho backup``: the data folder as one file, while everything runs."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.looking import data_option
from sekisho.cli.speech import lang_option, put_json, t
from sekisho.wiring.login import login

_OUT = {
    "spool": t("受信直後のデータグラム（決して写さない）", "raw datagrams (never copied)"),
    "figures": t("動作中の監視の数字", "figures of a running watch"),
    "lock": t("ロック・先行ログ・古い控え", "locks, write-ahead logs, older copies"),
    "hidden": t("作業中のもの", "work in progress"),
    "link": t("リンク（先はフォルダーの外）", "links (what they lead to is elsewhere)"),
    "key": t("鍵（--without-keys）", "keys (--without-keys)"),
}


@click.command(
    help=t(
        "動かしたままデータフォルダーを一つのファイルに写す。TARGET がフォルダーなら、その中に日時の名前で作る。"
        "中身は元と同じく秘密であり、鍵も含む。",
        "Copy the data folder into one file while everything runs. When TARGET is a folder, the file is named by the "
        "time. It is as secret as the data and holds their keys.",
    )
)
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--without-keys",
    is_flag=True,
    help=t("鍵を入れない（別に控える）", "leave the keys out (keep them elsewhere)"),
)
@data_option
@lang_option
def command(target: Path, *, without_keys: bool, data: Path, as_json: bool) -> int:
    """Back up."""
    from sekisho.wiring.backup import back_up
    from sekisho.wiring.moment import milliseconds, shown

    if target.is_dir():
        stamp = "".join(sign for sign in shown(milliseconds()) if sign.isalnum())
        target = target / f"sekisho-{stamp}.tar"
    kept = back_up(data, target, login(), keys=not without_keys)
    if as_json:
        put_json({"backup": msgspec.to_builtins(kept), "exit": 0})
        return 0
    click.secho(t(f"写した：{kept.file}", f"backed up: {kept.file}"), bold=True)
    click.echo(
        t(
            f"{kept.files:,} ファイル、{kept.octets:,} オクテット",
            f"{kept.files:,} files, {kept.octets:,} octets",
        )
    )
    for why, count in sorted(kept.left_out.items()):
        click.echo(t(f"入れない：{_OUT[why]} {count}", f"not in it: {_OUT[why]} {count}"))
    if kept.unrecorded:
        click.secho(
            t(f"監査記録に書けなかった：{kept.unrecorded}", f"not in the audit log: {kept.unrecorded}"),
            fg="yellow",
        )
    if kept.keys:
        click.echo(
            t("鍵を含む。元のフォルダーと同じように守ること。", "It holds the keys: guard it like the data.")
        )
    return 0
