"""Sending: each approved notice once, or not at all, or asked about.

Order of one notice: rules → who is it (audited) → rendered → SENDING on the disk → octets → outcome on the disk. A death
before SENDING leaves it APPROVED and nothing has left; a death behind it leaves SENDING, which is never sent again by
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from sekisho.errors import ConflictError, RenderError
from sekisho.model.case import Case, CaseState
from sekisho.model.case_life import Actor, allowed, step
from sekisho.model.identity import Identified, Naming, Person
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import Carrier, Delivery
from sekisho.workflows.notify.office import SENDERS, Office, approved
from sekisho.workflows.notify.timing import HOUR, OUT, Hourly, earliest, line_wait, quiet

#: Tells whom a case is about, behind an audit entry; None while a second person has not asked for it yet.
Identify = Callable[[str], Identified | None]
_PAGE = 200
_MOST_ATTEMPTS = 8
_FIRST_WAIT, _LONGEST_WAIT = 15 * 60_000, 4 * HOUR


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


class Way(msgspec.Struct, frozen=True):
    """One way out: who tells the contact, how it is rendered (payload, recipient), and who takes it away."""

    channel: Channel
    identify: Identify
    render: Callable[[Notice, Case, Identified, datetime], tuple[bytes, str]]
    carrier: Carrier


class Ready(msgspec.Struct, frozen=True):
    """A notice that may go now, and whom it is for."""

    notice: Notice
    case: Case
    identified: Identified


def send(person: Person, way: Way, office: Office, *, dry: bool = False, most: int = 0) -> Iterator[Step]:
    """Send what is approved and may go now, oldest first; ``most`` at most (0: all); ``dry`` sends and asks nothing.

    :raises AuthorisationError: not in this role, or the re-identification is refused
    :raises StoreError: the store fails; the notice in hand stays as it was last written
    """
    office.needs(person, SENDERS, "send-notices", way.channel.value)
    yield from asked(office, way.channel)
    tidy(person, office, way.channel)
    hourly = Hourly(office, way.channel, office.now())
    done = 0
    for notice in waiting(office, way.channel):
        at = office.now()
        if wait := quiet(office, way.channel, at) or hourly.wait(at):
            yield Step(notice, "waits", wait.why, wait.until)
            return
        found = ready(notice, way.identify, office, at, dry=dry)
        outcome = found if isinstance(found, Step) else _out(found, way, person, office)
        yield outcome
        if outcome.what == "unreachable":
            return
        if outcome.what in {"sent", "unknown", "would-send"}:
            hourly.count(at)
            done += 1
            if done == most:
                return


def asked(office: Office, channel: Channel) -> Iterator[Step]:
    """Yield the notices whose outcome nobody knows: an earlier run died, or an answer never came."""
    after = ""
    while page := office.notices.find((NoticeState.SENDING,), after=after, limit=_PAGE):
        yield from (Step(one, "asked", one.detail) for one in page if one.channel is channel)
        after = page[-1].id


def waiting(office: Office, channel: Channel) -> Iterator[Notice]:
    """Yield the approved notices in the order of their references."""
    after = ""
    while page := office.notices.find((NoticeState.APPROVED,), after=after, limit=_PAGE):
        yield from (one for one in page if one.channel is channel)
        after = page[-1].id


def ready(notice: Notice, identify: Identify, office: Office, at: int, *, dry: bool = False) -> Ready | Step:
    """Hold one notice against the rules that don't depend on the hour; say who it is for."""
    if not approved(notice):
        return Step(_kept(notice, office, state=NoticeState.DRAFT, detail="text changed"), "unapproved")
    if notice.not_before > at:
        return Step(notice, "waits", notice.withheld or "deferred", notice.not_before)
    case = office.cases.case(notice.case)
    if case is None or not case.state.open:
        return _withheld(notice, office, "case-closed", dry=dry)
    if case.subscriber in office.settings.do_not_contact:
        return _withheld(notice, office, "do-not-contact", dry=dry)
    if wait := line_wait(office, case, at):
        if dry:
            return Step(notice, "waits", wait.why, wait.until)
        return Step(
            _kept(notice, office, withheld=wait.why, not_before=wait.until), "waits", wait.why, wait.until
        )
    return Step(notice, "would-send") if dry else _identified(notice, case, identify, office)


