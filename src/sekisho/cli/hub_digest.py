"""``sekisho hub digest``: the members' digest by mail, now or only to look at."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.hub_option import hub_option
from sekisho.cli.looking import UNDECIDED
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

_DAY = 86_400_000


@click.command(
    help=t(
        "期限の来たダイジェストを送る（用途 digest の連絡先だけ。digest.toml にメールサーバー）。hub serve は自分で送る。"
        "--show で、一つの会員への文面を見るだけ。終了コード：0、メールサーバーが受け取らないものがあれば 3。",
        "Send the digests that are due (to contacts of the purpose digest alone; the mail server stands in digest.toml). "
        "hub serve does it by itself. --show only shows what one member would get. Exit code: 0; 3 when the mail server took "
        "not all.",
    )
)
@click.option(
    "--show",
    "member",
    default="",
    help=t("この会員への文面を示す。送らない", "show this member's; sends nothing"),
)
@hub_option
@lang_option
def digest(member: str, folder: Path, as_json: bool) -> int:
    """Send, or show."""
    from sekisho.model.sealing import REASONS
    from sekisho.wiring.hub import open_hub
    from sekisho.wiring.hub_digest import digest_of, send_digests

    with open_hub(folder) as desk:
        if not member:
            told = send_digests(desk, folder)
            code = UNDECIDED if told.why else 0
            if as_json:
                put_json({"digests": told, "exit": code})
            else:
                click.echo(
                    t(
                        f"送った {told.sent}、拒まれた {told.refused}、後で {told.put_off}、まだ早い {told.early}",
                        f"sent {told.sent}, refused {told.refused}, later {told.put_off}, not yet due {told.early}",
                    )
                )
                for said in told.why:
                    click.secho(t(f"メールサーバー：{said}", f"the mail server: {said}"), fg="red", err=True)
                for fault in told.withheld:
                    who, _, reason = fault.partition(": ")
                    word = REASONS[reason].say(LANGUAGE) if reason in REASONS else reason
                    click.secho(
                        t(f"送らない：{who}（{word}）", f"not sent: {who} ({word})"), fg="red", err=True
                    )
            return code
        one = next((some for some in desk.books.members.members() if some.id == member), None)
        found = digest_of(desk, one, desk.books.now() - _DAY) if one else None
    if found is None:
        raise click.UsageError(
            t("その会員はいないか、一覧を読めない", "no such member, or it may not read the list")
        )
    if as_json:
        put_json({"digest": found, "exit": 0})
    else:
        from sekisho.reports.hub_digest import text

        click.echo(text(found))
    return 0


def add_to(group: click.Group) -> None:
    """Hang the command into the group of the hub."""
    group.add_command(digest)
