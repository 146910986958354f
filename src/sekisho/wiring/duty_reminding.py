"""Reminders of duties by mail, over the same mail server as notices, to the operator's own people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from sekisho.formats.written_text import readable
from sekisho.language import Language, Text
from sekisho.model.compliance import Entry, State
from sekisho.model.reminding import BEFORE, LEADS, stage
from sekisho.ports.cases import Delivery
from sekisho.wiring.moment import now
from sekisho.workflows.list_duties import describe


def worth_telling(found: Iterable[Entry], today: date, days: int) -> tuple[Entry, ...]:
    """Return what is late, or due within so many days; what is done isn't."""
    return tuple(
        one
        for one in found
        if one.state is State.LATE
        or (one.day is not None and one.state is not State.DONE and (one.day - today).days <= days)
    )


def unsent(
    found: Iterable[Entry], today: date, recipient: str, sent: frozenset[str], leads: tuple[int, ...] = LEADS
) -> tuple[tuple[Entry, str], ...]:
    """Return what this recipient wasn't told yet, each with the name of its reminder.

    A duty is told of once for each lead time (by itself when it comes near, and in its last week), and when it is late.
    """
    staged = [(one, f"{recipient} {one.id}", _stage(one, today, leads)) for one in found]
    return tuple(
        (one, f"{name} {now}")
        for one, name, now in staged
        if not {f"{name} {now}", f"{name} {BEFORE.get(now, now)}"} & sent
    )


def _stage(one: Entry, today: date, leads: tuple[int, ...]) -> str:
    return stage(-1 if one.day is None else (one.day - today).days, leads)


def message(found: Iterable[Entry], sender: str, recipient: str, language: Language, at: datetime) -> bytes:
    """Return the mail: one paragraph for each duty."""
    every = readable(tuple(found))  # nobody's name writes a line of its own
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = Text(ja=f"義務の期日：{len(every)}件", en=f"Duties by date: {len(every)}").say(language)
    mail["From"], mail["To"] = sender, recipient
    mail["Date"], mail["Message-ID"] = (
        format_datetime(at),
        _identity(every, recipient, at, sender),
    )
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes back
    parts = [f"{one.day or '—'}  {one.title.say(language)}\n{describe(one, language)}" for one in every]
    mail.set_content("\n\n".join(parts) + "\n", cte="base64")
    return bytes(mail)


def _identity(every: tuple[Entry, ...], recipient: str, at: datetime, sender: str) -> str:
    """Return a Message-ID that is the same for the same reminder of the same day: who gets it twice sees one."""
    told = "\n".join((recipient, f"{at:%Y-%m-%d}", *(one.id for one in every)))
    return f"<{hashlib.sha256(told.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2] or 'localhost'}>"


def remind(folder: Path, found: Iterable[Entry], recipient: str, language: Language) -> Delivery:
    """Send one mail. :raises DescriptionError: no mail server is set in ``notices.toml``."""
    # Dear to load: what serves and never sends does without.
    from sekisho.wires.smtp import SmtpCarrier
    from sekisho.wiring.noticing import notice_settings

    settings = notice_settings(folder / "notices.toml")
    sender = settings.operator.sender
    at = now()
    with SmtpCarrier(settings.smtp, settings.operator.bounces or sender, folder) as carrier:
        return carrier.deliver(
            message(found, sender, recipient, language, at), recipient, f"duties-{at:%Y%m%d%H%M%S}"
        )
