"""What mail servers answer, standard and otherwise; and that nothing they write breaks us."""

from __future__ import annotations

import base64
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.formats.delivery_status import answer

OURS = "<4tz08k2mn9qr7hxc.notice@isp.example>"


def report(recipients: str, returned: str = "message/rfc822") -> bytes:
    inner = f"Message-ID: {OURS}\r\nSubject: x\r\n\r\nbody\r\n"
    return f"""From: MAILER-DAEMON (Mail Delivery System)\r
To: bounces@isp.example\r
Subject: Undelivered Mail Returned to Sender\r
Auto-Submitted: auto-replied\r
Message-ID: <bounce-1@mx.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain; charset=us-ascii\r
\r
This is the mail system at host mx.example.\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
Original-Envelope-Id: 4TZ08K2MN9QR7HXC\r
\r
{recipients}\r
--b\r
Content-Type: {returned}\r
\r
{inner}\r
--b--\r
""".encode()


def recipient(action: str, status: str, name: str = "taro@customer.example") -> str:
    return f"Final-Recipient: rfc822; {name}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550\r\n  no such user\r\n\r\n"


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", "failed"), ("Delayed", "4.4.1", "delayed"), ("delivered", "2.0.0", "delivered"),
        ("relayed", "2.0.0", "relayed"), ("expanded", "2.0.0", "relayed"), ("", "5.2.2", "failed"), ("odd", "", "unknown"),
    ],
)  # fmt: skip
def test_standard(returned: str, action: str, status: str, kind: str) -> None:
    said = answer(report(recipient(action, status), returned))
    assert (said.kind, said.status, said.standard) == (kind, status, True)
    assert said.message_ids[0] == OURS
    assert "<bounce-1@mx.example>" not in said.message_ids
    assert said.envelope_id == "4TZ08K2MN9QR7HXC"
    assert said.recipient == "taro@customer.example"
    assert said.diagnostic == "smtp; 550 no such user"


def test_the_worst_of_several_recipients_counts() -> None:
    said = answer(report(recipient("delivered", "2.0.0") + recipient("failed", "5.1.1", "x@y.example")))
    assert (said.kind, said.recipient, said.status) == ("failed", "x@y.example", "5.1.1")


def plain(headers: str, text: str) -> bytes:
    return (
        f"{headers}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
        + (base64.encodebytes(text.encode()))
    )


@pytest.mark.parametrize(
    ("headers", "text", "kind"),
    [
        # qmail's own form: no MIME at all.
        ("From: MAILER-DAEMON@mx.example\r\nSubject: failure notice", f"Hi. This is the qmail-send program.\n<taro@customer.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nMessage-ID: {OURS}\n", "failed"),
        # Exim's form.
        ("From: Mail Delivery System <Mailer-Daemon@mx.example>\r\nX-Failed-Recipients: taro@customer.example\r\nSubject: Mail delivery failed: returning message to sender", f"A message that you sent could not be delivered.\n  550 Unrouteable address\n\n> Message-ID: {OURS}\n", "failed"),
        ("From: postmaster@mx.example\r\nSubject: Warning: message 1abc delayed 24 hours", f"Message will keep trying.\n\nMessage-ID: {OURS}\n", "delayed"),
        ("From: postmaster@mobile.example\r\nSubject: =?utf-8?b?6YWN5L+h44Gn44GN44G+44Gb44KT44Gn44GX44Gf?=", f"宛先のメールアドレスが存在しません。\n\nMessage-ID:\n {OURS}\n", "failed"),
        (f"From: taro@customer.example\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: {OURS}\r\nSubject: Out of office", "I am away.", "automatic"),
        (f"From: taro@customer.example\r\nIn-Reply-To: {OURS}\r\nSubject: Re: x", "これは本物ですか。パスワード 550 円", "unknown"),
    ],
    ids=["qmail", "exim", "delay", "japanese", "vacation", "a person"],
)  # fmt: skip
def test_not_standard(headers: str, text: str, kind: str) -> None:
    said = answer(plain(headers, text))
    assert said.kind == kind
    assert OURS in said.message_ids
    assert not said.standard


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 60))
def test_never_breaks(junk: bytes, place: int, cut: int) -> None:
    whole = report(recipient("failed", "5.1.1"))
    said = answer(whole[:place] + junk + whole[place + cut :])
    assert said.kind in {"failed", "delayed", "delivered", "relayed", "automatic", "unknown"}
    assert answer(junk).kind in {"unknown", "automatic", "failed", "delayed"}


def test_bounded() -> None:
    deep = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 5000
    )
    assert answer(deep).kind == "unknown"
    assert answer(plain("From: a@b.example", "Message-ID: <" + "a" * 100_000)).message_ids == ()


def test_what_a_stranger_writes_takes_no_quadratic_time() -> None:
    many = 1_000_000
    hostile = {
        "body": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * many,
        "subject": b"Subject: =?punycode?Q?" + b"a" * many + b"?=\r\n\r\nx",
        "charset": b"Content-Type: text/plain; charset*=punycode''" + b"a" * many + b"\r\n\r\nx",
        "parameters": b'Content-Type: text/plain; x="' + b";" * many + b"\r\n\r\nx",
        "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + (b'--b\r\nContent-Type: text/plain; x="' + b";" * 4000 + b"\r\n\r\nx\r\n") * (many // 4000),
        "no text": b"Content-Type: text/plain; charset=bz2\r\n\r\n" + b"a" * many,
    }
    for name, mail in hostile.items():
        begun = process_time()
        assert answer(b"From: mailer-daemon@mx.example\r\n" + mail).kind == "unknown"
        # Milliseconds of work; the old way took minutes.
        assert process_time() - begun < 5, name


@pytest.mark.parametrize("charset", ["iso-2022-jp", "Shift_JIS", "EUC-JP", "utf-8", "punycode", "x-unknown"])
def test_charsets_of_text(charset: str) -> None:
    words = "宛先のメールアドレスが存在しません。"
    codec = "cp932" if charset in {"punycode", "x-unknown"} else charset
    body = f"{words}\n\nMessage-ID: {OURS}\n".encode(codec)
    head = f"From: postmaster@mobile.example\r\nSubject: x\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    said = answer(head.encode() + body)
    assert (said.kind, said.message_ids, said.diagnostic) == ("failed", (OURS,), words)
