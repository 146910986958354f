"""A notice as a mail: UTF-8 in base64, text and a simple HTML part, nothing remote, nothing that tracks.

Headers: RFC 5322; ``Auto-Submitted: auto-generated`` (RFC 3834) keeps vacation answers away; no ``List-Id`` (RFC 2919),
because a notice goes to one person and no list. Read receipts are not asked for: they would watch the reader.
Written out here, because Python's own generator parses and folds each header anew: for thousands of notices that is
most of the work of sending.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode, encodebytes
from datetime import datetime
from email.utils import format_datetime

from sekisho.errors import RenderError
from sekisho.language import Language, Text
from sekisho.model.notice import Notice
from sekisho.model.notifying import Operator, is_address
from sekisho.reports.notices.paragraphs import blocks

# What may stand in a header as it is: words of RFC 5322 (atoms), and for a subject any printable ASCII.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_PRINTABLE = re.compile(r"[ -~]*")
# RFC 2047, 2: a line with encoded words has 76 signs at most.
_LINE, _AROUND = 76, len("=?utf-8?b??=")
_FOLD = "\r\n "
_STYLE = "font-family:sans-serif;font-size:16px;line-height:1.8;color:#1a1d21;background:#ffffff;max-width:42em;margin:0 auto;padding:16px"


def message_id(notice: str, domain: str) -> str:
    """Return the Message-ID of a notice, with its brackets: always the same, so that answers find it."""
    return f"<{notice.lower()}.notice@{domain.lower()}>"


def mail(notice: Notice, operator: Operator, name: str, address: str, sent_at: datetime) -> bytes:
    """Return the message, lines ended by CR LF, 7-bit.

    :raises RenderError: ``address`` is none that can be written to, or what the operator calls its own is none
    """
    own = filter(None, (operator.sender, operator.reply_to))
    if not all(map(is_address, (address, *own))):
        raise RenderError(
            Text(ja="メールアドレスとして使えない", en="not an address that mail can go to"),
            f"notice {notice.id}",
        )
    boundary = f"=_{notice.digest[:32]}"  # base64 holds no "=_" before its end, so it can't occur inside
    headers = (
        _mailbox("From", operator.name.say(notice.language), operator.sender),
        _mailbox("To", name, address),
        f"Reply-To: {operator.reply_to or operator.sender}",
        _folded("Subject", _clean(notice.subject), _PRINTABLE),
        f"Date: {format_datetime(sent_at)}",
        f"Message-ID: {notice.message_id}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        f"Content-Language: {notice.language.value}",
    )
    lines = (*headers, "", *_part(boundary, "plain", notice.body), *_part(boundary, "html", page(notice)))
    return "\r\n".join((*lines, f"--{boundary}--", "")).encode("ascii")


def _part(boundary: str, kind: str, text: str) -> tuple[str, ...]:
    lines = b"\r\n".join((*text.encode().splitlines(), b""))
    return (
        f"--{boundary}",
        f'Content-Type: text/{kind}; charset="utf-8"',
        "Content-Transfer-Encoding: base64",
        "",
        *encodebytes(lines).decode("ascii").splitlines(),
    )


def _mailbox(header: str, name: str, address: str) -> str:
    shown = _folded(header, _clean(name), _ATOMS)
    return f"{shown}{' ' if len(shown) + len(address) < _LINE else _FOLD}<{address}>"


def _folded(header: str, text: str, plain: re.Pattern[str]) -> str:
    """Return a header of one text: as it is when it may be and fits, in encoded words of RFC 2047 otherwise."""
    line = f"{header}: {text}"
    if plain.fullmatch(text) and "=?" not in text and len(line) <= _LINE:
        return line
    words, octets, room = [], b"", _LINE - len(f"{header}: ") - _AROUND
    for sign in text:
        # No sign is divided between two words (RFC 2047, 5).
        more = sign.encode()
        if len(octets) + len(more) > room // 4 * 3:
            words.append(octets)
            octets, room = b"", _LINE - 1 - _AROUND
        octets += more
    encoded = (f"=?utf-8?b?{b64encode(one).decode('ascii')}?=" for one in (*words, octets))
    return f"{header}: {_FOLD.join(encoded)}"


def page(notice: Notice) -> str:
    """Return the HTML part: the approved words, escaped; the operator's page stays text so that nobody gets used to links."""
    parts = []
    for block in blocks(notice.body):
        text = "<br>\n".join(html.escape(line) for line in block.lines)
        if block.steps:
            head = f'<p style="margin:1.2em 0 .3em;font-weight:bold">{text}</p>\n' if text else ""
            items = "\n".join(f'<li style="margin:.4em 0">{html.escape(one)}</li>' for one in block.steps)
            parts.append(f'{head}<ol style="margin:.3em 0 1.2em;padding-left:1.8em">\n{items}\n</ol>')
        else:
            parts.append(f'<p style="margin:1em 0">{text}</p>')
    body = "\n".join(parts)
    lang = "ja" if notice.language is Language.JA else "en"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(notice.subject)}</title>\n</head>\n"
        f'<body style="margin:0;background:#ffffff">\n<div style="{_STYLE}">\n{body}\n</div>\n</body>\n</html>\n'
    )


def _clean(text: str) -> str:
    """Return ``text`` without anything that could start another header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
