"""``sekisho hub``: the sharing hub, for who runs one; ``join`` for who uses one."""

from __future__ import annotations

import json
import secrets
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli import (
    hub_audit,
    hub_books,
    hub_certificates,
    hub_contact,
    hub_counts,
    hub_digest,
    hub_join,
    hub_makers,
    hub_members,
    hub_peers,
)
from sekisho.cli.hub_option import hub_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

if TYPE_CHECKING:
    from sekisho.wiring.hub import HubDesk

_SWEEP_S = 3_600
_DIGEST_S = 600


@click.group(help=t("情報を共有するハブ（TAXII 2.1）。", "The hub through which members share (TAXII 2.1)."))
def command() -> None:
    """Hold the commands of the hub."""


@command.command(
    help=t(
        "ハブを作る。レーンごとの集まりもできる。会員もトークンもまだない。",
        "Make a hub with a collection for each lane. It has no member and no token yet.",
    )
)
@click.option("--title", default="Sekisho hub", show_default=True, help=t("ハブの名称", "name of the hub"))
@click.option("--contact", default="", help=t("公開する連絡先", "contact that is published"))
@click.option(
    "--database",
    default="",
    help=t("PostgreSQL のURL（既定は hub.db）", "URL of PostgreSQL (default: hub.db)"),
)
@click.option(
    "--allow-documentation",
    is_flag=True,
    help=t(
        "例示用アドレスも受け付ける（実演用）", "take addresses kept for examples, too (for demonstrations)"
    ),
)
@hub_option
@lang_option
def init(
    title: str, contact: str, database: str, allow_documentation: bool, folder: Path, as_json: bool
) -> int:
    """Make a hub."""
    from sekisho.wiring.hub import init_hub

    init_hub(folder, title, contact, database, ("documentation",) if allow_documentation else ())
    if as_json:
        put_json({"hub": str(folder), "exit": 0})
    else:
        click.echo(
            t(
                f"{folder} にハブを作った。次：sekisho hub member add",
                f"made a hub in {folder}. Next: sekisho hub member add",
            )
        )
    return 0


@command.command(
    help=t("ハブを動かす。ループバックの外では TLS が要る。", "Serve the hub. Beyond loopback it needs TLS.")
)
@click.option(
    "--address", default="127.0.0.1", show_default=True, help=t("待ち受けるアドレス", "address to listen on")
)
@click.option(
    "--port", default=8444, show_default=True, type=click.IntRange(0, 65535), help=t("ポート", "port")
)
@click.option(
    "--tls",
    is_flag=True,
    help=t("TLSで待ち受ける（証明書は自動で作る）", "speak TLS (a certificate is made)"),
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=t("証明書（PEM）", "certificate (PEM)"),
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=t("秘密鍵（PEM）", "private key (PEM)"),
)
@click.option("--name", "names", multiple=True, help=t("ハブの名前（ホスト名）", "host name of the hub"))
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    help=t("信用するプロキシのアドレス", "address of a proxy that is believed"),
)
@click.option(
    "--client-ca",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=t(
        "会員のクライアント証明書を確かめる認証局（PEM）。証明書は hub certificate pin で会員に結び付ける",
        "authority of members' certificates (PEM); hub certificate pin ties a certificate to a member",
    ),
)
@hub_option
@lang_option
def serve(
    address: str, port: int, tls: bool, certificate: Path | None, key: Path | None, names: tuple[str, ...],
    proxies: tuple[str, ...], client_ca: Path | None, folder: Path, as_json: bool,
) -> int:  # fmt: skip
    """Serve until stopped."""
    from sekisho.web.hub.application import Door, application
    from sekisho.web.listening import listening_at
    from sekisho.web.serving import serve as run
    from sekisho.wiring.hub import open_hub, read_hub_settings

    read_hub_settings(folder)
    place = listening_at(
        folder, address=address, port=port, tls=tls, certificate=certificate, key=key, names=names,
        client_ca=client_ca,
    )  # fmt: skip
    with place as (there, bound), open_hub(folder) as desk:
        secure = there.secure or bool(proxies)
        app = application(Door(desk, there.hosts, secure, frozenset(proxies)))
        if as_json:
            click.echo(json.dumps({"url": there.url("/taxii2/")}))
        else:
            click.echo(f"TAXII 2.1: {there.url('/taxii2/')}")
            click.echo(t("終わるには Ctrl-C", "Ctrl-C ends it"))
        ended = threading.Event()
        hands = [
            threading.Thread(target=verb, args=(desk, ended), name=verb.__name__, daemon=True)
            for verb in (_release, _follow, _digest)
        ]
        for hand in hands:
            hand.start()
        try:
            run(app, there, [bound], proxies=proxies)
        finally:
            ended.set()
            for hand in hands:
                hand.join(10)
    return 0


