"""What ingest, detect, hunt and watch have in common at the door: options, times, and how a look is shown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sekisho.cli.speech import LANGUAGE, put_json, t, table

if TYPE_CHECKING:
    from sekisho.model.detection import Detection, Grade
    from sekisho.ports.flows import Detector
    from sekisho.wiring.lists import ListsRead
    from sekisho.workflows.detect import Looked
    from sekisho.workflows.ingest import Taken

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MOST_LINE = 1 << 63
FOUND, NOTHING, UNDECIDED = 1, 0, 3
_REMOTES = 3
ZONE = t(
    "。時間帯のない日時は日本時間（TZ があればその時間帯）",
    "; a time without a zone is Japan's (that of TZ where it is set)",
)
_FILES = 5


def data_option(command: Any) -> Any:
    """Add ``--data``."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("watch-data"),
        envvar="SEKISHO_DATA",
        show_default=True,
        help=t(
            "監視のデータを置くフォルダー（環境変数 SEKISHO_DATA）", "folder of the watch (or SEKISHO_DATA)"
        ),
    )(command)


def time_options(command: Any) -> Any:
    """Add ``--since`` and ``--until``."""
    command = click.option(
        "--until",
        help=t("ここまで（日時。既定は最後の記録まで）", "up to here (a time; default: the last record)")
        + ZONE,
    )(command)
    return click.option(
        "--since",
        help=t(
            "ここから（7d、24h、30m 又は日時。既定は最初の記録から）",
            "from here (7d, 24h, 30m or a time; default: the first)",
        )
        + ZONE,
    )(command)


def list_option(command: Any) -> Any:
    """Add ``--list``."""
    return click.option(
        "--list", "lists", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help=t("既知のC&Cの表（CSV、STIX、MISP、素のアドレスなど）", "known C&C servers (CSV, STIX, MISP, plain addresses …)"),
    )(command)  # fmt: skip


def show_options(command: Any) -> Any:
    """Add ``--format`` and ``--output``."""
    command = click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help=t("ここに書く", "write it here"),
    )(command)
    return click.option(
        "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table",
        help=t("出力の形", "form of the output"),
    )(command)  # fmt: skip


def caution(assumed: bool, customers: Sequence[str], telling: Sequence[str]) -> None:
    """Say on stderr what an operator should know of the prefixes before anything is taken in."""
    if assumed:
        named = ", ".join(customers)
        said = t(
            f"顧客のアドレス帯が指定されていないので、私設アドレスだけを回線とみなす（{named}）。自網のものを --customers で指定する。",
            f"No prefixes of your lines are given, so only private addresses count as lines ({named}). "
            "Name yours with --customers.",
        )
        click.secho(said, fg="yellow", err=True)
    if telling:
        named = ", ".join(telling)
        said = t(
            f"小さいアドレス帯では、仮名はほとんど隠さない：{named}。収容ルーターごとではなく、プール全体を指定する。",
            f"Within so small a prefix a pseudonym hides hardly anybody: {named}. Name the whole pool instead.",
        )
        click.secho(said, fg="yellow", err=True)


