"""Schema 3: the index of the detections' log with its counts, that of the assessments' folders, ways into the audit log."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_DETECTIONS = """
CREATE TABLE detections (
  id {text} PRIMARY KEY,
  method {text} NOT NULL,
  subscriber BIGINT NOT NULL,
  "begin" BIGINT NOT NULL,
  "end" BIGINT NOT NULL,
  grade {text} NOT NULL,
  reason {text} NOT NULL,
  arguments {text} NOT NULL,
  family {text} NOT NULL,
  remotes {text} NOT NULL,
  remote_count BIGINT NOT NULL,
  "rows" BIGINT NOT NULL,
  sampling BIGINT NOT NULL,
  sources {text} NOT NULL,
  found BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  purposes {text} NOT NULL,
  place BIGINT NOT NULL
)
"""
# One row for each address that a detection names, so that an address leads to its newest detections without sorting.
_REMOTES = """
CREATE TABLE detection_remotes (
  address {text} NOT NULL,
  "begin" BIGINT NOT NULL,
  detection {text} NOT NULL REFERENCES detections (id) ON DELETE CASCADE
)
"""
# Counted while it is filled; the hour -1 holds the sums over all hours.
_COUNTS = """
CREATE TABLE detection_counts (
  hour BIGINT NOT NULL,
  method {text} NOT NULL,
  grade {text} NOT NULL,
  family {text} NOT NULL,
  purposes {text} NOT NULL,
  "count" BIGINT NOT NULL,
  PRIMARY KEY (hour, method, grade, family, purposes)
){clustered}
"""
_MARKS = """
CREATE TABLE index_marks (
  name {text} PRIMARY KEY,
  mark {text} NOT NULL
)
"""
_ASSESSMENTS = """
CREATE TABLE assessments (
  id {text} PRIMARY KEY,
  terminal {text} NOT NULL,
  maker {text} NOT NULL,
  model {text} NOT NULL,
  kind {text} NOT NULL,
  unit {text} NOT NULL,
  hardware {text} NOT NULL,
  software {text} NOT NULL,
  target {text} NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  person {text} NOT NULL,
  place {text} NOT NULL,
  number {text} NOT NULL,
  tool {text} NOT NULL,
  state {text} NOT NULL,
  head {text} NOT NULL,
  events BIGINT NOT NULL,
  problem {text} NOT NULL,
  verdicts {text} NOT NULL,
  mark {text} NOT NULL
)
"""
_JUDGEMENTS = """
CREATE TABLE assessment_judgements (
  assessment {text} NOT NULL REFERENCES assessments (id) ON DELETE CASCADE,
  catalogue {text} NOT NULL,
  terminal {text} NOT NULL,
  began BIGINT NOT NULL,
  verdict BIGINT NOT NULL,
  duties {text} NOT NULL,
  PRIMARY KEY (assessment, catalogue)
)
"""
# Each index ends in the order of paging, so that a page is read from it without sorting.
_INDICES = (
    'CREATE INDEX detections_by_time ON detections ("begin" DESC, id)',
    'CREATE INDEX detections_by_method ON detections (method, grade, "begin" DESC, id)',
    'CREATE INDEX detections_by_family ON detections (family, method, grade, "begin" DESC, id)',
    'CREATE INDEX detections_by_subscriber ON detections (subscriber, "begin" DESC, id)',
    "CREATE INDEX detections_by_expiry ON detections (expires)",
    'CREATE INDEX detection_remotes_by_address ON detection_remotes (address, "begin" DESC, detection)',
    "CREATE INDEX detection_remotes_by_detection ON detection_remotes (detection)",
    "CREATE INDEX assessments_by_time ON assessments (began DESC, id)",
    "CREATE INDEX assessments_by_terminal ON assessments (terminal, began DESC, id)",
    "CREATE INDEX judgements_by_terminal ON assessment_judgements (catalogue, terminal, began DESC)",
    "CREATE INDEX audit_by_who ON audit (who, seq DESC)",
    "CREATE INDEX audit_by_act ON audit (act, seq DESC)",
    "CREATE INDEX audit_by_object ON audit (object, seq DESC)",
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for table in (_DETECTIONS, _REMOTES, _COUNTS, _MARKS, _ASSESSMENTS, _JUDGEMENTS):
        yield table.replace("{text}", dialect.text).replace("{clustered}", dialect.clustered)
    yield from _INDICES
