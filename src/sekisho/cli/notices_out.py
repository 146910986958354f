"""``sekisho notices send|export|bounces|settle``: what leaves the house, and what comes back."""

from __future__ import annotations

import mailbox
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t
from sekisho.formats.references import shown, typed
from sekisho.model.notifying import DELIVERY

if TYPE_CHECKING:
    from sekisho.workflows.notify import Returned, Step

_REASON = DELIVERY.say(LANGUAGE)
_LARGEST = 8 * 1024 * 1024
_UNDECIDED = 3
_WHAT = {
    "sent": t("送った", "sent"),
    "refused": t("断られた", "refused"),
    "deferred": t("後でもう一度", "later again"),
    "unknown": t("届いたか分からない：人が確かめる", "outcome unknown: a person must find out"),
    "asked": t(
        "前の送信の結果が分からない：人が確かめる",
        "outcome of an earlier run unknown: a person must find out",
    ),
    "withheld": t("送らない", "withheld"),
    "unreachable": t(
        "相手のサーバーにつながらない：何も送っていない", "the server can't be reached: nothing was sent"
    ),
    "waits": t("待つ", "waits"),
    "unapproved": t("承認された文ではない", "not the approved text"),
    "taken": t("ほかが扱っている", "taken by another"),
    "would-send": t("送るはず", "would be sent"),
}
_RETURNED = {
    "bounced": t("不達", "bounced"),
    "delivered": t("到達", "delivered"),
    "noted": t("記録した", "noted"),
    "known": t("新しいことはない", "nothing new"),
    "automatic": t("自動応答", "automatic answer"),
    "not-ours": t("当方のお知らせではない", "no notice of ours"),
    "unclear": t("分からない：人が読む", "unclear: a person must read it"),
}
_WHY = {
    "night": t("夜間", "night"),
    "weekend": t("週末", "weekend"),
    "holiday": t("祝日", "holiday"),
    "holidays-unknown": t(
        "その年の祝日が分からない（notices.toml の holidays に書く）",
        "that year's holidays are unknown (write them under holidays in notices.toml)",
    ),
    "not-released": t(
        "二人目がいる：別の人が notices request で申請する",
        "a second person is needed: somebody else runs notices request",
    ),
    "throttled": t("送り過ぎない決まり", "throttle"),
    "case-closed": t("事案が終わっている", "the case is no longer open"),
    "do-not-contact": t("連絡不要とされている", "marked: do not contact"),
    "opted-out": t("利用者が停止を求めている", "the subscriber has opted out"),
    "deferred": t("相手が後でと言った", "put off by the server"),
    "other-language": t(
        "契約者の言語がお知らせの言語と違う（取り下げ、その言語で作り直す）",
        "the subscriber reads another language (withdraw it, and draft it in that one)",
    ),
    "not-identified": t("契約者を特定できない", "who the subscriber is can't be told"),
    "no-address": t("宛先がない、又は使えない", "no address that it can go to"),
    "no-telephone": t("電話番号がない", "no telephone number"),
    "unprintable": t("活字のない字がある（人が見る）", "characters that the font lacks (a person must look)"),
    "settled": t("人が確かめた", "a person found out"),
    "outcome unknown": t("届いたか分からない", "outcome unknown"),
    "text changed": t("文が変わった", "the text was changed"),
    "not-rendered": t("文書を作れない（人が見る）", "its document can't be made (a person must look)"),
}


def _ground(command: Any) -> Any:
    """Add who, why, and on which ground a subscriber is looked up."""
    command = click.option("--reason", default=_REASON, show_default=True, help=t("契約者を特定する理由", "why the subscriber is looked up"))(command)  # fmt: skip
    command = click.option(
        "--basis",
        type=click.Choice(["legitimate-business", "consent-by-terms", "consent", "not-communication"]),
        help=t("根拠（既定：watch.toml の basis）", "legal ground (default: basis in watch.toml)"),
    )(command)
    return click.option(
        "--as", "name", required=True, help=t("行う人（sender か admin）", "who acts (a sender or admin)")
    )(command)


