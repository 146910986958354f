"""``sekisho ingest FILES…``: flow files of any common kind into the record store, behind pseudonyms."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from sekisho.cli.looking import caution, clock, data_option
from sekisho.cli.reason_words import place_word, rejected_word
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.catalogues.handling import Handling
    from sekisho.workflows.ingest import Taken


@click.command(
    help=t(
        "フローのファイル（nfcapd、pcap、Zeek、Suricata、CSV、Parquet。圧縮も可）を取り込む。顧客側は仮名になる。"
        "途中で止めても、同じコマンドで続きから取り込む。",
        "Take in files of flows (nfcapd, pcap, Zeek, Suricata, CSV, Parquet; compressed too). The customer side becomes "
        "a pseudonym. A stopped run goes on with the same command.",
    )
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
@data_option
@lang_option
def command(
    files: tuple[Path, ...],
    kind: str,
    settings: tuple[str, ...],
    customers: tuple[str, ...],
    zone: str,
    data: Path,
    as_json: bool,
) -> int:
    """Take each file; exit 0 when all were taken, 3 when one could not be, or only in part; now or earlier."""
    from sekisho.model.purpose import Stage
    from sekisho.wiring.lists import telling_prefixes
    from sekisho.wiring.watch import Watch
    from sekisho.workflows.ingest import lost

    with Watch(data, customers=customers) as watch, _Bar() as bar:
        if not as_json:
            caution(watch.assumed, watch.settings.customers, telling_prefixes(watch.settings))
        done = list(
            watch.ingest(_every(files), _options(settings, zone), bar.move, kind=kind, language=LANGUAGE)
        )
    if as_json:
        put_json(done)
    else:
        _show(done, data)
        _tell_late(done, watch.rules[Stage.RAW_FLOW])
    whole = all((one.before or one.outcome) in _GOOD for one in done)
    return 0 if whole and not any(lost(done)) else 3


def _every(files: Sequence[Path]) -> list[Path]:
    """Return the files; a folder stands for all files below it, and for itself when there is none."""
    found: list[Path] = []
    for path in files:
        below = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else []
        found += below or [path]
    return found


def _options(settings: Sequence[str], zone: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {"zone": zone} if zone else {}
    for word in settings:
        name, separator, value = word.partition("=")
        if not separator:
            raise click.UsageError(t(f"--set は NAME=VALUE の形：{word}", f"--set takes NAME=VALUE: {word}"))
        chosen[name] = int(value) if value.lstrip("-").isdigit() else value
    return chosen


_NAMED = 5
_GOOD = {"taken", "again", "empty"}


def _faults(done: Sequence[Taken]) -> dict[str, list[str]]:
    """Return the files of each fault: what happened and what to do, said once."""
    faults: dict[str, list[str]] = {}
    for one in done:
        if one.fault:
            lines = [line.strip() for line in one.fault.splitlines() if one.file not in line]
            faults.setdefault(" ".join(lines) or one.fault, []).append(one.file)
    return faults


def _untimely(done: Sequence[Taken]) -> list[str]:
    """Return what to do about rows that were left out for their time."""
    reasons = {reason for one in done for reason in one.counted.rejected}
    words = {
        "too-old": t(
            "too-old：保存期限を既に過ぎた通信なので取り込まない。試験データや公開データなら、"
            'watch.toml に basis = "not-communication" と書いた別の --data で取り込む。',
            "too-old: communication past its retention is not taken in. For test data and public captures use another "
            '--data whose watch.toml says basis = "not-communication".',
        ),
        "in-the-future": t(
            "in-the-future：今より10分を超えて先の時刻の通信は取り込まない。エクスポータの時計と --zone を確かめる。試験データなら、"
            'watch.toml に basis = "not-communication" と書いた別の --data で取り込む。',
            "in-the-future: flows more than ten minutes ahead of now are not taken in. Check the exporter's clock and --zone; "
            'for test data use another --data whose watch.toml says basis = "not-communication".',
        ),
    }
    return [words[reason] for reason in words if reason in reasons]


def _tell_late(done: Sequence[Taken], rule: Handling) -> None:
    """Say that flows which are past their usual time can be looked at, and that they go soon."""
    if late := sum(one.late for one in done):
        until, most = f"{min(rule.late_days, rule.days):g}", f"{rule.most_days:g}"
        click.secho(
            t(f"{late:,}行は保存の{rule.days:g}日を既に過ぎている。調べるために取り込んだが、{until}日で消える"
              f"（通信の時刻から{most}日を超えては残さない）。",
              f"{late:,} rows are past the {rule.days:g} days that flows are kept: taken in to be looked at, they go in "
              f"{until} d (and never stay beyond {most} days of their own time)."),
            fg="yellow",
        )  # fmt: skip


def _show(done: Sequence[Taken], data: Path) -> None:
    words = {
        "taken": t("取込済", "taken"),
        "partly": t("一部だけ", "in part"),
        "rejected": t("全て不良", "all rejected"),
        "again": t("前に取込済", "taken before"),
        "empty": t("該当なし", "nothing of ours"),
        "left-out": t("取り込まない", "left out"),
        "failed": t("失敗", "failed"),
    }
    rows = [
        (
            Path(one.file).name, _said(one, words), one.reader, f"{one.read:,}", f"{one.kept:,}", f"{one.elsewhere:,}",
            f"{sum(one.counted.rejected.values()):,}", f"{clock(one.begin)} – {clock(one.end)}" if one.kept else "",
        )
        for one in done
    ]  # fmt: skip
    head = (
        t("ファイル", "file"), t("結果", "outcome"), t("形式", "kind"), t("読んだ行", "rows read"), t("残した", "kept"),
        t("回線でない", "no line"), t("不良", "rejected"), t("期間", "time"),
    )  # fmt: skip
    click.echo(table(rows, head))
    for one in done:
        for reason, count in one.counted.rejected.items():
            where = ", ".join(place_word(place) for place in one.counted.examples.get(reason, ()))
            click.secho(f"  {Path(one.file).name}: {rejected_word(reason)} × {count:,}  {where}", fg="yellow")
    for what in _untimely(done):
        click.secho(f"  {what}", fg="yellow")
    for what, files in _faults(done).items():
        click.secho(f"  {what}", fg="red")
        click.secho(
            f"    {'  '.join(files[:_NAMED])}" + (f"  … ({len(files)})" if len(files) > _NAMED else ""),
            fg="red",
        )
    if any((one.outcome == "empty" and one.elsewhere) or one.before == "empty" for one in done):
        click.secho(
            t("どちらの端も回線でない行ばかりのファイルがある。--customers を確かめる。",
              "In some files no row has one of your lines at an end: check --customers."),
            fg="yellow",
        )  # fmt: skip
    if any("partly" in {one.outcome, one.before} for one in done):
        click.secho(
            t("ファイルが途中で壊れていて、残りは読めなかった。見えなかった分は「検出なし」ではない。",
              'A file is torn and its rest could not be read; what was not seen is not "nothing found".'),
            fg="red",
        )  # fmt: skip
    if any(one.kept or one.outcome == "again" for one in done):
        click.echo(t("次：", "next: ") + f"sekisho detect --data {data}")


def _said(one: Taken, words: Mapping[str, str]) -> str:
    """Return the word for what became of a file, with what it became earlier when that was not good."""
    if one.before in _GOOD | {""}:
        return words[one.outcome]
    return t(f"{words[one.outcome]}（{words[one.before]}）", f"{words[one.outcome]} ({words[one.before]})")


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
