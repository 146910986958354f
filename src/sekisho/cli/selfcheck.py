"""``sekisho selfcheck``: lists to fill in, how much is covered with evidence, what changed since the last one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.self_check import Answer, CheckList, Item

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_items_option = click.option(
    "--items",
    type=_FILE,
    help=t(
        "安全・信頼性基準の項目の文（CSV か Excel。列：項目、内容、網の区分ごとの印）",
        "texts of the guideline's measures (CSV or Excel: item, text, marks by class of network)",
    ),
)


@click.group(
    help=t(
        "自己点検：管理規程（29条）と技術基準（設備規則）の表、証拠のある割合、前回との違い。答えのない項目は済みにならない。",
        "Self-check: lists of the management rules and technical standards, how much has evidence, what changed. "
        "No answer is never done.",
    ),
    epilog=t(
        "終了コード：0 全部に証拠がある、1 不足や未回答がある、2 入力の誤り",
        "Exit codes: 0 all with evidence, 1 gaps or no answers, 2 bad input",
    ),
)
def command() -> None:
    """Hold the commands."""


@command.command("template", help=t("記入用のCSVを出す。", "Print a CSV to fill in."))
@click.option(
    "--lang",
    type=click.Choice(["ja", "en"]),
    expose_value=False,
    help=t("表示の言語", "language of the output"),
)
@_items_option
def template_(items: Path | None) -> None:
    """Print every known item."""
    from sekisho.catalogues.self_check import check_lists
    from sekisho.formats.self_check_table import template

    click.echo(template(check_lists(), _lists(items)[1]), nl=False)


@command.command(
    "coverage",
    help=t(
        "FILE（CSV か Excel）の答えで、どこまで済んだかを示す。",
        "Show how far the answers of FILE (CSV or Excel) go.",
    ),
)
@click.argument("file", type=_FILE)
@_items_option
@lang_option
def coverage_(file: Path, items: Path | None, as_json: bool) -> int:
    """Print a row a list."""
    from sekisho.model.self_check import coverage

    answers = _answers(file)
    found = [(one, coverage(one, answers)) for one in _lists(items)[0]]
    open_ = any(
        part.unanswered or part.gaps or part.partly or part.claimed or part.items < part.expected
        for _, part in found
    )
    if as_json:
        put_json({"lists": [part for _, part in found], "exit": int(open_)})
        return int(open_)
    rows = [
        (
            one.title.say(LANGUAGE), str(part.items) + (f" / {part.expected}" if part.expected else ""), str(part.done),
            str(part.claimed), str(part.partly), str(part.gaps), str(part.not_applicable), str(len(part.unanswered)),
            f"[{one.confidence}]",
        )
        for one, part in found
    ]  # fmt: skip
    head = t(
        "表,項目,済み（証拠あり）,済みとの申告だけ,一部,不足,対象外,未回答,確度",
        "list,items,done with evidence,claimed only,partly,gaps,not applicable,no answer,confidence",
    ).split(",")
    click.echo(table(rows, head))
    for one, _ in found:
        if one.unverified:
            click.echo(f"{one.title.say(LANGUAGE)}: {one.unverified.say(LANGUAGE)}")
    return int(open_)


@command.command(
    "diff",
    help=t("二つの表（CSV か Excel）の違いを示す。", "Show what changed between two files (CSV or Excel)."),
)
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@lang_option
def diff_(before: Path, after: Path, as_json: bool) -> int:
    """Print the items whose status changed."""
    from sekisho.model.self_check import differences

    found = differences(_answers(before), _answers(after))
    if as_json:
        put_json(found)
        return 0
    none = t("未回答", "no answer")
    rows = [(one.list, one.item, one.before or none, one.after or none) for one in found]
    click.echo(
        table(rows, t("表,項目,前,後", "list,item,before,after").split(","))
        if rows
        else t("違いはない", "nothing changed")
    )
    return 0


def _answers(file: Path) -> tuple[Answer, ...]:
    from sekisho.catalogues.self_check import check_lists
    from sekisho.formats.self_check_table import read_answers, table_in

    return read_answers(table_in(file.read_bytes()), [one.id for one in check_lists()])


def _lists(items: Path | None) -> tuple[tuple[CheckList, ...], tuple[Item, ...]]:
    """Return the lists with the items of a file, and those items."""
    from sekisho.catalogues.self_check import check_lists
    from sekisho.formats.self_check_table import read_items, table_in
    from sekisho.model.self_check import extended

    lists = check_lists()
    found = read_items(table_in(items.read_bytes()), [one.id for one in lists]) if items else ()
    return tuple(extended(one, found) for one in lists), found
