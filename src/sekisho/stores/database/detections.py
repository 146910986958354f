"""Questions to the detections' index in SQL; see `ports.detections.DetectionIndex`.

Every page is read from an index in its own order: a question for a method and a grade asks each pair that exists, and
merges. Counts come from what was counted while filling, and only the edges of a window are counted anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    column,
    func,
    select,
    text,
    type_coerce,
    union_all,
)

from sekisho.errors import DescriptionError
from sekisho.language import Text as Words
from sekisho.model.detected import HOUR, DetectionCounts, Listed
from sekisho.model.purpose import Label, LegalBasis, Purpose, Stage
from sekisho.ports.detections import DetectionFilter, DetectionPage
from sekisho.stores.database.detection_counts import EVER
from sekisho.stores.database.detection_filling import address_of
from sekisho.stores.database.index_tables import COUNTS, DETECTIONS, REMOTES
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun
from sekisho.stores.purpose_gate import refuse

_KEY = re.compile(r"(-?\d{1,18})\.(.+)", re.DOTALL)
_MOST = 10_000
# More pairs of method and grade than these are asked in one go, by time.
_PAIRS = 60
# Where nothing was counted beforehand, so many rows are counted and no more.
_COUNTED = 20_000
_IDS = 5_000
_SHOWN = tuple(column(one.name, one.type) for one in DETECTIONS.c)
_NEWEST: tuple[ColumnElement[Any], ...] = (column("begin").desc(), column("id"))
Sums = Sequence[Any]


class SqlDetections:
    """A `DetectionIndex`; ``refusals`` is the file in which refused purposes are logged, ``now`` gives milliseconds."""

    def __init__(self, database: Database, refusals: Path, now: Callable[[], int]) -> None:
        self._database = database
        self._refusals = refusals
        self._now = now

    def find(
        self, wanted: DetectionFilter, purpose: Purpose, *, after: str = "", limit: int = 50, who: str = ""
    ) -> DetectionPage:
        """Return a page of detections.

        :raises DescriptionError: ``after`` is not the ``next`` of a page
        :raises PurposeError: a label doesn't allow ``purpose``; the refusal is logged
        """
        limit, place = max(1, min(limit, _MOST)), _place(after)
        with self._database.reading() as connection:
            sums = self._allowed(connection, purpose, who)
            asked = _page(wanted, _pairs(wanted, sums), place, self._now(), limit + 1)
            rows = connection.execute(asked).all()
            listed = tuple(as_noun(Listed, row) for row in rows[:limit])
        return DetectionPage(listed, f"{listed[-1].begin}.{listed[-1].id}" if len(rows) > limit else "")

    def one(self, identifier: str, purpose: Purpose, who: str = "") -> Listed | None:
        """Return one detection. :raises PurposeError: as `find`."""
        asked = select(DETECTIONS).where(DETECTIONS.c.id == identifier, DETECTIONS.c.expires > self._now())
        with self._database.reading() as connection:
            self._allowed(connection, purpose, who)
            row = connection.execute(asked).first()
            return None if row is None else as_noun(Listed, row)

    def counts(self, wanted: DetectionFilter, purpose: Purpose, who: str = "") -> DetectionCounts:
        """Count by method, grade, family and hour. :raises PurposeError: as `find`."""
        with self._database.reading() as connection:
            sums = self._allowed(connection, purpose, who)
            if wanted.subscriber is None and not wanted.remote and wanted.ids is None:
                return _from_counts(connection, wanted, sums)
            return _counted(connection, wanted, self._now())

    def _allowed(self, connection: Connection, purpose: Purpose, who: str) -> Sums:
        """Return the sums over all hours by method, grade, family and purposes, when all labels allow ``purpose``."""
        asked = select(COUNTS.c.method, COUNTS.c.grade, COUNTS.c.family, COUNTS.c.purposes, COUNTS.c["count"])
        sums = connection.execute(asked.where(COUNTS.c.hour == EVER)).all()
        for row in sums:
            if purpose.value not in row.purposes:
                label = Label(
                    msgspec.convert(row.purposes, tuple[Purpose, ...]), LegalBasis.LEGITIMATE_BUSINESS,
                    Stage.CANDIDATE, 0,
                )  # fmt: skip
                refuse(self._refusals, "detections", purpose, "purpose", self._now(), label, who)
        return sums


def _place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    found = _KEY.fullmatch(after)
    if not found:
        raise DescriptionError(Words(ja="続きの頁の鍵ではない", en="not the key of a next page"), after[:100])
    return int(found[1]), found[2]


def _pairs(wanted: DetectionFilter, sums: Sums) -> list[tuple[str, str]] | None:
    """Return the pairs of method and grade that exist and are asked for; None when asking by them is no use."""
    if wanted.subscriber is not None or wanted.remote or wanted.ids is not None:
        return None
    if not wanted.methods and not wanted.grades and wanted.family is None:
        return None
    found = dict.fromkeys((row.method, row.grade) for row in sums if _fits(wanted, row))
    return list(found) if len(found) <= _PAIRS else None


def _fits(wanted: DetectionFilter, row: Any) -> bool:
    return (
        (not wanted.methods or row.method in wanted.methods)
        and (not wanted.grades or row.grade in wanted.grades)
        and (wanted.family is None or row.family == wanted.family)
    )


def _page(
    wanted: DetectionFilter, pairs: list[tuple[str, str]] | None, place: tuple[int, str] | None, now: int, count: int
) -> Any:  # fmt: skip
    """Return one statement: each piece is read in the order of its own index, then they are merged.

    Behind a place lie the rest of the same millisecond and all that is older; one condition for both would make the
    engines read from the top.
    """
    pieces: list[tuple[ColumnElement[bool], ...]] = [()]
    if pairs is not None:
        pieces = [(DETECTIONS.c.method == method, DETECTIONS.c.grade == grade) for method, grade in pairs]
    if not pieces:
        return select(DETECTIONS).where(DETECTIONS.c.id == "").limit(0)
    narrowed = _narrowed(wanted, now, methods=pairs is None)
    selects: list[Any] = []
    for piece in pieces:
        for begin, identifier in _behind(place):
            asked = _source(wanted, (*piece, *narrowed), begin, identifier)
            # The columns are named within and without, and not once more for each piece.
            selects.append(select(text("*")).select_from(asked.limit(count).subquery()))
    merged = union_all(*selects).subquery()
    return select(*_SHOWN).select_from(merged).order_by(*_NEWEST).limit(count)


def _source(
    wanted: DetectionFilter, conditions: tuple[ColumnElement[bool], ...],
    begin: Callable[[Any], Any] | None, identifier: Callable[[Any], Any] | None,
) -> Select[Any]:  # fmt: skip
    """Return the rows in order; an address leads through its own table."""
    times, names = DETECTIONS.c.begin, DETECTIONS.c.id
    asked = select(DETECTIONS)
    if wanted.remote:
        times, names = REMOTES.c.begin, REMOTES.c.detection
        asked = select(DETECTIONS).join_from(REMOTES, DETECTIONS, REMOTES.c.detection == DETECTIONS.c.id)
        asked = asked.where(REMOTES.c.address == address_of(wanted.remote))
    bounds = [bound(column) for bound, column in ((begin, times), (identifier, names)) if bound]
    if wanted.since:
        bounds.append(times >= wanted.since)
    if wanted.until:
        bounds.append(times < wanted.until)
    return asked.where(*conditions, *bounds).order_by(times.desc(), names)


def _behind(
    place: tuple[int, str] | None,
) -> list[tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]]:
    if place is None:
        return [(None, None)]
    begin, identifier = place
    return [(lambda time: time == begin, lambda name: name > identifier), (lambda time: time < begin, None)]


def _narrowed(wanted: DetectionFilter, now: int, *, methods: bool = True) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions besides time; ``methods`` False leaves out method and grade."""
    found: list[ColumnElement[bool]] = [DETECTIONS.c.expires > now]
    if methods and wanted.methods:
        found.append(DETECTIONS.c.method.in_(wanted.methods))
    if methods and wanted.grades:
        found.append(DETECTIONS.c.grade.in_([one.value for one in wanted.grades]))
    if wanted.family is not None:
        found.append(DETECTIONS.c.family == wanted.family)
    if wanted.subscriber is not None:
        found.append(DETECTIONS.c.subscriber == wanted.subscriber)
    if wanted.ids is not None:
        found.append(DETECTIONS.c.id.in_(wanted.ids[:_IDS]))
    if wanted.remote and wanted.remote != address_of(wanted.remote):
        quoted = msgspec.json.encode(wanted.remote).decode()
        found.append(type_coerce(DETECTIONS.c.remotes, Text()).contains(quoted, autoescape=True))
    return tuple(found)


