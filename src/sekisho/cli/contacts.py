"""``sekisho contacts FILE``: replace the table of contacts by the operator's own."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import lang_option, put_json, t
from sekisho.wiring.login import login

_DOUBTS = {
    "email": t("メールアドレスの形でない（空にした）", "not an e-mail address (left empty)"),
    "flag": t("はい・いいえのどちらでもない（はいとみなした）", "neither yes nor no (taken as yes)"),
    "language": t("知らない言語（日本語とした）", "an unknown language (Japanese was taken)"),
    "no-account": t("契約の番号がない（読まなかった）", "no account (left out)"),
    "control-characters": t("制御文字か長すぎる値（除いた）", "control characters, or too long (taken out)"),
    "repeated": t(
        "同じ契約の行が重なる（内容が違えば連絡しない）",
        "an account more than once (if they differ, no contact)",
    ),
}


@click.command(
    help=t(
        "契約者の連絡先（CSV：account, name, postal_address, email, telephone, language, do_not_contact, opted_out）を"
        "取り込む。前の表は消える。注意喚起にだけ使え、期限で消える。",
        "Take in the contacts of subscribers (CSV: account, name, postal_address, email, telephone, language, "
        "do_not_contact, opted_out). The table before is gone. For notices only; deleted by itself when its time is over.",
    )
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--empty",
    is_flag=True,
    help=t("一件もないファイルで表を空にする", "let a file without a single contact empty the table"),
)
@data_option
@lang_option
def command(file: Path, *, empty: bool, data: Path, as_json: bool) -> int:
    """Replace the table."""
    from sekisho.wiring.holdings import Holdings
    from sekisho.wiring.watch import Watch

    with Watch(data, create=False) as watch:
        holdings = Holdings(watch)
        person = holdings.person(login())
        role = person.role.value if person.role else "operator"
        read = holdings.take_contacts(file, person.name, role, empty=empty)
        label = holdings.table.label()
    until = label.expires if label else 0
    if as_json:
        put_json(
            {
                "rows": read.rows,
                "doubts": dict(read.doubts),
                "lines": read.lines,
                "unread": read.unread,
                "expires": until,
            }
        )
        return 0
    click.echo(t(f"{read.rows:,} 行。期限 {clock(until)}", f"{read.rows:,} rows; deleted by {clock(until)}"))
    for reason, count in read.doubts.items():
        places = read.lines.get(reason, ())
        where = t("、", ", ").join(map(str, places)) + (" …" if count > len(places) else "")
        said = t(f"（{where} 行目）", f"(line {where})") if places else ""
        click.secho(f"  {_DOUBTS[reason]} × {count:,}  {said}", fg="yellow")
    if read.unread:
        click.echo(
            t(f"  読まなかった列：{', '.join(read.unread)}", f"  columns not read: {', '.join(read.unread)}")
        )
    return 0
