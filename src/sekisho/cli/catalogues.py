"""``sekisho catalogues [ID]``: the editions that can be judged by, and what one of them asks."""

from __future__ import annotations

import click

from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table


@click.command(
    help=t("基準の一覧。IDを付けると一つの要求を並べる。", "List catalogues; with an ID, its requirements.")
)
@click.argument("identifier", required=False)
@lang_option
def command(identifier: str | None, as_json: bool) -> int:
    """Print a list or one catalogue."""
    from sekisho.plugins import unit, units

    if identifier:
        catalogue = unit("catalogues", identifier)()
        if as_json:
            put_json(catalogue)
            return 0
        click.secho(
            f"{catalogue.title.say(LANGUAGE)} ({catalogue.edition.say(LANGUAGE)}, {catalogue.status.value})",
            bold=True,
        )
        if catalogue.notice:
            click.secho(catalogue.notice.say(LANGUAGE), fg="yellow")
        none = t("基準なし", "no criterion")
        rows = [
            (
                one.id,
                one.clause_in(LANGUAGE),
                one.confidence.value,
                "" if one.rule else none,
                one.title.say(LANGUAGE),
            )
            for one in catalogue.requirements
        ]
        click.echo(table(rows, ("ID", t("条項", "clause"), t("確度", "conf."), "", t("題", "title"))))
        return 0
    every = [make() for make in units("catalogues").values()]
    if as_json:
        put_json(every)
        return 0
    rows = [
        (
            one.id,
            one.status.value,
            str(one.effective_from or "-"),
            str(len(one.requirements)),
            one.title.say(LANGUAGE),
        )
        for one in every
    ]
    click.echo(table(rows, ("ID", t("地位", "status"), t("施行", "from"), t("数", "n"), t("題", "title"))))
    return 0