def _from_counts(connection: Connection, wanted: DetectionFilter, sums: Sums) -> DetectionCounts:
    """Count from the counts; the parts of hours at the edges of the window are counted from the rows."""
    first = -(-wanted.since // HOUR) * HOUR
    last = wanted.until // HOUR * HOUR if wanted.until else 0
    conditions = [COUNTS.c.hour != EVER, COUNTS.c.hour >= first]
    if wanted.until:
        conditions.append(COUNTS.c.hour < last)
    conditions += _by_words(wanted)
    total = func.sum(COUNTS.c["count"])
    tally = _Tally()
    if wanted.since or wanted.until:
        by = (COUNTS.c.method, COUNTS.c.grade, COUNTS.c.family)
        for method, grade, family, count in connection.execute(
            select(*by, total).where(*conditions).group_by(*by)
        ):
            tally.add(method, grade, family, count)
    else:
        for row in sums:
            if _fits(wanted, row):
                tally.add(row.method, row.grade, row.family, row[-1])
    every_hour = select(COUNTS.c.hour, total).where(*conditions).group_by(COUNTS.c.hour)
    for hour, counted in connection.execute(every_hour):
        tally.hours[hour] += int(counted)
    for begin, end in _edges(wanted, first, last):
        _from_rows(connection, begin, end, wanted, tally)
    return tally.done(exact=True)


def _edges(wanted: DetectionFilter, first: int, last: int) -> list[tuple[int, int]]:
    """Return the parts of hours that a window begins and ends with."""
    if wanted.until and last < first:
        return [(wanted.since, wanted.until)]
    edges = [(wanted.since, first)] if wanted.since and wanted.since < first else []
    return edges + ([(last, wanted.until)] if wanted.until and last < wanted.until else [])


def _by_words(wanted: DetectionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.methods:
        found.append(COUNTS.c.method.in_(wanted.methods))
    if wanted.grades:
        found.append(COUNTS.c.grade.in_([one.value for one in wanted.grades]))
    if wanted.family is not None:
        found.append(COUNTS.c.family == wanted.family)
    return found


def _from_rows(connection: Connection, begin: int, end: int, wanted: DetectionFilter, tally: _Tally) -> None:
    """Count the rows of a part of an hour.

    Words are compared here: with them in the question, SQLite reads all of a family instead of the part of the hour.
    """
    hour = (DETECTIONS.c.begin // HOUR * HOUR).label("hour")
    by = (DETECTIONS.c.method, DETECTIONS.c.grade, DETECTIONS.c.family)
    asked = select(*by, hour, func.count().label("found")).group_by(*by, hour)
    for row in connection.execute(asked.where(DETECTIONS.c.begin >= begin, DETECTIONS.c.begin < end)):
        if _fits(wanted, row):
            tally.add(row.method, row.grade, row.family, row.found)
            tally.hours[int(row.hour)] += row.found


def _counted(connection: Connection, wanted: DetectionFilter, now: int) -> DetectionCounts:
    """Count the newest rows of a line, an address or a case, up to a bound."""
    asked = _source(wanted, _narrowed(wanted, now), None, None).limit(_COUNTED + 1).subquery()
    columns = (asked.c.method, asked.c.grade, asked.c.family, asked.c.begin)
    rows = connection.execute(select(*columns)).all()
    tally = _Tally()
    for method, grade, family, begin in rows[:_COUNTED]:
        tally.add(method, grade, family, 1)
        tally.hours[begin // HOUR * HOUR] += 1
    return tally.done(exact=len(rows) <= _COUNTED)


class _Tally:
    """Adds up."""

    def __init__(self) -> None:
        self._total = 0
        self._methods: Counter[str] = Counter()
        self._grades: Counter[str] = Counter()
        self._families: Counter[str] = Counter()
        self.hours: Counter[int] = Counter()

    def add(self, method: str, grade: str, family: str, count: int) -> None:
        count = int(count)
        self._total += count
        self._methods[method] += count
        self._grades[grade] += count
        self._families[family] += count

    def done(self, *, exact: bool) -> DetectionCounts:
        return DetectionCounts(
            self._total, dict(self._methods.most_common()), dict(self._grades.most_common()),
            dict(self._families.most_common()), dict(sorted(self.hours.items())), exact,
        )  # fmt: skip
