"""``sekisho ingest FILES…``: flow files of any common kind into the record store, behind pseudonyms."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import click

from sekisho.cli.looking import caution, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t
from sekisho.wiring.login import login


@click.command(
    help=t(
        "フローのファイル（nfcapd、pcap、Zeek、Suricata、CSV、Parquet。圧縮も可）を取り込む。顧客側は仮名になる。"
        "途中で止めても、同じコマンドで続きから取り込む。",
        "Take in files of flows (nfcapd, pcap, Zeek, Suricata, CSV, Parquet; compressed too). The customer side becomes "
        "a pseudonym. A stopped run goes on with the same command.",
    ),
    epilog=t(
        "終了コード：0 取り込んだ（前に取り込んだものを含む）、2 使い方や設定の誤り、3 取り込めないか一部だけのファイルがある、"
        "またはどのファイルにも自網の回線のフローがない",
        "Exit codes: 0 taken in, now or earlier; 2 usage or settings; 3 a file could not be taken or only in part, or no file "
        "has a flow of your lines",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--kind",
    default="",
    help=t("形式（既定はファイルから判断）", "the files' kind (default: the files tell)"),
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help=t("読み方の指定", "an option of the reader"),
)
@click.option(
    "--customers",
    multiple=True,
    metavar="PREFIX",
    help=t("自網の顧客のアドレス帯", "prefixes of your own lines"),
)
@click.option(
    "--zone",
    default="",
    metavar="ZONE",
    help=t(
        "時間帯のない時刻の時間帯（例 Asia/Tokyo）。ファイルを書いた機械のもの",
        "the zone of times without one (such as Asia/Tokyo): that of the machine that wrote the files",
    ),
)
@click.option(
    "--again",
    is_flag=True,
    help=t(
        "取り込み直す：これらのファイルから残した分を先に消す。一緒に取り込んだファイル（同じ1時間、同じ指定）は全て指定する",
        "take them in anew: what was kept of these files is deleted first. Files that were taken in together (the same hour, "
        "the same options) must all be named",
    ),
)
@data_option
@lang_option
def command(
    files: tuple[Path, ...],
    kind: str,
    settings: tuple[str, ...],
    customers: tuple[str, ...],
    zone: str,
    again: bool,
    data: Path,
    as_json: bool,
) -> int:
    """Take each file; exit 3 when one could not be taken, or only in part, or nothing of ours is in them: now or earlier."""
    from sekisho.cli.ingest_words import show, whole
    from sekisho.model.purpose import Stage
    from sekisho.wiring.lists import telling_prefixes
    from sekisho.wiring.watch import Watch
    from sekisho.workflows.ingest import lost

    with Watch(data, customers=customers) as watch, _Bar() as bar:
        if not as_json:
            caution(watch.assumed, watch.settings.customers, telling_prefixes(watch.settings))
        done = list(
            watch.ingest(
                _every(files, data),
                _options(settings, zone),
                bar.move,
                kind=kind,
                language=LANGUAGE,
                again=login() if again else "",
            )
        )
    if as_json:
        put_json(done)
    else:
        show(done, data, watch.settings, watch.rules[Stage.RAW_FLOW])
    return 0 if whole(done) and not any(lost(done)) else 3


def _every(files: Sequence[Path], data: Path) -> list[Path]:
    """Return the files; a folder stands for all files below it, and for itself when there is none.

    Data folders of Sekisho hold no captures: those met on the way are left out, and that is said.
    """
    found: list[Path] = []
    ours: list[Path] = []
    for path in files:
        below: list[Path] = []
        for folder, inner, names in os.walk(path):
            if _is_data(Path(folder), data):
                ours.append(Path(folder))
                inner.clear()
            else:
                inner.sort()
                below += [one for one in (Path(folder, name) for name in names) if one.is_file()]
        found += sorted(below) or [path]
    for left in ours:
        click.secho(
            t(
                f"関所のデータフォルダーは読まない：{left}",
                f"a data folder of Sekisho is left out: {left}",
            ),
            fg="yellow",
            err=True,
        )
    return found


def _is_data(folder: Path, data: Path) -> bool:
    kept = (folder / "pseudonym.key").exists() or (folder / "records").is_dir()
    return (folder / "watch.toml").exists() and (kept or folder.resolve() == data.resolve())


def _options(settings: Sequence[str], zone: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {"zone": zone} if zone else {}
    for word in settings:
        name, separator, value = word.partition("=")
        if not separator:
            raise click.UsageError(t(f"--set は NAME=VALUE の形：{word}", f"--set takes NAME=VALUE: {word}"))
        chosen[name] = int(value) if value.lstrip("-").isdigit() else value
    return chosen


class _Bar:
    """One line of progress on a terminal; nothing anywhere else."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._progress: Any = None
        self._task: Any = None
        self._file = ""

    def __enter__(self) -> Self:
        if self._live:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )

            self._progress = Progress(
                "{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()

    def move(self, file: str, at: int, size: int) -> None:
        if not self._progress:
            return
        if file != self._file:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._file, self._task = file, self._progress.add_task(Path(file).name, total=size)
        self._progress.update(self._task, completed=at)
