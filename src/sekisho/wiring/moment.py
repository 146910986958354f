"""Where the time of day comes in."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is where time comes in


def milliseconds() -> int:
    """Return the time of day in milliseconds of the Unix epoch."""
    return int(now().timestamp() * 1000)
