"""``sekisho restore``: a backup back into a new folder."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import lang_option, put_json, t
from sekisho.wiring.login import login


@click.command(
    help=t(
        "バックアップを、空の（またはまだない）--data に戻す。すべてのファイルを照合し、期限の過ぎたものを消し、"
        "全員のセッションを終えてから、フォルダーが現れる。",
        "Bring a backup back into --data, which must be empty or not there. Every file is checked, what is past its "
        "time is deleted and all sessions end before the folder appears.",
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--database",
    default="",
    help=t("ダンプを戻す空の PostgreSQL の URL", "URL of an empty PostgreSQL for the dump"),
)
@data_option
@lang_option
def command(file: Path, *, database: str, data: Path, as_json: bool) -> int:
    """Restore."""
    from sekisho.wiring.backup import restore

    done = restore(file, data, login(), database=database)
    if as_json:
        put_json({"restored": msgspec.to_builtins(done), "exit": 0})
        return 0
    click.secho(t(f"戻した：{done.folder}", f"restored: {done.folder}"), bold=True)
    click.echo(
        t(
            f"{clock(done.made)} のもの。{done.files:,} ファイル、照合済み",
            f"as of {clock(done.made)}; {done.files:,} files, all checked",
        )
    )
    if done.expired:
        rows = sum(one.rows for one in done.expired)
        click.echo(t(f"期限が過ぎていたので消した：{rows:,} 件", f"past its time and deleted: {rows:,} rows"))
    click.echo(
        t(
            "全員のセッションを終えた。バックアップの後に止めた利用者・トークン・パスキーは元に戻っているので確かめる。",
            "All sessions ended. Accounts, tokens and passkeys that were taken away since are back: look at them.",
        )
    )
    if done.waiting:
        click.secho(
            t(
                f"承認済みのお知らせが {done.waiting} 件ある。すでに送ったかもしれない。送信の前に確かめる。",
                f"{done.waiting} notices are approved: they may have been sent since. Look before you send.",
            ),
            fg="yellow",
        )
    if not done.keys:
        click.secho(
            t(
                "鍵は入っていない。控えから戻す（mode 600）。",
                "No keys were in it: put them back (mode 600).",
            ),
            fg="yellow",
        )
    return 0
