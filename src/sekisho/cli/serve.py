"""``sekisho serve``: the console in a browser, on this machine unless told otherwise."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from sekisho.cli.looking import data_option
from sekisho.cli.speech import lang_option, t


@click.command(
    help=t(
        "画面（コンソール）を開く。最初だけ、管理者を作るための一度きりのリンクを表示する。既定の利用者もパスワードもない。",
        "Serve the console. The first time it prints a one-time link to make the administrator: "
        "no account and no password is preset.",
    )
)
@click.option(
    "--address", default="127.0.0.1", show_default=True, help=t("待ち受けるアドレス", "address to listen on")
)
@click.option(
    "--port", default=8443, show_default=True, type=click.IntRange(0, 65535), help=t("ポート", "port")
)
@click.option(
    "--tls",
    is_flag=True,
    help=t("TLSで待ち受ける（証明書は自動で作る）", "speak TLS (a certificate is made)"),
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=t("証明書（PEM）", "certificate (PEM)"),
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=t("秘密鍵（PEM）", "private key (PEM)"),
)
@click.option(
    "--name", "names", multiple=True, help=t("この画面の名前（ホスト名）", "host name of this console")
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    help=t("信用するプロキシのアドレス", "address of a proxy that is believed"),
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 32),
    help=t("画面を出すプロセスの数", "processes that serve"),
)
@click.option(
    "--log",
    type=click.Choice(["errors", "json"]),
    default="errors",
    show_default=True,
    help=t(
        "標準エラーへの記録：誤りだけ、または要求ごとに JSON 一行",
        "on standard error: faults only, or a JSON line for each request",
    ),
)
@click.option(
    "--hub",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help=t(
        "運営している共有ハブのフォルダー（その画面が加わる）",
        "folder of a sharing hub that you run: adds its pages",
    ),
)
@click.option(
    "--demo",
    is_flag=True,
    help=t(
        "見本のデータ（すべて架空）で開く。空のフォルダーにだけ書く",
        "show invented data; writes into an empty folder only",
    ),
)
@click.option(
    "--systemd-unit",
    "unit",
    is_flag=True,
    help=t(
        "この設定で動かす systemd のユニットを表示して終わる",
        "print a systemd unit that serves like this, and end",
    ),
)
@data_option
@lang_option
def command(
    address: str,
    port: int,
    tls: bool,
    certificate: Path | None,
    key: Path | None,
    names: tuple[str, ...],
    proxies: tuple[str, ...],
    workers: int,
    log: str,
    hub: Path | None,
    demo: bool,
    unit: bool,
    data: Path,
    as_json: bool,
) -> int:
    """Serve until stopped."""
    if unit:
        from sekisho.web.systemd import unit_of

        click.echo(unit_of(data, sys.argv, hub), nl=False)
        return 0
    if hub:
        from sekisho.wiring.hub import read_hub_settings

        read_hub_settings(hub)
    from sekisho.web.installation import opened
    from sekisho.web.recording import json_line, no_line
    from sekisho.web.workers import crew

    place: dict[str, Any] = {
        "address": address, "port": port, "tls": tls, "certificate": certificate, "key": key, "names": names,
        "proxies": proxies, "hub": hub,
    }  # fmt: skip
    one = opened(data, **place, log=json_line if log == "json" else no_line)
    several = crew(data, **place, log=log == "json", workers=workers)
    with _day(data) if demo else nullcontext(), one if workers == 1 else several as installation:
        _tell(installation, as_json=as_json)
        installation.serve()
    return 0


def _day(data: Path) -> AbstractContextManager[None]:
    from sekisho.demo.living_day import living_day

    click.echo(t(f"見本のデータ（架空）：{data}", f"invented data: {data}"), err=True)
    return living_day(data)


def _tell(installation: Any, *, as_json: bool) -> None:
    """Say where it is, and how the first administrator is made."""
    told = {"url": installation.url, "set_up": installation.set_up}
    if as_json:
        click.echo(json.dumps(told))  # one line: who starts it reads on while it runs
    elif installation.set_up:
        click.secho(
            t(
                "最初の管理者を作るリンク（15分、一度だけ）：",
                "Link to make the first administrator (15 minutes, once):",
            ),
            bold=True,
        )
        click.echo(f"  {installation.set_up}")
    else:
        click.echo(t(f"画面：{installation.url}", f"console: {installation.url}"))
    if not as_json:
        click.echo(t("終わるには Ctrl-C", "Ctrl-C ends it"))
