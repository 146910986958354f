"""Schema 12: on how many lines members see published indicators, by the day."""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    text = dialect.text
    yield (
        f"CREATE TABLE hub_line_counts (member {text} NOT NULL, indicator {text} NOT NULL, day {text} NOT NULL, "
        "lines BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (member, indicator, day))"
    )
    yield "CREATE INDEX hub_line_counts_by_indicator ON hub_line_counts (indicator, day)"
    yield "CREATE INDEX hub_line_counts_by_day ON hub_line_counts (day)"
