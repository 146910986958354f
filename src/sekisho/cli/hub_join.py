"""``sekisho hub join``: a member's side; its list comes in, and where the member agreed its counts go back."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.lists import tell_unnoted
from sekisho.cli.looking import UNDECIDED, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.wiring.counting import Days, Telling
    from sekisho.wiring.list_fetching import Fetched


@click.command(
    help=t(
        "ハブに参加する（利用する側）。一覧を取り込み、動いている watch は自分で読み直す。--follow で取り込み続ける。"
        "ハブに届かなくなっても、前の一覧が残る。--counts で、自社で見えた回線の数（指標と日ごと、3回線以上）を毎日ハブに知らせる。"
        "終了コード：0 取り込んだ、3 取り込めない。",
        "Join a hub (on the side of a member): its list comes into the data folder, and a watch that runs reads it again "
        "by itself; --follow keeps fetching. When the hub is out of reach the last list stays. --counts tells the hub each "
        "day on how many lines its indicators were seen here (by indicator and day, three lines or more). Exit code: 0 "
        "fetched, 3 not.",
    )
)
@click.argument("url")
@click.option(
    "--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("トークンを一行書いたファイル（本人だけが読めること）", "file whose one line is the token (only its owner may read it)"),
)  # fmt: skip
@click.option(
    "--name", default="hub", show_default=True, help=t("一覧の名前", "what the list is called here")
)
@click.option(
    "--authority", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("ハブの認証局の証明書（PEM）", "certificate of the hub's own authority (PEM)"),
)  # fmt: skip
@click.option(
    "--client", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("自社の証明書と秘密鍵（一つの PEM、本人だけが読めること）。トークンの代わりになる",
           "own certificate with its key (one PEM that only its owner may read), in the place of a token"),
)  # fmt: skip
@click.option("--follow", is_flag=True, help=t("取り込み続ける", "keep fetching"))
@click.option(
    "--every",
    default=30,
    show_default=True,
    type=click.IntRange(5, 86_400),
    help=t("その間隔（秒）", "seconds between"),
)
@click.option(
    "--counts/--no-counts", default=None,
    help=t("見えた回線の数をハブに知らせる／やめる。一度決めれば、変えるまで続く。最初に、出ていくものを見せて尋ねる",
           "tell the hub on how many lines its indicators are seen, or stop; holds until changed. What will leave is shown, "
           "and asked about, before the first time"),
)  # fmt: skip
@click.option("--yes", is_flag=True, help=t("尋ねない（--counts と）", "don't ask (with --counts)"))
@data_option
@lang_option
def join(
    url: str,
    token_file: Path | None,
    name: str,
    authority: Path | None,
    client: Path | None,
    follow: bool,
    every: int,
    counts: bool | None,
    yes: bool,
    data: Path,
    as_json: bool,
) -> int:
    """Fetch the hub's list, once or again and again."""
    from sekisho.wiring.joining import join_hub, tell_hub
    from sekisho.wiring.watch import Watch

    if token_file is None and client is None:
        raise click.UsageError(t("--token-file か --client が要る", "--token-file or --client is needed"))
    with Watch(data, create=False) as watch:
        if counts is False:
            _stopped(watch.folder, name, quiet=as_json)
        while True:
            done = join_hub(watch.folder, watch.settings, url, token_file, name, authority, client)
            if counts:
                _asked(watch.folder, name, url, yes=yes)
                counts = None
            told = tell_hub(watch.folder, url, token_file, name, authority, client)
            code = 0 if done.written else UNDECIDED
            if as_json:
                put_json({"list": done, "counts": told, "exit": code})
            else:
                _shown(done, told)
            if not follow:
                return code
            time.sleep(max(every, done.retry_after))


def _shown(done: Fetched, told: Telling) -> None:
    from sekisho.wiring.list_words import left_out_words, try_words

    if done.written:
        left = sum(done.left_out.values()) + done.others
        reasons = left_out_words(done.left_out).say(LANGUAGE)
        said = f" ({reasons})" if reasons else ""
        click.echo(
            t(f"{done.file}：{done.used:,} 項目", f"{done.file}: {done.used:,} entries")
            + (t(f"、使わない {left:,} 項目{said}", f", {left:,} left out{said}") if left else "")
        )
    else:
        why = f"{try_words(done.reason).say(LANGUAGE)}  {done.detail}".rstrip()
        click.secho(t(f"取り込めない：{why}", f"not fetched: {why}"), fg="red", err=True)
        tell_unnoted(done)
    if told.days:
        days = ", ".join(told.days)
        click.echo(t(f"回線の数を知らせた：{days}（{told.counts} 件）", f"told of lines: {days} ({told.counts} counts)"))  # fmt: skip
    if told.reason:
        click.secho(
            t(f"回線の数を知らせていない：{told.reason} {told.detail}", f"lines not told: {told.reason} {told.detail}"),
            fg="yellow", err=True,
        )  # fmt: skip


def _asked(folder: Path, name: str, url: str, *, yes: bool) -> None:
    """Show what will leave, ask, and write what was answered; who agreed before isn't asked again."""
    from sekisho.wiring.counting import agree, agreed, due, places
    from sekisho.wiring.moment import milliseconds

    if agreed(folder, name, url):
        return
    click.echo(
        t(
            f"{url} に毎日知らせるもの：そのハブの指標ごとに、その日（UTC）に見えた回線の数。3回線に満たない数、回線の仮名、時刻、"
            "ほかの表の項目は含まれない。やめる：--no-counts",
            f"What {url} will be told each day: on how many lines each of that hub's indicators was seen on a day (UTC). "
            "Nothing of fewer than three lines, no pseudonym, no time, nothing of other lists. To stop: --no-counts",
        ),
        err=True,
    )
    _preview(due(folder, name, None, milliseconds()), places(folder, name))
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(
                t("上を見た上で --yes を付ける", "having seen the above, add --yes: nobody can be asked here")
            )
        click.confirm(t("知らせてよいか", "may it be told?"), abort=True, err=True)
    agree(folder, name, url, milliseconds())


def _preview(days: Days, known: dict[str, str]) -> None:
    from sekisho.wiring.counting import body

    rows = [
        (day, name, str(lines), known.get(name, ""))
        for day, cell in days.items()
        for name, lines in cell.items()
    ]
    if not rows:
        click.echo(t("いま知らせる数はない。", "There is nothing to tell now."), err=True)
        return
    heads = (
        t("日", "day"),
        t("指標", "indicator"),
        t("回線", "lines"),
        t("これのこと（送らない）", "which is (not sent)"),
    )
    click.echo(table(rows, heads), err=True)
    day = rows[0][0]
    click.echo(f"POST /counts/ {body(day, days[day]).decode()[:300]}", err=True)


def _stopped(folder: Path, name: str, *, quiet: bool) -> None:
    from sekisho.wiring.counting import disagree

    if disagree(folder, name) and not quiet:
        click.echo(t("これからは知らせない", "nothing is told from now on"))


def add_to(group: click.Group) -> None:
    """Add the command."""
    group.add_command(join)
