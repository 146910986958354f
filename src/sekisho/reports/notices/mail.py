"""A notice as a mail: UTF-8 in base64, text and a simple HTML part, nothing remote, nothing that tracks.

Headers: RFC 5322; ``Auto-Submitted: auto-generated`` (RFC 3834) keeps vacation answers away; no ``List-Id`` (RFC 2919),
because a notice goes to one person and no list. Read receipts are not asked for: they would watch the reader.
"""

from __future__ import annotations

import html
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from sekisho.errors import RenderError
from sekisho.language import Language, Text
from sekisho.model.notice import Notice
from sekisho.model.notifying import Operator, is_address
from sekisho.reports.notices.paragraphs import blocks

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_STYLE = "font-family:sans-serif;font-size:16px;line-height:1.8;color:#1a1d21;background:#ffffff;max-width:42em;margin:0 auto;padding:16px"


def message_id(notice: str, domain: str) -> str:
    """Return the Message-ID of a notice, with its brackets: always the same, so that answers find it."""
    return f"<{notice.lower()}.notice@{domain.lower()}>"


def mail(notice: Notice, operator: Operator, name: str, address: str, sent_at: datetime) -> bytes:
    """Return the message, lines ended by CR LF, 7-bit.

    :raises RenderError: ``address`` is none that can be written to
    """
    if not is_address(address):
        raise RenderError(
            Text(ja="メールアドレスとして使えない", en="not an address that mail can go to"),
            f"notice {notice.id}",
        )
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(_clean(operator.name.say(notice.language)), addr_spec=operator.sender)
    message["To"] = Address(_clean(name), addr_spec=address)
    message["Reply-To"] = Address(addr_spec=operator.reply_to or operator.sender)
    message["Subject"] = _clean(notice.subject)
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = notice.message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message.set_content(notice.body, subtype="plain", charset="utf-8", cte="base64")
    message.add_alternative(page(notice), subtype="html", charset="utf-8", cte="base64")
    # Set behind the parts: setting content clears every header that begins with Content.
    message["Content-Language"] = notice.language.value
    # Python would draw the boundary at random; base64 holds no "=_" before its end, so this one can't occur inside.
    message.set_boundary(f"=_{notice.digest[:32]}")
    return message.as_bytes()


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
