"""Settings of notices: who speaks, when it may speak, how often, and over which wires; ``notices.toml``.

What only the operator can know (its name, telephone, page) has no default: without it nothing is drafted.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from sekisho.language import Language, Text
from sekisho.model.notice import Channel

_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()-]{6,20}[0-9]")
_PAGE = re.compile(r"https://[a-z0-9][a-z0-9.-]*\.[a-z]{2,}(:[0-9]{1,5})?(/[\x21-\x7e]*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
NOTHING = Text(ja="", en="")
#: Why a subscriber is looked up when nobody says it in words of their own.
DELIVERY = Text(ja="承認済みのお知らせを届けるため", en="to deliver an approved notice")


def is_address(text: str) -> bool:
    """Say whether ``text`` is an address of mail in the plain ASCII form that every server takes (RFC 5321, 4.1.2)."""
    return len(text) <= 254 and ".." not in text and _ADDRESS.fullmatch(text) is not None  # noqa: PLR2004 - RFC 5321, 4.5.3


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's own words.

    :ivar name: as customers know it, in both languages
    :ivar telephone: of the desk that answers questions about notices
    :ivar hours: when that desk answers
    :ivar page: the operator's page that lists the genuine notices; https only
    :ivar sender: address of mail that notices come from; ``reply_to`` where answers go (default: the same)
    :ivar bounces: address that takes bounces (default: ``sender``)
    :ivar return_address: lines at the foot of letters
    """

    name: Text = NOTHING
    telephone: str = ""
    hours: Text = NOTHING
    page: str = ""
    sender: str = ""
    reply_to: str = ""
    bounces: str = ""
    return_address: tuple[str, ...] = ()

    def wanting(self, channel: Channel) -> tuple[str, ...]:
        """Return the names of the settings that a notice over ``channel`` needs and that are missing or no good."""
        bad = [name for name in ("name", "hours") if not all(_texts(getattr(self, name)))]
        bad += [] if _TELEPHONE.fullmatch(self.telephone) else ["telephone"]
        bad += [] if _PAGE.fullmatch(self.page) else ["page"]
        if channel in {Channel.EMAIL, Channel.XARF}:
            bad += [] if is_address(self.sender) else ["sender"]
            bad += [
                one
                for one in ("reply_to", "bounces")
                if getattr(self, one) and not is_address(getattr(self, one))
            ]
        if channel is Channel.LETTER and not any(self.return_address):
            bad.append("return_address")
        return tuple(bad)

    @property
    def domain(self) -> str:
        """The domain of ``sender``."""
        return self.sender.rpartition("@")[2]


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When mail stays: from ``begin`` to ``end`` (local hours and minutes), on weekends and on national holidays."""

    begin: str = "20:00"
    end: str = "09:00"
    weekends: bool = True
    holidays: bool = True
    channels: tuple[Channel, ...] = (Channel.EMAIL, Channel.CALL)
    offset_minutes: int = 540

    def wrong(self) -> str:
        """Return what is wrong; empty when nothing is."""
        for one in (self.begin, self.end):
            if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", one):
                return f"not a time of day: {one!r}"
        return "" if abs(self.offset_minutes) <= 14 * 60 else "offset_minutes beyond 14 hours"


class Throttle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many notices an hour, and at most ``per_subscriber`` in ``days`` to one line."""

    per_hour: int = 1000
    per_subscriber: int = 2
    days: int = 7


class Security(StrEnum):
    """How the way to the mail server is kept secret; ``NONE`` is taken on the loopback only."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mail server that takes notices; ``password_file`` is read at sending and kept nowhere else.

    ``ca_file`` is for a server with a certificate of the operator's own authority. ``per_connection`` messages go over
    one connection.
    """

    host: str = ""
    port: int = 587
    security: Security = Security.STARTTLS
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    timeout: float = 30.0
    per_connection: int = 500


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A system of the operator's that takes notices as signed JSON; the key lies in ``key_file`` (made when missing)."""

    url: str = ""
    key_file: str = "webhook.key"
    timeout: float = 15.0


class WindowPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the envelope's window shows the folded sheet, in millimetres from its upper left corner.

    No standard that was read fixes the window of 長形3号 (120 × 235 mm); 45 × 90 mm is what stock envelopes often have.
    The place is a setting: measure your envelope, and print a trial with its outline.
    """

    left: float = 20.0
    top: float = 12.0
    width: float = 90.0
    height: float = 45.0


class ModelSteps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with one model, as its maker says; ``device`` is its class, ``source`` where the steps come from."""

    device: str = ""
    ja: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    source: str = ""

    def steps(self, language: Language) -> tuple[str, ...]:
        """Return the steps in ``language``."""
        return self.ja if language is Language.JA else self.en


class Notifying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an operator decides about notices.

    :ivar models: by model, as the cases name it
    :ivar do_not_contact: pseudonyms of lines that must not be written to
    :ivar holidays: further days off (ISO date → name), such as those of years that the catalogue lacks
    """

    operator: Operator = Operator()
    quiet: Quiet = Quiet()
    throttle: Throttle = Throttle()
    smtp: Smtp = Smtp()
    webhook: Webhook = Webhook()
    window: WindowPlace = WindowPlace()
    models: dict[str, ModelSteps] = {}
    do_not_contact: tuple[int, ...] = ()
    holidays: dict[str, str] = {}


def _texts(text: Text) -> tuple[str, str]:
    return text.ja.strip(), text.en.strip()
