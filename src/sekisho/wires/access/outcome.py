"""What every kind of login gives back: the result, the session, and whether a code was really sent."""

from __future__ import annotations

from typing import NamedTuple

from sekisho.ports import Reading, Session, SignIn
from sekisho.wires.access.session import NoSession


class Outcome(NamedTuple):
    """A login's end. ``sent`` is False when the code never reached the terminal: it costs no budget."""

    result: SignIn
    session: Session
    sent: bool = True


def failed(reason: str, seconds: float = 0.0, *, sent: bool = True, detail: str = "") -> Outcome:
    """Return an outcome that can't be told, because of ``reason``."""
    reading = Reading(None, failure=reason, excerpt=detail[:300])
    return Outcome(SignIn(None, "", seconds, reading, failure=reason), NoSession(reason), sent)
