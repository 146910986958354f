"""``sekisho lists …``: lists of known C&C from where they are shared, into the data folder and out of it."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.looking import UNDECIDED, data_option
from sekisho.cli.speech import lang_option, put_json, t

_REASONS = {
    "budget": t("多すぎる", "too much"),
    "closed": t("途中で切れた", "it broke off"),
    "loop": t("同じ頁が繰り返される", "its pages go round in a circle"),
    "malformed": t("形が正しくない", "malformed"),
    "no-manifest": t("manifest.json がない", "there is no manifest.json"),
    "nothing-to-use": t("使える項目が一つもない", "not one usable entry"),
    "refused": t("接続を拒まれた", "the connection was refused"),
    "reset": t("接続が切れた", "the connection was reset"),
    "timed-out": t("応答がない", "no answer"),
    "tls": t("TLSの誤り（証明書など）", "a TLS fault (the certificate, perhaps)"),
    "too-large": t("大きすぎる", "too large"),
    "too-slow": t("時間内に終わらない", "not done in time"),
    "unreachable": t("届かない", "out of reach"),
    "unsupported": t("TAXII 2.1 の応答でない", "not an answer of TAXII 2.1"),
}


@click.group(help=t("既知のC&Cの表。", "Lists of known C&C servers."))
def command() -> None:
    """Hold the commands of lists."""


@command.command(
    help=t(
        "TAXII 2.1 の集まり又は MISP のフィードを、データのフォルダーの lists/NAME.json に取り込む。watch、detect、hunt が使う"
        "（動いている watch は自分で読み直す）。全部届き、使える項目があるまで、前の表が残る。終了コード：0 新しくした、3 しなかった。",
        "Fetch a TAXII 2.1 collection or a MISP feed into lists/NAME.json of the data folder, which watch, detect and hunt "
        "use (a watch that runs reads it again by itself). The list before stays until a whole one came with something to "
        "use. Exit code: 0 there is a new list, 3 there is none.",
    )
)
@click.argument("name")
@click.option(
    "--taxii", default="", metavar="URL", help=t("TAXII のAPIルート（https）", "API root of TAXII (https)")
)
@click.option("--collection", default="", help=t("TAXII の集まりのID", "id of the TAXII collection"))
@click.option(
    "--misp",
    default="",
    metavar="URL|FOLDER",
    help=t("MISPフィードの場所（https 又はフォルダー）", "a MISP feed (https, or a folder)"),
)
@click.option(
    "--authorization",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t(
        "Authorization の値を一行書いたファイル（本人だけが読めること）",
        "file whose one line is sent as Authorization (only its owner may read it)",
    ),
)
@click.option(
    "--authority",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("自前の認証局の証明書（PEM）", "certificate of one's own authority (PEM)"),
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 86_400),
    default=600.0,
    show_default=True,
    help=t("全体で待つ秒数", "seconds that it may take in all"),
)
@data_option
@lang_option
def fetch(
    name: str, taxii: str, collection: str, misp: str, authorization: Path | None, authority: Path | None,
    seconds: float, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Fetch; exit 3 when there is no new list."""
    from sekisho.wiring.list_fetching import Asked, fetch_list
    from sekisho.wiring.watch import Watch

    if bool(taxii) == bool(misp):
        raise click.UsageError(t("--taxii か --misp のどちらか一つを渡す", "give one of --taxii and --misp"))
    if bool(taxii) != bool(collection):
        raise click.UsageError(t("--taxii には --collection が要る", "--taxii and --collection go together"))
    asked = Asked(name, taxii, collection, misp, authorization, authority, seconds)
    with Watch(data, create=False) as watch:
        done = fetch_list(watch.folder, watch.settings, asked)
    code = 0 if done.written else UNDECIDED
    if as_json:
        put_json({"list": done, "exit": code})
        return code
    if done.written:
        click.echo(t(f"{done.file}：{done.used:,} 項目", f"{done.file}: {done.used:,} entries"))
    else:
        why = _REASONS.get(done.reason, done.reason)
        said = t(f"新しい表にしなかった：{why}　{done.detail}", f"no new list: {why}  {done.detail}")
        click.secho(said.rstrip(), fg="red", err=True)
        if done.retry_after:
            wait = t(
                f"相手は {done.retry_after:,} 秒待つよう求めている",
                f"the server asks to wait {done.retry_after:,} s",
            )
            click.secho(wait, fg="yellow", err=True)
    for reason, count in done.left_out.items():
        click.secho(f"  {reason} × {count:,}", fg="yellow", err=True)
    return code


@command.command(
    help=t(
        "取り込んだ表 NAME と、最後の失敗の記録を消す。一度も取り込めなかった名前（打ち間違いなど）も消せる。"
        "終了コード：0 消した、2 その名前の表はない。",
        "Delete the fetched list NAME and what is kept of its last failed try; also a name under which nothing ever came "
        "(mistyped, perhaps). Exit code: 0 deleted, 2 there is none of that name.",
    )
)
@click.argument("name")
@data_option
@lang_option
def forget(name: str, data: Path, as_json: bool) -> int:
    """Forget a list."""
    from sekisho.wiring.list_fetching import named
    from sekisho.wiring.lists import forget_list
    from sekisho.wiring.watch import Watch

    with Watch(data, create=False) as watch:
        done = forget_list(watch.folder, named(name))
    if as_json:
        put_json({"list": done, "exit": 0})
        return 0
    click.echo(
        t(f"表 {done.name} を消した（{done.entries:,} 項目）", f"list {done.name} is deleted ({done.entries:,} entries)")
        if done.fetched
        else t(f"{done.name} について残っていたものを消した（読める表はなかった）",
               f"what was kept of {done.name} is deleted (there was no list that can be read)")
    )  # fmt: skip
    return 0
