"""The hub's digests: who wants them, what each may be told, and when each was sent last.

A member opts in with a contact of the purpose ``digest``. What it is told goes through the same rights as its feed. The
mail server stands in ``digest.toml`` of the hub's folder; without it nothing is sent. A contact with a key gets its mails
encrypted to it, or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact, Member, MemberState
from sekisho.model.notifying import is_address
from sekisho.model.sharing import Lane, Rights
from sekisho.reports.hub_digest import CEILING, Digest, Item, mail, strictest
from sekisho.wiring.hub_mails import MailSettings, closed, mail_settings
from sekisho.wiring.whole_file import whole_file

if TYPE_CHECKING:
    from sekisho.exchange.feeds import Entry
    from sekisho.ports.cases import Carrier, Delivery
    from sekisho.wiring.hub import HubDesk

PURPOSE = "digest"
_SENT = "digests.json"
_WITHHELD = "withheld:"
_HOUR = 3_600_000
_SHOWN = 20
_GRADES = ("watch", "block")


class Told(msgspec.Struct, frozen=True):
    """What became of a run: mails taken, refused, put off to the next run, and not yet due.

    ``why``: what the mail server said of those that were refused or put off, once each.
    ``withheld``: how many weren't sent because they can't be encrypted to the contact's key, by member and reason.
    """

    sent: int = 0
    refused: int = 0
    put_off: int = 0
    early: int = 0
    withheld: dict[str, int] = {}
    why: tuple[str, ...] = ()


def digest_of(desk: HubDesk, member: Member, since: int, ceiling: Tlp = CEILING) -> Digest | None:
    """Return what a member is told of what is new since a moment; None when it may not read the list.

    :param ceiling: the strictest marking of what is shown
    """
    books = desk.books
    rights = {
        one.collection: Rights(one.read, one.write, one.ceiling) for one in books.members.rights(member.id)
    }
    whole = desk.feed(rights, _GRADES)
    shown = desk.feed({name: _lowered(one, ceiling) for name, one in rights.items()}, _GRADES)
    if whole is None or shown is None:
        return None
    lane, now = books.lane(Lane.LIST), books.now()
    standing = {one.id: one for one in books.reports.by_ids([entry.id for entry in whole[1]])}

    def new(entries: list[Entry]) -> list[Entry]:
        found = [one for one in entries if one.id in standing and standing[one.id].since >= since]
        return sorted(found, key=lambda one: (-standing[one.id].since, one.id))

    fresh, all_new = new(shown[1]), new(whole[1])
    entries = _waiting(desk, member.id, rights)
    return Digest(
        desk.settings.title, since, now,
        tuple(Item(_place(one), one.use, one.family, one.grade) for one in fresh[:_SHOWN]),
        max(0, len(fresh) - _SHOWN), max(0, len(all_new) - len(fresh)),
        sum(one.grade == "block" for one in whole[1]), sum(one.grade == "watch" for one in whole[1]),
        _families(desk, rights, lane.id if lane else ""), entries,
        sum(not one.decided for one in books.disputes.disputes(member=member.id)),
        strictest([standing[one.id].level for one in fresh[:_SHOWN]]), ceiling,
    )  # fmt: skip


def _lowered(one: Rights, ceiling: Tlp) -> Rights:
    return msgspec.structs.replace(one, ceiling=min(one.ceiling, ceiling))


def _families(desk: HubDesk, rights: Mapping[str, Rights], lane: str) -> Mapping[str, int]:
    """Return figures by family for who may see what they are made of: green reports."""
    mine = rights.get(lane, Rights())
    return (desk.counts(rights) or {}) if mine.read and mine.ceiling >= Tlp.GREEN else {}


def _waiting(desk: HubDesk, member: str, rights: Mapping[str, Rights]) -> int:
    if not desk.delivered(rights):
        return 0
    found = desk.books.ledger.newest(carrier=member, limit=1_000).entries
    return sum(not one.receipt and bool(one.log_items) for one in found)


def _place(one: Entry) -> str:
    return f"{one.host}:{one.port}" if one.port and ":" not in one.host else one.host


def recipients(desk: HubDesk) -> Iterator[tuple[Member, Contact]]:
    """Yield the contacts that asked for digests, of active members."""
    for member in desk.books.members.members():
        if member.state is MemberState.ACTIVE:
            for contact in member.contacts:
                if contact.purpose == PURPOSE and is_address(contact.email):
                    yield member, contact


def send_digests(desk: HubDesk, folder: Path, carrier: Carrier | None = None) -> Told:
    """Send what is due, each on the hub's record before it goes.

    One mail an interval for each contact, whatever happens to it; an unreachable server ends the run, and the next goes on.

    :raises DescriptionError: the settings are wrong, or no mail server is set
    """
    settings = mail_settings(folder)
    if settings is None:
        return Told()
    told, last, now = Told(), _last(folder), desk.books.now()
    with ExitStack() as held:
        for member, contact in recipients(desk):
            key = hashlib.sha256(f"{member.id}\0{contact.email.lower()}".encode()).hexdigest()
            if now - last.get(key, 0) < settings.hours * _HOUR:
                told = msgspec.structs.replace(told, early=told.early + 1)
                continue
            if now - last.get(_WITHHELD + key, 0) < settings.hours * _HOUR:
                continue
            since = _begun(folder, last, key, now - settings.hours * _HOUR)
            found = digest_of(desk, member, since, settings.ceiling(contact))
            if found is None:
                continue
            if told.sent + told.refused >= settings.at_once:
                told = msgspec.structs.replace(told, put_off=told.put_off + 1)
                continue
            message = _message(desk, settings, folder, member, contact, found, key)
            if isinstance(message, str):
                # What is new meanwhile comes with the first digest that can be sent: only that it was withheld is noted.
                last[_WITHHELD + key] = now
                whole_file(folder / _SENT, msgspec.json.encode(last))
                count = told.withheld.get(f"{member.id}: {message}", 0) + 1
                told = msgspec.structs.replace(
                    told, withheld=told.withheld | {f"{member.id}: {message}": count}
                )
                continue
            carrier = carrier or _carrier(held, settings, folder)
            went = _sent(desk, carrier, member, contact, found, message, key)
            told = _counted(told, went, contact.email)
            if went.state == "unreachable":
                break
            if went.state != "deferred":
                last[key] = now
                whole_file(folder / _SENT, msgspec.json.encode(last))
    return told


def _begun(folder: Path, last: dict[str, int], key: str, since: int) -> int:
    """Return from when on a contact is told; of a new one it is noted: what became new while none could go comes then."""
    if key not in last:
        last[key] = since
        whole_file(folder / _SENT, msgspec.json.encode(last))
    return last[key]


def _counted(told: Told, went: Delivery, address: str) -> Told:
    """Return the run with one more answer of the mail server; in what is said of it the address doesn't stand."""
    why, detail = told.why, went.detail[:200].replace(address, "…")
    if went.state != "accepted" and (said := f"{went.state}: {detail}") not in why:
        why = (*why, said)
    later, refused = went.state in {"unreachable", "deferred"}, went.state == "refused"
    return msgspec.structs.replace(
        told, why=why, put_off=told.put_off + later, refused=told.refused + refused,
        sent=told.sent + (not later and not refused),
    )  # fmt: skip


