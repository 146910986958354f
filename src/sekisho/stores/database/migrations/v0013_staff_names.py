"""Schema 13: names of the operator's own people, apart from the papers that carry tokens in their place."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_NAMES = """
CREATE TABLE staff_names (
  token {text} PRIMARY KEY,
  name {text} NOT NULL,
  since BIGINT NOT NULL,
  used BIGINT NOT NULL,
  erased BIGINT NOT NULL,
  ground {text} NOT NULL
)
"""
# A name has one token; one that is used again after it was erased gets another, or what was erased would speak again.
_ONE = "CREATE UNIQUE INDEX staff_names_by_name ON staff_names (name) WHERE erased = 0"
_STAYS = "'a name that was erased stays erased, and that it was stays on record'"


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    yield _NAMES.replace("{text}", dialect.text)
    yield _ONE
    if dialect.name == "sqlite":
        yield f"CREATE TRIGGER staff_names_stay BEFORE UPDATE ON staff_names WHEN OLD.erased <> 0 BEGIN SELECT RAISE(ABORT, {_STAYS}); END"
        yield f"CREATE TRIGGER staff_names_no_delete BEFORE DELETE ON staff_names BEGIN SELECT RAISE(ABORT, {_STAYS}); END"
        return
    yield (
        "CREATE TRIGGER staff_names_stay BEFORE UPDATE ON staff_names FOR EACH ROW WHEN (OLD.erased <> 0) "
        "EXECUTE FUNCTION sekisho_refuse()"
    )
    yield "CREATE TRIGGER staff_names_no_delete BEFORE DELETE ON staff_names FOR EACH ROW EXECUTE FUNCTION sekisho_refuse()"
