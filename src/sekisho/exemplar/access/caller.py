"""Who asks, what a granted sign-in gives, and how a refusal is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sekisho.exemplar.access.sessions import Stage

USER: Final = "admin"


class Refused(Exception):
    """The request is not granted. `reason` is an identifier; `wait` is in whole seconds, 0 for none."""

    def __init__(self, reason: str, wait: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.faults = reason, wait, faults


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from and what it can show: address, session token, known-browser token."""

    source: str
    session: str | None = None
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A granted sign-in: the new session token, its stage, and the known-browser token to keep."""

    session: str
    stage: Stage
    known: str | None = None
