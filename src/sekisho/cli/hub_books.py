"""``sekisho hub collection``, ``indicators``, ``verify``, ``disputes``, ``decide``, ``ledger``: what is shared."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.corroboration import Standing
    from sekisho.ports.hub import LedgerEntry


@click.command(
    help=t(
        "TAXII の集まりを加える（レーンの外。会員が読み書きする）。",
        "Add a TAXII collection beside the lanes, which members read and write.",
    )
)
@click.argument("alias")
@click.option("--title", required=True, help=t("表題", "title"))
@click.option(
    "--unmarked", type=click.Choice(["RED", "AMBER_STRICT", "AMBER", "GREEN", "CLEAR"]), default="RED", show_default=True,
    help=t("TLP のない物の扱い", "how what comes without a marking is treated"),
)  # fmt: skip
@hub_option
@lang_option
def collection(alias: str, title: str, unmarked: str, folder: Path, as_json: bool) -> int:
    """Add one."""
    from sekisho.model.indicator import Tlp
    from sekisho.model.sharing import Collection
    from sekisho.wiring.hub import open_hub

    made = Collection(str(uuid.uuid4()), title, "", alias, unmarked=Tlp[unmarked])
    with open_hub(folder) as desk:
        desk.books.collections.found(made)
        desk.books.audit.append(operator(), "hub", "collection", made.id, at=desk.books.now())
    if as_json:
        put_json({"collection": made, "exit": 0})
    else:
        click.echo(f"{alias} {made.id}")
    return 0


@click.command(help=t("指標と、その状態の理由。", "Indicators, and why each stands as it does."))
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["candidate", "confirmed", "held", "dormant", "retired"]),
    help=t("状態", "state"),
)
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help=t("件数", "how many")
)
@hub_option
@lang_option
def indicators(states: tuple[str, ...], limit: int, folder: Path, as_json: bool) -> int:
    """List them with their sentences."""
    from sekisho.model.standing_words import sentence
    from sekisho.wiring.hub import open_hub

    rows: list[Standing] = []
    with open_hub(folder) as desk:
        books, after = desk.books, ""
        while len(rows) < limit and (keys := books.reports.keys(after, 500)):
            after = keys[-1]
            rows += [one for one in books.reports.standings(keys) if not states or one.state.value in states]
        rows = rows[:limit]
        said = [sentence(one, books.now()) for one in rows]
    if as_json:
        put_json(
            {
                "indicators": [
                    {"standing": one, "ja": words.ja, "en": words.en}
                    for one, words in zip(rows, said, strict=True)
                ]
            }
        )
        return 0
    for one, words in zip(rows, said, strict=True):
        click.secho(f"{one.value} {one.port or ''} {one.use} {one.family}", bold=True)
        click.echo(f"  {one.id}\n  {words.say(LANGUAGE)}")
    return 0


@click.command(
    help=t("指標を人が確かめた結果を記録する。", "Record that a person found an indicator true or false.")
)
@click.argument("indicator")
@click.argument("outcome", type=click.Choice(["true", "false"]))
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@hub_option
@lang_option
def verify(indicator: str, outcome: str, reason: str, folder: Path, as_json: bool) -> int:
    """Record it."""
    from sekisho.model.standing_words import sentence
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import verify as judge

    with open_hub(folder) as desk:
        made = judge(desk.books, indicator, operator(), true=outcome == "true", reason=reason)
        words = sentence(made, desk.books.now())
    if as_json:
        put_json({"standing": made, "exit": 0})
    else:
        click.echo(words.say(LANGUAGE))
    return 0


@click.command(help=t("異議の一覧。", "List the disputes."))
@hub_option
@lang_option
def disputes(folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.cli.looking import clock
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found = desk.books.disputes.disputes()
    if as_json:
        put_json({"disputes": found})
        return 0
    words = {0: t("退けた", "dismissed"), 1: t("認めた", "upheld")}
    rows = [
        (
            one.id,
            one.key,
            one.member,
            clock(one.at),
            words[one.upheld] if one.decided else t("未決", "open"),
            one.reason,
        )
        for one in found
    ]
    click.echo(
        table(
            rows,
            (
                "id",
                t("指標", "indicator"),
                t("会員", "member"),
                t("時刻", "at"),
                t("結果", "decision"),
                t("理由", "why"),
            ),
        )
    )
    return 0


@click.command(help=t("異議を決める。", "Decide a dispute."))
@click.argument("dispute")
@click.argument("decision", type=click.Choice(["upheld", "dismissed"]))
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@hub_option
@lang_option
def decide(dispute: str, decision: str, reason: str, folder: Path, as_json: bool) -> int:
    """Decide one."""
    from sekisho.model.standing_words import sentence
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import decide as judge

    with open_hub(folder) as desk:
        made = judge(desk.books, dispute, operator(), upheld=decision == "upheld", reason=reason)
        words = sentence(made, desk.books.now())
    if as_json:
        put_json({"standing": made, "exit": 0})
    else:
        click.echo(words.say(LANGUAGE))
    return 0


@click.command(
    help=t(
        "帳簿：誰から、いつ、何を、どの事業者に、いつ知らせ、いつ受け取られたか。",
        "The ledger: who supplied what when, which carrier was told when, and when it fetched it.",
    )
)
@click.option("--carrier", default="", help=t("この事業者宛てだけ", "to this carrier alone"))
@hub_option
@lang_option
def ledger(carrier: str, folder: Path, as_json: bool) -> int:
    """Show it; the look is on record before."""
    from sekisho.cli.looking import clock
    from sekisho.wiring.hub import open_hub

    found: list[LedgerEntry] = []
    with open_hub(folder) as desk:
        books, after = desk.books, ""
        books.audit.append(operator(), "hub", "read-ledger", "ledger", at=books.now())
        while page := books.ledger.entries(carrier=carrier, after=after):
            found += page
            after = page[-1].id
    if as_json:
        put_json({"ledger": found})
        return 0
    found.sort(key=lambda one: (-one.received, one.id))
    rows = [
        (
            clock(one.received),
            one.supplier,
            one.carrier,
            clock(one.notified),
            clock(one.receipt) if one.receipt else "-",
            clock(one.expires)[:10],
        )
        for one in found
    ]
    head = (
        t("受領", "received"),
        t("提供", "supplier"),
        t("通知先", "carrier"),
        t("通知", "told"),
        t("受取", "fetched"),
        t("保存期限", "kept until"),
    )
    click.echo(table(rows, head))
    return 0


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    for one in (collection, indicators, verify, disputes, decide, ledger):
        group.add_command(one)
