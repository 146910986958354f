"""Detections as they are listed and counted: all but their flow rows, which stay in the log alone."""

from __future__ import annotations

import msgspec

from sekisho.model.detection import Grade
from sekisho.model.purpose import Purpose
from sekisho.model.verdict import Scalar

HOUR = 3_600_000


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A detection without its flow rows.

    :ivar found: when it was found last, milliseconds; ``expires`` when its label runs out
    :ivar purposes: what it may be used for
    :ivar place: where its line begins in the log, in octets: a hint, lines move when others expire
    """

    id: str
    method: str
    subscriber: int
    begin: int
    end: int
    grade: Grade
    reason: str
    arguments: dict[str, Scalar]
    family: str
    remotes: tuple[str, ...]
    remote_count: int
    rows: int
    sampling: int
    sources: tuple[str, ...]
    found: int
    expires: int
    purposes: tuple[Purpose, ...]
    place: int = 0


class DetectionCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many detections there are by method, grade, family and hour (its beginning, milliseconds).

    ``exact`` is False when only the newest ones were counted, because counting all would take too long.
    """

    total: int = 0
    methods: dict[str, int] = {}
    grades: dict[str, int] = {}
    families: dict[str, int] = {}
    hours: dict[int, int] = {}
    exact: bool = True

    def days(self, hours_east: int = 9) -> dict[int, int]:
        """Return the counts by day; its beginning in milliseconds, at so many hours east of Greenwich."""
        found: dict[int, int] = {}
        east = hours_east * HOUR
        for hour, count in self.hours.items():
            day = (hour + east) // (24 * HOUR) * 24 * HOUR - east
            found[day] = found.get(day, 0) + count
        return found
