"""``sekisho hub product``, ``models``, ``advisory``, ``advisories``, ``finding``: device models and their makers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.looking import clock, moment
from sekisho.cli.speech import lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.device_model import DisclosedFinding

_MOST_OCTETS = 8 << 20


@click.command(
    help=t(
        "機種が誰のものかを記録する。機種を略せば、ほかの会員のものでない全機種。製造者は自分の機種について見えたことを受け取る。",
        "Record whose a model is; without MODEL all of the vendor's that are nobody else's. A maker is told of its own models.",
    )
)
@click.argument("maker")
@click.argument("vendor")
@click.argument("model", default="")
@hub_option
@lang_option
def product(maker: str, vendor: str, model: str, folder: Path, as_json: bool) -> int:
    """Record it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.models import claim

    with open_hub(folder) as desk:
        made = claim(desk.books, maker, vendor, model, operator())
    if as_json:
        put_json({"product": made, "exit": 0})
    else:
        click.echo(f"{made.vendor} {made.model or '*'}: {made.maker}")
    return 0


@click.command(
    help=t(
        "機種ごとに見えた台数（製造者に伝わるのと同じ、十分な会員数のものだけを丸めて）。",
        "Devices seen of each model: as the makers are told, rounded, and only where enough members stand behind it.",
    )
)
@click.option("--maker", default="", help=t("この製造者の機種だけ", "this maker's models alone"))
@hub_option
@lang_option
def models(maker: str, folder: Path, as_json: bool) -> int:
    """Show them."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.model_figures import cells, release_models, seen_by_maker

    with open_hub(folder) as desk:
        books = desk.books
        books.audit.append(operator(), "hub", "read-models", maker or "models", at=books.now())
        release_models(books)
        found = seen_by_maker(books, maker) if maker else cells(books)
    if as_json:
        put_json({"models": found})
        return 0
    if not found:
        click.echo(t("示せる台数がない", "there is no figure that may be shown"))
        return 0
    rows = [
        (
            one.vendor,
            one.model,
            one.firmware or "*",
            one.finding,
            f"{one.devices:,}",
            " ".join((*one.ports, *one.cves)) or "-",
        )
        for one in found
    ]
    head = (
        t("製造者", "vendor"), t("機種", "model"), t("版", "firmware"), t("所見", "finding"), t("台数", "devices"),
        t("共通して見えたもの", "seen alike"),
    )  # fmt: skip
    click.echo(table(rows, head))
    return 0


@click.command(
    help=t(
        "製造者の勧告（CSAF 2.0、VEXを含む）を受け取る。製造者は自分のトークンで /advisories/ に送ることもできる。",
        "Take an advisory of a maker (CSAF 2.0, VEX too); a maker can also send it to /advisories/ with its own token.",
    )
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--maker", required=True, help=t("製造者の符号", "the maker's id"))
@click.option(
    "--finding", default="", help=t("この所見に属する（公表が決まるまで、知らされた会員だけが見る）",
                                    "belongs to this finding: until publication is decided only who was told sees it"),
)  # fmt: skip
@hub_option
@lang_option
def advisory(file: Path, maker: str, finding: str, folder: Path, as_json: bool) -> int:
    """Take it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.advising import advise

    with file.open("rb") as source:
        octets = source.read(_MOST_OCTETS + 1)
    with open_hub(folder) as desk:
        made = advise(desk.books, maker, octets, operator(), finding)
    if as_json:
        put_json({"advisory": msgspec.structs.replace(made, body=""), "exit": 0})
    else:
        click.echo(f"{made.name} {made.version}: {made.title}\n  {made.id}\n  SHA-256 {made.digest}")
    return 0


