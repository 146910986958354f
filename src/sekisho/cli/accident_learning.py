"""``sekisho accident learning|measure|lesson``: what is done after accidents, what came again, and lessons for others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.day_option import DAY
from sekisho.cli.looking import data_option
from sekisho.cli.speech import lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.case_life import Actor
    from sekisho.model.learning import Countermeasure
    from sekisho.wiring.console_lessons import LessonDesk, Sent

_OPEN, _AGAIN, _UNDELIVERED = 3, 1, 4
_who = click.option(
    "--as",
    "name",
    default=login,
    help=t("行う人（既定：ログイン名）", "who acts (default: the user of this system)"),
)


@click.command(
    "learning",
    help=t(
        "記録した事故ごとに、原因 → 対策 → したか → また起きたか。",
        "For each accident on record: cause → measure → done? → again?",
    ),
    epilog=t(
        "終了コード：0 遅れも再発もない、1 対策の遅れか再発がある、3 原因が書かれず分からない",
        "Exit codes: 0 nothing late or again, 1 a measure is late or it happened again, 3 causes are not written",
    ),
)
@data_option
@lang_option
def learning(data: Path, as_json: bool) -> int:
    """Print the verification view."""
    from sekisho.model.incident import Standing
    from sekisho.wiring.console import Console

    with Console(data) as console:
        found, today = console.learning.lessons(), console.learning.today
    bad = any(one.again is Standing.YES or any(m.late(today) for m in one.measures) for one in found)
    unsure = any(one.again is Standing.UNDECIDED for one in found)
    code = _AGAIN if bad else _OPEN if unsure else 0
    if as_json:
        put_json({"accidents": found, "exit": code})
        return code
    words = {
        Standing.YES: t("再発した", "again"),
        Standing.NO: t("記録では再発していない", "not again on record"),
        Standing.UNDECIDED: t("分からない", "not known"),
    }
    rows = []
    for one in found:
        again = words[one.again] + (
            t("（済んだ対策の後）", " (after a measure was done)") if one.unheld else ""
        )
        cause = one.case.cause or t("書かれていない", "not written")
        rows.append((str(one.case.occurred), one.case.title, cause, again, one.case.id))
        rows += [("", f"└ {m.text}", m.owner, _state(m, today.isoformat()), m.id) for m in one.measures]
        if not one.measures:
            rows.append(("", t("└ 対策がない", "└ no measure"), "", "", ""))
    head = t(
        "日,事故・対策,原因・担当,また起きたか・済んだか,番号",
        "day,accident or measure,cause or owner,again? done?,id",
    ).split(",")
    click.echo(table(rows, head) if rows else t("記録した事故はない", "no accident is on record"))
    return code


def _state(one: Countermeasure, today: str) -> str:
    if one.done_on:
        return t("済み", "done") + f" {one.done_on}"
    late = one.due.isoformat() < today
    return (t("遅れ", "late") if late else t("これから", "to come")) + f" {one.due}"


@click.group("measure", help=t("事故の後の対策を記録する。", "Record measures after accidents."))
def measure() -> None:
    """Hold the commands."""


@measure.command("add", help=t("対策を、担当と期限とともに加える。", "Add a measure with its owner and day."))
@click.argument("accident")
@click.option("--text", required=True, help=t("対策", "the measure"))
@click.option("--owner", required=True, help=t("担当", "its owner"))
@click.option("--due", required=True, type=DAY, help=t("期限", "due by"))
@_who
@data_option
@lang_option
def add(accident: str, text: str, owner: str, due: datetime, name: str, data: Path, as_json: bool) -> int:
    """Add one."""
    from sekisho.wiring.console import Console

    who = _actor(data, name)
    with Console(data) as console:
        made = console.learning.add(accident, text, owner, due.date(), who)
    _say(made, as_json=as_json)
    return 0


@measure.command(
    "done", help=t("対策を、証拠とともに済みにする。", "Record a measure as done, with its proof.")
)
@click.argument("identifier", metavar="MEASURE")
@click.option("--on", type=DAY, help=t("した日（既定は今日）", "the day (default: today)"))
@click.option("--proof", required=True, help=t("証拠", "what shows it"))
@_who
@data_option
@lang_option
def done(identifier: str, on: datetime | None, proof: str, name: str, data: Path, as_json: bool) -> int:
    """Record one."""
    from sekisho.wiring.console import Console

    who = _actor(data, name)
    with Console(data) as console:
        day = on.date() if on else console.learning.today
        made = console.learning.done(identifier, day, proof, who)
    _say(made, as_json=as_json)
    return 0


def _say(made: Countermeasure, *, as_json: bool) -> None:
    if as_json:
        put_json(made)
    else:
        click.echo(f"{made.id} {made.text} ({made.owner}, {_state(made, '')})")


def _actor(data: Path, name: str) -> Actor:
    """Return who acts. :raises AuthorisationError: the settings don't know this person."""
    from sekisho.wiring.casebook import Casebook

    with Casebook(data) as book:
        return book.actor(name)


