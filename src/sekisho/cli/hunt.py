"""``sekisho hunt --list FILE``: a list that became known, held against the stored past."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.looking import (
    between,
    caution,
    data_option,
    list_option,
    show,
    show_options,
    tell_nobodys,
    time_options,
    warn,
)
from sekisho.cli.speech import lang_option, t

# A day at a time: quick, and a conversation is not made of what happened years apart.
_DAY = 86_400_000


@click.command(
    help=t(
        "新しく分かったC&Cの表を、保存したフローに遡って当てる。",
        "Hold a list of C&C servers that became known against the stored flows, looking back.",
    )
)
@list_option
@time_options
@show_options
@data_option
@lang_option
def command(
    lists: tuple[Path, ...],
    since: str | None,
    until: str | None,
    form: str,
    output: Path | None,
    data: Path,
    as_json: bool,
) -> int:
    """Match the list against the past, whatever its entries say of their validity."""
    from sekisho.wiring.lists import list_files
    from sekisho.wiring.moment import now
    from sekisho.wiring.watch import Watch, taken

    at = now()
    begin, end = between(since, until, at)
    with Watch(data, create=False) as watch:
        window = watch.window(begin, end)
        if not list_files(watch.folder, watch.settings, lists):
            raise click.UsageError(
                t(
                    "--list で表を渡すか、sekisho lists fetch で取り込む",
                    "give a list with --list, or fetch one with sekisho lists fetch",
                )
            )
        detectors, lists_read = watch.detectors(("known_cc",), lists, any_time=True)
        looks = list(watch.detect(detectors, window, past=0, step=_DAY))
    warn(lists_read.rejected, as_json)
    if not as_json:
        caution(watch.assumed, watch.settings.customers, ())
        tell_nobodys(taken(watch.folder), data)
    return show(
        looks, detectors, "json" if as_json else form, output, {"window": window, "lists": lists_read}
    )