@click.command(
    help=t(
        "承認済みのお知らせを送る。終了コード：0 済み、1 断られた・送らないものあり、3 結果の分からないものあり。",
        "Send what is approved. Exit code: 0 done, 1 something was refused or withheld, 3 an outcome is unknown.",
    )
)
@click.option("--channel", type=click.Choice(["email", "webhook"]), default="email", show_default=True)
@click.option(
    "--dry-run", "dry", is_flag=True, help=t("何も送らず、何も調べない", "send nothing, look nobody up")
)
@click.option(
    "--most",
    type=click.IntRange(0),
    default=0,
    help=t("多くてもこの件数（0：全て）", "at most so many (0: all)"),
)
@_ground
@data_option
@lang_option
def send(
    channel: str, dry: bool, most: int, name: str, basis: str | None, reason: str, data: Path, as_json: bool
) -> int:
    """Send and tell each step."""
    from sekisho.model.purpose import LegalBasis
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    with Noticing(data) as desk, desk.sending():
        person, office = desk.person(name), desk.office(name)
        identify = desk.identify(person, LegalBasis(basis) if basis else None, reason)
        if channel == "email":
            with desk.mailer() as carrier:
                return _told(
                    notify.send(person, desk.by_mail(carrier, identify), office, dry=dry, most=most), as_json
                )
        return _told(notify.send(person, desk.by_webhook(identify), office, dry=dry, most=most), as_json)


@click.command(
    help=t(
        "二人制のとき：承認済みのお知らせの契約者を調べることを、一人目として申請する。別の人が send か export で開示する。",
        "With four eyes: ask, as the first person, that the subscribers of approved notices be looked up. Somebody else "
        "releases it by send or export.",
    )
)
@click.option(
    "--channel",
    type=click.Choice(["email", "letter", "call", "printing", "xarf", "webhook"]),
    default="email",
    show_default=True,
)
@_ground
@data_option
@lang_option
def request(channel: str, name: str, basis: str | None, reason: str, data: Path, as_json: bool) -> int:
    """Record the requests and print how many."""
    from sekisho.model.notice import Channel
    from sekisho.model.purpose import LegalBasis
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows.reidentify import REFUSALS

    with Noticing(data) as desk:
        made, refused = desk.request(
            Channel(channel), desk.person(name), LegalBasis(basis) if basis else None, reason
        )
    if as_json:
        put_json({"requests": made, "refused": refused})
    else:
        click.echo(t(f"{len(made)} 件を申請した", f"{len(made)} requested"))
        for case, why in refused.items():
            click.secho(f"{case}: {REFUSALS[why].say(LANGUAGE)}", fg="yellow", err=True)
    return 1 if refused else 0


