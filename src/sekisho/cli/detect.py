"""``sekisho detect``: every method over the stored flows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import (
    NOTHING,
    between,
    caution,
    data_option,
    list_option,
    moment,
    show,
    show_options,
    tell_nobodys,
    time_options,
    warn,
)
from sekisho.cli.speech import LANGUAGE, lang_option, t
from sekisho.errors import StoreError

if TYPE_CHECKING:
    from sekisho.wiring.watch import Unrecorded


@click.command(
    help=t(
        "保存したフローを全ての方法で調べ、感染した疑いのある回線を示す。終了コード：1 検出あり、0 検出なし、"
        "3 判断できない、2 検出なしだがディスクの不調で記録できなかった。",
        "Look at the stored flows with every method and show the lines that look infected. Exit code: 1 something found, "
        "0 nothing found, 3 could not be judged, 2 nothing found, but a fault of the disk let nothing be recorded.",
    )
)
@list_option
@click.option("--method", "methods", multiple=True, help=t("この方法だけ", "only this method"))
@click.option(
    "--past",
    default="7d",
    show_default=True,
    help=t("平常の動きを学ぶ期間", "how far back the ordinary is learnt"),
)
@time_options
@show_options
@data_option
@lang_option
def command(
    lists: tuple[Path, ...], methods: tuple[str, ...], past: str, since: str | None, until: str | None, form: str,
    output: Path | None, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Detect, print, leave with what it means."""
    from sekisho.wiring.moment import now
    from sekisho.wiring.watch import Watch, recorded, taken

    at = now()
    begin, end = between(since, until, at)
    with Watch(data, create=False) as watch:
        window = watch.window(begin, end)
        detectors, lists_read = watch.detectors(methods, lists)
        looks = list(watch.detect(detectors, window, past=int(at.timestamp() * 1000) - moment(past, at)))
        # With fewer lists or methods chosen by hand the look says less than the settings promise.
        unrecorded = recorded(watch, looks, window, whole=not lists)
    warn(lists_read.rejected, as_json)
    if not as_json:
        caution(watch.assumed, watch.settings.customers, ())
        tell_nobodys(taken(watch.folder), data)
    why = _why(unrecorded)
    said = {"window": window, "lists": lists_read} | ({"unrecorded": why} if why else {})
    code = show(looks, detectors, "json" if as_json else form, output, said)
    if why and not as_json:
        click.secho(t(f"記録していない：{why}", f"not recorded: {why}"), fg="yellow", err=True)
    failed = unrecorded is not None and not unrecorded.only_read
    return StoreError.exit_code if failed and code == NOTHING else code


def _why(unrecorded: Unrecorded | None) -> str:
    """Return why what is shown was not kept, in words; nothing when it was."""
    if unrecorded is None:
        return ""
    if unrecorded.only_read:
        return t("このフォルダーは読むことしかできない", "the folder can only be read")
    return f"{unrecorded.error.what.say(LANGUAGE)} → {unrecorded.error.where}"
