"""Whatever a notice says, Python's own reader of mail finds the same words in it."""

from __future__ import annotations

import re
from datetime import datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser, BytesParser
from email.utils import parseaddr

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notices import JST, MORNING, OPERATOR
from sekisho.language import Language, Text
from sekisho.model.notice import Channel, Notice, NoticeState, text_digest
from sekisho.reports.notices.mail import mail

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=120) | st.text(
    'ab =?_.,;:<>@"()\\あ関\U0001f6a7\t\r\n', max_size=200
)


def shown(text: str) -> str:
    """What may stand in a header: one line, nothing that no screen shows."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def mailbox(header: str) -> tuple[str, str]:
    """Name and address. Not by the new parser: it keeps the space between two encoded words of a name (RFC 2047, 6.2)."""
    name, address = parseaddr(header)
    return str(make_header(decode_header(name))), address


def notice(subject: str, body: str) -> Notice:
    return Notice(
        "4TZ08K2MN9QR7HXC", "c1", Channel.EMAIL, Language.JA, "t", subject, body, text_digest(Language.JA, subject, body),
        "once", NoticeState.SENDING, 0, 0, message_id="<4tz08k2mn9qr7hxc.notice@isp.example>",
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(subject=_TEXT, body=_TEXT, name=_TEXT, own=_TEXT)
def test_a_reader_finds_the_same_words(subject: str, body: str, name: str, own: str) -> None:
    operator = msgspec.structs.replace(OPERATOR, name=Text(ja=own, en=own))
    at = datetime.fromtimestamp(MORNING / 1000, JST)
    octets = mail(notice(subject, body), operator, name, "taro@customer.example", at)
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
    head = octets.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 78
    words = re.findall(rb"=\?utf-8\?b\?[^? ]*\?=", head)
    assert all(len(one) <= 75 for one in words)
    read = BytesParser(policy=policy.default).parsebytes(octets)
    assert len(read.get_all("Subject")) == 1
    assert read["Subject"] == shown(subject)
    assert not read["Subject"].defects
    plain = BytesHeaderParser().parsebytes(octets)
    assert mailbox(plain["To"]) == (shown(name), "taro@customer.example")
    assert mailbox(plain["From"]) == (shown(own), OPERATOR.sender)
    text, html = read.iter_parts()
    lines = re.split(r"\r\n|\r|\n", body)
    assert text.get_content() == "".join(f"{one}\r\n" for one in (lines[:-1] if lines[-1] == "" else lines))
    assert html.get_content().startswith("<!DOCTYPE html>\r\n")
