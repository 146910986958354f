"""The tables of the indices over what lies in files: detections and assessments. They can be made anew at any time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from sekisho.model.detected import Listed
from sekisho.model.registry import AssessmentRow
from sekisho.stores.database.tables import METADATA, Json, _table

DETECTIONS = _table("detections", Listed, key=("id",), json=("arguments", "remotes", "sources", "purposes"))
REMOTES = Table(
    "detection_remotes",
    METADATA,
    Column("address", Text(), nullable=False),
    Column("begin", BigInteger(), nullable=False),
    Column("detection", Text(), nullable=False),
)
COUNTS = Table(
    "detection_counts",
    METADATA,
    Column("hour", BigInteger(), primary_key=True, autoincrement=False),
    *(Column(name, Text(), primary_key=True) for name in ("method", "grade", "family")),
    Column("purposes", Json(), primary_key=True),
    Column("count", BigInteger(), nullable=False),
)
MARKS = Table(
    "index_marks", METADATA, Column("name", Text(), primary_key=True), Column("mark", Text(), nullable=False)
)
ASSESSMENTS = _table("assessments", AssessmentRow, key=("id",), json=("verdicts",))
JUDGEMENTS = Table(
    "assessment_judgements",
    METADATA,
    Column("assessment", Text(), primary_key=True),
    Column("catalogue", Text(), primary_key=True),
    Column("terminal", Text(), nullable=False),
    Column("began", BigInteger(), nullable=False),
    Column("verdict", BigInteger(), nullable=False),
    Column("duties", Json(), nullable=False),
)
