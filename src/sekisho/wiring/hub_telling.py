"""Telling a member of a finding by mail: closed to its key, sent, and only then on the finding's timeline."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.device_model import DisclosedFinding
from sekisho.model.membership import Contact
from sekisho.model.notifying import is_address
from sekisho.model.sealing import REASONS
from sekisho.reports.hub_finding import level_of, mail
from sekisho.wiring.hub_mails import MailSettings, closed, mail_settings
from sekisho.workflows.hub import disclosing

if TYPE_CHECKING:
    from sekisho.ports.cases import Carrier
    from sekisho.wiring.hub import HubDesk

PURPOSES = ("psirt", "disclosure")


class Told(msgspec.Struct, frozen=True):
    """What became of it: the finding as it stands, how many mails were taken, and what stood in the way of others."""

    finding: DisclosedFinding
    sent: int
    faults: tuple[str, ...]


def tell_by_mail(
    desk: HubDesk, folder: Path, finding: str, member: str, who: str, text: str, carrier: Carrier | None = None
) -> Told:  # fmt: skip
    """Send the notice to the member's contacts for findings, each on record before it goes; told is who was sent one.

    :raises DescriptionError: no such finding or member, no mail server, no contact, a text that can't be kept, or no mail
        could go: why
    """
    settings = mail_settings(folder)
    if settings is None:
        raise DescriptionError(
            Text(ja="メールサーバーが決まっていない", en="no mail server is set"), "digest.toml"
        )
    found, text = disclosing.finding_named(desk.books, finding), disclosing.worded(text)
    one = disclosing.told_to(desk.books, member)
    people = [some for some in one.contacts if some.purpose in PURPOSES and is_address(some.email)]
    if not people:
        raise DescriptionError(
            Text(ja="所見の連絡先がない", en="there is no contact for findings"), member,
            Text(ja="sekisho hub contact で用途 psirt を加える", en="add one of the purpose psirt: sekisho hub contact"),
        )  # fmt: skip
    faults: list[str] = []
    sent = 0
    with ExitStack() as held:
        for contact in people:
            fault = _sent(desk, settings, folder, found, contact, member, who, text, held, carrier)
            sent, faults = sent + (not fault), [*faults, *([fault] if fault else [])]
    if not sent:
        raise DescriptionError(Text(ja="メールを送れない", en="no mail could be sent"), "; ".join(faults))
    return Told(disclosing.tell(desk.books, finding, member, who, text), sent, tuple(faults))


def _sent(
    desk: HubDesk, settings: MailSettings, folder: Path, found: DisclosedFinding, contact: Contact, member: str, who: str,
    text: str, held: ExitStack, carrier: Carrier | None,
) -> str:  # fmt: skip
    """Close and hand over one mail; return what stood in the way, empty when it was taken."""
    books, now = desk.books, desk.books.now()
    mark = f"{books.draw(8).hex()}.{now}.finding"
    message = mail(
        found, text, desk.settings.title, settings.sender, (contact.name, contact.email),
        f"<{mark}@{settings.sender.rpartition('@')[2].lower()}>", now,
    )  # fmt: skip
    sealed = closed(settings, folder, contact, message, level_of(found), now)
    details = {
        "reason": sealed.key.reason,
        "detail": sealed.key.detail,
        "purpose": contact.purpose,
        "finding": found.id,
    }
    if sealed.message is None:
        books.audit.append(who, "hub", "withhold-mail", member, at=now, details={**details})
        said = REASONS.get(sealed.key.reason)
        return f"{contact.name}: {said.en if said else sealed.key.reason} / {said.ja if said else ''} {sealed.key.detail}".strip()
    books.audit.append(
        who,
        "hub",
        "send-finding",
        member,
        at=now,
        details={"finding": found.id, "encrypted": bool(contact.key)},
    )
    if carrier is None:
        from sekisho.wires.smtp import SmtpCarrier

        carrier = held.enter_context(SmtpCarrier(settings.smtp, settings.sender, folder))
    delivery = carrier.deliver(sealed.message, contact.email, mark)
    # On record is whose it was, without the address.
    answer = delivery.detail[:200].replace(contact.email, "…")
    told = {"finding": found.id, "purpose": contact.purpose, "state": delivery.state, "detail": answer}
    books.audit.append(who, "hub", "finding-mail", member, at=books.now(), details={**told})
    # Unknown counts as sent: who may have read it knows.
    return (
        ""
        if delivery.state in {"accepted", "unknown"}
        else f"{contact.name}: {delivery.state} {delivery.detail}"
    )
