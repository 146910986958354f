"""What pages and operations on runs share: who acts, the desk, the words and marks of states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.assess_run import RunState
from sekisho.model.case import Case
from sekisho.model.case_folding import case_id
from sekisho.model.case_life import Actor

if TYPE_CHECKING:
    from sekisho.web.asked import Asked
    from sekisho.wiring.console_runs import RunDesk

KINDS: dict[RunState, str] = {
    RunState.STARTING: "told", RunState.RUNNING: "told", RunState.STOPPED: "inconclusive",
    RunState.COMPLETE: "pass", RunState.FAILED: "fail", RunState.DIED: "fail",
}  # fmt: skip
NONE = Text(ja="その実施はない", en="there is no such run")


_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


def question_number(told: str) -> int | None:
    """Return the number of a question from an address; None for what isn't its one way to be written."""
    return int(told) if _NUMBER.fullmatch(told) else None


def split_name(case: Case, at: int, first: str) -> str:
    """Return the id of the case that detections are split off into, beginning with ``first``.

    The moment is in it: the same detections may be split off again after an undo.
    """
    return case_id(case.subscriber, f"split:{case.id}:{at}", first, ())


def actor(asked: Asked) -> Actor:
    """Return who acts."""
    if asked.who is None:  # the door asked for a sign-in
        raise AuthorisationError(Text(ja="サインインが要る", en="sign in first"))
    return asked.who.actor


def desk(asked: Asked) -> RunDesk:
    """Return the desk of runs."""
    return asked.office.console.runs
