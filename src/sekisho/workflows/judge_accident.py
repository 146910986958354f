"""Judge an accident at a moment: which rules hold, is it serious, what is due by when, what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

import msgspec

from sekisho.catalogues.accidents import accident_rules, duty_rules, periodic_file, telling_rules
from sekisho.catalogues.holidays import holidays
from sekisho.errors import DescriptionError, ReadingError
from sekisho.formats.incident_file import read_csv, read_toml
from sekisho.formats.incident_words import REASONS
from sekisho.language import Text
from sekisho.model.accident import japan_day, judge, rules_for, standing
from sekisho.model.duty import TRIGGERS, duties, unasked
from sekisho.model.incident import Incident, Standing
from sekisho.model.periodic import periodic, periodic_rules
from sekisho.model.ruling import DueDay, Ruling
from sekisho.model.telling import telling
from sekisho.model.timeline import EVERYWHERE, About, Fact, TimelineError, What, in_force, incident

_LARGEST = 10_000_000
_SATURDAY = 5


def read_accidents(paths: Sequence[Path], zone: tzinfo) -> tuple[About, tuple[Fact, ...]]:
    """Return what all files say together: facts of several sources, what holds for the whole from the one in TOML.

    :raises DescriptionError: a bad line, or two files that each speak for the whole
    """
    about, facts = About(), []
    whole: Path | None = None
    for path in paths:
        said, told = read_accident(path, zone)
        if path.suffix.lower() != ".csv":
            if whole is not None:
                raise DescriptionError(
                    Text(ja="事故全体のことを書くTOMLは一つだけ", en="only one TOML may speak for the whole"),
                    f"{whole}, {path}",
                )
            about, whole = said, path
        many = len(paths) > 1
        facts += [
            msgspec.structs.replace(one, line=f"{path.name}: {one.line}") if many else one for one in told
        ]
    return about, tuple(facts)


def read_accident(path: Path, zone: tzinfo) -> tuple[About, tuple[Fact, ...]]:
    """Return what the file says; CSV by its name's end, TOML otherwise. CSV may be in UTF-8 or Shift_JIS.

    :raises ReadingError: too large, or neither
    :raises DescriptionError: a bad line; the file is named
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ReadingError(
            Text(ja="ファイルが大きすぎる（10 MBまで）", en="too large (10 MB at most)"), str(path)
        )
    is_csv = path.suffix.lower() == ".csv"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932") if is_csv else ""
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise ReadingError(
                Text(ja="文字コードが読めない", en="not in a known encoding"), str(path)
            ) from None
    try:
        return read_text(text, zone, is_csv=is_csv)
    except DescriptionError as error:
        raise type(error)(error.what, f"{path}: {error.where}", error.todo) from error


def read_text(text: str, zone: tzinfo, *, is_csv: bool) -> tuple[About, tuple[Fact, ...]]:
    """Return what a text says, in CSV or TOML. :raises DescriptionError: a bad line."""
    if is_csv:
        return read_csv(text, zone)
    events = {event.id for one in duty_rules().threats for event in one.events}
    return read_toml(text, zone, events, TRIGGERS)


def rule(about: About, facts: tuple[Fact, ...], as_of: datetime) -> Ruling:
    """Judge by the rules of the accident's own day.

    :raises DescriptionError: the facts contradict themselves, or none is that old
    """
    try:
        kept = in_force([*facts])
        known = incident(about, kept, as_of)
    except TimelineError as error:
        what = REASONS[error.reason]
        if error.hint:
            what = Text(
                ja=f"{what.ja}：{error.hint.replace(EVERYWHERE, '（地域を書かない停止）')}",
                en=f"{what.en}: {error.hint.replace(EVERYWHERE, '(an outage without an area)')}",
            )
        raise DescriptionError(what, error.line) from error
    day, today = japan_day(known.occurred), japan_day(as_of)
    rules = rules_for(day, accident_rules())
    judgements = judge(known, rules)
    serious = standing(judgements, unhurt=known.unhurt)
    found = duties(known, serious, duty_rules(), about.due)
    file = periodic_file()
    report = periodic(known, serious, periodic_rules(day, file.rules), file.tracks)
    states = {one.standing for one in found}
    silent = unasked(known, serious, duty_rules())
    states |= {Standing.UNDECIDED} if silent else set()
    urgent = next((one for one in (Standing.YES, Standing.UNDECIDED) if one in states), Standing.NO)
    return Ruling(
        known,
        tuple(sorted((one for one in kept if one.time <= as_of), key=lambda one: one.time)),
        rules,
        serious,
        urgent,
        judgements,
        found,
        tuple(due_day(one.due, today) for one in found),
        report,
        due_day(report.due, today),
        min((one.becomes for one in judgements if one.becomes), default=None),
        telling(known, kept, telling_rules()),
        _target(about, known, kept),
        sum(one.time > as_of for one in kept),
        silent,
        min((one.time for one in kept if one.what is What.REPORTED and one.time <= as_of), default=None),
    )


def _target(about: About, known: Incident, facts: tuple[Fact, ...]) -> datetime | None:
    reported = any(one.what is What.REPORTED and one.time <= known.as_of for one in facts)
    if about.target_minutes is None or reported:
        return None
    return known.known + timedelta(minutes=about.target_minutes)


def due_day(day: date, today: date) -> DueDay:
    """Say what kind of day it is, and how far away. Whether a day off moves the deadline no source says."""
    calendar = holidays()
    holiday = calendar.on(day)
    return DueDay(
        day,
        day.weekday() >= _SATURDAY,
        holiday.name if holiday else "",
        calendar.known(day),
        (day - today).days,
    )
