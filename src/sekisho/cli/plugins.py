"""``sekisho plugins``: what is installed, from where, and what is broken."""

from __future__ import annotations

import click
import msgspec

from sekisho.cli.speech import lang_option, put_json, t, table


@click.command(
    help=t(
        "入っている部品の一覧。壊れたものは理由とともに示す。",
        "List all units; broken ones with their fault.",
    )
)
@lang_option
def command(as_json: bool) -> int:
    """Print the list; exit 3 when something is broken."""
    from sekisho.plugins import KINDS, find

    found = [one for kind in KINDS for one in find(kind)]
    if as_json:
        put_json([{**msgspec.structs.asdict(one), "unit": None} for one in found])
    else:
        rows = [
            (one.kind, one.name, one.origin, click.style(one.fault, fg="red") if one.fault else "ok")
            for one in found
        ]
        click.echo(
            table(rows, (t("種類", "kind"), t("名前", "name"), t("提供元", "from"), t("状態", "state")))
        )
    return 3 if any(one.fault for one in found) else 0
