"""The sockets of the detections' index: what fills it, and what answers from it.

The log of detections stays the truth: the index holds no flow rows, and can be made anew at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sekisho.model.detected import DetectionCounts, Listed
from sekisho.model.detection import Grade
from sekisho.model.purpose import Purpose


class DetectionFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which detections are asked for; empty fields don't narrow. Order: newest ``begin`` first, then id.

    ``since`` ≤ ``begin`` < ``until``; ``family`` "" asks for detections of no known family, None for all. ``remote`` is
    an address, or ``address:port/protocol`` as in `Detection.remotes`. ``ids`` asks for these alone, as those of a case.
    """

    methods: tuple[str, ...] = ()
    grades: tuple[Grade, ...] = ()
    family: str | None = None
    subscriber: int | None = None
    remote: str = ""
    since: int = 0
    until: int = 0
    ids: tuple[str, ...] | None = None


class DetectionPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of detections and the key of the next one (keyset paging); ``next`` is empty at the end."""

    listed: tuple[Listed, ...]
    next: str = ""


class DetectionIndex(Protocol):
    """Answers questions about detections. Each states its purpose, and gets nothing unless every label allows it."""

    def find(
        self, wanted: DetectionFilter, purpose: Purpose, *, after: str = "", limit: int = 50, who: str = ""
    ) -> DetectionPage:
        """Return a page. :raises PurposeError: a label doesn't allow ``purpose``; the refusal is logged."""
        ...

    def one(self, identifier: str, purpose: Purpose, who: str = "") -> Listed | None:
        """Return one detection. :raises PurposeError: as `find`."""
        ...

    def counts(self, wanted: DetectionFilter, purpose: Purpose, who: str = "") -> DetectionCounts:
        """Count. :raises PurposeError: as `find`."""
        ...


class DetectionFilling(Protocol):
    """Fills the index exactly once: what is taken in, and up to where the log was read, are stored together."""

    def mark(self) -> str:
        """Return up to where the log was read; empty at the beginning."""
        ...

    def take(self, listed: Sequence[Listed], before: str, after: str) -> bool:
        """Store detections and the mark ``after`` in one transaction; of one id the one found last stays.

        Return False, and store nothing, when the mark is not ``before`` any more: somebody else went on from there.
        """
        ...

    def expire(self, now: int) -> int:
        """Delete what is past its expiry; return how many."""
        ...

    def clear(self) -> None:
        """Forget everything, the mark too."""
        ...
