"""``sekisho hub member``, ``right``, ``network``, ``token``: who shares, and what they may do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import msgspec

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.speech import lang_option, put_json, t, table

_ROLES = ["full", "receive-only", "maker", "partner"]
_CEILINGS = ["CLEAR", "GREEN", "AMBER", "AMBER_STRICT"]


@click.group(help=t("会員。", "Members."))
def member() -> None:
    """Hold the commands of members."""


@member.command(
    help=t(
        "会員を加える。役割どおりの権利が付く。特定会員（full）には要件の証明が二つ要る：--proof conditions=文書@日付 と terms=文書@日付",
        "Add a member with the rights of its role. A full member needs both proofs of eligibility: "
        "--proof conditions=DOCUMENT@DATE and terms=DOCUMENT@DATE",
    )
)
@click.argument("name")
@click.option("--ja", required=True, help=t("名称（日本語）", "name in Japanese"))
@click.option("--en", required=True, help=t("名称（英語）", "name in English"))
@click.option(
    "--role", type=click.Choice(_ROLES), default="receive-only", show_default=True, help=t("役割", "role")
)
@click.option(
    "--group",
    default="",
    help=t("属する企業集団（同じ集団は一者と数える）", "legal group: its members count as one voice"),
)
@click.option(
    "--feed",
    "lineage",
    default="",
    help=t("報告がすべて写しである場合、元の一覧", "the feed that all its reports are copied from"),
)
@click.option("--proof", "proofs", multiple=True, help=t("要件の証明", "proof of eligibility"))
@click.option(
    "--contact", "contacts", multiple=True, help=t("連絡先：用途=名前<メール>", "contact: PURPOSE=NAME<MAIL>")
)
@click.option(
    "--contact-key", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("最初の連絡先の公開鍵（OpenPGP・S/MIME、文字の形）", "public key of the first contact (OpenPGP or S/MIME, armoured)"),
)  # fmt: skip
@click.option(
    "--listed",
    is_flag=True,
    help=t("公開の名簿に載せる（特定会員は必ず載る）", "stand on the public list (full members always do)"),
)
@hub_option
@lang_option
def add(
    name: str, ja: str, en: str, role: str, group: str, lineage: str, proofs: tuple[str, ...], contacts: tuple[str, ...],
    contact_key: Path | None, listed: bool, folder: Path, as_json: bool,
) -> int:  # fmt: skip
    """Add one."""
    from sekisho.cli.hub_contact import MOST_KEY, usable
    from sekisho.model.membership import Contact, Member, MemberRole, MemberState, Proof
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import enter, standard_rights

    shown = []
    for one in proofs:
        kind, _, rest = one.partition("=")
        reference, _, date = rest.rpartition("@")
        if kind not in {"conditions", "terms"} or not reference or not date:
            raise click.UsageError(
                t(
                    "--proof は conditions=文書@日付 又は terms=文書@日付",
                    "--proof is conditions=DOCUMENT@DATE or terms=DOCUMENT@DATE",
                )
            )
        shown.append(Proof(kind, reference, date, operator()))
    people = []
    for number, one in enumerate(contacts):
        purpose, _, rest = one.partition("=")
        who, _, mail = rest.rstrip(">").partition("<")
        text = (
            contact_key.read_text("utf-8", "replace")[: MOST_KEY + 1] if contact_key and number == 0 else ""
        )
        people.append(Contact(who.strip(), mail.strip(), purpose, text))
    with open_hub(folder) as desk:
        for person in people:
            usable(desk, person)
        made = enter(
            desk.books,
            Member(name, ja, en, MemberRole(role), MemberState.ACTIVE, group or name, desk.books.now(), lineage, listed,
                   tuple(shown), tuple(people)),
            operator(),
        )  # fmt: skip
        standard_rights(desk.books, made, operator())
    return _told(
        as_json,
        {"member": made},
        t(
            f"{name} を加えた。次：sekisho hub token make {name}",
            f"added {name}. Next: sekisho hub token make {name}",
        ),
    )


@member.command("list", help=t("会員の一覧。", "List the members."))
@hub_option
@lang_option
def list_(folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found = desk.books.members.members()
    if as_json:
        put_json({"members": found})
        return 0
    rows = [(one.id, one.role.value, one.state.value, one.group, one.name_ja, one.name_en) for one in found]
    click.echo(
        table(rows, (t("符号", "id"), t("役割", "role"), t("状態", "state"), t("集団", "group"), "ja", "en"))
    )
    return 0


@member.command(
    help=t(
        "会員を止める・戻す・退会とする。次の要求から効く。",
        "Suspend a member, let it in again, or let it go: from the next request on.",
    )
)
@click.argument("name")
@click.argument("state", type=click.Choice(["active", "suspended", "left"]))
@click.option("--reason", required=True, help=t("理由（記録に残る）", "why (on record)"))
@hub_option
@lang_option
def state(name: str, state: str, reason: str, folder: Path, as_json: bool) -> int:
    """Change the state."""
    from sekisho.model.membership import MemberState
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import set_state

    with open_hub(folder) as desk:
        made = set_state(desk.books, name, MemberState(state), operator(), reason)
    return _told(as_json, {"member": made}, f"{name}: {made.state.value}")


@click.command(help=t("会員の権利を集まりごとに決める。", "Set what a member may do with a collection."))
@click.argument("name")
@click.argument("collection")
@click.option("--read/--no-read", default=False, help=t("読む", "read"))
@click.option("--write/--no-write", default=False, help=t("書く", "write"))
@click.option(
    "--ceiling",
    type=click.Choice(_CEILINGS),
    default="GREEN",
    show_default=True,
    help=t("見せる最も厳しい TLP", "strictest TLP that is shown"),
)
@click.option(
    "--announce",
    is_flag=True,
    help=t(
        "読み書きはまだできないが、あることは知らせる", "tell that it exists, though neither is allowed yet"
    ),
)
@hub_option
@lang_option
def right(
    name: str,
    collection: str,
    read: bool,
    write: bool,
    ceiling: str,
    announce: bool,
    folder: Path,
    as_json: bool,
) -> int:
    """Set a right."""
    from sekisho.model.indicator import Tlp
    from sekisho.model.membership import Announcement, Right
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import grant

    with open_hub(folder) as desk:
        announced = announce and not (read or write)
        kind = Announcement if announced else Right
        made = kind(name, desk.named(collection).id, read, write, Tlp[ceiling])
        grant(desk.books, made, operator())
    return _told(
        as_json,
        {"right": made},
        f"{name} {collection}: read={read} write={write} TLP:{ceiling}{' announced' if announced else ''}",
    )


@click.command(
    help=t(
        "会員のアドレス帯を記録する（いつからいつまで）。",
        "Record a network of a member, from when until when.",
    )
)
@click.argument("name")
@click.argument("network")
@click.option("--since", default="", help=t("いつから（日時、既定は今）", "from when (a time; default: now)"))
@click.option("--until", default="", help=t("いつまで（日時）", "until when (a time)"))
@hub_option
@lang_option
def network(name: str, network: str, since: str, until: str, folder: Path, as_json: bool) -> int:
    """Record a network."""
    from sekisho.cli.looking import moment
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import hold

    now = datetime.now().astimezone()
    with open_hub(folder) as desk:
        begin = moment(since, now) if since else desk.books.now()
        made = hold(desk.books, name, network, begin, moment(until, now) if until else 0, operator())
    return _told(as_json, {"network": made}, f"{name} {made.network}")


@click.group(help=t("会員のトークン。", "Tokens of members."))
def token() -> None:
    """Hold the commands of tokens."""


@token.command(help=t("トークンを作る。示すのはこの一度だけ。", "Make a token. It is shown this once."))
@click.argument("name")
@click.option("--label", default="", help=t("会員側の呼び名", "the member's word for it"))
@click.option(
    "--days",
    default=365,
    show_default=True,
    type=click.IntRange(1, 400),
    help=t("期限（日）", "days that it holds"),
)
@hub_option
@lang_option
def make(name: str, label: str, days: int, folder: Path, as_json: bool) -> int:
    """Make one."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import make_token

    with open_hub(folder) as desk:
        made = make_token(desk.books, name, label, days, operator())
    return _told(as_json, {"token": made}, made)


