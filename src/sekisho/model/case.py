"""Cases: what is known of one infected line, from the first detection to the observed healing.

A case holds pseudonyms only. Who the subscriber is stands elsewhere, behind a recorded legal basis.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from sekisho.language import Text
from sekisho.model.detection import Grade


class CaseState(StrEnum):
    """Where a case stands. `HEALED` is observed, never declared; a line that fell silent stays where it is."""

    NEW = "new"
    CONFIRMED = "confirmed"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    HEALED = "healed"
    RELAPSED = "relapsed"
    CLOSED = "closed"

    @property
    def label(self) -> Text:
        """The word shown to people."""
        return _STATES[self]

    @property
    def open(self) -> bool:
        """Whether somebody still has to do or observe something."""
        return self not in {CaseState.HEALED, CaseState.CLOSED}


_STATES = {
    CaseState.NEW: Text(ja="新規", en="new"),
    CaseState.CONFIRMED: Text(ja="確認済", en="confirmed"),
    CaseState.NOTIFIED: Text(ja="注意喚起済", en="notified"),
    CaseState.ACKNOWLEDGED: Text(ja="応答あり", en="acknowledged"),
    CaseState.HEALED: Text(ja="治癒（観測）", en="healed (observed)"),
    CaseState.RELAPSED: Text(ja="再発", en="relapsed"),
    CaseState.CLOSED: Text(ja="終了", en="closed"),
}


class CloseReason(StrEnum):
    """Why a person closed a case without healing."""

    FALSE_ALARM = "false-alarm"
    MERGED = "merged"
    LEFT = "left"
    NOT_OURS = "not-ours"
    OPTED_OUT = "opted-out"
    OTHER = "other"


class Healing(StrEnum):
    """What the watch can say of a case now. `UNKNOWN`: the line was silent, so nothing can be said."""

    ACTIVE = "active"
    QUIET = "quiet"
    HEALED = "healed"
    UNKNOWN = "unknown"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line and one kind of trouble (a malware family, or a behaviour when no family is known).

    :ivar key: ``family:mirai`` or ``method:outbound_scan``: what folds detections of a line into one case
    :ivar subscriber: pseudonym of the line
    :ivar first_seen: earliest moment among its detections, milliseconds; ``last_seen`` the latest
    :ivar notified_at: milliseconds of the first notice that went out, 0 before
    :ivar healed_at: milliseconds of the last detection of a healed case, 0 otherwise
    :ivar revision: counts changes; a writer that saw an older one is refused
    """

    id: str
    subscriber: int
    key: str
    state: CaseState
    grade: Grade
    opened: int
    updated: int
    first_seen: int
    last_seen: int
    detections: int = 0
    family: str = ""
    methods: tuple[str, ...] = ()
    assignee: str = ""
    device_model: str = ""
    channel: str = ""
    notified_at: int = 0
    healed_at: int = 0
    relapses: int = 0
    close_reason: str = ""
    merged_into: str = ""
    revision: int = 0


class CaseEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a case's life; never changed, never deleted while the case is held.

    ``kind``: opened, detection, state, assigned, model, comment, merged, split, undone, notice, healing. ``body`` holds what
    an undo needs (``before``: the case as it was) beside what is shown.
    """

    case: str
    seq: int
    at: int
    who: str
    kind: str
    body: dict[str, Any] = {}
