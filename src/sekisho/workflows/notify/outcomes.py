"""Outcomes: a notice is SENDING on the disk before it leaves, and what became of it is on the disk behind that.

Others write the same notices meanwhile (a person settles or withdraws, a bounce comes in): what they wrote is never
overwritten by something that is known less surely.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from sekisho.errors import ConflictError
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.case_life import Actor, allowed, step
from sekisho.model.identity import Person
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import Delivery
from sekisho.workflows.notify.office import Office
from sekisho.workflows.notify.timing import HOUR, earliest

_PAGE = 200
_TRIES = 5
_MOST_ATTEMPTS = 8
_FIRST_WAIT, _LONGEST_WAIT = 15 * 60_000, 4 * HOUR
#: What only an answer about the notice can have said: more than its sender knows.
_ANSWERED = frozenset({NoticeState.DELIVERED, NoticeState.BOUNCED})


class Step(msgspec.Struct, frozen=True):
    """What happened to one notice.

    ``what``: ``sent``, ``refused``, ``deferred``, ``unknown`` (outcome not known: asked), ``asked`` (left so by an earlier
    run), ``unreachable`` (the server can't be spoken to; the run ends), ``withheld``, ``waits`` (``until`` in
    milliseconds), ``unapproved``, ``taken`` (by another sender),
    ``would-send`` (dry run).
    """

    notice: Notice
    what: str
    why: str = ""
    until: int = 0


def asked(office: Office, channel: Channel) -> Iterator[Step]:
    """Yield the notices whose outcome nobody knows: an earlier run died, or an answer never came."""
    after = ""
    while page := office.notices.find((NoticeState.SENDING,), after=after, limit=_PAGE):
        yield from (Step(one, "asked", one.detail) for one in page if one.channel is channel)
        after = page[-1].id


def journalled(notice: Notice, office: Office) -> Notice | None:
    """Write that a notice is being sent; None when somebody else changed it in between, and then it must not go."""
    at = office.now()
    try:
        return office.notices.change(
            msgspec.structs.replace(
                notice,
                state=NoticeState.SENDING,
                sent_at=at,
                updated=at,
                attempts=notice.attempts + 1,
                withheld="",
                detail="",
            )
        )
    except ConflictError:
        return None


def kept_back(
    notice: Notice, office: Office, what: str, why: str = "", until: int = 0, **changes: object
) -> Step:
    """Write why a notice stays at home; ``taken`` when somebody else changed it in between: their word stands."""
    try:
        stored = office.notices.change(msgspec.structs.replace(notice, updated=office.now(), **changes))
    except ConflictError:
        return Step(notice, "taken")
    return Step(stored, what, why, until)


def settled(notice: Notice, delivery: Delivery, person: Person, office: Office) -> Step:
    """Write what became of a notice in SENDING."""
    detail = delivery.detail[:300]
    if delivery.state == "accepted":
        return Step(_gone(notice, detail, person, office), "sent", detail)
    if delivery.state == "unknown":
        return Step(_written(notice, office, detail=f"outcome unknown: {detail}"[:300]), "unknown", detail)
    if delivery.state == "unreachable":
        return Step(given_back(notice, detail, office), "unreachable", detail)
    if delivery.state == "deferred" and notice.attempts < _MOST_ATTEMPTS:
        later = office.now() + min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (notice.attempts - 1))
        stored = _written(
            notice, office, state=NoticeState.APPROVED, sent_at=0, detail=detail, not_before=later
        )
        return Step(stored, "deferred", detail, later)
    return Step(
        _written(notice, office, state=NoticeState.FAILED, sent_at=0, detail=detail), "refused", detail
    )


def given_back(notice: Notice, detail: str, office: Office) -> Notice:
    """Approve a journalled notice as before: nothing of it left the house, so it was no attempt."""
    return _written(
        notice,
        office,
        state=NoticeState.APPROVED,
        sent_at=0,
        detail=detail[:300],
        attempts=notice.attempts - 1,
    )


def _written(notice: Notice, office: Office, tries: int = _TRIES, **changes: object) -> Notice:
    """Store an outcome; what others wrote since stands, unless the notice certainly went out and they don't say so.

    :raises ConflictError: others go on writing it
    """
    try:
        return office.notices.change(msgspec.structs.replace(notice, updated=office.now(), **changes))
    except ConflictError:
        fresh = office.notices.notice(notice.id)
        if fresh is None or tries == 1:
            raise
    out = changes.get("state") is NoticeState.SENT
    if fresh.state in _ANSWERED or not (out or fresh.state is NoticeState.SENDING):
        return fresh
    return _written(fresh, office, tries - 1, **changes)


def _gone(notice: Notice, detail: str, person: Person, office: Office) -> Notice:
    """Write that a notice is out, and that its case's person was told: in one go, or one after the other."""
    at = office.now()
    changed = msgspec.structs.replace(notice, updated=at, state=NoticeState.SENT, sent_at=at, detail=detail)
    case = office.cases.case(notice.case)
    change = None if case is None else _notified(case, changed, person)
    if change is not None:
        with suppress(ConflictError):
            return office.notices.change(changed, change)
    stored = _written(notice, office, state=NoticeState.SENT, sent_at=at, detail=detail)
    told(notice.case, stored, person, office)
    return stored


def told(identifier: str, notice: Notice, person: Person, office: Office) -> None:
    """Move a case to ``notified`` when a notice about it has gone out and it stands before that state."""
    for _ in range(5):
        case = office.cases.case(identifier)
        change = None if case is None else _notified(case, notice, person)
        if change is None:
            return
        with suppress(ConflictError):
            office.cases.save(*change)
            return


def _notified(case: Case, notice: Notice, person: Person) -> tuple[Case, tuple[CaseEvent, ...]] | None:
    role = person.role.value if person.role else ""
    if not allowed(case, CaseState.NOTIFIED, role):
        return None
    actor, channel = Actor(person.name, role), notice.channel.value
    change = step(case, CaseState.NOTIFIED, actor, notice.sent_at, notice=notice.id, channel=channel)
    return msgspec.structs.replace(change.case, channel=channel), tuple(change.events)


def tidy(person: Person, office: Office, channel: Channel) -> None:
    """Finish what a run left that died between a notice's outcome and its case."""
    now = office.now()
    untold = office.notices.untold(channel, now - 24 * HOUR, after=earliest(now))
    for case, first in {one.case: one for one in reversed(untold)}.items():
        told(case, first, person, office)