@click.command(
    help=t(
        "勧告の一覧。--vendor と --model で機種を絞る。--member はその会員に見えるものだけ。",
        "List the advisories; narrow them with --vendor and --model. --member: only what that member sees.",
    )
)
@click.option("--vendor", default="", help=t("製造者", "vendor"))
@click.option("--model", default="", help=t("機種", "model"))
@click.option("--member", "who", default="", help=t("会員の符号", "a member's id"))
@hub_option
@lang_option
def advisories(vendor: str, model: str, who: str, folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.model.sharing import Rights
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.advising import by_models, visible

    with open_hub(folder) as desk:
        books = desk.books
        shown = books.advisories.advisories()
        if who:
            member = next((one for one in books.members.members() if one.id == who), None)
            if member is None:
                raise click.UsageError(t("その会員はいない", "there is no such member"))
            rights = {
                one.collection: Rights(one.read, one.write, one.ceiling) for one in books.members.rights(who)
            }
            shown = visible(books, member, rights)
        found = by_models(books, shown, [(vendor, model)] if vendor else None)
    if as_json:
        put_json({"advisories": found})
        return 0
    if not found:
        click.echo(t("勧告はない", "there are no advisories"))
        return 0
    rows = []
    for one in found:
        said = ", ".join(
            f"{row.vendor} {row.model} {row.version} {row.issue} {row.status}".replace("  ", " ")
            for row in one.models[:5]
        ) + (f" … +{len(one.models) - 5}" if len(one.models) > 5 else "")  # noqa: PLR2004 - as many as fit
        rows.append(
            (one.advisory.name, one.advisory.version, one.advisory.maker, f"TLP:{one.advisory.tlp.name}",
             one.advisory.released[:10], one.advisory.title, said or "-")
        )  # fmt: skip
    head = (
        t("番号", "id"), t("版", "version"), t("製造者", "maker"), "TLP", t("公表", "released"), t("表題", "title"),
        t("機種", "models"),
    )  # fmt: skip
    click.echo(table(rows, head))
    return 0


@click.group(
    help=t("協調的な開示：所見ごとの経過。", "Coordinated disclosure: the timeline of each finding.")
)
def finding() -> None:
    """Hold the commands of findings."""


@finding.command("open", help=t("所見の経過を始める。", "Begin the timeline of a finding."))
@click.argument("maker")
@click.argument("vendor")
@click.argument("model")
@click.option("--title", required=True, help=t("表題", "title"))
@click.option("--embargo", default="", help=t("公表を控える期限（日時）", "until when it is kept (a time)"))
@hub_option
@lang_option
def open_(maker: str, vendor: str, model: str, title: str, embargo: str, folder: Path, as_json: bool) -> int:
    """Begin it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.disclosing import open_finding

    with open_hub(folder) as desk:
        until = moment(embargo, datetime.now().astimezone()) if embargo else 0
        made = open_finding(desk.books, maker, vendor, model, title, until, operator())
    return _said(made, as_json)


@finding.command(
    help=t(
        "会員に知らせたことを記録する。その会員に見えるようになる。--mail なら、用途 psirt の連絡先へ暗号化して送り、"
        "受け取られたときに記録する。",
        "Record that a member was told; it sees the finding from now on. --mail sends it, encrypted, to the contacts of the "
        "purpose psirt, and records it once it was taken.",
    )
)
@click.argument("identifier")
@click.argument("member")
@click.option("--text", default="", help=t("何をどう知らせたか", "what was told, and how"))
@click.option("--mail", "by_mail", is_flag=True, help=t("メールで送る", "send it by mail"))
@hub_option
@lang_option
def tell(identifier: str, member: str, text: str, by_mail: bool, folder: Path, as_json: bool) -> int:
    """Record it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.wiring.hub_telling import tell_by_mail
    from sekisho.workflows.hub import disclosing

    with open_hub(folder) as desk:
        if by_mail:
            told = tell_by_mail(desk, folder, identifier, member, operator(), text)
            for fault in told.faults:
                click.secho(fault, fg="yellow", err=True)
            return _said(told.finding, as_json)
        made = disclosing.tell(desk.books, identifier, member, operator(), text)
    return _said(made, as_json)


@finding.command(help=t("会員の返答を記録する。", "Record what a member answered."))
@click.argument("identifier")
@click.argument("member")
@click.option("--text", required=True, help=t("返答", "the answer"))
@hub_option
@lang_option
def answered(identifier: str, member: str, text: str, folder: Path, as_json: bool) -> int:
    """Record it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import disclosing

    with open_hub(folder) as desk:
        made = disclosing.answered(desk.books, identifier, member, operator(), text)
    return _said(made, as_json)


@finding.command(help=t("公表を控える期限を改める。", "Change until when it is kept."))
@click.argument("identifier")
@click.argument("until")
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@hub_option
@lang_option
def embargo(identifier: str, until: str, reason: str, folder: Path, as_json: bool) -> int:
    """Change it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.disclosing import set_embargo

    with open_hub(folder) as desk:
        at = moment(until, datetime.now().astimezone())
        made = set_embargo(desk.books, identifier, at, operator(), reason)
    return _said(made, as_json)


@finding.command(
    help=t(
        "公表するかを、この所見について人が決める。期限が来ても自動では公表されない。",
        "Decide on the publication of this finding. The end of an embargo publishes nothing by itself.",
    )
)
@click.argument("identifier")
@click.argument("decision", type=click.Choice(["publish", "withhold"]))
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@click.option(
    "--before-embargo", is_flag=True, help=t("期限の前でも公表する", "publish though the embargo isn't over")
)
@hub_option
@lang_option
def decide(
    identifier: str, decision: str, reason: str, before_embargo: bool, folder: Path, as_json: bool
) -> int:
    """Decide it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.disclosing import decide_finding

    with open_hub(folder) as desk:
        made = decide_finding(
            desk.books,
            identifier,
            operator(),
            publish=decision == "publish",
            reason=reason,
            before_embargo=before_embargo,
        )
    return _said(made, as_json)


@finding.command("list", help=t("所見の一覧。", "List the findings."))
@hub_option
@lang_option
def list_(folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found = desk.books.disclosures.findings()
    if as_json:
        put_json({"findings": found})
        return 0
    rows = [
        (
            one.id,
            one.maker,
            f"{one.vendor} {one.model}",
            one.title,
            _state(one),
            clock(one.embargo) if one.embargo else "-",
        )
        for one in found
    ]
    head = (
        "id", t("製造者", "maker"), t("機種", "model"), t("表題", "title"), t("状態", "state"), t("控える期限", "embargo until"),
    )  # fmt: skip
    click.echo(table(rows, head))
    return 0


@finding.command(
    help=t("経過：誰にいつ知らせ、何が決まったか。", "The timeline: who was told when, and what was decided.")
)
@click.argument("identifier")
@hub_option
@lang_option
def show(identifier: str, folder: Path, as_json: bool) -> int:
    """Show it."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub.disclosing import finding_named

    with open_hub(folder) as desk:
        found = finding_named(desk.books, identifier)
        steps = desk.books.disclosures.steps(identifier)
    if as_json:
        put_json({"finding": found, "steps": steps})
        return 0
    click.secho(f"{found.vendor} {found.model}: {found.title}", bold=True)
    click.echo(f"  {found.maker}, {_state(found)}")
    words = {
        "opened": t("開始", "opened"), "told": t("知らせた", "told"), "answered": t("返答", "answered"),
        "embargo": t("控える期限", "embargo"), "decided": t("決定", "decided"),
    }  # fmt: skip
    rows = [
        (clock(one.at), words.get(one.kind, one.kind), one.whom or "-", one.who, one.text) for one in steps
    ]
    click.echo(
        table(
            rows,
            (t("時刻", "at"), t("何を", "what"), t("相手", "whom"), t("記録者", "by"), t("内容", "text")),
        )
    )
    return 0


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    for one in (product, models, advisory, advisories, finding):
        group.add_command(one)


def _state(one: DisclosedFinding) -> str:
    words = {
        "open": t("未公表", "not published"), "published": t("公表", "published"), "withheld": t("公表しない", "withheld"),
    }  # fmt: skip
    return words[one.state.value]


def _said(made: DisclosedFinding, as_json: bool) -> int:
    if as_json:
        put_json({"finding": made, "exit": 0})
    else:
        click.echo(f"{made.id}  {made.vendor} {made.model}: {_state(made)}")
    return 0
