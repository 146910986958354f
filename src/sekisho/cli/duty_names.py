"""``sekisho duties names``: names of the operator's own people, until when they are held, and their erasure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.wiring.console_names import HeldName


@click.command(
    "names",
    help=t(
        "義務と事故の書類に書いた自社の人の名前と、いつまで残るか。--erase で消す（管理者だけ。いまの書類に要る名前は断る）。"
        "書類・版・署名のSHA-256は変わらない。",
        "Names of own people in papers of duties and accidents, and until when they are held; --erase erases one (admins "
        "only; refused while a paper of today needs it). Papers, versions and the SHA-256 of signatures stay as they are.",
    ),
)
@click.option("--erase", "name", default="", help=t("消す名前", "the name to erase"))
@click.option(
    "--as",
    "who",
    default=login,
    help=t("行う人（既定：ログイン名）", "who acts (default: the user of this system)"),
)
@data_option
@lang_option
def names(name: str, who: str, data: Path, as_json: bool) -> int:
    """List them, or erase one."""
    from sekisho.wiring.console import Console

    actor = None
    if name:
        from sekisho.errors import AuthorisationError
        from sekisho.language import Text
        from sekisho.wiring.casebook import Casebook

        with Casebook(data) as book:
            actor = book.actor(who)
        if actor.role != "admin":
            raise AuthorisationError(
                Text(ja="名前を消せるのは管理者", en="admins alone erase names"),
                f"{actor.name}: {actor.role}",
            )
    with Console(data) as console:
        if actor:
            token = next((one.name.token for one in console.names.names() if one.name.name == name), "")
            console.names.erase(token, actor)
        found = console.names.names()
    if as_json:
        put_json({"names": found})
        return 0
    head = t(
        "名前,初めて書いた日時,最後に書いた日時,いつまで", "name,first written,last written,until"
    ).split(",")
    rows = [(one.name.shown, clock(one.name.since), clock(one.name.used), _until(one)) for one in found]
    click.echo(table(rows, head) if rows else t("名前はまだない", "no name is held yet"))
    return 0


def _until(one: HeldName) -> str:
    from sekisho.model.staff_name import NEEDS

    if one.name.erased:
        return t("消去済み", "erased")
    if one.needed:
        return t("要る間：", "while needed: ") + t("、", ", ").join(
            NEEDS[kind].say(LANGUAGE) for kind in one.needed
        )
    return clock(one.goes)