@token.command(
    "list", help=t("会員のトークンの一覧（中身は示さない）。", "List a member's tokens (never themselves).")
)
@click.argument("name")
@hub_option
@lang_option
def list_tokens(name: str, folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.cli.looking import clock
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found = desk.books.tokens.of(name)
    if as_json:
        put_json({"tokens": found})
        return 0
    rows = [
        (one.id[:12], one.name, clock(one.expires), clock(one.last_used) if one.last_used else "-")
        for one in found
    ]
    click.echo(
        table(rows, (t("識別", "id"), t("呼び名", "label"), t("期限", "ends"), t("最後の利用", "last used")))
    )
    return 0


@token.command(
    help=t(
        "トークンを替える。古いものは --overlap 時間だけ使える。",
        "Replace a token; the old one holds for --overlap hours.",
    )
)
@click.argument("token_id")
@click.option(
    "--overlap", default=24, show_default=True, type=click.IntRange(0, 720), help=t("時間", "hours")
)
@click.option(
    "--days",
    default=365,
    show_default=True,
    type=click.IntRange(1, 400),
    help=t("期限（日）", "days that it holds"),
)
@hub_option
@lang_option
def rotate(token_id: str, overlap: int, days: int, folder: Path, as_json: bool) -> int:
    """Replace one."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import rotate as turn

    with open_hub(folder) as desk:
        made = turn(desk.books, token_id, overlap, days, operator())
    return _told(as_json, {"token": made}, made)


@token.command(
    help=t(
        "トークンをすぐに失効させる（識別の始めの8字以上、又はトークン）。",
        "Revoke a token at once (8 signs of its id or more, or the token).",
    )
)
@click.argument("token_id")
@hub_option
@lang_option
def revoke(token_id: str, folder: Path, as_json: bool) -> int:
    """Revoke one."""
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import revoke as end

    with open_hub(folder) as desk:
        gone = end(desk.books, token_id, operator())
    if not gone:
        raise click.UsageError(t("そのトークンはない", "there is no such token"))
    return _told(as_json, {"revoked": True}, t("失効させた", "revoked"))


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    for one in (member, right, network, token):
        group.add_command(one)


def _told(as_json: bool, told: dict[str, object], said: str) -> int:
    if as_json:
        put_json(msgspec.to_builtins({**told, "exit": 0}))
    else:
        click.echo(said)
    return 0
