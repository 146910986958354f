"""``sekisho hub peer``: hubs elsewhere, on which terms, how far each was read."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.looking import UNDECIDED, clock
from sekisho.cli.speech import lang_option, put_json, t, table

_CEILINGS = ["CLEAR", "GREEN", "AMBER", "AMBER_STRICT"]
_LANES = ["list", "failure"]


@click.group(help=t("ほかのハブとの連携。", "Hubs elsewhere."))
def peer() -> None:
    """Hold the commands of peers."""


@peer.command(
    short_help=t("ほかのハブと連携する、条件を改める。", "Peer with another hub, or change the terms."),
    help=t(
        "ほかのハブと連携する。同じ符号で再び実行すると条件を改める。渡すもの（--give）と受け取るもの（--take）、それぞれのTLPの"
        "上限を決める。相手から来たものは、--forward で挙げた相手にだけ渡る。次：hub token make 符号（相手に渡すトークン）",
        "Peer with another hub; typed again it changes the terms. What it is given (--give) and what is taken (--take), each "
        "up to a TLP. What came from it goes on to nobody but those named with --forward. Next: hub token make NAME, for it.",
    ),
)
@click.argument("name")
@click.option("--ja", required=True, help=t("名称（日本語）", "name in Japanese"))
@click.option("--en", required=True, help=t("名称（英語）", "name in English"))
@click.option("--url", default="", help=t("相手のハブのURL", "URL of the other hub"))
@click.option(
    "--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("相手がくれたトークンを一行書いたファイル（本人だけが読めること）", "file whose one line is the token it gave us (only its owner may read it)"),
)  # fmt: skip
@click.option(
    "--authority", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("相手の認証局の証明書（PEM）", "certificate of the other hub's own authority (PEM)"),
)  # fmt: skip
@click.option("--take", multiple=True, type=click.Choice(_LANES), help=t("受け取るレーン", "lane to take"))
@click.option(
    "--take-ceiling", type=click.Choice(_CEILINGS), default="AMBER", show_default=True,
    help=t("受け取るTLPの上限", "strictest TLP that is taken"),
)  # fmt: skip
@click.option("--give", multiple=True, type=click.Choice(_LANES), help=t("渡すレーン", "lane to give"))
@click.option(
    "--ceiling", type=click.Choice(_CEILINGS), default="GREEN", show_default=True,
    help=t("渡すTLPの上限", "strictest TLP that is given"),
)  # fmt: skip
@click.option(
    "--forward", multiple=True, help=t("これから来たものを渡してよいほかの連携先", "other peer that may get what came from it")
)  # fmt: skip
@click.option(
    "--identity", default="", help=t("相手のSTIX identity（既定：最初に受け取ったもの）", "its STIX identity (default: the first that comes)")
)  # fmt: skip
@click.option(
    "--group", default="", help=t("属する企業集団（同じ集団は一者と数える）", "legal group: its members count as one voice")
)  # fmt: skip
@hub_option
@lang_option
def add(
    name: str, ja: str, en: str, url: str, token_file: Path | None, authority: Path | None, take: tuple[str, ...],
    take_ceiling: str, give: tuple[str, ...], ceiling: str, forward: tuple[str, ...], identity: str, group: str,
    folder: Path, as_json: bool,
) -> int:  # fmt: skip
    """Add one, or change the terms."""
    from sekisho.model.federation import Peer
    from sekisho.model.indicator import Tlp
    from sekisho.model.membership import Member, MemberRole, MemberState
    from sekisho.model.sharing import Lane
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import add_peer

    with open_hub(folder) as desk:
        now = desk.books.now()
        member = Member(name, ja, en, MemberRole.PARTNER, MemberState.ACTIVE, group or name, now)
        terms = Peer(
            name, url, str(token_file.absolute()) if token_file else "", str(authority.absolute()) if authority else "",
            tuple(dict.fromkeys(take)), tuple(dict.fromkeys(forward)), Tlp[take_ceiling], identity, now,
        )  # fmt: skip
        made = add_peer(desk.books, member, terms, {Lane(one): Tlp[ceiling] for one in give}, operator())
    if as_json:
        put_json({"peer": made, "exit": 0})
    else:
        click.echo(t(f"{name} と連携する。", f"{name} is a peer."))
        if give:
            click.echo(t(f"次：sekisho hub token make {name}", f"Next: sekisho hub token make {name}"))
    return 0


@peer.command("list", help=t("連携先と、どこまで読んだか。", "List the peers, and how far each was read."))
@hub_option
@lang_option
def list_(folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found, positions = desk.books.peers.peers(), desk.books.peers.positions()
        given = {one.member: desk.books.members.rights(one.member) for one in found}
        lanes = {one.id: one.alias for one in desk.books.visible()}
        held = {one.member: desk.books.foreign.count(one.member) for one in found}
    if as_json:
        put_json({"peers": found, "positions": positions, "indicators": held})
        return 0
    rows = []
    for one in found:
        give = [
            f"{lanes.get(right.collection, '?')} ≤{right.ceiling.name}"
            for right in given[one.member]
            if right.read
        ]
        for lane in one.take or ("-",):
            at = next((row for row in positions if (row.peer, row.lane) == (one.member, lane)), None)
            ended = (
                "-" if at is None else clock(at.good) if not at.reason else f"{at.reason} {at.detail}"[:60]
            )
            rows.append(
                (one.member, one.url or "-", f"{lane} ≤{one.ceiling.name}" if one.take else "-", at.added if at else "-", ended,
                 ", ".join(give) or "-", ", ".join(one.forward) or "-")
            )  # fmt: skip
    head = (
        t("符号", "id"), "URL", t("受取", "takes"), t("どこまで", "up to"), t("前回", "last"), t("渡す", "gives"),
        t("転送先", "forwards to"),
    )  # fmt: skip
    click.echo(table(rows, head))
    return 0


@peer.command(
    help=t(
        "連携先を今読む（符号がなければ全部）。serve は自分で読み続ける。終了コード：0 読んだ、3 読めないものがある。",
        "Read a peer now (without a name: all); serve does it by itself. Exit code: 0 read, 3 one couldn't be read.",
    )
)
@click.argument("name", default="")
@hub_option
@lang_option
def pull(name: str, folder: Path, as_json: bool) -> int:
    """Read them."""
    from sekisho.wiring.hub import open_hub
    from sekisho.wiring.peering import pull_all, pull_peer

    with open_hub(folder) as desk:
        done = pull_peer(desk, name) if name else pull_all(desk)
    code = UNDECIDED if any(one.reason for one in done) else 0
    if as_json:
        put_json({"pulled": msgspec.to_builtins(done), "exit": code})
        return code
    if not done:
        click.echo(
            t(
                "受け取る連携先がない（hub peer add --take）",
                "there is no peer to take from (hub peer add --take)",
            )
        )
    for one in done:
        told = ", ".join(f"{kind} {count:,}" for kind, count in sorted(one.counts.items()))
        told = told or (t("読めていない", "not read") if one.reason else t("新しいものはない", "nothing new"))
        click.echo(f"{one.peer} {one.lane}: {told}")
        if one.reason:
            click.secho(
                t(f"  読めない：{one.reason} {one.detail}", f"  not read: {one.reason} {one.detail}"),
                fg="red",
                err=True,
            )
    return code


@peer.command(
    help=t(
        "連携をやめる。相手の言った指標はすぐに数えなくなる。",
        "End the terms with a peer: what it said of indicators counts no more.",
    )
)
@click.argument("name")
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@hub_option
@lang_option
def remove(name: str, reason: str, folder: Path, as_json: bool) -> int:
    """Remove one."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import remove_peer

    with open_hub(folder) as desk:
        remove_peer(desk.books, name, operator(), reason)
    if as_json:
        put_json({"removed": name, "exit": 0})
    else:
        click.echo(t(f"{name} との連携をやめた。", f"{name} is no peer any more."))
    return 0


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    group.add_command(peer)
