"""Schema 14: what makers were last told of their models, part by part: it changes only when enough groups changed."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect

_PLACE = ("vendor", "model", "firmware", "finding", "side")


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    text = dialect.text
    named = ", ".join(f"{name} {text} NOT NULL" for name in _PLACE)
    yield (
        f"CREATE TABLE hub_shown_models ({named}, devices BIGINT NOT NULL, ports {text} NOT NULL, cves {text} NOT NULL, "
        f"PRIMARY KEY ({', '.join(_PLACE)}))"
    )
