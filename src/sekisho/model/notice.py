"""Notices: the exact words that go to one subscriber, who approved them, and what became of them."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

from sekisho.language import Language, Text


class Channel(StrEnum):
    """How a notice goes out."""

    EMAIL = "email"
    LETTER = "letter"
    CALL = "call"
    PRINTING = "printing"
    XARF = "xarf"
    WEBHOOK = "webhook"


class NoticeState(StrEnum):
    """Where a notice stands. `SENDING` is journalled before the first octet leaves: after a crash it is asked, not sent."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHHELD = "withheld"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> Text:
        """The word shown to people."""
        return _STATES[self]


_STATES = {
    NoticeState.DRAFT: Text(ja="案", en="draft"),
    NoticeState.APPROVED: Text(ja="承認済", en="approved"),
    NoticeState.SENDING: Text(ja="送信中（結果不明）", en="sending (outcome unknown)"),
    NoticeState.SENT: Text(ja="送信済", en="sent"),
    NoticeState.DELIVERED: Text(ja="到達", en="delivered"),
    NoticeState.BOUNCED: Text(ja="不達", en="bounced"),
    NoticeState.FAILED: Text(ja="送信失敗", en="failed"),
    NoticeState.WITHHELD: Text(ja="保留", en="withheld"),
    NoticeState.WITHDRAWN: Text(ja="取下げ", en="withdrawn"),
}

#: Whatever left the house, or may have.
OUT = (NoticeState.SENDING, NoticeState.SENT, NoticeState.DELIVERED, NoticeState.BOUNCED)


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice about one case to one subscriber.

    :ivar once: what makes it the same notice (case, family, day, channel): a second one with the same key is refused
    :ivar digest: SHA-256 of language, subject and body; an approval holds for exactly this text
    :ivar approved_by: the named person, empty before; ``approved_digest`` what that person saw
    :ivar message_id: what a bounce or a receipt refers to
    :ivar withheld: why it must not go out now: ``do-not-contact``, ``opted-out``, ``night``, ``holiday``, ``throttled``
    :ivar not_before: milliseconds before which it must not go out
    """

    id: str
    case: str
    channel: Channel
    language: Language
    template: str
    subject: str
    body: str
    digest: str
    once: str
    state: NoticeState
    created: int
    updated: int
    approved_by: str = ""
    approved_digest: str = ""
    approved_at: int = 0
    message_id: str = ""
    sent_at: int = 0
    withheld: str = ""
    not_before: int = 0
    attempts: int = 0
    detail: str = ""
    revision: int = 0


def text_digest(language: Language, subject: str, body: str) -> str:
    """Return the SHA-256 that an approval holds for: language, subject and body, with their lengths between them."""
    digest = hashlib.sha256()
    for part in (language.value, subject, body):
        octets = part.encode()
        digest.update(len(octets).to_bytes(8, "big") + octets)
    return digest.hexdigest()
