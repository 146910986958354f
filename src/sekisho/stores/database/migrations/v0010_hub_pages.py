"""Schema 10: indices for the hub's pages (newest first, by value), and for what is due to be published.

What is due was found by reading every standing, twice a minute.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    del dialect  # the same for both engines
    yield "CREATE INDEX hub_standings_by_since ON hub_standings (since, key)"
    yield "CREATE INDEX hub_standings_by_value ON hub_standings (value)"
    yield "CREATE INDEX hub_standings_due ON hub_standings (key) WHERE published = 0"
    yield "CREATE INDEX hub_disputes_by_time ON hub_disputes (at, id)"
    yield "CREATE INDEX hub_ledger_by_time ON hub_ledger (received, id)"
    yield "CREATE INDEX hub_ledger_by_carrier ON hub_ledger (carrier, received, id)"
