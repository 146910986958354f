"""``sekisho notices``: draft, read, approve, send, hand over, and take in what comes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.notices_out import bounces, export, request, send, settle, why_words
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.formats.references import shown, typed
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.notice import Notice

_CHANNELS = ("email", "letter", "call", "printing", "xarf", "webhook")
_STATES = ("draft", "approved", "sending", "sent", "delivered", "bounced", "failed", "withheld", "withdrawn")
_WHY = {
    "no-case": t("その番号の事案はない", "no such case"),
    "not-confirmed": t("確認済の事案ではない", "not a confirmed case"),
    "too-weak": t(
        "証拠が弱すぎる（返答のない試みなど。送信元は偽れる）",
        "too weak (such as attempts without an answer, whose sender can be forged)",
    ),
    "there": t("同じお知らせがもうある", "the same notice is there already"),
}


@click.group(
    help=t(
        "お知らせ（注意喚起）：案を作り、読んで承認し、送り、不達を受け取る。承認なしには何も送らない。",
        "Notices: draft, read, approve, send, and take in bounces. Nothing is sent without an approval.",
    )
)
def command() -> None:
    """Hold the commands of notices."""


def _who(command_: Any) -> Any:
    """Add ``--as``."""
    return click.option(
        "--as", "name", default=login,
        help=t("行う人（watch.toml の people にある名前）", "who acts (a name under people in watch.toml)"),
    )(command_)  # fmt: skip


@command.command(help=t("確認済の事案のお知らせの案を作る。", "Draft notices for confirmed cases."))
@click.argument("cases", nargs=-1, required=True)
@click.option("--channel", type=click.Choice(_CHANNELS), default="email", show_default=True)
@click.option("--language", type=click.Choice(["ja", "en"]), default="ja", show_default=True)
@click.option(
    "--device", default="", help=t("機器の種類（router、camera …）", "class of device (router, camera …)")
)
@_who
@data_option
@lang_option
def draft(
    cases: tuple[str, ...], channel: str, language: str, device: str, name: str, data: Path, as_json: bool
) -> int:
    """Draft and print what came of it."""
    from sekisho.language import Language
    from sekisho.model.notice import Channel
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    with Noticing(data) as desk:
        made = notify.draft(
            cases,
            desk.person(name),
            desk.office(name),
            channel=Channel(channel),
            language=Language(language),
            device=device,
        )
    if as_json:
        put_json({"notices": [plain(one) for one in made.notices], "refused": made.refused})
    else:
        for one in made.notices:
            click.echo(f"{shown(one.id)}  {one.case}  {one.template}")
        for case, why in made.refused.items():
            click.secho(f"{case}: {_WHY.get(why, why)}", fg="yellow", err=True)
    return 1 if made.refused else 0


@command.command(name="list", help=t("お知らせを古い順に示す。", "Show notices, the oldest first."))
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES))
@click.option("--case", default="", help=t("この事案だけ", "only of this case"))
@click.option("--after", default="", help=t("この番号の後から", "behind this reference"))
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@data_option
@lang_option
def list_(states: tuple[str, ...], case: str, after: str, limit: int, data: Path, as_json: bool) -> int:
    """Print a page."""
    from sekisho.model.notice import NoticeState
    from sekisho.wiring.noticing import Noticing

    with Noticing(data) as desk:
        found = desk.office().notices.find(
            [NoticeState(one) for one in states], case=case, after=typed(after), limit=limit
        )
    if as_json:
        put_json(
            {"notices": [plain(one) for one in found], "next": found[-1].id if len(found) == limit else ""}
        )
        return 0
    head = (t("受付番号", "reference"), t("状態", "state"), t("事案", "case"), t("方法", "channel"), t("更新", "changed"), t("備考", "remark"))  # fmt: skip
    rows = [
        (shown(one.id), one.state.label.say(LANGUAGE), one.case, one.channel.value, clock(one.updated), why_words(one.withheld or one.detail)[:60])
        for one in found
    ]  # fmt: skip
    click.echo(table(rows, head) if rows else t("お知らせはない", "there are no notices"))
    return 0


@command.command(help=t("お知らせの全文を示す。", "Show a notice, every word of it."))
@click.argument("reference")
@click.option("--annex", is_flag=True, help=t("技術的な資料も示す", "with its technical annex"))
@data_option
@lang_option
def show(reference: str, annex: bool, data: Path, as_json: bool) -> int:
    """Print the text, its state and, when asked, the annex."""
    from sekisho import plugins
    from sekisho.reports.notices.annex import annex as made
    from sekisho.wiring.noticing import Noticing

    with Noticing(data) as desk:
        office = desk.office()
        one = office.notice(typed(reference))
        more = ""
        if annex and (case := office.cases.case(one.case)) is not None:
            more = made(
                case,
                desk.detections(case.id),
                one.language,
                shown(one.id),
                clock,
                {name: unit.title for name, unit in plugins.units("detectors").items()},
            )
    if as_json:
        put_json(plain(one) | ({"annex": more} if annex else {}))
        return 0
    tell(one)
    if more:
        click.echo("\n" + more)
    return 0


@command.command(
    help=t(
        "お知らせの全文を読み、名前を記して承認する。端末で「はい」と答えるか、読んだ文の --digest を渡す。",
        "Read the exact text and approve it by name: answer on the terminal, or give the --digest of what you read.",
    )
)
@click.argument("references", nargs=-1, required=True)
@click.option("--as", "name", required=True, help=t("承認する人の名前", "the name of who approves"))
@click.option(
    "--digest",
    default="",
    help=t("読んだ文のSHA-256（一件のとき）", "SHA-256 of what was read (for one notice)"),
)
@click.option(
    "--alike",
    is_flag=True,
    help=t(
        "受付番号のほかは一字一句同じ案も、まとめて承認する",
        "and every draft that differs in nothing but its reference",
    ),
)
@data_option
@lang_option
def approve(
    references: tuple[str, ...], digest: str, alike: bool, name: str, data: Path, as_json: bool
) -> int:
    """Show each text, ask, and record who said yes."""
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    if digest and len(references) != 1:
        raise click.UsageError(t("--digest は一件のときだけ", "--digest goes with one notice"))
    done = []
    with Noticing(data) as desk:
        person, office = desk.person(name), desk.office(name)
        for reference in references:
            one = office.notice(typed(reference))
            # What is asked about is shown; JSON on standard output stays JSON.
            if not (as_json and digest):
                tell(one, err=as_json)
            batch = tuple(notify.alike(one.id, office)) if alike else (one,)
            if digest or _yes(one, len(batch), err=as_json):
                done.append(notify.approve(one.id, digest or one.digest, person, office))
                done += [notify.approve(each.id, each.digest, person, office) for each in batch[1:]]
    if as_json:
        put_json({"approved": [plain(one) for one in done]})
    elif done:
        click.secho(t(f"{len(done)} 件を承認した（{name}）", f"{len(done)} approved ({name})"), fg="green")
    return 0 if len(done) >= len(references) else 1


@command.command(help=t("まだ出していないお知らせを取り下げる。", "Withdraw a notice that has not gone out."))
@click.argument("reference")
@click.option("--reason", required=True, help=t("理由", "why"))
@_who
@data_option
@lang_option
def withdraw(reference: str, reason: str, name: str, data: Path, as_json: bool) -> int:
    """Withdraw and print."""
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    with Noticing(data) as desk:
        one = notify.withdraw(typed(reference), desk.person(name), reason, desk.office(name))
    if as_json:
        put_json(plain(one))
    else:
        click.echo(one.state.label.say(LANGUAGE))
    return 0


@command.command(
    help=t(
        "お知らせの文を書き直す（標準入力又はファイルの一行目が件名）。前の承認は無効になる。",
        "Rewrite a notice (first line of the file is the subject). An approval of the old text is void.",
    )
)
@click.argument("reference")
@click.argument("file", type=click.File("rb"), default="-")
@_who
@data_option
@lang_option
def revise(reference: str, file: BinaryIO, name: str, data: Path, as_json: bool) -> int:
    """Replace the words and print the draft."""
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    subject, _, body = _text_of(file).partition("\n")
    with Noticing(data) as desk:
        one = notify.revise(
            typed(reference), subject.strip(), body.strip("\n") + "\n", desk.person(name), desk.office(name)
        )
    if as_json:
        put_json(plain(one))
    else:
        tell(one)
    return 0


def _text_of(file: BinaryIO) -> str:
    """Return what a file says. :raises ReadingError: it isn't UTF-8."""
    from sekisho.errors import ReadingError
    from sekisho.language import Text

    octets = file.read()
    try:
        return octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ReadingError(
            Text(ja=f"お知らせの文がUTF-8でない（{line} 行目）", en=f"the text is not UTF-8 (line {line})"),
            str(file.name),
            Text(ja="UTF-8で保存し直す", en="save it as UTF-8"),
        ) from error