@click.command(
    help=t(
        "承認済みのお知らせを一つのファイルにする：手紙（PDF）、電話の一覧、印刷会社の一覧、XARF。終了コード：3 ファイルを"
        "作らなかった（出せるものがない）。",
        "Put approved notices into one file: letters (PDF), lists for calls or a printing house, XARF. Exit code 3: "
        "no file was made, for nothing may go now.",
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--channel", type=click.Choice(["letter", "call", "printing", "xarf"]), required=True)
@click.option(
    "--encoding", type=click.Choice(["utf-8", "cp932"]), help=t("一覧の文字コード", "encoding of a list")
)
@click.option(
    "--outline",
    is_flag=True,
    help=t("封筒の窓の枠も描く（試し刷り）", "draw the envelope's window (a trial)"),
)
@click.option("--most", type=click.IntRange(1), default=1000, show_default=True)
@click.option(
    "--dry-run", "dry", is_flag=True, help=t("何も書かず、何も調べない", "write nothing, look nobody up")
)
@_ground
@data_option
@lang_option
def export(
    file: Path, channel: str, encoding: str | None, outline: bool, most: int, dry: bool, name: str,
    basis: str | None, reason: str, data: Path, as_json: bool,
) -> int:  # fmt: skip
    """Write the file and tell what was replaced in it."""
    from sekisho.model.notice import Channel
    from sekisho.model.purpose import LegalBasis
    from sekisho.reports.notices.lists import Encoding
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    if file.exists():
        raise click.UsageError(
            t(f"その名前のファイルがもうある：{file}", f"there is a file of that name already: {file}")
        )
    with Noticing(data) as desk, desk.sending():
        person, way = desk.person(name), Channel(channel)
        identify = desk.identify(person, LegalBasis(basis) if basis else None, reason)
        made = desk.file(way, Encoding(encoding) if encoding else None, outline=outline)
        steps = notify.hand_over(
            person,
            way,
            identify,
            desk.writer(made, file),
            desk.office(name),
            unfit=made.unfit,
            dry=dry,
            most=most,
        )
        code = _told(
            steps,
            as_json,
            lambda: {"file": str(file) if file.exists() else "", "altered": made.altered},
        )
        if not dry and not file.exists():
            if not as_json:
                click.secho(
                    t(f"ファイルは作らなかった：{file}", f"no file was made: {file}"), fg="yellow", err=True
                )
            return code or _UNDECIDED
        for one in () if as_json else made.altered:
            click.secho(
                t(
                    f"{one.row} 行「{one.column}」：{one.point} {one.character} → {one.instead}（{one.kind}）",
                    f"row {one.row}, {one.column}: {one.point} {one.character} → {one.instead} ({one.kind})",
                ),
                fg="yellow",
                err=True,
            )
    return code


@click.command(
    help=t(
        "不達や到達の知らせ（.eml、mbox、Maildir）を取り込む。",
        "Take in bounces and receipts (.eml, mbox, Maildir).",
    )
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@data_option
@lang_option
def bounces(paths: tuple[Path, ...], data: Path, as_json: bool) -> int:
    """Take each mail and tell what it said; those that are unclear are for a person."""
    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    found: list[tuple[str, Returned]] = []
    with Noticing(data) as desk:
        office = desk.office()
        for name, octets in _mails(paths):
            found.append((name, notify.take_back(octets, office)))
    counts = Counter(one.what for _, one in found)
    if as_json:
        put_json({
            "counts": counts,
            "mails": [
                {"mail": name, "what": one.what, "notice": one.notice.id if one.notice else "", "answer": one.answer}
                for name, one in found
            ],
        })  # fmt: skip
    else:
        for name, one in found:
            number = shown(one.notice.id) if one.notice else "-"
            click.echo(f"{number:<19}  {_RETURNED[one.what]}  {one.answer.status} {name}")
    return _UNDECIDED if counts["unclear"] else 0


@click.command(
    help=t(
        "結果の分からないお知らせについて、人が確かめたことを記録する。",
        "Record what a person found out about a notice whose outcome was unknown.",
    )
)
@click.argument("reference")
@click.option("--sent", is_flag=True, help=t("出ていた", "it had gone out"))
@click.option(
    "--not-sent", is_flag=True, help=t("出ていなかった（また送れる）", "it had not (and may go again)")
)
@click.option("--as", "name", required=True, help=t("行う人", "who acts"))
@data_option
@lang_option
def settle(reference: str, sent: bool, not_sent: bool, name: str, data: Path, as_json: bool) -> int:
    """Settle and print."""
    if sent is not_sent:
        raise click.UsageError(
            t("--sent か --not-sent のどちらか一つを渡す", "give one of --sent and --not-sent")
        )
    import msgspec

    from sekisho.wiring.noticing import Noticing
    from sekisho.workflows import notify

    with Noticing(data) as desk:
        one = notify.settle(typed(reference), desk.person(name), desk.office(name), sent=sent)
    if as_json:
        put_json(msgspec.to_builtins(one))
    else:
        click.echo(one.state.label.say(LANGUAGE))
    return 0


def _told(steps: Iterable[Step], as_json: bool, more: Any = dict) -> int:
    counts: Counter[str] = Counter()
    lines: list[dict[str, Any]] = []
    for one in steps:
        counts[one.what] += 1
        lines.append({"notice": one.notice.id, "case": one.notice.case, "what": one.what, "why": one.why, "until": one.until})  # fmt: skip
        if not as_json:
            until = t(f"（{clock(one.until)} まで）", f" (until {clock(one.until)})") if one.until else ""
            click.echo(f"{shown(one.notice.id)}  {_WHAT[one.what]}  {why_words(one.why)}{until}")
    if as_json:
        put_json({"counts": counts, "notices": lines} | more())
    elif not lines:
        click.echo(t("承認済みのお知らせはない", "there are no approved notices"))
    if counts["unknown"] or counts["asked"]:
        return _UNDECIDED
    return 1 if any(counts[one] for one in ("refused", "withheld", "unapproved", "unreachable")) else 0


def why_words(said: str) -> str:
    """Return a reason in words; what stands behind its colon is kept, or said in words when it is an id, too."""
    name, colon, more = said.partition(": ")
    if name == "not-identified":
        more = _identifying_words(more)
    return f"{_WHY[name]}{colon}{more}" if name in _WHY else said


def _identifying_words(why: str) -> str:
    from sekisho.model.identity import Naming
    from sekisho.workflows.reidentify import REFUSALS

    words = {one.value: one.label for one in Naming} | dict(REFUSALS)
    return words[why].say(LANGUAGE) if why in words else why


def _mails(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path.is_dir():
            for box in ("new", "cur"):
                if (path / box).is_dir():
                    yield from (
                        (str(one), _bounded(one)) for one in sorted((path / box).iterdir()) if one.is_file()
                    )
            yield from ((str(one), _bounded(one)) for one in sorted(path.glob("*.eml")))
        elif _bounded(path).startswith(b"From "):
            held = mailbox.mbox(path, create=False)
            try:
                yield from ((f"{path}#{key}", held.get_bytes(key)) for key in held.keys())  # noqa: SIM118 - a mailbox iterates over messages
            finally:
                held.close()
        else:
            yield str(path), _bounded(path)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST)
