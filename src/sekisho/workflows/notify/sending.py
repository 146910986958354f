"""Sending: each approved notice once, or not at all, or asked about.

Order of one notice: rules → who is it (audited) → rendered → SENDING on the disk → octets → outcome on the disk. A death
before SENDING leaves it APPROVED and nothing has left; a death behind it leaves SENDING, which is never sent again by
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from sekisho.errors import RenderError
from sekisho.language import Language
from sekisho.model.case import Case
from sekisho.model.identity import Identified, Naming, Person
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.ports.cases import Carrier
from sekisho.workflows.notify.office import SENDERS, Office, approved
from sekisho.workflows.notify.outcomes import Step, asked, journalled, kept_back, settled, tidy
from sekisho.workflows.notify.timing import Hourly, line_wait, quiet

#: Tells whom a case is about, behind an audit entry; None while a second person has not asked for it yet; the id of the
#: refusal when it may not be told of this case alone (what concerns every case is raised).
Identify = Callable[[str], Identified | str | None]
_PAGE = 200
#: The ways out whose words the subscriber reads or hears; the others go to a network or to the operator's own system.
READ_BY_PERSON = frozenset({Channel.EMAIL, Channel.LETTER, Channel.CALL, Channel.PRINTING})


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


def waiting(office: Office, channel: Channel) -> Iterator[Notice]:
    """Yield the approved notices in the order of their references."""
    after = ""
    while page := office.notices.find((NoticeState.APPROVED,), after=after, limit=_PAGE):
        yield from (one for one in page if one.channel is channel)
        after = page[-1].id


def ready(notice: Notice, identify: Identify, office: Office, at: int, *, dry: bool = False) -> Ready | Step:
    """Hold one notice against the rules that don't depend on the hour; say who it is for."""
    if not approved(notice):
        return kept_back(notice, office, "unapproved", state=NoticeState.DRAFT, detail="text changed")
    # What a rule put off, the rule of today decides anew; what the other side put off is waited for.
    if notice.not_before > at and not notice.withheld:
        return Step(notice, "waits", "deferred", notice.not_before)
    case = office.cases.case(notice.case)
    if case is None or not case.state.open:
        return withheld(notice, office, "case-closed", dry=dry)
    if case.subscriber in office.settings.do_not_contact:
        return withheld(notice, office, "do-not-contact", dry=dry)
    if wait := line_wait(office, case, at):
        if dry:
            return Step(notice, "waits", wait.why, wait.until)
        return kept_back(
            notice, office, "waits", wait.why, wait.until, withheld=wait.why, not_before=wait.until
        )
    return Step(notice, "would-send") if dry else _identified(notice, case, identify, office)


def _identified(notice: Notice, case: Case, identify: Identify, office: Office) -> Ready | Step:
    found = identify(case.id)
    if found is None:
        return Step(notice, "waits", "not-released")
    if isinstance(found, str):
        return withheld(notice, office, f"not-identified: {found}")
    if found.outcome is Naming.OPTED_OUT:
        return withheld(notice, office, "opted-out")
    if found.outcome is not Naming.FOUND or found.contact is None:
        return withheld(notice, office, f"not-identified: {found.outcome.value}")
    if found.contact.do_not_contact:
        return withheld(notice, office, "do-not-contact")
    # A table that says nothing says Japanese, so only another language is the subscriber's own word.
    wanted = found.contact.language
    if notice.channel in READ_BY_PERSON and wanted is not Language.JA and notice.language is not wanted:
        return withheld(notice, office, f"other-language: {wanted.value}")
    return Ready(notice, case, found)


def _out(found: Ready, way: Way, person: Person, office: Office) -> Step:
    try:
        payload, recipient = way.render(
            found.notice, found.case, found.identified, office.local(office.now())
        )
    except RenderError as error:
        return withheld(found.notice, office, f"no-address: {error.what.en}")
    going = journalled(found.notice, office)
    if going is None:
        return Step(found.notice, "taken")
    return settled(going, way.carrier.deliver(payload, recipient, going.id), person, office)


def withheld(notice: Notice, office: Office, why: str, *, dry: bool = False) -> Step:
    """Put a notice aside for a person, and say why; ``dry`` only says it."""
    if dry:
        return Step(notice, "withheld", why)
    return kept_back(notice, office, "withheld", why, state=NoticeState.WITHHELD, withheld=why)
