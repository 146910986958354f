"""Schema 9: what an operator writes of its duties: versions that are only added."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_PAPERS = """
CREATE TABLE duty_papers (
  kind {text} NOT NULL,
  name {text} NOT NULL,
  version BIGINT NOT NULL,
  made BIGINT NOT NULL,
  made_by {text} NOT NULL,
  body {text} NOT NULL,
  PRIMARY KEY (kind, name, version)
)
"""
_KEPT = "'what was written of duties is append-only'"


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    yield _PAPERS.replace("{text}", dialect.text)
    for act in ("UPDATE", "DELETE"):
        name = f"duty_papers_no_{act.lower()}"
        if dialect.name == "sqlite":
            yield f"CREATE TRIGGER {name} BEFORE {act} ON duty_papers BEGIN SELECT RAISE(ABORT, {_KEPT}); END"
        else:
            yield f"CREATE TRIGGER {name} BEFORE {act} ON duty_papers FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
