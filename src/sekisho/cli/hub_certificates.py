"""``sekisho hub certificate``: members that show who they are by a certificate (mutual TLS)."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from sekisho.cli.hub_option import hub_option, operator
from sekisho.cli.speech import lang_option, put_json, t, table

_LEAST = 8


@click.group(
    help=t(
        "会員のクライアント証明書。hub serve --client-ca で使えるようになる。",
        "Certificates of members. They are asked for with hub serve --client-ca.",
    )
)
def certificate() -> None:
    """Hold the commands of certificates."""


@certificate.command(
    help=t(
        "会員の証明書（PEM）を登録する。同時に二枚までなので、替えるときは新しいものを先に登録する。",
        "Pin a member's certificate (PEM). Two at a time: pin the new one before the old one ends.",
    )
)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--label", default="", help=t("呼び名（既定は証明書の名義）", "a word for it (default: its subject)")
)
@hub_option
@lang_option
def pin(name: str, file: Path, label: str, folder: Path, as_json: bool) -> int:
    """Pin one."""
    from sekisho.cli.looking import clock
    from sekisho.stores.certificates import read_certificate
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import pin as hold

    with file.open("rb") as opened:
        digest, ends, subject = read_certificate(opened.read(100_000))
    with open_hub(folder) as desk:
        made = hold(desk.books, name, digest, ends, label or subject, operator())
    if as_json:
        put_json(msgspec.to_builtins({"certificate": made, "exit": 0}))
    else:
        click.echo(f"{name}: {digest} ({t('期限', 'ends')} {clock(ends)})")
    return 0


@certificate.command("list", help=t("会員の証明書の一覧。", "List a member's certificates."))
@click.argument("name")
@hub_option
@lang_option
def list_(name: str, folder: Path, as_json: bool) -> int:
    """List them."""
    from sekisho.cli.looking import clock
    from sekisho.model.membership import HUB_CERTIFICATE
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        found = [one for one in desk.books.tokens.of(name) if one.id.startswith(HUB_CERTIFICATE)]
    if as_json:
        put_json({"certificates": found})
        return 0
    rows = [
        (
            one.id.removeprefix(HUB_CERTIFICATE),
            one.name,
            clock(one.expires),
            clock(one.last_used) if one.last_used else "-",
        )
        for one in found
    ]
    click.echo(
        table(rows, ("SHA-256", t("呼び名", "label"), t("期限", "ends"), t("最後の利用", "last used")))
    )
    return 0


@certificate.command(
    help=t(
        "証明書をすぐに失効させる（SHA-256 の始めの8字以上）。",
        "Revoke a certificate at once (8 signs of its SHA-256 or more).",
    )
)
@click.argument("digest")
@hub_option
@lang_option
def revoke(digest: str, folder: Path, as_json: bool) -> int:
    """Revoke one."""
    from sekisho.model.membership import HUB_CERTIFICATE
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import revoke as end

    plain = digest.lower().replace(":", "")
    with open_hub(folder) as desk:
        gone = len(plain) >= _LEAST and end(desk.books, HUB_CERTIFICATE + plain, operator())
    if not gone:
        raise click.UsageError(t("その証明書はない", "there is no such certificate"))
    if as_json:
        put_json({"revoked": True, "exit": 0})
    else:
        click.echo(t("失効させた", "revoked"))
    return 0


def add_to(group: click.Group) -> None:
    """Hang the commands into the group of the hub."""
    group.add_command(certificate)