def moment(text: str, now: datetime) -> int:
    """Return milliseconds of ``7d`` before ``now``, or of a time like ``2026-11-21T09:00`` (see `zone` unless it says)."""
    from sekisho.wiring.moment import zone

    if found := re.fullmatch(r"([0-9]{1,6})([mhd])", text.strip()):
        return int(now.timestamp() * 1000) - int(found[1]) * _UNITS[found[2]]
    try:
        parsed = datetime.fromisoformat(text.strip())
        at = int((parsed if parsed.tzinfo else parsed.replace(tzinfo=zone())).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        at = -1
    if at < 0:  # before the epoch there were no flows: a slip of the pen
        raise click.UsageError(
            t(
                f"日時が読めない：{text}（例 7d、24h、2026-11-21T09:00）",
                f"not a time: {text} (7d, 24h, 2026-11-21T09:00)",
            )
        )
    return at


def between(since: str | None, until: str | None, now: datetime) -> tuple[int | None, int | None]:
    """Return the two ends of ``--since`` and ``--until`` in milliseconds (see `moment`), None for one that isn't given.

    :raises UsageError: the end isn't after the beginning: nothing could ever be in it
    """
    begin, end = moment(since, now) if since else None, moment(until, now) if until else None
    if begin is not None and end is not None and begin >= end:
        raise click.UsageError(
            t(
                f"--until が --since より後でない：{clock(begin)} – {clock(end)}",
                f"--until is not after --since: {clock(begin)} – {clock(end)}",
            )
        )
    return begin, end


def clock(milliseconds: int) -> str:
    """Return a time for people, with its zone (see `zone`); a moment that no calendar has stays a number."""
    from sekisho.wiring.moment import shown

    return shown(milliseconds)


def grade_word(grade: Grade) -> str:
    """Return the word for a grade."""
    words = {
        "confirmed": t("確度高", "confirmed"),
        "likely": t("可能性大", "likely"),
        "watch": t("要注意", "watch"),
    }
    colours = {"confirmed": "red", "likely": "yellow", "watch": "white"}
    return click.style(words[grade.value], fg=colours[grade.value], bold=grade.value == "confirmed")


def line_of(word: str) -> int:
    """Return the pseudonym that people copied: ``L6440003f``, with or without the L.

    :raises UsageError: it is none
    """
    found = re.fullmatch(r"L?([0-9a-f]{1,16})", word.strip())
    if not found or int(found[1], 16) >= _MOST_LINE:
        raise click.UsageError(
            t(f"回線の仮名ではない：{word}（例 L6440003f）", f"not a pseudonym of a line: {word} (L6440003f)")
        )
    return int(found[1], 16)


def line_word(subscriber: int) -> str:
    """Return the pseudonym of a line as people copy it."""
    from sekisho.formats.flow_rows import line_text

    return line_text(subscriber)


def rows_of(looks: Sequence[Looked], detectors: Mapping[str, Detector]) -> list[dict[str, Any]]:
    """Return one flat row per detection, with its sentence in the language of this run."""
    from sekisho.workflows.detect import sentence

    return [
        {
            "id": one.id,
            "line": line_word(one.subscriber),
            "method": one.method,
            "grade": one.grade.value,
            "begin": clock(one.begin),
            "end": clock(one.end),
            "family": one.family,
            "remotes": " ".join(one.remotes),
            "remote_count": one.remote_count,
            "rows": one.rows,
            "sampling": one.sampling,
            "sources": " ".join(one.sources),
            "explanation": sentence(one, detectors[one.method].reasons, LANGUAGE),
        }
        for look in looks
        for one in look.detections
    ]


def show(
    looks: Sequence[Looked],
    detectors: Mapping[str, Detector],
    form: str,
    output: Path | None,
    extra: Mapping[str, Any],
) -> int:
    """Print what was found and what was looked at; return the exit code (1 found, 0 nothing, 3 nothing measured)."""
    if form == "table" and not output:
        _tell(looks, detectors)
        tell_ages(extra.get("lists"), {name for look in looks for name in look.stale})
    elif form == "csv":
        _put(_as_csv(rows_of(looks, detectors)), output)
    elif output:
        import msgspec

        _put(
            msgspec.json.format(msgspec.json.encode(_as_json(looks, detectors, extra)), indent=2).decode(),
            output,
        )
    else:
        put_json(_as_json(looks, detectors, extra))
    if form != "json":
        tell_damaged(sorted({file for look in looks for file in look.damaged}))
        tell_lost(sorted({file for look in looks for file in look.lost}))
    if any(look.detections for look in looks):
        return FOUND
    return NOTHING if looks and all(look.state == "nothing-found" for look in looks) else UNDECIDED


def _as_json(
    looks: Sequence[Looked], detectors: Mapping[str, Detector], extra: Mapping[str, Any]
) -> dict[str, Any]:
    from sekisho.workflows.detect import sentence

    return {
        **extra,
        "looks": [
            {
                "method": look.method, "state": look.state, "window": look.window, "coverage": look.coverage,
                "fault": look.fault, "damaged": look.damaged, "lost": look.lost, "stale": look.stale,
                "detections": len(look.detections),
            }
            for look in looks
        ],
        "detections": [
            {"line": line_word(one.subscriber), "explanation": sentence(one, detectors[one.method].reasons, LANGUAGE),
             "detection": one}
            for look in looks
            for one in look.detections
        ],
    }  # fmt: skip


def _as_csv(rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    found = list(rows)
    writer = csv.DictWriter(out, fieldnames=list(found[0]) if found else ["id", "line", "method", "grade"])
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def _put(text: str, output: Path | None) -> None:
    if output:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            # A write that fails doesn't know its file, as opening one does.
            raise OSError(error.errno, error.strerror, str(output)) from error
        click.echo(str(output), err=True)
    else:
        click.echo(text, nl=False)


def _tell(looks: Sequence[Looked], detectors: Mapping[str, Detector]) -> None:
    for look in looks:
        for one in look.detections:
            _tell_one(one, detectors)
    click.secho(t("見た範囲", "What was looked at"), bold=True)
    click.echo(table(_coverage(looks, detectors), (
        t("方法", "method"), t("結果", "result"), t("回線（最多の一区間）", "lines (busiest window)"), t("フロー", "flows"), t("標本", "sample"), "",
    )))  # fmt: skip


def tell_ages(read: ListsRead | None, stale: Collection[str]) -> None:
    """Say how old each fetched list is, and why the last try to fetch it failed; what is too old, in yellow."""
    from sekisho.wiring.list_words import try_words

    for one in read.fetched if read else ():
        when = (
            t(f"{clock(one.fetched)} に取り込み（{one.entries:,} 項目）", f"fetched {clock(one.fetched)} ({one.entries:,} entries)")
            if one.fetched
            else t("まだ取り込めていない", "never fetched")
        )  # fmt: skip
        failed = (
            t(f"。最後の試み {clock(one.tried)} は失敗：", f". The last try, {clock(one.tried)}, failed: ")
            + f"{try_words(one.reason).say(LANGUAGE)} {one.detail}".rstrip()
            if one.tried
            else ""
        )  # fmt: skip
        old = (
            t(f"。見た期間に対して古く、「検出なし」とは言えない（要らない表なら sekisho lists forget {one.name}）",
              '. Too old for this window to say "nothing found" '
              f"(a list that isn't wanted: sekisho lists forget {one.name})")
            if one.name in stale
            else ""
        )  # fmt: skip
        click.secho(
            t(f"表 {one.name}：{when}{failed}{old}", f"list {one.name}: {when}{failed}{old}"),
            fg="yellow" if old or failed else None,
        )


def tell_damaged(files: Sequence[str]) -> None:
    """Say on stderr which files of the records are no longer what was written."""
    if files:
        named = t("、", ", ").join(files[:_FILES]) + (" …" if len(files) > _FILES else "")
        click.secho(
            t(
                f"判断できない範囲がある：記録のファイル{len(files)}個が壊れている（{named}）。控えから戻してやり直す。",
                f"could not be judged: {len(files)} record files are damaged ({named}). "
                "Restore them from a backup and try again.",
            ),
            fg="red",
            err=True,
        )


def tell_lost(files: Sequence[str]) -> None:
    """Say on stderr of which files flows could not be taken in."""
    if files:
        named = t("、", ", ").join(files[:_FILES]) + (" …" if len(files) > _FILES else "")
        click.secho(
            t(
                f"判断できない範囲がある：取り込めなかった行のあるファイルが{len(files)}個ある（{named}）。"
                "壊れていないものを取り込んでやり直す。",
                f"could not be judged: of {len(files)} files some rows could not be taken in ({named}). "
                "Take in undamaged ones and try again.",
            ),
            fg="red",
            err=True,
        )


def tell_nobodys(taken: Sequence[Taken], data: Path) -> None:
    """Say on stderr how many of the rows taken in were looked at by no method, having none of the lines at an end."""
    read, elsewhere = sum(one.read for one in taken), sum(one.elsewhere for one in taken)
    if elsewhere:
        click.secho(
            t(
                f"取り込んだファイルの {read:,} 行のうち {elsewhere:,} 行は、どちらの端も回線でないので調べていない"
                f"（アドレス帯は {data}/watch.toml の customers。足して同じファイルを取り込めば、その分が加わる）。",
                f"Of {read:,} rows of the files taken in {elsewhere:,} have none of your lines at an end and were not looked at "
                f"(prefixes: customers in {data}/watch.toml; add to them, take the same files in again, and they are added).",
            ),
            fg="yellow",
            err=True,
        )


def _coverage(looks: Sequence[Looked], detectors: Mapping[str, Detector]) -> Iterable[Sequence[str]]:
    """One row per method: its windows together."""
    for name in dict.fromkeys(look.method for look in looks):
        mine = [look for look in looks if look.method == name]
        found = sum(len(look.detections) for look in mine)
        measured = [look for look in mine if look.state != "not-measured"]
        word = (
            click.style(t(f"{found}件", f"{found} found"), fg="red", bold=True) if found
            else t("検出なし（一部は判断できない）", "nothing found, partly could not be judged")
            if measured and any(look.damaged or look.lost or look.stale for look in mine)
            else t("検出なし", "nothing found") if measured
            else click.style(t("判断できない", "could not be judged"), fg="yellow")
        )  # fmt: skip
        notes = dict.fromkeys(look.fault or look.coverage.note for look in (measured or mine))
        reasons = detectors[name].reasons
        said = [reasons[note].say(LANGUAGE) if note in reasons else note for note in notes if note]
        if any(look.lost for look in mine):
            said.insert(0, t("取り込めなかった行がある", "some rows could not be taken in"))
        if any(look.stale for look in mine):
            said.insert(0, t("表が古い", "by an old list"))
        yield (
            detectors[name].title.say(LANGUAGE),
            word,
            f"{max((look.coverage.lines for look in mine), default=0):,}",
            f"{sum(look.coverage.rows for look in mine if not look.between):,}",
            f"1:{max((look.coverage.sampling for look in mine), default=0) or '?'}",
            t("；", "; ").join(said),
        )


def _tell_one(one: Detection, detectors: Mapping[str, Detector]) -> None:
    from sekisho.workflows.detect import sentence

    title = detectors[one.method].title.say(LANGUAGE)
    family = f" {one.family}" if one.family else ""
    head = f"{grade_word(one.grade)}  {title}{family}  {t('回線', 'line')} {line_word(one.subscriber)}"
    click.echo(f"{head}  {clock(one.begin)}")
    click.echo(f"    {sentence(one, detectors[one.method].reasons, LANGUAGE)}")
    more = one.remote_count - len(one.remotes[:_REMOTES])
    shown = "  ".join(one.remotes[:_REMOTES]) + (t(f" ほか{more}", f" and {more} more") if more > 0 else "")
    kept = len(one.evidence)
    proof = t(
        f"根拠 {one.rows:,} 行（{kept} 行を保存、--format json）",
        f"{one.rows:,} rows as evidence, {kept} of them kept (--format json)",
    )
    click.echo(f"    → {shown}   {proof}\n")


def warn_torn(lines: Sequence[int]) -> None:
    """Say on stderr which lines of the log of detections are damaged."""
    if lines:
        named = t("、", ", ").join(map(str, lines[:_FILES])) + (" …" if len(lines) > _FILES else "")
        said = t(
            f"検出の記録 detections.jsonl の {len(lines):,} 行が壊れている（{named} 行目）。そこにあった検出は数えていない。"
            "控えから戻すか、sekisho detect でもう一度調べる。",
            f"{len(lines):,} lines of the log of detections, detections.jsonl, are damaged (line {named}). What stood there "
            "is not counted. Restore it from a backup, or look again with sekisho detect.",
        )
        click.secho(said, fg="red", err=True)


def warn(rejected: Mapping[str, int], as_json: bool) -> None:
    """Say on stderr which entries of lists were left out."""
    if rejected and not as_json:
        from sekisho.wiring.list_words import left_out_words

        said = left_out_words(rejected).say(LANGUAGE)
        click.secho(
            t(f"表のうち使わなかった行：{said}", f"entries of the lists left out: {said}"),
            fg="yellow",
            err=True,
        )