def _carrier(held: ExitStack, settings: MailSettings, folder: Path) -> Carrier:
    from sekisho.wires.smtp import SmtpCarrier

    return held.enter_context(SmtpCarrier(settings.smtp, settings.sender, folder))


def _message(
    desk: HubDesk, settings: MailSettings, folder: Path, member: Member, contact: Contact, told: Digest, key: str
) -> bytes | str:  # fmt: skip
    """Return a mail as it may go out, or why it may not; that is on the hub's record then."""
    now = desk.books.now()
    message = mail(told, settings.sender, contact.name, contact.email, _identifier(settings, key, now))
    sealed = closed(settings, folder, contact, message, told.tlp, now)
    if sealed.message is not None:
        return sealed.message
    details = {"reason": sealed.key.reason, "detail": sealed.key.detail, "purpose": PURPOSE}
    desk.books.audit.append("hub", "hub", "withhold-mail", member.id, at=now, details={**details})
    return sealed.key.reason


def _identifier(settings: MailSettings, key: str, now: int) -> str:
    return f"<{key[:16]}.{now}.digest@{settings.sender.rpartition('@')[2].lower()}>"


def _sent(
    desk: HubDesk, carrier: Carrier, member: Member, contact: Contact, told: Digest, message: bytes, key: str
) -> Delivery:
    """Hand one mail over; the address stands in no record, only whose it is."""
    now = desk.books.now()
    desk.books.audit.append(
        "hub", "hub", "send-digest", member.id, at=now,
        details={"items": len(told.items), "tlp": told.tlp.name, "encrypted": bool(contact.key)},
    )  # fmt: skip
    return carrier.deliver(message, contact.email, f"{key[:16]}.{now}.digest")


def _last(folder: Path) -> dict[str, int]:
    """Return when each contact was written to last. :raises DescriptionError: that can't be read: better none than a flood."""
    file = folder / _SENT
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DescriptionError(
            Text(ja="送った時刻の控えが読めない", en="when digests were sent can't be read"), f"{file}: {error}",
            Text(ja="消すと、全員にもう一度送る", en="without it everybody is written to once more"),
        ) from error  # fmt: skip
