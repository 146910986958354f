"""``sekisho audit verify|list``: is the audit log unaltered, and what does it say?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import clock, data_option
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t
from sekisho.model.notifying import DELIVERY

if TYPE_CHECKING:
    from sekisho.model.audit import AuditEntry
    from sekisho.stores.database import Database, Verified

_PAGE = 1000
_UNDECIDED = 3
_SAID = ("entries", "broken", "head", "note", "noted", "noted_deleted", "checkpoint", "fits", "lost", "whole")


@click.group(
    name="audit",
    help=t(
        "監査記録（誰が、何を、どの根拠で見たか）を調べる。",
        "Check and read the audit log: who touched what, on which ground.",
    ),
)
def command() -> None:
    """Hold the commands of the audit log."""


@command.command(
    help=t(
        "監査記録の鎖を調べる。改変・欠落があれば 1、記録が一つもないか、控えた記録が期限で消えていれば 3 で終わる。",
        "Check the chain; ends with 1 when it is altered or incomplete, with 3 when there is no entry, or when the entry "
        "that was noted was deleted at its time.",
    )
)
@click.option(
    "--head",
    default=None,
    help=t(
        "前に控えた鎖の値、番号:ハッシュ（末尾の切捨てと書直しはこれで分かる）",
        "head of the chain noted before, number:hash (only this shows an end that was cut off or rewritten)",
    ),
)
@data_option
@lang_option
def verify(head: str | None, data: Path, as_json: bool) -> int:
    """Verify the chain and print its head."""
    if head is not None and not head.strip():
        # Such as --head "$(cat noted)" when nothing was noted: that would check less than was asked for.
        raise click.UsageError(t("--head の値が空である", "the value of --head is empty"))
    with closing(_database(data)) as database:
        return tell_verified(database, head or "", as_json)


def tell_verified(database: Database, head: str, as_json: bool) -> int:
    """Verify the chain of a database, print what was found, and return the exit code."""
    from sekisho.stores.database import SqlAudit

    found = SqlAudit(database).verify(head)
    code = 1 if not found.whole else _UNDECIDED if found.undecided else 0
    if as_json:
        put_json({name: getattr(found, name) for name in _SAID} | {"exit": code})
    else:
        _tell(found)
    return code


@command.command(name="list", help=t("監査記録を古い順に出す。", "Print the entries, the oldest first."))
@click.option(
    "--after", type=click.IntRange(min=0), default=0, help=t("この番号の後から", "behind this number")
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help=t("最大の件数", "at most so many"),
)
@click.option(
    "--act", default="", help=t("この行為だけ（例 re-identify）", "only this act, such as re-identify")
)
@click.option("--who", default="", help=t("この人だけ", "only this person"))
@click.option("--object", "object_", default="", help=t("この対象だけ", "only this object"))
@data_option
@lang_option
def list_(after: int, limit: int, act: str, who: str, object_: str, data: Path, as_json: bool) -> int:
    """Print entries; what they say is as it was recorded, unchecked (see verify)."""
    wanted = {"act": act, "who": who, "object": object_}
    with closing(_database(data)) as database:
        return tell_entries(database, after, limit, wanted, as_json)


def tell_entries(database: Database, after: int, limit: int, wanted: Mapping[str, str], as_json: bool) -> int:
    """Print entries behind a number whose fields are as wanted (empty: any), and return the exit code."""
    found: list[AuditEntry] = []
    for entry in _entries(database, after):
        if all(getattr(entry, name) == value for name, value in wanted.items() if value):
            found.append(entry)
            if len(found) == limit:
                break
    if as_json:
        put_json({"entries": found})
    else:
        for entry in found:
            _tell_one(entry)
        if not found:
            click.echo(t("該当する記録はない", "there are no such entries"))
    return 0


def _database(data: Path) -> Database:
    from sekisho.wiring.warn import open_database
    from sekisho.wiring.watch import Watch

    with Watch(data, create=False) as watch:
        return open_database(data, watch.settings.database, create=False)


def _entries(database: Database, after: int) -> Iterator[AuditEntry]:
    from sekisho.stores.database import SqlAudit

    log = SqlAudit(database)
    while page := log.entries(after, _PAGE):
        yield from page
        after = page[-1].seq


def _tell(found: Verified) -> None:
    if found.checkpoint:
        one = found.checkpoint
        click.echo(
            t(
                f"1～{one.last:,} 番の記録は、期限により {clock(one.at)} までに消した（規則：{one.rule}）",
                f"entries 1 to {one.last:,} were deleted at their time, the last on {clock(one.at)} (rule: {one.rule})",
            )
        )
    for fault in _faults(found):
        click.secho(fault, fg="red")
    if found.whole and not found.entries:
        click.secho(t("記録が一つもない（判断できない）", "there is no entry to check"), fg="yellow")
        return
    if found.whole and found.noted_deleted:
        checked = (
            t("その値は合っている", "and fits")
            if found.noted
            else t("もう調べられない", "and can't be checked now")
        )
        said = t(
            "控えた記録は期限で消えた中にあり、", "the noted entry is among those deleted at their time, "
        )
        click.secho(said + checked, fg="green" if found.noted else "yellow")
    if found.whole:
        click.secho(
            t(f"改変なし（{found.entries:,} 件）", f"unaltered ({found.entries:,} entries)"), fg="green"
        )
        click.echo(
            t(
                f"鎖の値（別の場所に控え、次に --head で渡す）：{found.note}",
                f"head of the chain (note it elsewhere; next time --head): {found.note}",
            )
        )


def _faults(found: Verified) -> Iterator[str]:
    if found.broken is not None:
        yield t(
            f"{found.broken} 番の記録で鎖が切れている（全 {found.entries:,} 件）",
            f"the chain is broken at entry {found.broken} (of {found.entries:,})",
        )
    if not found.fits:
        yield t(
            "期限による削除の記録（チェックポイント）が改変されたか、作られたものである",
            "a checkpoint, which says what was deleted at its time, was altered or invented",
        )
    if found.lost is not None:
        yield t(
            f"{found.lost} 番の記録は、期限で消えたとき既に改変されていた",
            f"entry {found.lost} was altered already when it was deleted at its time",
        )
    if found.noted is False:
        yield t(
            "控えた値が鎖にない：末尾が切られたか、書き直された",
            "the noted head is not in the chain: its end was cut off or rewritten",
        )
        if found.checkpoint and not found.noted_deleted:
            yield t(
                "  （番号なしの値なら、期限で消えた記録のものかもしれない。番号:ハッシュで控える）",
                "  (without its number it may be of an entry deleted at its time: note number:hash)",
            )


def _reason(said: str) -> str:
    """Return a reason; one of our own words is said in the language of this run."""
    known = said in {DELIVERY.ja, DELIVERY.en}
    return DELIVERY.say(LANGUAGE) if known else said


_DETAILS = {
    "before": t("前の行数", "rows before"),
    "doubts": t("疑わしい行", "doubtful rows"),
    "entry": t("記録の番号", "entry"),
    "outcome": t("結果", "outcome"),
    "request": t("申請の番号", "request"),
    "rows": t("行数", "rows"),
    "via": t("利用者アカウント", "user account"),
    "why": t("訳", "why"),
}


def _tell_one(entry: AuditEntry) -> None:
    click.echo(f"{entry.seq:>7}  {clock(entry.at)}  {entry.who} ({entry.role})  {entry.act}  {entry.object}")
    more = (
        (t("根拠", "ground"), entry.basis),
        (t("理由", "reason"), _reason(entry.reason)),
        (
            t("詳細", "details"),
            t("、", ", ").join(
                f"{_DETAILS.get(name, name)}={value}" for name, value in entry.details.items()
            ),
        ),
    )
    for word, said in more:
        if said:
            click.echo(f"         {word}: {said}")
