"""How many statements a thread asked of databases: what shows a page that asks once more for each row."""

from __future__ import annotations

from threading import local
from typing import Any

_ASKED = local()


def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    """Count a statement of this thread; a listener of SQLAlchemy's ``before_cursor_execute``."""
    if not statement.startswith("BEGIN"):
        _ASKED.count = asked() + 1


def asked() -> int:
    """Return how many statements this thread has asked so far."""
    return int(getattr(_ASKED, "count", 0))