def plain(one: Notice) -> dict[str, Any]:
    """Return a notice as JSON."""
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(one)
    return found


def tell(one: Notice, *, err: bool = False) -> None:
    """Print the exact text between lines, with what is known of it; with ``err`` to standard error."""
    head = (
        f"{shown(one.id)}  {one.state.label.say(LANGUAGE)}  {one.channel.value}  {one.case}  {one.template}"
    )
    click.secho(head, bold=True, err=err)
    click.echo("─" * 72, err=err)
    click.echo(one.subject + "\n", err=err)
    click.echo(one.body.rstrip("\n"), err=err)
    click.echo("─" * 72, err=err)
    click.echo(f"SHA-256 {one.digest}", err=err)
    if one.approved_by:
        click.echo(t(f"承認：{one.approved_by}（{clock(one.approved_at)}）", f"approved by {one.approved_by} ({clock(one.approved_at)})"), err=err)  # fmt: skip
    if said := one.withheld or one.detail:
        click.echo(why_words(said), err=err)


def _yes(one: Notice, count: int, *, err: bool) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError(
            t("端末がない：読んだ文の --digest を渡す", "no terminal: give the --digest of what you read")
        )
    return click.confirm(
        t(
            f"この文をそのまま承認するか（{shown(one.id)}、{count} 件）",
            f"approve exactly this text ({shown(one.id)}, {count} notices)?",
        ),
        err=err,
    )


for _one in (request, send, export, bounces, settle):
    command.add_command(_one)
