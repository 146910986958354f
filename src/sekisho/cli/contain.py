"""``sekisho contain …``: propose rules that a person may apply, write their text, and record what was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.containment import Match, Proposal, RuleText
    from sekisho.wiring.contain import Containment
    from sekisho.workflows.contain import Standing

_KINDS = (
    "flowspec", "rtbh", "nftables", "cisco-acl", "juniper-filter", "radius-coa", "dns-rpz", "modsecurity", "suricata",
)  # fmt: skip
_SCOPES = ("everyone", "customers", "line")
_BASES = (
    "legitimate-business",
    "consent-by-terms",
    "consent",
    "self-defence",
    "necessity",
    "not-communication",
)
_PATCHES = ("modsecurity", "suricata")
_OVERDUE = 1


@click.group(
    help=t(
        "封じ込めの規則を提案し、文を書き、人が行ったことを記録する。自動では何も適用しない。",
        "Propose containment rules, write their text, record what people did. Nothing is ever applied by itself.",
    )
)
def command() -> None:
    """Hold the commands of containment."""


def _who(command_: Any) -> Any:
    command_ = click.option(
        "--reason", default="", help=t("理由（監査記録に残る）", "why (kept in the audit log)")
    )(command_)
    return click.option(
        "--as", "name", default=login, help=t("行う人（既定：ログイン名）", "who acts (default: the user)")
    )(command_)  # fmt: skip


def _identifying(command_: Any) -> Any:
    command_ = click.option(
        "--request", type=int, default=0, help=t("二人目として開示する申請の番号", "number of the request released")
    )(command_)  # fmt: skip
    command_ = click.option(
        "--basis", type=click.Choice(_BASES), help=t("回線を再識別する法的根拠", "legal ground for re-identifying the line")
    )(command_)  # fmt: skip
    return click.option(
        "--write", "folder", type=click.Path(path_type=Path, file_okay=False),
        help=t("規則と取消しの文をここに書く", "write the texts of rule and undo here"),
    )(command_)  # fmt: skip


@command.command(help=t("規則を一つ提案する。", "Propose one rule for a case."))
@click.argument("case")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help=t("規則の形式", "kind of rule"))
@click.option("--scope", type=click.Choice(_SCOPES), help=t("誰の通信か", "whose traffic"))
@click.option("--remote", "remotes", multiple=True, help=t("相手先（203.0.113.7:23/tcp）", "endpoint"))
@click.option("--name", "names", multiple=True, help=t("ドメイン名（dns-rpz）", "domain name (dns-rpz)"))
@click.option("--hole", default="", help=t("既知の弱点（仮想パッチ）", "known hole (virtual patch)"))
@click.option("--hours", type=float, required=True, help=t("期限（時間）", "hours until it expires"))
@click.option(
    "--days",
    type=click.IntRange(1, 90),
    default=7,
    show_default=True,
    help=t("影響を見積もる日数", "days of flows for the estimate"),
)
@_identifying
@_who
@data_option
@lang_option
def propose(
    case: str, kind: str, scope: str | None, remotes: tuple[str, ...], names: tuple[str, ...], hole: str, hours: float,
    days: int, folder: Path | None, basis: str | None, request: int, name: str, reason: str, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Propose."""
    from sekisho.model.containment import Kind
    from sekisho.wiring.contain import containment
    from sekisho.workflows.contain import Wanted
    from sekisho.workflows.contain import propose as proposed

    with containment(data) as held:
        match = _match(held, case, kind, scope, remotes, names, hole)
        person = held.person(name, login())
        found = proposed(Wanted(case, Kind(kind), match, hours, reason, days), person, held.parts)
        files = _texts(held, case, found.id, name, reason, basis, request) if folder else ()
    paths = _written(files, found.id, folder)
    if as_json:
        put_json({"proposal": found, "files": paths})
    else:
        _tell(found)
        _tell_files(files, paths)
    return 0


@command.command(help=t("規則の文を書く（適用はしない）。", "Write the text of a rule (applies nothing)."))
@click.argument("case")
@click.argument("rule")
@_identifying
@_who
@data_option
@lang_option
def text(
    case: str, rule: str, folder: Path | None, basis: str | None, request: int, name: str, reason: str, data: Path,
    as_json: bool,
) -> int:  # fmt: skip
    """Write or print."""
    from sekisho.wiring.contain import containment

    with containment(data) as held:
        files = _texts(held, case, rule, name, reason, basis, request)
    paths = _written(files, rule, folder)
    if as_json:
        put_json({"files": paths} if folder else {"texts": files})
    elif folder:
        _tell_files(files, paths)
    else:
        for one in files:
            for title, said in ((one.name, one.apply), (f"undo.{one.name}", one.undo)):
                if said:
                    click.secho(f"── {title}", bold=True)
                    click.echo(said, nl=False)
        _tell_files(files, ())
    return 0


@command.command(
    name="list", help=t("提案と状態。期限を過ぎて残る規則があれば 1。", "Proposals; ends with 1 when one is overdue.")
)  # fmt: skip
@click.argument("case", required=False)
@data_option
@lang_option
def list_(case: str | None, data: Path, as_json: bool) -> int:
    """List."""
    from sekisho.model.containment import Status
    from sekisho.wiring.contain import containment
    from sekisho.workflows.contain import known_cases, standings

    with containment(data) as held:
        wanted = (case,) if case else known_cases(held.parts.audit)
        # A case may have been deleted at its expiry, the audit log is kept longer.
        found = [
            one
            for name in wanted
            if case or held.parts.cases.case(name)
            for one in standings(name, held.parts)
        ]
    if as_json:
        put_json({"rules": found})
    elif found:
        click.echo(table(map(_row, found), _HEAD))
    else:
        click.echo(t("提案はない", "there are no proposals"))
    return _OVERDUE if any(one.status is Status.OVERDUE for one in found) else 0