def _release(desk: HubDesk, ended: threading.Event) -> None:
    """Write the list now and then, and once an hour let everything age."""
    from sekisho.errors import SekishoError
    from sekisho.wiring.hub import upkeep

    due = 0.0
    while not ended.wait(0 if not due else desk.settings.release_seconds):
        whole = time.monotonic() >= due
        try:
            upkeep(desk, secrets.token_bytes(16), whole=whole)
        except SekishoError as error:  # the database may be back the next time
            click.echo(error.explain(LANGUAGE), err=True)
        due = time.monotonic() + _SWEEP_S if whole else due


def _digest(desk: HubDesk, ended: threading.Event) -> None:
    """Send the digests that are due, where a mail server is set; looked at every ten minutes."""
    from sekisho.errors import SekishoError
    from sekisho.wiring.hub_digest import send_digests

    while not ended.wait(_DIGEST_S):
        try:
            told = send_digests(desk, desk.folder)
            for said in told.why:
                click.echo(
                    t(f"ダイジェスト：メールサーバー：{said}", f"digests: the mail server: {said}"), err=True
                )
            for fault in told.withheld:
                click.echo(t(f"ダイジェストを送らない：{fault}", f"a digest is not sent: {fault}"), err=True)
        except SekishoError as error:  # the next look may find it mended
            click.echo(error.explain(LANGUAGE), err=True)


def _follow(desk: HubDesk, ended: threading.Event) -> None:
    """Read the hubs elsewhere again and again; what a peer does wrong stands beside its position."""
    from sekisho.errors import SekishoError
    from sekisho.wiring.peering import pull_all

    while not ended.wait(desk.settings.peer_seconds):
        try:
            pull_all(desk)
        except SekishoError as error:  # the database may be back the next time
            click.echo(error.explain(LANGUAGE), err=True)


@command.command(
    help=t(
        "ハブの様子：会員、集まり、指標、異議。",
        "How the hub is: members, collections, indicators, disputes.",
    )
)
@hub_option
@lang_option
def status(folder: Path, as_json: bool) -> int:
    """Show counts."""
    from sekisho.wiring.hub import open_hub

    with open_hub(folder) as desk:
        books = desk.books
        members = books.members.members()
        told = {
            "title": desk.settings.title,
            "members": {state: sum(one.state.value == state for one in members) for state in ("active", "suspended", "left")},
            "collections": [{"alias": one.alias, "id": one.id, "lane": one.lane.value} for one in books.visible()],
            "watch": len(books.reports.usable(grades=("watch",))),
            "block": len(books.reports.usable(grades=("block",))),
            "open_disputes": sum(not one.decided for one in books.disputes.disputes()),
            "to_publish": len(books.reports.due(None)),
        }  # fmt: skip
    if as_json:
        put_json(told)
        return 0
    states = {
        "active": t("参加中", "active"), "suspended": t("停止中", "suspended"), "left": t("脱退", "left"),
    }  # fmt: skip
    words = {
        "members": t("会員", "members"), "watch": t("注視の項目", "entries to watch for"),
        "block": t("遮断の項目", "entries to block"), "open_disputes": t("未決の異議", "open disputes"),
        "to_publish": t("公開待ち", "to publish"),
    }  # fmt: skip
    click.secho(str(told["title"]), bold=True)
    for name, value in told.items():
        if name in words:
            said = value
            if isinstance(value, dict):
                said = t("、", ", ").join(f"{states[state]} {count}" for state, count in value.items())
            click.echo(f"  {words[name]}{t('：', ': ')}{said}")
    for one in told["collections"]:  # type: ignore[attr-defined]
        click.echo(f"  {one['alias']:<12} {one['id']}  {one['lane']}")
    return 0


hub_books.add_to(command)
hub_certificates.add_to(command)
hub_contact.add_to(command)
hub_counts.add_to(command)
hub_digest.add_to(command)
hub_join.add_to(command)
hub_members.add_to(command)
hub_peers.add_to(command)
hub_makers.add_to(command)
hub_audit.add_to(command)
