"""``sekisho identify CASE``: who the subscriber of a case is, by the one way there is; ``--request`` for two persons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t
from sekisho.model.purpose import LegalBasis
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.identity import Identified

_UNDECIDED = 3


@click.command(
    help=t(
        "事案の仮名から契約者を特定する。根拠・理由・名前が要り、監査記録が先に書かれる。二人制なら --request で申請し、"
        "別の人が --release で開示する。特定できなければ 3 で終わる。",
        "Find who the subscriber of a case is. A legal ground, a reason and a name are needed, and the audit log is written "
        "first. With four eyes, one person requests (--request) and another one releases (--release). Exit 3: can't tell.",
    )
)
@click.argument("case")
@click.option(
    "--basis",
    required=True,
    type=click.Choice([one.value for one in LegalBasis]),
    help=t("法的根拠", "the legal ground"),
)
@click.option("--reason", required=True, help=t("理由（一行）", "why, in one line"))
@click.option(
    "--as", "who", default="", help=t("求める人の名前（既定は利用者名）", "who asks (default: the user)")
)
@click.option("--request", "only_request", is_flag=True, help=t("申請だけする", "only request it"))
@click.option(
    "--undoing",
    default="",
    metavar="RULE",
    help=t(
        "終わった事案に残る、適用中の規則を取り消すための申請（--request と）",
        "request it to take back a rule that is still applied although the case is over (with --request)",
    ),
)
@click.option(
    "--release",
    type=click.IntRange(min=1),
    default=None,
    metavar="NUMBER",
    help=t("この番号の申請を開示する", "release the request of this number"),
)
@data_option
@lang_option
def command(
    case: str,
    basis: str,
    reason: str,
    who: str,
    *,
    only_request: bool,
    undoing: str,
    release: int | None,
    data: Path,
    as_json: bool,
) -> int:
    """Request, or find out."""
    from sekisho.errors import DescriptionError
    from sekisho.language import Text
    from sekisho.wiring.contain import Containment
    from sekisho.wiring.holdings import Holdings
    from sekisho.wiring.watch import Watch
    from sekisho.workflows.reidentify import Asked, reidentify, request

    if undoing and not only_request:
        raise click.UsageError(
            t(
                "--undoing は --request と使う。文は sekisho contain text で得る",
                "--undoing goes with --request; the text comes from sekisho contain text",
            )
        )
    asked, user = Asked(case, LegalBasis(basis), reason, undoing), login()
    with Watch(data, create=False) as watch:
        holdings = Holdings(watch)
        person = holdings.person(who or user, user)
        with holdings.database() as database:
            if database is None:
                raise DescriptionError(
                    Text(ja="事案のデータベースがまだない", en="there is no database of cases yet"), str(data)
                )
            parts = Containment(holdings, database).identifying(person.name)
            if only_request:
                number = request(asked, person, parts)
                if as_json:
                    put_json({"request": number})
                else:
                    click.echo(t(f"申請した（番号 {number}）", f"requested (number {number})"))
                return 0
            found = reidentify(asked, person, parts, released=release or 0)
    if as_json:
        put_json(found)
    else:
        _tell(found)
    return 0 if found.contact else _UNDECIDED


def _tell(found: Identified) -> None:
    click.secho(f"{found.case}  {found.outcome.label.say(LANGUAGE)}", bold=True)
    click.echo(t(f"監査記録 {found.entry} 番", f"entry {found.entry} of the audit log"))
    asked = t(
        f"割当を照会した時点 {len(found.moments)}", f"assignments asked for at {len(found.moments)} moments"
    )
    more = t(
        f"（検出の根拠のフローは {found.flows} 行）", f" (the detections rest on {found.flows} flow rows)"
    )
    click.echo(asked + (more if found.flows else ""))
    if found.contact is None:
        return
    one = found.contact
    rows = (
        (t("契約", "account"), one.account), (t("アドレス", "address"), found.address), (t("氏名", "name"), one.name),
        (t("住所", "postal address"), one.postal_address.replace("\n", " ")), (t("メール", "e-mail"), one.email),
        (t("電話", "telephone"), one.telephone),
    )  # fmt: skip
    for word, value in rows:
        if value:
            click.echo(f"  {word}: {value}")
    if one.do_not_contact:
        click.secho(t("  連絡不要とされている", "  marked: do not contact"), fg="yellow")
