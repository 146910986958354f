"""``sekisho assignments add|who``: logs of who had which address; and who it was, for a case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import data_option, moment
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.errors import AuthorisationError
from sekisho.language import Text

if TYPE_CHECKING:
    from sekisho.workflows.take_assignments import LogTaken


@click.group(
    help=t(
        "アドレス割当の記録（RADIUS、DHCP、CGN、固定）を取り込み、事案の回線を特定する。",
        "Take in logs of address assignment (RADIUS, DHCP, CGN, fixed), and look up the line of a case.",
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


@command.command(
    help=t(
        "その時刻にそのアドレスを使っていた人を特定する。個人を特定するので、再特定の手続（事案・根拠・理由・監査記録）を通す。",
        "Say who had an address at a time. It names a person, so it goes through re-identification: a case, a legal "
        "basis, a reason, and the audit log.",
    )
)
@click.argument("address")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help=t("ポート（CGN では必須）", "port (a CGN needs it)"),
)
@click.option(
    "--at",
    "when",
    required=True,
    metavar="TIME",
    help=t("時刻（例 2026-11-21T09:00+09:00）", "time (2026-11-21T09:00+09:00)"),
)
@data_option
@lang_option
def who(address: str, port: int, when: str, data: Path, as_json: bool) -> int:  # noqa: ARG001 - --json is said by main
    """Refuse: a name is given only by re-identification, which writes the audit entry first."""
    from sekisho.wiring.moment import now

    moment(when, now())
    raise AuthorisationError(
        Text(
            ja="個人の特定は再特定の手続だけで行う。アドレスからは行えない",
            en="a person is named by re-identification only, and not from an address",
        ),
        f"{address} {port} {when} ({data})",
        Text(
            ja="sekisho identify 事案番号 --basis … --reason … --as 名前 を使う",
            en="use sekisho identify CASE --basis … --reason … --as NAME",
        ),
    )


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
            click.secho(f"  {name}: {reason} × {count:,}  {where}", fg="yellow")
        for note, count in one.counted.notes.items():
            said = _HALF if note.startswith("half-") else f"{note} × {count:,}"
            click.echo(f"  {name}: {said}")
        if one.fault:
            click.secho(f"  {one.fault}", fg="red")


_HALF = t(
    "最後の一件は書きかけなので、次回の取込みに回した",
    "the last record is still being written: left for the next run",
)