@click.command(
    "lesson",
    help=t(
        "事故の教訓を書き、ちょうど出るものを示す。--send で、ハブの障害情報の棚に送る（送る権限のある名前のある人だけ）。"
        "事業者・利用者・地域・人・アドレスを名指すものは断る。",
        "Write the lesson of an accident and show exactly what would leave; --send puts it into the failure lane of a hub "
        "(a named person who may send). What names the operator, subscribers, places, people or addresses is refused.",
    ),
    epilog=t(
        "終了コード：0 示した・送った、2 使い方や入力の誤り、4 ハブが受け取らない",
        "Exit codes: 0 shown or sent, 2 usage or bad input, 4 the hub did not take it",
    ),
)
@click.argument("accident")
@click.option("--happened", help=t("起きたこと", "what happened"))
@click.option("--learned", help=t("学んだこと", "what was learnt"))
@click.option(
    "--tlp",
    type=click.Choice(["clear", "green", "amber", "amber+strict"]),
    help=t("どこまで広めてよいか", "how far it may go"),
)
@click.option("--send", "sends", is_flag=True, help=t("ハブに送る", "send it to the hub"))
@click.option(
    "--hub",
    default="",
    help=t(
        "ハブのURL（既定は membership.toml）", "URL of the hub (default: membership.toml of the data folder)"
    ),
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t(
        "トークンを一行書いたファイル（本人だけが読めること）",
        "file whose one line is the token (only its owner may read it)",
    ),
)
@click.option(
    "--authority",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=t("ハブの認証局の証明書（PEM）", "certificate of the hub's own authority (PEM)"),
)
@_who
@data_option
@lang_option
def lesson(
    accident: str, happened: str | None, learned: str | None, tlp: str | None, sends: bool, hub: str, token_file: Path | None,
    authority: Path | None, name: str, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Write, show, and send when asked to."""
    import msgspec

    from sekisho.model.lesson import Written
    from sekisho.wiring.console import Console

    if sends and bool(hub) != bool(token_file):
        raise click.UsageError(
            t("--hub と --token-file は両方要る", "--hub and --token-file belong together")
        )
    who = _actor(data, name)
    with Console(data) as console:
        desk = console.lessons
        before, seen = desk.lesson(accident)
        if happened or learned or tlp:
            kept = before or Written("", "")
            written = Written(happened or kept.happened, learned or kept.learned, tlp or kept.tlp)
            desk.write(accident, written, seen, who)
        octets = desk.preview(accident)
        if sends:
            digest = hashlib.sha256(octets).hexdigest()
            other = partial(_over, desk, accident, hub, token_file, who, authority) if token_file else None
            return _send(other or partial(desk.send_as_member, accident, digest, who), as_json=as_json)
    if as_json:
        put_json(msgspec.json.decode(octets))
    else:
        click.echo(msgspec.json.format(octets, indent=2).decode())
    return 0


def _over(
    desk: LessonDesk, accident: str, hub: str, token_file: Path, who: Actor, authority: Path | None
) -> Sent:
    from sekisho.wiring.list_fetching import secret_line

    token = secret_line(token_file)
    return desk.send(accident, hub, token if " " in token else f"Bearer {token}", who, authority)


def _send(way: Callable[[], Sent], *, as_json: bool) -> int:
    from sekisho.errors import PeerFailure

    try:
        sent = way()
    except PeerFailure as fault:
        said = t("ハブが受け取らない", "the hub did not take it")
        click.secho(f"{said}: {fault.reason} {fault.detail}", err=True, fg="red")
        return _UNDELIVERED
    code = 0 if sent.taken and not sent.refused else _UNDELIVERED
    if as_json:
        put_json({"sent": sent, "exit": code})
    else:
        taken = t(
            f"受け取り {sent.taken}、断り {sent.refused}", f"taken {sent.taken}, refused {sent.refused}"
        )
        click.echo(f"{taken} {sent.said}".rstrip())
    return code
