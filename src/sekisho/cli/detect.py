"""``sekisho detect``: every method over the stored flows; ``sekisho hunt``: one list, looking back."""

from __future__ import annotations

from pathlib import Path

import click

from sekisho.cli.looking import data_option, moment, show, show_options, time_options
from sekisho.cli.speech import lang_option, t

_LIST = click.option(
    "--list", "lists", multiple=True, type=click.Path(path_type=Path, exists=True),
    help=t("既知のC&Cの表（CSV、STIX、MISP、素のアドレスなど）", "known C&C servers (CSV, STIX, MISP, plain addresses …)"),
)  # fmt: skip


@click.command(
    help=t(
        "保存したフローを全ての方法で調べ、感染した疑いのある回線を示す。終了コード：1 検出あり、0 検出なし、3 判断できない。",
        "Look at the stored flows with every method and show the lines that look infected. "
        "Exit code: 1 something found, 0 nothing found, 3 could not be judged.",
    )
)
@_LIST
@click.option("--method", "methods", multiple=True, help=t("この方法だけ", "only this method"))
@click.option(
    "--past",
    default="7d",
    show_default=True,
    help=t("平常の動きを学ぶ期間", "how far back the ordinary is learnt"),
)
@time_options
@show_options
@data_option
@lang_option
def command(
    lists: tuple[Path, ...], methods: tuple[str, ...], past: str, since: str | None, until: str | None, form: str,
    output: Path | None, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Detect, print, leave with what it means."""
    from sekisho.wiring import now
    from sekisho.wiring.watch import Watch

    at = now()
    with Watch(data, create=False) as watch:
        window = watch.window(moment(since, at) if since else None, moment(until, at) if until else None)
        detectors, lists_read = watch.detectors(methods, lists)
        looks = list(watch.detect(detectors, window, past=int(at.timestamp() * 1000) - moment(past, at)))
    _warn(lists_read.rejected, as_json)
    return show(
        looks, detectors, "json" if as_json else form, output, {"window": window, "lists": lists_read}
    )


@click.command(
    help=t(
        "新しく分かったC&Cの表を、保存したフローに遡って当てる。",
        "Hold a list of C&C servers that became known against the stored flows, looking back.",
    )
)
@_LIST
@time_options
@show_options
@data_option
@lang_option
def hunt(
    lists: tuple[Path, ...],
    since: str | None,
    until: str | None,
    form: str,
    output: Path | None,
    data: Path,
    as_json: bool,
) -> int:
    """Match the list against the past, whatever its entries say of their validity."""
    from sekisho.wiring import now
    from sekisho.wiring.watch import Watch

    at = now()
    with Watch(data, create=False) as watch:
        window = watch.window(moment(since, at) if since else None, moment(until, at) if until else None)
        if not lists and not watch.settings.lists:
            raise click.UsageError(t("--list で表を渡す", "give a list with --list"))
        detectors, lists_read = watch.detectors(("known_cc",), lists, any_time=True)
        looks = list(watch.detect(detectors, window, past=0, step=window.end - window.begin))
    _warn(lists_read.rejected, as_json)
    return show(
        looks, detectors, "json" if as_json else form, output, {"window": window, "lists": lists_read}
    )


def _warn(rejected: dict[str, int], as_json: bool) -> None:
    if rejected and not as_json:
        said = t("、", ", ").join(f"{reason} × {count:,}" for reason, count in rejected.items())
        click.secho(
            t(f"表のうち使わなかった行：{said}", f"entries of the lists left out: {said}"),
            fg="yellow",
            err=True,
        )
