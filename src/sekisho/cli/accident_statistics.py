"""``sekisho accident statistics``: the accidents on record by fiscal year, beside the published counts."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table


@click.command(
    "statistics",
    help=t(
        "年度ごとの件数：記録した事故（データフォルダーとFILE）と、総務省の公表値。読めなかった値は空のまま示す。",
        "Counts by fiscal year: accidents on record (data folder, FILEs) beside the published ones. Gaps stay gaps.",
    ),
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help=t("データフォルダー", "data folder"),
)
@lang_option
def command(files: tuple[Path, ...], data: Path | None, as_json: bool) -> int:
    """Print a row a year."""
    from sekisho.catalogues.accidents import published_accidents
    from sekisho.cli.accident_reading import tell_broken
    from sekisho.model.accident_statistics import statistics
    from sekisho.wiring.accident_records import accidents_of
    from sekisho.wiring.moment import now, zone
    from sekisho.workflows.judge_accident import read_accident, rule

    every = list(accidents_of(data, tell_broken)) if data else []
    for file in files:
        about, facts = read_accident(file, zone())
        every.append((about, rule(about, facts, now())))
    published = published_accidents()
    found = statistics(every, published)
    if as_json:
        put_json({"years": found, "gaps": published.gaps})
        return 0
    rows = []
    for one in found:
        told = one.published
        numbers = (told.total, told.serious, told.simple) if told else (None, None, None)
        rows.append(
            (
                str(one.year),
                *("—" if number is None else f"{number:,}" for number in numbers),
                f"[{told.confidence}]" if told else "",
                *(
                    str(number) if one.own else ""
                    for number in (one.own, one.serious, one.undecided, one.periodic)
                ),
                "、".join(
                    f"{name or t('原因未記入', 'no cause told')} {count}"
                    for name, count in one.causes.items()
                ),
            )
        )
    head = t(
        "年度,公表 全体,公表 重大,公表 簡易,確度,自社,重大,未定,定期報告,自社の原因",
        "year,published all,serious,simple form,confidence,own,serious,undecided,periodic,own causes",
    ).split(",")
    click.echo(table(rows, head))
    click.echo(published.gaps.say(LANGUAGE))
    return 0
