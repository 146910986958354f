"""Schema 8: accidents of networks, the versions of their documents and who signed them off; both only grow."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_ACCIDENTS = """
CREATE TABLE accidents (
  id {text} PRIMARY KEY,
  title {text} NOT NULL,
  occurred BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  serious {text} NOT NULL,
  created BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  changed_by {text} NOT NULL,
  body {text} NOT NULL,
  revision BIGINT NOT NULL
)
"""
_DOCUMENTS = """
CREATE TABLE accident_documents (
  accident {text} NOT NULL REFERENCES accidents (id),
  kind {text} NOT NULL,
  version BIGINT NOT NULL,
  made BIGINT NOT NULL,
  made_by {text} NOT NULL,
  digest {text} NOT NULL,
  body {text} NOT NULL,
  PRIMARY KEY (accident, kind, version)
)
"""
_SIGNATURES = """
CREATE TABLE accident_signatures (
  accident {text} NOT NULL,
  kind {text} NOT NULL,
  version BIGINT NOT NULL,
  name {text} NOT NULL,
  at BIGINT NOT NULL,
  digest {text} NOT NULL,
  PRIMARY KEY (accident, kind, version),
  FOREIGN KEY (accident, kind, version) REFERENCES accident_documents (accident, kind, version)
)
"""
_NEWEST = "CREATE INDEX accidents_by_occurred ON accidents (occurred, id)"
_KEPT = "'documents and signatures of accidents are append-only'"


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    for table in (_ACCIDENTS, _DOCUMENTS, _SIGNATURES):
        yield table.replace("{text}", dialect.text)
    yield _NEWEST
    for table in ("accident_documents", "accident_signatures"):
        for act in ("UPDATE", "DELETE"):
            name = f"{table}_no_{act.lower()}"
            if dialect.name == "sqlite":
                yield f"CREATE TRIGGER {name} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, {_KEPT}); END"
            else:
                yield (
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW "
                    "EXECUTE FUNCTION sekisho_refuse()"
                )