def _identified(notice: Notice, case: Case, identify: Identify, office: Office) -> Ready | Step:
    found = identify(case.id)
    if found is None:
        return Step(notice, "waits", "not-released")
    if found.outcome is Naming.OPTED_OUT:
        return _withheld(notice, office, "opted-out")
    if found.outcome is not Naming.FOUND or found.contact is None:
        return _withheld(notice, office, f"not-identified: {found.outcome.value}")
    if found.contact.do_not_contact:
        return _withheld(notice, office, "do-not-contact")
    return Ready(notice, case, found)


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


def settled(notice: Notice, delivery: Delivery, case: Case, person: Person, office: Office) -> Step:
    """Write what became of a notice in SENDING."""
    at = office.now()
    detail = delivery.detail[:300]
    if delivery.state == "accepted":
        stored = office.notices.change(
            msgspec.structs.replace(notice, state=NoticeState.SENT, sent_at=at, updated=at, detail=detail)
        )
        told(case.id, stored, person, office)
        return Step(stored, "sent", detail)
    if delivery.state == "unknown":
        stored = office.notices.change(
            msgspec.structs.replace(notice, updated=at, detail=f"outcome unknown: {detail}"[:300])
        )
        return Step(stored, "unknown", detail)
    if delivery.state == "unreachable":
        # Nobody was spoken to: no attempt at this notice.
        stored = office.notices.change(
            msgspec.structs.replace(
                notice,
                state=NoticeState.APPROVED,
                sent_at=0,
                updated=at,
                detail=detail,
                attempts=notice.attempts - 1,
            )
        )
        return Step(stored, "unreachable", detail)
    if delivery.state == "deferred" and notice.attempts < _MOST_ATTEMPTS:
        later = at + min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (notice.attempts - 1))
        stored = office.notices.change(
            msgspec.structs.replace(
                notice, state=NoticeState.APPROVED, sent_at=0, updated=at, detail=detail, not_before=later
            )
        )
        return Step(stored, "deferred", detail, later)
    stored = office.notices.change(
        msgspec.structs.replace(notice, state=NoticeState.FAILED, sent_at=0, updated=at, detail=detail)
    )
    return Step(stored, "refused", detail)


def told(identifier: str, notice: Notice, person: Person, office: Office) -> None:
    """Move a case to ``notified`` when a notice about it has gone out and it stands before that state."""
    role = person.role.value if person.role else ""
    for _ in range(5):
        case = office.cases.case(identifier)
        if case is None or not allowed(case, CaseState.NOTIFIED, role):
            return
        change = step(
            case,
            CaseState.NOTIFIED,
            Actor(person.name, role),
            notice.sent_at,
            notice=notice.id,
            channel=notice.channel.value,
        )
        try:
            office.cases.save(
                msgspec.structs.replace(change.case, channel=notice.channel.value), change.events
            )
        except ConflictError:
            continue
        return


def tidy(person: Person, office: Office, channel: Channel) -> None:
    """Finish what a run left that died between a notice's outcome and its case."""
    for state in OUT[1:]:
        after = earliest(office.now())
        while page := office.notices.find((state,), after=after, limit=_PAGE):
            for one in page:
                if one.channel is channel and one.sent_at > office.now() - 24 * HOUR:
                    case = office.cases.case(one.case)
                    if case is not None and case.notified_at == 0:
                        told(one.case, one, person, office)
            after = page[-1].id


def _out(found: Ready, way: Way, person: Person, office: Office) -> Step:
    try:
        payload, recipient = way.render(
            found.notice, found.case, found.identified, office.local(office.now())
        )
    except RenderError as error:
        return _withheld(found.notice, office, f"no-address: {error.what.en}")
    going = journalled(found.notice, office)
    if going is None:
        return Step(found.notice, "taken")
    return settled(going, way.carrier.deliver(payload, recipient, going.id), found.case, person, office)


def _withheld(notice: Notice, office: Office, why: str, *, dry: bool = False) -> Step:
    if dry:
        return Step(notice, "withheld", why)
    return Step(_kept(notice, office, state=NoticeState.WITHHELD, withheld=why), "withheld", why)


def _kept(notice: Notice, office: Office, **changes: object) -> Notice:
    return office.notices.change(msgspec.structs.replace(notice, updated=office.now(), **changes))
