"""Cases, notices and the audit log in SQL: SQLite in one file by default, PostgreSQL by one URL.

Both engines have the same tables, statements and promises; ``tests/contract`` holds them to the same suite.
"""

from __future__ import annotations

from sekisho.stores.database.audit import SqlAudit, Verified
from sekisho.stores.database.cases import SqlCases
from sekisho.stores.database.notices import SqlNotices
from sekisho.stores.database.opening import Database, open_postgres, open_sqlite

__all__ = ["Database", "SqlAudit", "SqlCases", "SqlNotices", "Verified", "open_postgres", "open_sqlite"]
