"""What ``sekisho ingest`` says of the files that it took in, or didn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.looking import clock
from sekisho.cli.reason_words import place_word, rejected_word
from sekisho.cli.speech import t, table

if TYPE_CHECKING:
    from sekisho.catalogues.handling import Handling
    from sekisho.model.watching import Watching
    from sekisho.workflows.ingest import Taken

_NAMED = 5
_NOT_BAD = {"taken", "again", "empty", "foreign"}
_WORDS: Mapping[str, str] = {
    "taken": t("取込済", "taken"),
    "partly": t("一部だけ", "in part"),
    "rejected": t("全て不良", "all rejected"),
    "again": t("前に取込済", "taken before"),
    "otherwise": t("前に別の指定で取込済", "taken otherwise"),
    "empty": t("フローなし", "no flows"),
    "foreign": t("自網の回線なし", "none of ours"),
    "left-out": t("取り込まない", "left out"),
    "failed": t("失敗", "failed"),
}
_UNTIMELY: Mapping[str, str] = {
    "too-old": t(
        "too-old：保存期限を既に過ぎた通信なので取り込まない。試験データや公開データなら、"
        'watch.toml に basis = "not-communication" と書いた別の --data で取り込む。',
        "too-old: communication past its retention is not taken in. For test data and public captures use another "
        '--data whose watch.toml says basis = "not-communication".',
    ),
    "in-the-future": t(
        "in-the-future：今より10分を超えて先の時刻の通信は取り込まない。エクスポータの時計と --zone を確かめる。試験データなら、"
        'watch.toml に basis = "not-communication" と書いた別の --data で取り込む。',
        "in-the-future: flows more than ten minutes ahead of now are not taken in. Check the exporter's clock and --zone; "
        'for test data use another --data whose watch.toml says basis = "not-communication".',
    ),
}


def whole(done: Sequence[Taken]) -> bool:
    """Say whether all files were taken, now or earlier, and something of ours was in any of them."""
    if any(one.outcome == "otherwise" for one in done):
        return False
    good = all((one.before or one.outcome) in _NOT_BAD for one in done)
    return good and not all(what_it_held(one) in {"empty", "foreign"} for one in done)


def what_it_held(one: Taken) -> str:
    """Return what became of a file, now or when it was taken."""
    came = one.before or one.outcome
    # Until November 2026 both were called empty.
    return "foreign" if came == "empty" and one.elsewhere else came


def show(done: Sequence[Taken], data: Path, settings: Watching, rule: Handling) -> None:
    """Print what became of each file, why, and what to do."""
    click.echo(_table(done))
    for one in done:
        for reason, count in one.counted.rejected.items():
            where = ", ".join(place_word(place) for place in one.counted.examples.get(reason, ()))
            _yellow(f"  {Path(one.file).name}: {rejected_word(reason)} × {count:,}  {where}")
    reasons = {reason for one in done for reason in one.counted.rejected}
    for reason in _UNTIMELY:
        if reason in reasons:
            _yellow(f"  {_UNTIMELY[reason]}")
    for what, files in _faults(done).items():
        click.secho(f"  {what}", fg="red")
        click.secho(f"    {_names(files)}", fg="red")
    _tell_nothing(done, data, settings)
    _tell_otherwise(done)
    _tell_late(done, rule)
    if any("partly" in {one.outcome, one.before} for one in done):
        click.secho(
            t("ファイルが途中で壊れていて、残りは読めなかった。見えなかった分は「検出なし」ではない。",
              'A file is torn and its rest could not be read; what was not seen is not "nothing found".'),
            fg="red",
        )  # fmt: skip
    if any(
        one.kept or (one.outcome == "again" and what_it_held(one) in {"taken", "again", "partly"})
        for one in done
    ):
        click.echo(t("次：", "next: ") + f"sekisho detect --data {data}")


def _table(done: Sequence[Taken]) -> str:
    untimely = [sum(one.counted.rejected.get(reason, 0) for reason in _UNTIMELY) for one in done]
    head = (
        t("ファイル", "file"), t("結果", "outcome"), t("形式", "kind"), t("読んだ行", "rows read"), t("残した", "kept"),
        t("回線でない", "no line"), *((t("期間の外", "out of time"),) if any(untimely) else ()), t("不良", "rejected"),
        t("期間", "time"),
    )  # fmt: skip
    rows = [
        (
            Path(one.file).name, _said(one), one.reader, f"{one.read:,}", f"{one.kept:,}", f"{one.elsewhere:,}",
            *((f"{late:,}",) if any(untimely) else ()), f"{sum(one.counted.rejected.values()) - late:,}",
            f"{clock(one.begin)} – {clock(one.end)}" if one.kept else "",
        )
        for one, late in zip(done, untimely, strict=True)
    ]  # fmt: skip
    return table(rows, head)


def _said(one: Taken) -> str:
    """Return the word for what became of a file, with what it became earlier when that was not good."""
    if one.before in {"taken", "again", ""}:
        return _WORDS[one.outcome]
    before = _WORDS[what_it_held(one)]
    return t(f"{_WORDS[one.outcome]}（{before}）", f"{_WORDS[one.outcome]} ({before})")


def _tell_nothing(done: Sequence[Taken], data: Path, settings: Watching) -> None:
    """Say which files had nothing of ours, and what that may come of: it is not that nothing was going on."""
    empty = [one.file for one in done if what_it_held(one) == "empty"]
    foreign = [one.file for one in done if what_it_held(one) == "foreign"]
    if empty:
        _yellow(
            t("フローが一つもないファイルがある。記録が途切れていないか、別の期間やインターフェースのものでないかを確かめる。"
              "「通信がなかった」とは限らない：",
              "There is not one flow in some files: see whether recording had stopped, or they are of another time or "
              "interface. It need not mean that nothing was going on: ") + _names(empty)
        )  # fmt: skip
    if foreign:
        lines, file = ", ".join(settings.customers), data / "watch.toml"
        _yellow(
            t(f"どの行にも自網の回線（{lines}）がないファイルがある：{_names(foreign)}",
              f"In some files no row has one of your lines ({lines}) at an end: {_names(foreign)}")
        )  # fmt: skip
        _yellow(
            t(f"  アドレス帯が足りないか打ち間違いなら：{file} の customers に正しい帯を書き、同じファイルをもう一度取り込む"
              "（--customers は最初の一度だけ効く）。何も残していなければ、別の --data で始めてもよい。",
              f"  If a prefix is missing or mistyped: write the right ones as customers in {file} and take the same files in "
              "again (--customers counts the first time only). While nothing was kept, another --data will do as well.")
        )  # fmt: skip


def _tell_otherwise(done: Sequence[Taken]) -> None:
    """Say of files that were taken with other options what was different, and the way."""
    other: dict[str, list[str]] = {}
    for one in done:
        if one.outcome == "otherwise":
            then, now = _said_options(one.options), _said_options(one.asked)
            said = t(f"前は {then}、今は {now}", f"then {then}, now {now}")
            other.setdefault(said, []).append(one.file)
    for said, files in other.items():
        _yellow(
            t(f"前に別の指定で取り込んだので、何もしていない（{said}）：", f"Taken in before with other options, so nothing was done ({said}): ")
            + _names(files)
        )  # fmt: skip
    if other:
        _yellow(
            t("  今の指定で取り込み直すなら --again を付ける。前に残した分は先に消える（削除の証明が残る）。",
              "  To take them in anew with the options of now add --again: what was kept of them is deleted first, with a receipt.")
        )  # fmt: skip


def _said_options(options: Mapping[str, str] | None) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted((options or {}).items())) or t(
        "指定なし", "none"
    )


def _tell_late(done: Sequence[Taken], rule: Handling) -> None:
    """Say that flows which are past their usual time can be looked at, and that they go soon."""
    if late := sum(one.late for one in done):
        until, most = f"{min(rule.late_days, rule.days):g}", f"{rule.most_days:g}"
        _yellow(
            t(f"{late:,}行は保存の{rule.days:g}日を既に過ぎている。調べるために取り込んだが、{until}日で消える"
              f"（通信の時刻から{most}日を超えては残さない）。",
              f"{late:,} rows are past the {rule.days:g} days that flows are kept: taken in to be looked at, they go in "
              f"{until} d (and never stay beyond {most} days of their own time).")
        )  # fmt: skip


def _faults(done: Sequence[Taken]) -> dict[str, list[str]]:
    """Return the files of each fault: what happened and what to do, said once."""
    faults: dict[str, list[str]] = {}
    for one in done:
        if one.fault:
            lines = [line.strip() for line in one.fault.splitlines() if one.file not in line]
            faults.setdefault(" ".join(lines) or one.fault, []).append(one.file)
    return faults


def _names(files: Sequence[str]) -> str:
    return "  ".join(files[:_NAMED]) + (f"  … ({len(files)})" if len(files) > _NAMED else "")


def _yellow(text: str) -> None:
    click.secho(text, fg="yellow")
