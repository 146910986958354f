"""The registry of assessments in SQL; see `ports.registry`. It can be made anew from the folders at any time."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, or_, select, union_all

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.registry import AssessmentRow, MatrixRow, Registered, State
from sekisho.model.verdict import Verdict
from sekisho.ports.registry import AssessmentFilter, AssessmentPage, Known
from sekisho.stores.database.index_tables import ASSESSMENTS, JUDGEMENTS
from sekisho.stores.database.opening import Database
from sekisho.stores.database.rows import as_noun, as_row

_KEY = re.compile(r"(\d{1,18})\.(.+)", re.DOTALL)
_MOST = 10_000
_SEARCHED = ("id", "maker", "model", "unit", "number", "person")


class SqlAssessments:
    """An `AssessmentFiling` and an `AssessmentIndex`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> Mapping[str, Known]:
        """Return what is known, by id."""
        asked = select(ASSESSMENTS.c.id, ASSESSMENTS.c.mark, ASSESSMENTS.c.state)
        with self._database.reading() as connection:
            return {row.id: Known(row.mark, State(row.state)) for row in connection.execute(asked)}

    def put(self, registered: Sequence[Registered]) -> None:
        """Store assessments, in place of what was known of them."""
        if not registered:
            return
        rows = {one.row.id: as_row(one.row) for one in registered}
        judgements = [
            {
                "assessment": one.row.id, "catalogue": catalogue, "terminal": one.row.terminal, "began": one.row.began,
                "verdict": int(one.row.verdicts.get(catalogue, Verdict.NONE)),
                "duties": {name: int(verdict) for name, verdict in duties.items()},
            }
            for one in registered
            for catalogue, duties in one.duties.items()
        ]  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(delete(ASSESSMENTS).where(ASSESSMENTS.c.id.in_(sorted(rows))))
            connection.execute(insert(ASSESSMENTS), [rows[name] for name in sorted(rows)])
            if judgements:
                connection.execute(insert(JUDGEMENTS), judgements)

    def drop(self, identifiers: Collection[str]) -> None:
        """Forget assessments."""
        names = sorted(identifiers)
        with self._database.writing() as connection:
            for first in range(0, len(names), _MOST):
                few = names[first : first + _MOST]
                connection.execute(delete(ASSESSMENTS).where(ASSESSMENTS.c.id.in_(few)))

    def find(self, wanted: AssessmentFilter, *, after: str = "", limit: int = 50) -> AssessmentPage:
        """Return a page. :raises DescriptionError: ``after`` is not the ``next`` of a page."""
        limit = max(1, min(limit, _MOST))
        began, name = ASSESSMENTS.c.began, ASSESSMENTS.c.id
        conditions = _narrowed(wanted)
        pieces: list[tuple[ColumnElement[bool], ...]] = [()]
        if after:
            found = _KEY.fullmatch(after)
            if not found:
                raise DescriptionError(
                    Text(ja="続きの頁の鍵ではない", en="not the key of a next page"), after[:100]
                )
            pieces = [(began == int(found[1]), name > found[2]), (began < int(found[1]),)]
        selects = [
            select(select(ASSESSMENTS).where(*piece, *conditions).order_by(began.desc(), name).limit(limit + 1).subquery())
            for piece in pieces
        ]  # fmt: skip
        merged = union_all(*selects).subquery()
        asked = select(merged).order_by(merged.c.began.desc(), merged.c.id).limit(limit + 1)
        with self._database.reading() as connection:
            rows = connection.execute(asked).all()
            page = tuple(as_noun(AssessmentRow, row) for row in rows[:limit])
        return AssessmentPage(page, f"{page[-1].began}.{page[-1].id}" if len(rows) > limit else "")

    def one(self, identifier: str) -> AssessmentRow | None:
        """Return one assessment."""
        with self._database.reading() as connection:
            row = connection.execute(select(ASSESSMENTS).where(ASSESSMENTS.c.id == identifier)).first()
            return None if row is None else as_noun(AssessmentRow, row)

    def matrix(self, catalogue: str = "", *, after: str = "", limit: int = 100) -> tuple[MatrixRow, ...]:
        """Return where terminals stand by their newest judgement under each catalogue."""
        chosen = [JUDGEMENTS.c.catalogue == catalogue] if catalogue else []
        terminals = (
            select(JUDGEMENTS.c.terminal)
            .where(*chosen, JUDGEMENTS.c.terminal > after)
            .distinct()
            .order_by(JUDGEMENTS.c.terminal)
            .limit(max(1, min(limit, _MOST)))
        )
        order = (JUDGEMENTS.c.began.desc(), JUDGEMENTS.c.assessment)
        place = func.row_number().over(
            partition_by=(JUDGEMENTS.c.catalogue, JUDGEMENTS.c.terminal), order_by=order
        )
        mine = JUDGEMENTS.c.terminal.in_(select(terminals.subquery().c.terminal))
        ranked = select(JUDGEMENTS, place.label("place")).where(*chosen, mine).subquery()
        asked = (
            select(ranked, ASSESSMENTS.c.maker, ASSESSMENTS.c.model)
            .join(ASSESSMENTS, ASSESSMENTS.c.id == ranked.c.assessment)
            .where(ranked.c.place == 1)
            .order_by(ranked.c.terminal, ranked.c.catalogue)
        )
        with self._database.reading() as connection:
            return _rows(connection.execute(asked).all())

    def catalogues(self) -> tuple[str, ...]:
        """Return the catalogues that anything was judged by."""
        asked = select(JUDGEMENTS.c.catalogue).distinct().order_by(JUDGEMENTS.c.catalogue)
        with self._database.reading() as connection:
            return tuple(connection.execute(asked).scalars())

    def newest(self) -> tuple[tuple[AssessmentRow, int], ...]:
        """Return the newest assessment of each terminal, and how many it has, in the order of the terminals."""
        order = (ASSESSMENTS.c.began.desc(), ASSESSMENTS.c.id)
        place = func.row_number().over(partition_by=ASSESSMENTS.c.terminal, order_by=order)
        count = func.count().over(partition_by=ASSESSMENTS.c.terminal)
        ranked = select(ASSESSMENTS, place.label("nth"), count.label("every")).subquery()
        asked = select(ranked).where(ranked.c.nth == 1).order_by(ranked.c.terminal)
        with self._database.reading() as connection:
            return tuple(
                (as_noun(AssessmentRow, row[:-2]), int(row[-1])) for row in connection.execute(asked)
            )


