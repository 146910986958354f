"""Reminders of duties by mail, over the same mail server as notices, to the operator's own people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from sekisho.language import Language, Text
from sekisho.model.compliance import Entry, State
from sekisho.ports.cases import Delivery
from sekisho.wires.smtp import SmtpCarrier
from sekisho.wiring.moment import now
from sekisho.wiring.noticing import notice_settings
from sekisho.workflows.list_duties import describe


def worth_telling(found: Iterable[Entry], today: date, days: int) -> tuple[Entry, ...]:
    """Return what is late, or due within so many days; what is done isn't."""
    return tuple(
        one
        for one in found
        if one.state is State.LATE
        or (one.day is not None and one.state is not State.DONE and (one.day - today).days <= days)
    )


def message(found: Iterable[Entry], sender: str, recipient: str, language: Language, at: datetime) -> bytes:
    """Return the mail: one paragraph for each duty."""
    every = tuple(found)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = Text(ja=f"義務の期日：{len(every)}件", en=f"Duties by date: {len(every)}").say(language)
    mail["From"], mail["To"] = sender, recipient
    mail["Date"], mail["Message-ID"] = (
        format_datetime(at),
        make_msgid(domain=sender.rpartition("@")[2] or "localhost"),
    )
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office notes back
    parts = [f"{one.day or '—'}  {one.title.say(language)}\n{describe(one, language)}" for one in every]
    mail.set_content("\n\n".join(parts) + "\n", cte="base64")
    return bytes(mail)


def remind(folder: Path, found: Iterable[Entry], recipient: str, language: Language) -> Delivery:
    """Send one mail. :raises DescriptionError: no mail server is set in ``notices.toml``."""
    settings = notice_settings(folder / "notices.toml")
    sender = settings.operator.sender
    at = now()
    with SmtpCarrier(settings.smtp, settings.operator.bounces or sender, folder) as carrier:
        return carrier.deliver(
            message(found, sender, recipient, language, at), recipient, f"duties-{at:%Y%m%d%H%M%S}"
        )
