"""Who is signed in: kept here on the terminal, never in the cookie.

The cookie holds a random token only; the table holds its SHA-256, so a leaked memory dump opens no
session. Sessions live in memory: a power cut signs everybody out, which is the safe side.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

IDLE = 15 * 60.0
LONGEST = 12 * 3600.0
MOST = 16


class Stage(IntEnum):
    """How far a caller has come. A route names the least stage that it needs; the default is OWNER."""

    ANYONE = 0
    FIRST_USE = 1
    OWNER = 2


@dataclass
class Session:
    """One signed-in browser; times in monotonic seconds."""

    stage: Stage
    begun: float
    seen: float


def fingerprint(token: str) -> str:
    """Return the SHA-256 under which a random token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class Sessions:
    """The table of sessions; `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    _table: dict[str, Session] = field(default_factory=dict)

    def open(self, stage: Stage) -> str:
        """Begin a session and return its token; the oldest one makes room when there are too many."""
        now = self.clock()
        if len(self._table) >= MOST:
            del self._table[min(self._table, key=lambda key: self._table[key].seen)]
        token = secrets.token_urlsafe(32)
        self._table[fingerprint(token)] = Session(stage, now, now)
        return token

    def stage(self, token: str | None) -> Stage:
        """Return what the holder of `token` may do now; unknown and expired tokens are ANYONE."""
        # duty: JP20-1 the session, kept on the terminal, decides; a token unknown to the table opens nothing
        session = self._table.get(fingerprint(token)) if token else None
        if session is None or token is None:
            return Stage.ANYONE
        now = self.clock()
        if now - session.seen > IDLE or now - session.begun > LONGEST:
            self.close(token)
            return Stage.ANYONE
        session.seen = now
        return session.stage

    def close(self, token: str | None) -> None:
        """End one session."""
        if token:
            self._table.pop(fingerprint(token), None)

    def close_all(self) -> None:
        """End every session: after a change of the password, a reset, an update."""
        self._table.clear()
