"""``sekisho assignments add``: logs of who had which address. Who it was, for a case, is told by ``sekisho identify``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import data_option
from sekisho.cli.reason_words import rejected_word
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.workflows.take_assignments import LogTaken


@click.group(
    help=t(
        "アドレス割当の記録（RADIUS、DHCP、CGN、固定）を取り込む。誰だったかは sekisho identify だけが、事案から示す。",
        "Take in logs of address assignment (RADIUS, DHCP, CGN, fixed). Who it was is told by sekisho identify only, "
        "from a case.",
    )
)
def command() -> None:
    """Hold the commands."""


@command.command(
    help=t(
        "割当の記録を取り込む（圧縮も可）。同じ記録は何度渡しても一つ。書きかけの最後の行は次回に回す。",
        "Take in logs of assignment (compressed too). The same record given twice is one; a half line at the end waits "
        "for the next run.",
    )
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
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
@data_option
@lang_option
def add(files: tuple[Path, ...], kind: str, settings: tuple[str, ...], data: Path, as_json: bool) -> int:
    """Take each log; exit 0 when all were taken (now or earlier), 3 when one could not be or held nothing good."""
    from sekisho.wiring.warn import take_logs

    options: dict[str, str] = {}
    for word in settings:
        name, separator, value = word.partition("=")
        if not separator:
            raise click.UsageError(t(f"--set は NAME=VALUE の形：{word}", f"--set takes NAME=VALUE: {word}"))
        options[name] = value
    done = list(take_logs(data, files, options, kind=kind, language=LANGUAGE))
    if as_json:
        put_json(done)
    else:
        _show(done)
    return 3 if any(one.outcome in {"failed", "rejected"} for one in done) else 0


def _show(done: Sequence[LogTaken]) -> None:
    words = {
        "taken": t("取込済", "taken"), "again": t("前に取込済", "taken before"), "empty": t("記録なし", "no records"),
        "rejected": t("全て不良", "all rejected"), "failed": t("失敗", "failed"),
    }  # fmt: skip
    rows = [
        (
            Path(one.file).name,
            words[one.outcome],
            one.reader,
            f"{one.rows:,}",
            f"{sum(one.counted.rejected.values()):,}",
        )
        for one in done
    ]
    head = (
        t("ファイル", "file"),
        t("結果", "outcome"),
        t("形式", "kind"),
        t("記録", "records"),
        t("不良", "rejected"),
    )
    click.echo(table(rows, head))
    for one in done:
        name = Path(one.file).name
        for reason, count in one.counted.rejected.items():
            where = ", ".join(one.counted.examples.get(reason, ()))
            click.secho(f"  {name}: {rejected_word(reason)} × {count:,}  {where}", fg="yellow")
        for note, count in one.counted.notes.items():
            said = _HALF if note.startswith("half-") else f"{note} × {count:,}"
            click.echo(f"  {name}: {said}")
        if one.fault:
            click.secho(f"  {one.fault}", fg="red")


_HALF = t(
    "最後の一件は書きかけなので、次回の取込みに回した",
    "the last record is still being written: left for the next run",
)