def _narrowed(wanted: AssessmentFilter) -> list[ColumnElement[bool]]:
    table = ASSESSMENTS.c
    named = {"terminal": wanted.terminal, "maker": wanted.maker, "model": wanted.model}
    found: list[ColumnElement[bool]] = [table[name] == value for name, value in named.items() if value]
    if wanted.states:
        found.append(table.state.in_([one.value for one in wanted.states]))
    if wanted.since:
        found.append(table.began >= wanted.since)
    if wanted.until:
        found.append(table.began < wanted.until)
    if wanted.text:
        found.append(or_(*(table[name].contains(wanted.text, autoescape=True) for name in _SEARCHED)))
    if wanted.catalogue or wanted.verdict is not None:
        judged: Any = select(JUDGEMENTS.c.assessment).where(JUDGEMENTS.c.assessment == table.id)
        if wanted.catalogue:
            judged = judged.where(JUDGEMENTS.c.catalogue == wanted.catalogue)
        if wanted.verdict is not None:
            judged = judged.where(JUDGEMENTS.c.verdict == int(wanted.verdict))
        found.append(judged.exists())
    return found


def _rows(rows: Sequence[Any]) -> tuple[MatrixRow, ...]:
    found: dict[str, MatrixRow] = {}
    for row in rows:
        held = found.setdefault(row.terminal, MatrixRow(row.terminal, row.maker, row.model, {}, {}, {}))
        held.assessments[row.catalogue] = row.assessment
        held.whole[row.catalogue] = Verdict(row.verdict)
        duties = msgspec.convert(row.duties, dict[str, Verdict])
        held.verdicts.update({f"{row.catalogue}/{name}": verdict for name, verdict in duties.items()})
    return tuple(found.values())
