from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats.telnet import DO, DONT, IAC, MOST_ANSWERS, SB, SE, WILL, WONT, Telnet, escape


def test_every_request_is_refused_once():
    telnet = Telnet()
    text, answer = telnet.feed(bytes([IAC, DO, 24, IAC, WILL, 1]) + b"login: " + bytes([IAC, DO, 24]))
    assert text == b"login: "
    assert answer == bytes([IAC, WONT, 24, IAC, DONT, 1])
    assert telnet.speaks


def test_escaped_iac_subnegotiation_and_nul():
    telnet = Telnet()
    assert telnet.feed(bytes([IAC, IAC]) + b"a\0b" + bytes([IAC, SB, 24, 1, IAC, SE]) + b"c") == (
        b"\xffab" + b"c",
        b"",
    )
    assert escape(b"a\xff\n") == b"a\xff\xff\r\n"


def test_wont_and_dont_are_not_answered():
    assert Telnet().feed(bytes([IAC, WONT, 1, IAC, DONT, 3])) == (b"", b"")


def test_a_storm_is_noticed_and_answers_are_bounded():
    telnet = Telnet()
    sent = b""
    for _ in range(20):
        sent += telnet.feed(b"".join(bytes([IAC, DO, n]) for n in range(200)))[1]
    assert len(sent) <= 3 * MOST_ANSWERS
    assert telnet.storm


@given(st.binary(max_size=200), st.lists(st.integers(1, 40)))
def test_the_portions_do_not_matter(data, sizes):
    whole = Telnet().feed(data)
    parts, telnet = [b"", b""], Telnet()
    rest = data
    for size in [*sizes, len(data)]:
        text, answer = telnet.feed(rest[:size])
        parts[0] += text
        parts[1] += answer
        rest = rest[size:]
    assert tuple(parts) == whole
