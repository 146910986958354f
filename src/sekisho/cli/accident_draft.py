"""``sekisho accident draft``: drafts of reports and notices, and the ministry's own form filled by a mapping."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sekisho.cli.day_option import DAY
from sekisho.cli.speech import LANGUAGE, lang_option, put_json, t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sekisho.model.draft import Draft
    from sekisho.model.ruling import Ruling
    from sekisho.model.timeline import About

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_KINDS, _FORMATS = ("first", "detailed", "periodic", "notice"), ("docx", "xlsx", "pdf", "json")


@click.command(
    "draft",
    help=t(
        "報告書と周知の下書きを作る。分からない欄は空のまま示す。何も送らない。",
        "Draft reports and notices. What nobody knows yet stays an empty field. Sends nothing.",
    ),
)
@click.argument("files", nargs=-1, type=_FILE)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help=t(
        "periodic：画面に記録した事故も（データフォルダー）",
        "periodic: the accidents of the console, too (data folder)",
    ),
)
@click.option(
    "--period",
    type=DAY,
    help=t(
        "periodic：この日に始まる期間のものだけ", "periodic: only those of the period that begins that day"
    ),
)
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    required=True,
    help=t(
        "first 第一報、detailed 30日報告、periodic 定期報告の表（FILE一つが事故一件）、notice 利用者への周知",
        "first report, detailed report, table of the periodic report (each FILE an accident), notice to users",
    ),
)
@click.option("--at", metavar="TIME", help=t("この時点で（既定は今）", "as known then (default: now)"))
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    help=t("形式（既定は全部）", "form (default: all)"),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help=t("書くフォルダー", "folder to write to"),
)
@click.option(
    "--form", type=_FILE, help=t("総務省の様式（xlsx・xlsm・docx）", "the ministry's form (xlsx, xlsm, docx)")
)
@click.option("--mapping", type=_FILE, help=t("様式への対応表（TOML）", "how fields go into the form (TOML)"))
@click.option(
    "--duty",
    default="",
    help=t(
        "詳細報告：この義務のものだけ（既定は義務ごとに一つ）",
        "detailed report: that of this duty only (default: one for each duty)",
    ),
)
@lang_option
def command(
    files: tuple[Path, ...], kind: str, at: str | None, formats: tuple[str, ...], output: Path, form: Path | None,
    mapping: Path | None, duty: str, as_json: bool, data: Path | None, period: datetime | None,
) -> int:  # fmt: skip
    """Write the drafts and say where."""
    if (form is None) != (mapping is None):
        raise click.UsageError(t("--form と --mapping は一緒に使う", "--form and --mapping go together"))
    from sekisho.wiring.moment import zone
    from sekisho.workflows.draft_accident import fill_form, render

    _fits(files, kind, at, data, period)
    every = _judged(files, kind, at, data)
    if period:
        every = [one for one in every if one[1].periodic.first == period.date()]
    if not every:
        raise click.UsageError(t("その期間の事故の記録がない", "no accident of that period is on record"))
    made = _made(kind, every, duty)
    if form and len(made) > 1:
        known = ", ".join(one.duty for one in made)
        raise click.UsageError(
            t(f"義務が複数ある。--duty で選ぶ：{known}", f"several duties: choose by --duty: {known}")
        )
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for one in made:
        # One document keeps the plain name of its kind.
        stem = kind if len(made) == 1 else one.key
        written += [
            _kept(output / f"{stem}.{name}", render(one, name, zone())) for name in formats or _FORMATS
        ]
    if form and mapping:
        written.append(_kept(output / f"{kind}-{form.name}", fill_form(made[0], form, mapping)))
    missing = [*dict.fromkeys(label for each in made for label in _blank(each))]
    if as_json:
        put_json(
            {"files": [str(one) for one, _ in written], "missing": missing, "draft": made[0], "drafts": made}
        )
        return 0
    for path, beside in written:
        said = t(f"（{beside.name} は残した）", f" ({beside.name} is left as it is)") if beside else ""
        click.echo(f"{path}{said}")
    if missing:
        click.secho(t("人が書く欄：", "to be filled in: ") + "、".join(missing), fg="yellow")
    return 0


def _fits(
    files: tuple[Path, ...], kind: str, at: str | None, data: Path | None, period: datetime | None
) -> None:
    """Refuse options that don't go together. :raises UsageError: they don't."""
    if kind != "periodic" and (data or period):
        raise click.UsageError(
            t("--data と --period は --kind periodic だけ", "--data and --period: only with --kind periodic")
        )
    if not (files or data):
        raise click.UsageError(t("FILE か --data が要る", "FILES or --data are needed"))
    if data and at:
        raise click.UsageError(t("--data は今の時点だけ", "--data is as known now: without --at"))


def _judged(
    files: tuple[Path, ...], kind: str, at: str | None, data: Path | None
) -> list[tuple[About, Ruling]]:
    from sekisho.cli.accident_reading import moment_of, tell_broken
    from sekisho.wiring.accident_records import accidents_of
    from sekisho.wiring.moment import zone
    from sekisho.workflows.judge_accident import read_accidents, rule

    when = moment_of(at)
    every = [*accidents_of(data, tell_broken)][::-1] if data else []
    groups = [(one,) for one in files] if kind == "periodic" else [files]
    for group in groups:
        about, facts = read_accidents(group, zone())
        every.append((about, rule(about, facts, when)))
    return every


def _kept(path: Path, octets: bytes) -> tuple[Path, Path | None]:
    """Write a draft without touching another that is there: a person may have filled it in. Return it, and what was left."""
    left, place = None, path
    for number in count(2):
        if not place.exists() or place.read_bytes() == octets:
            break
        left, place = place, path.with_stem(f"{path.stem}-{number}")
    if not place.exists():
        place.write_bytes(octets)
    return place, left


def _blank(one: Draft) -> Iterator[str]:
    """Yield what stands as blank in a document: its head, then its fields."""
    from sekisho.model.draft import Known

    if one.subject.startswith("▲"):
        yield t("件名", "subject")
    if not one.operator:
        yield t("事業者", "operator")
    for field in one.fields:
        if field.known is Known.MISSING:
            yield field.label


def _made(kind: str, every: list[tuple[About, Ruling]], duty: str) -> list[Draft]:
    from sekisho.model.draft import Kind
    from sekisho.wiring.moment import zone
    from sekisho.workflows.draft_accident import draft, draft_periodic, drafts

    if kind == "periodic":
        return [draft_periodic(every, LANGUAGE, zone())]
    if duty:
        return [draft(Kind(kind), *every[0], LANGUAGE, zone(), duty)]
    return [*drafts(Kind(kind), *every[0], LANGUAGE, zone())]
