"""What the hub's mails have in common: who sends them, how far one in clear may go, and how one is closed to a key.

A contact with a key gets nothing in clear. Where its key can't be used the mail isn't sent, and why is said.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from sekisho.errors import DescriptionError
from sekisho.language import Text
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Contact
from sekisho.model.notifying import Smtp, is_address
from sekisho.model.sealing import KeyState, Sealed

FILE = "digest.toml"
_LEVELS = {one.name: one for one in Tlp if one is not Tlp.RED}


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How mails go out: from whom, how often digests to each contact, how many of them in one run at most.

    :ivar clear_up_to: the strictest marking of what a mail in clear shows, to a contact without a key
    :ivar sealed_up_to: that of what a mail to a key shows
    :ivar revoked: files with lists of revoked certificates (PEM or DER), from the hub's folder
    """

    sender: str
    smtp: Smtp
    hours: int = 24
    at_once: int = 200
    clear_up_to: str = "GREEN"
    sealed_up_to: str = "AMBER_STRICT"
    revoked: tuple[str, ...] = ()

    def ceiling(self, contact: Contact) -> Tlp:
        """Return the strictest marking that a mail to a contact shows."""
        return _LEVELS[self.sealed_up_to if contact.key else self.clear_up_to]


def mail_settings(folder: Path) -> MailSettings | None:
    """Return the settings; None when mails aren't set up here. :raises DescriptionError: they are wrong."""
    file = folder / FILE
    try:
        found = msgspec.convert(tomllib.loads(file.read_text("utf-8")), MailSettings)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DescriptionError(
            Text(ja="メールの設定に誤りがある", en="the settings of mails are wrong"), f"{file}: {error}"
        ) from error
    levels = {found.clear_up_to, found.sealed_up_to} <= _LEVELS.keys()
    if not is_address(found.sender) or found.hours < 1 or found.at_once < 1 or not levels:
        raise DescriptionError(
            Text(ja="メールの設定に誤りがある", en="the settings of mails are wrong"),
            f"{file}: sender, hours, at_once, clear_up_to, sealed_up_to ({', '.join(_LEVELS)})",
        )
    return found


def closed(
    settings: MailSettings, folder: Path, contact: Contact, message: bytes, level: Tlp, now: int
) -> Sealed:
    """Return a mail as it may go to a contact: to its key, or in clear where it has none and the marking allows it."""
    if contact.key:
        from sekisho.wires.sealing import seal

        return seal(message, contact.key, contact.email, now, _revoked(settings, folder))
    if level <= settings.ceiling(contact):
        return Sealed(KeyState(), message)
    return Sealed(KeyState(reason="no-key", detail=f"TLP:{level.name}"))


def key_of(folder: Path, contact: Contact, now: int) -> KeyState:
    """Return whether mails to a contact can be closed to its key. :raises DescriptionError: the settings are wrong."""
    from sekisho.wires.sealing import key_state

    settings = mail_settings(folder)
    return key_state(contact.key, contact.email, now, _revoked(settings, folder) if settings else ())


def _revoked(settings: MailSettings, folder: Path) -> tuple[Path, ...]:
    return tuple(folder / one for one in settings.revoked)
