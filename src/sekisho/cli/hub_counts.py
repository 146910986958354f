"""``sekisho hub counts``: on how many lines members see what the hub published."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.hub_option import hub_option
from sekisho.cli.speech import lang_option, put_json, t, table


@click.command(
    help=t(
        "会員が自分で知らせることにした、指標が見えた回線の数（締め切った7日の合計）。日ごとに3集団・20回線以上の数だけを、5の倍数で出す。",
        "On how many lines members, where they agreed to tell it, see the indicators: sums of the last seven closed days. "
        "Only days of three groups of members and 20 lines at least, in fives.",
    )
)
@hub_option
@lang_option
def counts(folder: Path, as_json: bool) -> int:
    """List the figures."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.counting import figures, shown_rows

    with open_hub(folder) as desk:
        books = desk.books
        rows = shown_rows(books)
        shown = figures(books, rows)
        names = {one.id: one for one in books.reports.by_ids([some.indicator for some in shown])}
    tellers = len({one.member for one in rows})
    if as_json:
        put_json({"seen": shown, "members": tellers if tellers >= books.rules.k else None})
        return 0
    if not shown:
        click.echo(t("出せる数はない。", "There is no figure that may be shown."))
        return 0
    said = [
        (names[one.indicator].value if one.indicator in names else one.indicator, str(one.lines))
        for one in sorted(shown, key=lambda some: -some.lines)
    ]
    click.echo(table(said, (t("指標", "indicator"), t("回線", "lines"))))
    return 0


def add_to(group: click.Group) -> None:
    """Hang the command into the group of the hub."""
    group.add_command(counts)