@command.command(help=t("人が適用したことを記録する。", "Record that you applied a rule."))
@click.argument("case")
@click.argument("rule")
@_who
@data_option
@lang_option
def applied(case: str, rule: str, name: str, reason: str, data: Path, as_json: bool) -> int:
    """Record."""
    return _said("say_applied", case, rule, name, reason, data, as_json)


@command.command(help=t("人が取り消したことを記録する。", "Record that you took a rule back."))
@click.argument("case")
@click.argument("rule")
@_who
@data_option
@lang_option
def undo(case: str, rule: str, name: str, reason: str, data: Path, as_json: bool) -> int:
    """Record."""
    return _said("say_undone", case, rule, name, reason, data, as_json)


def _said(verb: str, case: str, rule: str, name: str, reason: str, data: Path, as_json: bool) -> int:
    from sekisho.wiring.contain import containment
    from sekisho.workflows import contain

    with containment(data) as held:
        found = getattr(contain, verb)(case, rule, held.person(name, login()), held.parts, reason)
    if as_json:
        put_json({"rule": found})
    else:
        click.echo(table([_row(found)], _HEAD))
    return 0


def _match(
    held: Containment, case: str, kind: str, scope: str | None, remotes: tuple[str, ...], names: tuple[str, ...], hole: str
) -> Match:  # fmt: skip
    from sekisho.formats.endpoint_text import endpoint
    from sekisho.model.containment import Match, Scope

    chosen = held.hole(hole, case) if hole or kind in _PATCHES else None
    usual = "line" if kind == "radius-coa" else "customers" if chosen and kind not in _PATCHES else "everyone"
    return Match(Scope(scope or usual), tuple(map(endpoint, remotes)), names, chosen)


def _texts(
    held: Containment, case: str, rule: str, name: str, reason: str, basis: str | None, request: int
) -> tuple[RuleText, ...]:
    from sekisho.model.purpose import LegalBasis

    person = held.person(name, login())
    ground = LegalBasis(basis) if basis else None
    return held.text(case, rule, person, basis=ground, reason=reason, request=request)


def _written(files: tuple[RuleText, ...], rule: str, folder: Path | None) -> tuple[Path, ...]:
    from sekisho.wiring.contain import write

    return write(files, rule, folder) if folder else ()


def _tell(proposal: Proposal) -> None:
    from sekisho.model.containment import NEEDS, WARNINGS

    click.secho(f"{proposal.id}  {proposal.kind.label.say(LANGUAGE)}", bold=True)
    click.echo(t(f"期限：{clock(proposal.expires)}", f"expires: {clock(proposal.expires)}"))
    click.echo(t("影響：", "touches: ") + _radius(proposal))
    for one in proposal.warnings:
        click.secho(f"! {WARNINGS[one].say(LANGUAGE)}", fg="yellow")
    for one, said in proposal.needs.items():
        click.echo(f"  {NEEDS[one].say(LANGUAGE)}: {said}")
    click.echo(proposal.undo.say(LANGUAGE))
    click.secho(t("提案のみ。何も適用していない。", "A proposal only: nothing was applied."), fg="green")


def _radius(proposal: Proposal) -> str:
    one = proposal.radius
    if not one.measured:
        return (
            t("分からない（影響がないという意味ではない）", "unknown (which does not mean nobody)")
            + f" {_NOTES.get(one.note, one.note)}"
        )
    sample = "" if one.sampling == 1 else t("（標本による下限）", " (a sample: lower bound)")
    sample += _NOTES["damaged"] if one.note == "damaged" else ""
    return t(
        f"他の {one.lines:,} 回線 {one.flows:,} フロー {one.octets:,} オクテット（{one.watched:,} 回線中）。この事案の回線は {one.own_flows:,} フロー{sample}",
        f"{one.lines:,} other lines, {one.flows:,} flows, {one.octets:,} octets (of {one.watched:,} lines); "
        f"{one.own_flows:,} flows of the case's own line{sample}",
    )


def _tell_files(files: tuple[RuleText, ...], paths: tuple[Path, ...]) -> None:
    if any(not one.apply for one in files):
        said = t(
            "期限を過ぎたか取り消した規則なので、取消しの文だけを示す",
            "its time is over, or it was taken back: only the text that takes it back is given",
        )
        click.secho(said, fg="yellow", err=True)
    for path in paths:
        click.echo(f"  {path}")
    for one in files:
        if one.apply:
            click.echo(f"  {one.name}: {one.how.say(LANGUAGE)}")
        click.echo(f"  undo.{one.name}: {one.how_undo.say(LANGUAGE)}")


_NOTES = {
    "damaged": t(
        "（壊れた記録のファイルがあり、その分を除いた下限）",
        " (record files are damaged: a lower bound without them)",
    ),
    "no-flows": t("（フローがない）", "(no flows)"),
    "not-in-flows": t("（フローには現れない）", "(flows don't hold it)"),
}
_HEAD = (
    t("規則", "rule"),
    t("事案", "case"),
    t("形式", "kind"),
    t("状態", "state"),
    t("期限", "expires"),
    t("人", "who"),
)
_STATES = {
    "proposed": t("提案", "proposed"),
    "applied": t("適用済", "applied"),
    "undone": t("取消済", "undone"),
    "lapsed": t("失効", "lapsed"),
    "overdue": t("期限超過：取り消すこと", "OVERDUE: undo it"),
}


def _row(one: Standing) -> tuple[str, ...]:
    it = one.proposal
    return it.id, it.case, it.kind.value, _STATES[one.status.value], clock(it.expires), one.who
