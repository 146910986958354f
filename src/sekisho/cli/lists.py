"""``sekisho lists …``: lists of known C&C from where they are shared, into the data folder and out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import UNDECIDED, clock, data_option
from sekisho.cli.number_option import Number
from sekisho.cli.speech import LANGUAGE, lang_option, plain, put_json, t, table

if TYPE_CHECKING:
    from sekisho.wiring.list_fetching import Fetched


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
    type=Number(1, 86_400),
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
    from sekisho.wiring.list_words import left_out_words, try_words
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
        why = try_words(done.reason).say(LANGUAGE)
        said = t(f"新しい表にしなかった：{why}　{done.detail}", f"no new list: {why}  {done.detail}")
        click.secho(said.rstrip(), fg="red", err=True)
        tell_unnoted(done)
        if done.retry_after:
            wait = t(
                f"相手は {done.retry_after:,} 秒待つよう求めている",
                f"the server asks to wait {done.retry_after:,} s",
            )
            click.secho(wait, fg="yellow", err=True)
    if done.left_out:
        left = left_out_words(done.left_out).say(LANGUAGE)
        click.secho(t(f"  使わなかった項目：{left}", f"  entries left out: {left}"), fg="yellow", err=True)
    return code


def tell_unnoted(done: Fetched) -> None:
    """Say on stderr that ``detect`` will know nothing of a try that failed, nothing being kept of it."""
    if done.unnoted:
        said = t(
            f"失敗したことも記録できなかったので、detect はこれを知らない：{done.unnoted}",
            f"that it failed couldn't be noted either, so detect won't know of it: {done.unnoted}",
        )
        click.secho(said, fg="yellow", err=True)


_STATES = {
    "fresh": t("新しい", "fresh"),
    "stale": t("古い（「検出なし」とは言えない）", 'too old to say "nothing found"'),
    "never": t("まだ取り込めていない", "never fetched"),
    "there": t("手元のファイル", "a file of one's own"),
    "missing": t("ファイルがない", "the file isn't there"),
    "unreadable": t("読めない", "can't be read"),
}
_HEADS = (
    t("名前", "name"), t("取り込んだ時", "fetched"), t("状態", "state"), t("項目", "entries"), t("オクテット", "octets"),
    t("出所", "from"),
)  # fmt: skip


@command.command(
    help=t(
        "データのフォルダーの表を並べる：取り込んだもの、取り込もうとして一度も届かないもの、watch.toml の lists にあるもの。"
        "終了コード：0 並べた（一つもないときも）。",
        "List the lists of the data folder: fetched ones, those of which nothing ever came, and those that watch.toml names "
        "under lists. Exit code: 0 listed, also where there are none.",
    )
)
@data_option
@lang_option
def show(data: Path, as_json: bool) -> int:
    """Show the lists."""
    from sekisho.wiring.list_words import try_words
    from sekisho.wiring.lists import lists_shown
    from sekisho.wiring.watch import Watch, milliseconds

    with Watch(data, create=False) as watch:
        every = lists_shown(watch.folder, watch.settings, milliseconds())
    if as_json:
        put_json({"lists": every, "exit": 0})
        return 0
    if not every:
        click.echo(
            t("表は一つもない（sekisho lists fetch で取り込むか、detect に --list で渡す）",
              "there are no lists (fetch one with sekisho lists fetch, or give detect one with --list)")
        )  # fmt: skip
        return 0
    rows = [
        (one.name, clock(one.fetched) if one.fetched else "", _STATES[one.state],
         f"{one.entries:,}" if one.fetched else "", f"{one.octets:,}" if one.octets else "",
         f"{one.kind}: {one.place}" if one.kind else "")
        for one in every
    ]  # fmt: skip
    click.echo(table(rows, _HEADS))
    for one in every:
        if one.tried:
            why = f"{try_words(one.reason).say(LANGUAGE)}  {one.detail}".rstrip()
            said = t(f"{one.name}：最後の試み {clock(one.tried)} は失敗：{why}",
                     f"{one.name}: the last try, {clock(one.tried)}, failed: {why}")  # fmt: skip
            click.secho(plain(said), fg="yellow")
    return 0


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
