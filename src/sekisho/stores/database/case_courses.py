"""The cases as courses of infection need them: few columns of all, read quickly."""

from __future__ import annotations

from sqlalchemy import func, select

from sekisho.model.case import Case, CaseState
from sekisho.model.detection import Grade
from sekisho.stores.database.opening import Database
from sekisho.stores.database.tables import CASES

_NAMES = (
    "id", "subscriber", "key", "state", "grade", "opened", "updated", "first_seen", "last_seen", "family", "device_model",
    "channel", "notified_at", "relapses", "close_reason",
)  # fmt: skip


def case_courses(database: Database) -> list[Case]:
    """Return every case with the columns that `model.survival` looks at; the others have their defaults."""
    states, grades = {one.value: one for one in CaseState}, {one.value: one for one in Grade}
    columns = [CASES.c[name] for name in _NAMES]
    with database.reading() as connection:
        rows = connection.execute(select(*columns).order_by(CASES.c.id)).all()
    return [
        Case(
            row[0], row[1], row[2], states[row[3]], grades[row[4]], row[5], row[6], row[7], row[8], family=row[9],
            device_model=row[10], channel=row[11], notified_at=row[12], relapses=row[13], close_reason=row[14],
        )
        for row in rows
    ]  # fmt: skip


def cases_changed(database: Database) -> str:
    """Return a word that changes whenever a case is stored, changed or deleted: cheap, from the index by state."""
    newest = [
        select(func.max(CASES.c.updated)).where(CASES.c.state == state.value).scalar_subquery()
        for state in CaseState
    ]
    with database.reading() as connection:
        count, *times = connection.execute(
            select(select(func.count()).select_from(CASES).scalar_subquery(), *newest)
        ).one()
    return f"{count}.{max((time or 0 for time in times), default=0)}"
