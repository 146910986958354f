"""``sekisho admin reset``: the way back in for those who can write the data folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from sekisho.cli.looking import data_option
from sekisho.cli.speech import lang_option, put_json, t
from sekisho.wiring.login import login


@click.group(
    name="admin",
    help=t(
        "画面の利用者について、データフォルダーのある機器で行う操作。",
        "Accounts of the console, on its own machine.",
    ),
)
def command() -> None:
    """Hold the commands."""


@command.command(
    help=t(
        "全員のセッションを終え、NAME（管理者が一人なら省略可）を新しいパスワードかパスキーの管理者にする"
        "一度きりのリンクを表示する。",
        "End all sessions of everybody and print a one-time link that makes NAME (may be left out where one account "
        "is an admin) an admin with a new password or passkey.",
    )
)
@click.argument("name", default="")
@click.option(
    "--url",
    default="http://127.0.0.1:8443",
    show_default=True,
    help=t("画面のアドレス", "where the console is"),
)
@data_option
@lang_option
def reset(name: str, url: str, data: Path, as_json: bool) -> int:
    """Print the link; nothing else changes before it is used."""
    from sekisho.wiring.accounts import open_gate
    from sekisho.wiring.moment import milliseconds
    from sekisho.wiring.settings import read_settings
    from sekisho.wiring.warn import open_database
    from sekisho.workflows import sign_in

    with closing(open_database(data, read_settings(data / "watch.toml").database, create=False)) as database:
        gate = open_gate(database, data)
        link = sign_in.reset(gate, name, milliseconds(), by=login())
        minutes = gate.rules.setup_minutes
    there = f"{url.rstrip('/')}/set-up/{link}"
    if as_json:
        put_json({"set_up": there, "minutes": minutes, "exit": 0})
        return 0
    click.secho(t("全員のセッションを終えた。", "All sessions of everybody have ended."), bold=True)
    click.echo(
        t(
            f"管理者に戻るリンク（{minutes}分、一度だけ）：",
            f"Link to become an admin again ({minutes} minutes, once):",
        )
    )
    click.echo(f"  {there}")
    return 0
