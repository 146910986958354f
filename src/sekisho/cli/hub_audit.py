"""``sekisho hub audit``: is the hub's audit log unaltered, and what does it say?"""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli import audit
from sekisho.cli.hub_option import hub_option
from sekisho.cli.speech import lang_option, t


@click.group("audit", help=t("ハブの監査記録を調べる。", "Check and read the hub's audit log."))
def hub_audit() -> None:
    """Hold the commands of the hub's audit log."""


@hub_audit.command(
    help=t(
        "鎖を調べる。期限で消えた記録の後は、チェックポイントから。終了コード：0 改変なし、1 改変・欠落、3 決められない。",
        "Check the chain, from the checkpoint of what went at its time. Exit code: 0 unaltered, 1 altered, 3 undecided.",
    )
)
@click.option(
    "--head", default="", help=t("前に控えた鎖の値、番号:ハッシュ", "head noted before, number:hash")
)
@hub_option
@lang_option
def verify(head: str, folder: Path, as_json: bool) -> int:
    """Verify the chain and print its head."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        return audit.tell_verified(desk.database, head, as_json)


@hub_audit.command("list", help=t("監査記録を古い順に出す。", "Print the entries, the oldest first."))
@click.option(
    "--after", type=click.IntRange(min=0), default=0, help=t("この番号の後から", "behind this number")
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help=t("最大の件数", "at most so many"),
)
@click.option("--act", default="", help=t("この行為だけ", "only this act"))
@click.option("--who", default="", help=t("この人・会員だけ", "only this person or member"))
@click.option("--object", "object_", default="", help=t("この対象だけ", "only this object"))
@hub_option
@lang_option
def list_(after: int, limit: int, act: str, who: str, object_: str, folder: Path, as_json: bool) -> int:
    """Print entries."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        return audit.tell_entries(
            desk.database, after, limit, {"act": act, "who": who, "object": object_}, as_json
        )


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    group.add_command(hub_audit)
