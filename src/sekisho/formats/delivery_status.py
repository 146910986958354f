"""Answers of mail servers about a message: delivery status notifications (RFC 3464) and the bounces that are none.

Pure and bounded: octets in, facts out. What an answer says is a stranger's word; forged ones look the same, so the
caller believes only those that name a Message-ID of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32

import msgspec

LONGEST = 4 * 1024 * 1024
_MOST_PARTS = 200
# The standard library takes quadratic time for the parameters of a long header.
_LONGEST_HEADER, _MOST_PARAMETERS = 4096, 16
# A charset is a stranger's choice, and Python has codecs that decode no text, or take quadratic time (punycode).
_CHARSETS = frozenset({
    "us-ascii", "ascii", "utf-8", "utf8", "iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-2", "iso-2022-jp-3",
    "iso-2022-jp-2004", "iso-2022-jp-ext", "shift_jis", "shift-jis", "sjis", "cp932", "ms932", "windows-31j", "euc-jp",
    "eucjp", "latin-1", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-15", "windows-1250", "windows-1251",
    "windows-1252", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5", "euc-kr", "ks_c_5601-1987", "iso-2022-kr",
})  # fmt: skip
_GUESSED = ("utf-8", "iso-2022-jp", "cp932")
_ID = re.compile(r"<[^<>@\s]{1,250}@[^<>@\s]{1,250}>")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<!\d)([45]\d\d)[ -](?!\d)")
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (status|failure|has failed|problem)|returned mail|mail delivery (failed|subsystem)|"
    r"failure notice|non.?delivery|delayed|配信(不能|エラー|できません)|不達|送信(できません|エラー)|メール.{0,6}(届|戻)",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"user unknown|no such (user|mailbox|address)|mailbox (unavailable|not found|full)|does not exist|"
    r"unknown (user|recipient)|address rejected|over ?quota|account (has been )?disabled|"
    r"(宛先|あて先|ユーザ|メールアドレス).{0,12}(存在しません|見つかりません|ありません)",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"delay|will (keep|retry|continue)|not yet been delivered|still trying|遅延|再送", re.IGNORECASE
)
_AUTOMATIC = re.compile(r"out of (the )?office|vacation|auto.?repl|不在|自動(応答|返信)", re.IGNORECASE)


class _Bounded(Compat32):
    """The parser's policy with headers of bounded length."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        """Return name and value, cut to what a header of an honest mail has."""
        name, value = super().header_source_parse(list(sourcelines))
        value = value[:_LONGEST_HEADER]
        return name, ";".join(
            value.split(";")[:_MOST_PARAMETERS]
        ) if name.lower() == "content-type" else value


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one answer says.

    ``kind``: ``failed``, ``delayed``, ``delivered``, ``relayed`` (handed on to a server that sends no receipts),
    ``automatic`` (a vacation message: it says nothing of delivery) or ``unknown`` (not understood: a person reads it).
    ``message_ids`` are those it refers to, the surest first. ``standard`` says whether it was a RFC 3464 report.
    """

    kind: str
    message_ids: tuple[str, ...] = ()
    envelope_id: str = ""
    recipient: str = ""
    status: str = ""
    diagnostic: str = ""
    standard: bool = False


_ACTIONS = {
    "failed": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "relayed",
}
# When recipients fared differently, what needs a person first.
_WORST = ("failed", "delayed", "relayed", "delivered")


def answer(octets: bytes) -> Answer:
    """Return what a mail says about the delivery of another; never raises on what strangers wrote."""
    try:
        message = BytesParser(policy=_Bounded()).parsebytes(octets[:LONGEST])
        return _standard(message) or _other(message)
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError):
        # The parser of the standard library raises these on some broken headers and charsets.
        return Answer("unknown")


def _parts(message: Message) -> list[Message]:
    found: list[Message] = []
    waiting = [message]
    while waiting and len(found) < _MOST_PARTS:
        one = waiting.pop(0)
        found.append(one)
        inner = one.get_payload()
        if isinstance(inner, list):
            waiting = [part for part in inner if isinstance(part, Message)] + waiting
    return found


def _standard(message: Message) -> Answer | None:
    parts = _parts(message)
    status = next((one for one in parts if one.get_content_type() in _STATUS_TYPES), None)
    if status is None:
        return None
    fields = _blocks(status)
    recipients = [one for one in fields if "action" in one or "status" in one]
    if not recipients:
        return None
    kinds = [_kind(one) for one in recipients]
    kind = next((one for one in _WORST if one in kinds), "unknown")
    chosen = recipients[kinds.index(kind)] if kind in kinds else recipients[0]
    final = chosen.get("final-recipient") or chosen.get("original-recipient", "")
    return Answer(
        kind=kind,
        message_ids=_ids(parts, skip=message),
        envelope_id=next(
            (one["original-envelope-id"] for one in fields if "original-envelope-id" in one), ""
        )[:200],
        recipient=final.rpartition(";")[2].strip()[:320],
        status=_first(_STATUS, chosen.get("status", "")),
        diagnostic=_short(chosen.get("diagnostic-code", "")),
        standard=True,
    )


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})


def _blocks(status: Message) -> list[dict[str, str]]:
    """Return the groups of fields: of the message, then of each recipient (RFC 3464, 2.1)."""
    inner = status.get_payload()
    if isinstance(inner, list):
        return [
            {name.lower(): str(value) for name, value in one.items()}
            for one in inner
            if isinstance(one, Message)
        ]
    found = []
    for block in re.split(r"\r?\n[ \t]*\r?\n", _text(status)):
        lines = re.sub(r"\r?\n[ \t]+", " ", block).splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        if fields:
            found.append({name.strip().lower(): value.strip() for name, value in fields.items()})
    return found


def _kind(fields: dict[str, str]) -> str:
    if kind := _ACTIONS.get(fields.get("action", "").strip().lower(), ""):
        return kind
    # Some servers leave the action out or invent one; the class of the status then decides.
    return {"5": "failed", "4": "delayed", "2": "relayed"}.get(
        fields.get("status", "").strip()[:1], "unknown"
    )


def _other(message: Message) -> Answer:
    parts = _parts(message)
    text = "\n".join(_text(one) for one in parts if one.get_content_maintype() in {"text", "message"})[
        :200_000
    ]
    subject = str(message.get("Subject", ""))
    decoded = _decoded(subject)
    ids = _ids(parts, skip=message)
    said = {name.lower(): str(value) for name, value in message.items()}
    status = _first(_STATUS, text)
    recipient = said.get("x-failed-recipients", "").split(",")[0].strip()[:320]
    diagnostic = next(
        (
            line.strip()
            for line in text.splitlines()
            if _STATUS.search(line) or _GONE.search(line) or _REPLY.search(line)
        ),
        "",
    )
    base = Answer("unknown", ids, "", recipient, status, _short(diagnostic))
    bounce = (
        bool(recipient)
        or _BOUNCE_SUBJECT.search(decoded) is not None
        or re.search(r"mailer-daemon|postmaster", said.get("from", ""), re.IGNORECASE) is not None
    )
    if not bounce:
        automatic = said.get("auto-submitted", "no").lower().startswith("auto-replied") or _AUTOMATIC.search(
            decoded
        )
        return msgspec.structs.replace(base, kind="automatic") if automatic else base
    reply = _first(_REPLY, text)
    if _DELAYED.search(decoded) or (status.startswith("4") and not _GONE.search(text)):
        return msgspec.structs.replace(base, kind="delayed")
    if recipient or status.startswith("5") or _GONE.search(text) or reply.startswith("5"):
        return msgspec.structs.replace(base, kind="failed")
    return base


def _ids(parts: list[Message], *, skip: Message) -> tuple[str, ...]:
    """Return Message-IDs it refers to: of the returned message or its headers first, then In-Reply-To, then the text."""
    found: list[str] = []
    for one in parts:
        if one is not skip and one.get("Message-ID"):
            found += _ID.findall(str(one["Message-ID"]))
    for one in parts:
        if one.get_content_type() in {"text/rfc822-headers", "message/rfc822-headers"}:
            found += _named(_text(one))
    for name in ("In-Reply-To", "References", "X-Original-Message-ID"):
        found += _ID.findall(str(skip.get(name, "")))
    for one in parts:
        if one.get_content_maintype() == "text":
            found += _named(_text(one))
    return tuple(dict.fromkeys(found))[:20]


def _named(text: str) -> list[str]:
    """Return the Message-IDs that ``text`` names as such; folded ones, too."""
    unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
    return re.findall(
        r"^[> \t]*message-id:\s*(<[^<>@\s]{1,250}@[^<>@\s]{1,250}>)", unfolded, re.IGNORECASE | re.MULTILINE
    )


def _text(part: Message) -> str:
    if part.is_multipart():
        return ""
    raw = part.get_payload(decode=True)
    octets = raw if isinstance(raw, bytes) else b""
    said = part.get_param("charset")
    return _told(octets, str(said[2] if isinstance(said, tuple) else said or ""))


def _told(octets: bytes, charset: str) -> str:
    """Return octets as text: in the named charset when it is one of text, else in what they could be."""
    name = charset.strip("'\" ").lower()
    for one in (name, *_GUESSED) if name in _CHARSETS else _GUESSED:
        try:
            return octets.decode(one)
        except (UnicodeDecodeError, LookupError):
            continue
    return octets.decode("latin-1")


def _decoded(header: str) -> str:
    try:
        words = decode_header(header)
    except (HeaderParseError, ValueError):
        return header
    return "".join(one if isinstance(one, str) else _told(one, charset or "") for one, charset in words)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if not found:
        return ""
    return ".".join(found.groups()) if pattern is _STATUS else found.group(1)


def _short(text: str) -> str:
    return " ".join(text.split())[:300]
