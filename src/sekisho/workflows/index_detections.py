"""The verb index: what the log of detections holds goes into the index, exactly once, and leaves it when it expires."""

from __future__ import annotations

from typing import Protocol

import msgspec

from sekisho.model.detected import Listed
from sekisho.ports.detections import DetectionFilling


class _Piece(Protocol):
    @property
    def listed(self) -> tuple[Listed, ...]: ...

    @property
    def mark(self) -> str: ...

    @property
    def rejected(self) -> int: ...

    @property
    def anew(self) -> bool: ...


class Log(Protocol):
    """The log, as `stores.detection_tail` reads it."""

    def read(self, mark: str = "") -> _Piece:
        """Return what was added behind a mark; the same mark when there is nothing."""
        ...


class Indexed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done: lines taken in, detections that expired, lines that could not be read; ``anew`` when the log is another one."""

    taken: int = 0
    expired: int = 0
    rejected: int = 0
    anew: bool = False


def index_detections(log: Log, index: DetectionFilling, now: int) -> Indexed:
    """Bring the index up to the end of the log; what is past its expiry leaves it first, and isn't taken in.

    Several processes may do it at once: each piece is taken by one of them, with the mark behind it.
    """
    taken, rejected, anew = 0, 0, False
    expired = index.expire(now)
    while True:
        before = index.mark()
        piece = log.read(before)
        if piece.anew:
            index.clear()
            anew = True
            continue
        if piece.mark == before:
            return Indexed(taken, expired, rejected, anew)
        if index.take([one for one in piece.listed if one.expires > now], before, piece.mark):
            taken, rejected = taken + len(piece.listed), rejected + piece.rejected
