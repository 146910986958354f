"""``sekisho update``: releases of this program: proven before they are installed, and whether there is a newer one."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.speech import lang_option, put_json, t

_KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    envvar="SEKISHO_RELEASE_KEY",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t(
        "信用する製造者の公開鍵（PEM、Ed25519）", "public key of the maker that is trusted (PEM, Ed25519)"
    ),
)
_INTO = click.option(
    "--into",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help=t(
        "入れるフォルダー（サービスは その current を PYTHONPATH にして動く）",
        "folder of the installed releases (the service runs with its current in PYTHONPATH)",
    ),
)


@click.group(help=t("関所そのものの更新。", "Updates of Sekisho itself."))
def command() -> None:
    """Hold the commands of updating."""


@command.command(
    help=t(
        "署名された更新ファイルを入れる。署名と中身を確かめ、起動を試してから切り替える。断ったら今の版のまま。"
        "サービスは次の起動から新しい版で動く。",
        "Install a signed release: signature and content are proven and its start is tried before the switch. What is "
        "refused changes nothing. The service runs the new version from its next start.",
    )
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--older", is_flag=True, help=t("古い版も入れる", "install an older version, too"))
@_KEYS
@_INTO
@lang_option
def install(file: Path, older: bool, keys: tuple[Path, ...], folder: Path, as_json: bool) -> int:
    """Install; exit 0 when it is in its place."""
    from sekisho.wiring.program import install as put_in

    told = put_in(file, folder, keys, older=older)
    if as_json:
        put_json({"version": told.version, "sha256": told.sha256})
    else:
        click.echo(
            t(
                f"{told.version} を入れた（次の起動から）",
                f"{told.version} is installed (from the next start)",
            )
        )
    return 0


@command.command(
    help=t(
        "製造者の署名した知らせ（ファイル又は https）と、入っている版を比べる。終了コード：0 最新、3 新しい版がある。",
        "Compare what is installed with the maker's signed notice (a file or https). Exit code: 0 newest, 3 there is a "
        "newer one.",
    )
)
@click.argument("place")
@_KEYS
@_INTO
@lang_option
def newest(place: str, keys: tuple[Path, ...], folder: Path, as_json: bool) -> int:
    """Say whether the newest version is installed."""
    from sekisho.wiring.program import newest as compare

    found = compare(place, folder, keys)
    if as_json:
        put_json(msgspec.structs.asdict(found))
    elif found.up_to_date:
        click.echo(t(f"{found.installed}：最新です", f"{found.installed}: the newest"))
    else:
        click.echo(
            t(
                f"入っている版 {found.installed}、最新の版 {found.newest}",
                f"installed {found.installed}, newest {found.newest}",
            )
        )
    return 0 if found.up_to_date else 3


@command.command(
    help=t(
        "更新ファイルを作る（製造者）：wheel に署名し、最新版の知らせ（.newest）も書く。",
        "Make a release (for its maker): sign a wheel, and write the notice of the newest version (.newest) beside it.",
    )
)
@click.argument("wheel", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--version", required=True, help=t("版（数字と点）", "version (numbers and dots)"))
@click.option(
    "--private",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("署名する鍵（PEM、Ed25519）", "key to sign with (PEM, Ed25519)"),
)
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help=t("書く先", "where to write it")
)
@lang_option
def sign(wheel: Path, version: str, private: Path, out: Path, as_json: bool) -> int:
    """Sign."""
    from sekisho.wiring.program import sign as make

    octets = make(wheel, version, private, out)
    if as_json:
        put_json({"file": str(out), "octets": octets})
    else:
        click.echo(f"{out} ({octets:,} octets)")
    return 0
