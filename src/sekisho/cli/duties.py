"""``sekisho duties``: every duty of the operator by its day, as a list, a calendar, or a reminder by mail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.day_option import DAY
from sekisho.cli.duty_names import names
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t, table
from sekisho.wiring.login import login

if TYPE_CHECKING:
    from sekisho.model.compliance import Entry

_YEAR, _LATE, _UNTOLD, _UNDELIVERED = 400, 1, 3, 4
# What the operator itself can state.
_OF_THE_OPERATOR = frozenset({"sites", "users", "voice", "qualified", "municipality", "lines"})


@click.group(
    help=t(
        "事業者の義務を期日の順に：定期の報告、主任技術者の講習と選任、事故の詳細報告。",
        "Every duty of the operator by its day: reports that come round, engineers, detailed reports of accidents.",
    ),
    epilog=t(
        "終了コード：0 遅れなし、1 期限を過ぎたものがある、2 使い方や入力の誤り、3 書かれていない事実によるものがあり、遅れがないとは言えない、"
        "4 メールサーバーが受け取らない",
        "Exit codes: 0 nothing late, 1 something is late, 2 usage or bad input, 3 some of it may be late, which hangs on facts "
        "that nobody has stated, 4 the mail server did not take it",
    ),
)
def command() -> None:
    """Hold the commands."""


def _options(function: Any) -> Any:
    for option in (
        click.option(
            "--until",
            type=DAY,
            help=t("この日まで（既定は400日先）", "up to this day (default: 400 days ahead)"),
        ),
        click.option(
            "--on",
            "today",
            type=DAY,
            help=t("この日に立って（既定は今日）", "as of this day (default: today)"),
        ),
        click.option(
            "--data",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help=t(
                "データフォルダー：事故の記録、画面に書いた事業者と済みの証拠（OPERATOR を省けばこれだけ）",
                "data folder: accidents on record, the operator and proofs kept by the console (alone without OPERATOR)",
            ),
        ),
        click.argument(
            "operator", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
        ),
    ):
        function = option(function)
    return function


@command.command("list", help=t("OPERATOR（TOML）の義務を表にする。", "List the duties of OPERATOR (TOML)."))
@_options
@lang_option
def list_(
    operator: Path | None, data: Path | None, today: datetime | None, until: datetime | None, as_json: bool
) -> int:
    """Print the list; days off are marked."""
    from sekisho.reports.accidents.words import due_words
    from sekisho.workflows.judge_accident import due_day
    from sekisho.workflows.list_duties import STATES

    day, found = _found(operator, data, today, until)
    code = _code(found, day)
    if as_json:
        put_json({"today": day, "duties": _in_words(found), "exit": code})
        return code
    rows = [
        (
            "—" if one.day is None else str(one.day) if one.done else due_words(due_day(one.day, day), t),
            STATES[one.state].say(LANGUAGE),
            one.title.say(LANGUAGE),
            one.form,
            f"{one.article} [{one.confidence}]" if one.article else "",
            _note(one),
            one.id,
        )
        for one in found
    ]
    head = t("期日,状態,義務,様式,根拠,備考,番号", "day,state,duty,form,article,note,id").split(",")
    click.echo(table(rows, head))
    if code == _UNTOLD:
        click.secho(
            t("期日を過ぎたかもしれないものがある。備考の（　）の項目を事業者のファイルに書けば決まる。",
              "Some may be past their day: what stands in brackets in the note, written into the operator's file, decides it."),
            fg="yellow", err=True,
        )  # fmt: skip
    return code


@command.command("calendar", help=t("予定表（iCalendar）に書く。", "Write them as iCalendar."))
@_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help=t("書くファイル（.ics）", "file to write (.ics)"),
)
@lang_option
def calendar_(
    operator: Path | None,
    data: Path | None,
    today: datetime | None,
    until: datetime | None,
    output: Path,
    as_json: bool,
) -> int:
    """Write the calendar; duties without a day are counted, they have no place in it."""
    from sekisho.formats.icalendar import calendar
    from sekisho.wiring.moment import now
    from sekisho.workflows.list_duties import events_of

    _, found = _found(operator, data, today, until)
    events = events_of(found, LANGUAGE)
    output.write_bytes(calendar(t("関所：義務", "Sekisho: duties"), events, now()))
    left = len(found) - len(events)
    if as_json:
        put_json({"file": str(output), "events": len(events), "without_a_day": left})
    else:
        click.echo(
            t(
                f"{output}：{len(events)}件、期日のないもの {left}件",
                f"{output}: {len(events)}, without a day: {left}",
            )
        )
    return 0


@command.command(
    "remind",
    help=t(
        "遅れているものと、近いものを、自社の人にメールで知らせる（--data の notices.toml のメールサーバー）。同じことを二度は知らせない：近づいたとき、最後の週、遅れたとき。",
        "Mail what is late or near to the operator's own people, over the mail server of notices.toml in --data. Nothing "
        "twice: when it comes near, in its last week, when it is late.",
    ),
)
@_options
@click.option("--to", "recipient", required=True, help=t("宛先", "recipient"))
@click.option(
    "--within",
    type=click.IntRange(0, 400),
    default=30,
    show_default=True,
    help=t("何日先まで", "how many days ahead"),
)
@click.option("--again", is_flag=True, help=t("前に知らせたものも", "also what was told before"))
@lang_option
def remind_(
    operator: Path | None,
    data: Path | None,
    today: datetime | None,
    until: datetime | None,
    recipient: str,
    within: int,
    again: bool,
    as_json: bool,
) -> int:
    """Send one mail, or none when nothing new is near: each duty is told of when near, in its last week, and when late."""
    if data is None:
        raise click.UsageError(t("--data が要る", "--data is needed"))
    if not recipient.isascii() or recipient.count("@") != 1 or any(one.isspace() for one in recipient):
        raise click.UsageError(t("メールアドレスではない", "not a mail address") + f": {recipient}")
    from sekisho.model.case_life import Actor
    from sekisho.wiring.console import Console
    from sekisho.wiring.console_reminders import sending
    from sekisho.wiring.duty_reminding import remind, unsent, worth_telling

    day, found = _found(operator, data, today, until)
    near = worth_telling(found, day, within)
    with Console(data) as console, sending(data):
        sent = frozenset() if again else console.duties.reminded()
        fresh = unsent(near, day, recipient, sent)
        if not fresh:
            if as_json:
                put_json({"duties": (), "told_before": len(near), "delivery": None})
            else:
                before = t(f"（前に知らせた {len(near)}件）", f" (told before: {len(near)})") if near else ""
                click.echo(t("知らせるものはない", "nothing to tell") + before)
            return 0
        told = tuple(one for one, _ in fresh)
        delivery = remind(data, told, recipient, LANGUAGE)
        if delivery.state == "accepted":
            names = [name for _, name in fresh if name not in console.duties.reminded()]
            console.duties.remember(names, Actor(login(), "analyst"))
    if as_json:
        put_json({"duties": told, "told_before": len(near) - len(told), "delivery": delivery})
    else:
        click.echo(
            t(
                f"{len(told)}件：{delivery.state} {delivery.detail}",
                f"{len(told)}: {delivery.state} {delivery.detail}",
            )
        )
    return 0 if delivery.state == "accepted" else _UNDELIVERED


@command.command(
    "done",
    help=t(
        "義務 DUTY（list の番号）を、証拠とともに済みにする。",
        "Record the duty DUTY (its id in list) as done, with its proof.",
    ),
)
@click.argument("identifier", metavar="DUTY")
@click.option(
    "--on",
    "day",
    type=DAY,
    help=t("した日（既定は今日）", "the day it was done (default: today)"),
)
@click.option("--proof", required=True, help=t("証拠（受付番号、文書の場所）", "what shows it"))
@click.option(
    "--as",
    "name",
    default=login,
    help=t("行う人（既定：ログイン名）", "who acts (default: the user of this system)"),
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help=t("データフォルダー", "data folder"),
)
@lang_option
def done_(identifier: str, day: datetime | None, proof: str, name: str, data: Path, as_json: bool) -> int:
    """Record one."""
    from sekisho.wiring.casebook import Casebook
    from sekisho.wiring.console import Console

    with Casebook(data) as book:
        who = book.actor(name)
    with Console(data) as console:
        on = day.date() if day else console.duties.today
        console.duties.done(identifier, on, proof, who)
    if as_json:
        put_json({"id": identifier, "on": on, "by": who.name, "proof": proof})
    else:
        click.echo(f"{t('済み', 'done')}: {identifier} {on} {who.name} {proof}")
    return 0


command.add_command(names)


def _found(
    operator: Path | None, data: Path | None, today: datetime | None, until: datetime | None
) -> tuple[date, tuple[Entry, ...]]:
    from sekisho.model.accident import japan_day
    from sekisho.wiring.moment import now
    from sekisho.workflows.list_duties import duties_of, read_operator

    day = today.date() if today else japan_day(now())
    end = until.date() if until else day + timedelta(days=_YEAR)
    said = read_operator(operator) if operator else None
    if data is None:
        if said is None:
            raise click.UsageError(t("OPERATOR か --data が要る", "OPERATOR or --data is needed"))
        return day, duties_of(said, (), day, end)
    from sekisho.wiring.console import Console

    with Console(data) as console:
        found = console.duties.listed(end, day, said)
    for one in found.broken:
        broken = t("判定できない記録", "a record that can't be judged")
        click.secho(f"{broken}: {one}", err=True, fg="yellow")
    return day, found.entries


def _note(one: Entry) -> str:
    from sekisho.workflows.list_duties import MISSING

    proof = f"{one.done.on} {one.done.by} {one.done.proof}" if one.done else ""
    owner = f"{t('担当', 'owner')} {one.owner}" if one.owner else ""
    missing = MISSING[one.missing].say(LANGUAGE) if one.missing else ""
    # Why the day or whom it binds isn't known stands in the reason already.
    remark = one.remark.say(LANGUAGE) if one.remark and one.missing not in ("day", "bound") else ""
    return t("。", ". ").join(dict.fromkeys(filter(None, (owner, proof, missing, remark))))


def _in_words(found: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """Return the entries for JSON: what would decide one is said in words beside its id."""
    import msgspec

    from sekisho.workflows.list_duties import MISSING

    return [
        {**msgspec.structs.asdict(one), "missing_words": MISSING[one.missing] if one.missing else None}
        for one in found
    ]


def _code(found: tuple[Entry, ...], today: date) -> int:
    from sekisho.model.compliance import State

    if any(one.state is State.LATE for one in found):
        return _LATE
    untold = [one for one in found if one.state is State.OPEN and one.missing in _OF_THE_OPERATOR]
    return _UNTOLD if any(one.day is None or one.day < today for one in untold) else 0
