"""Schema 5: collections of shared objects, the objects, and the records of what was sent."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

# last_added outlives the objects: a time of adding is never given twice, not even after a deletion.
_COLLECTIONS = """
CREATE TABLE shared_collections (
  id {text} PRIMARY KEY,
  title {text} NOT NULL,
  description {text} NOT NULL,
  alias {text} NOT NULL,
  last_added BIGINT NOT NULL
)
"""
_OBJECTS = """
CREATE TABLE shared_objects (
  collection {text} NOT NULL REFERENCES shared_collections (id) ON DELETE CASCADE,
  added BIGINT NOT NULL,
  id {text} NOT NULL,
  type {text} NOT NULL,
  version {text} NOT NULL,
  version_key {text} NOT NULL,
  digest {text} NOT NULL,
  body {text} NOT NULL,
  PRIMARY KEY (collection, added)
)
"""
_SENT = """
CREATE TABLE shared_sent (
  id {text} PRIMARY KEY,
  owner {text} NOT NULL,
  at BIGINT NOT NULL,
  told {text} NOT NULL
)
"""
_INDICES = (
    "CREATE UNIQUE INDEX shared_collections_by_alias ON shared_collections (alias) WHERE alias <> ''",
    "CREATE UNIQUE INDEX shared_objects_by_version ON shared_objects (collection, id, version_key)",
    "CREATE INDEX shared_objects_by_type ON shared_objects (collection, type, added)",
    "CREATE INDEX shared_sent_by_time ON shared_sent (at)",
)


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for table in (_COLLECTIONS, _OBJECTS, _SENT):
        yield table.replace("{text}", dialect.text)
    yield from _INDICES
