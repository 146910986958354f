"""A captured frame in one line."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.capture import Seen
from sekisho.formats.frame_line import FrameLine, frame_line

RAW, ETHERNET = 101, 1


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (Seen(), FrameLine("192.0.2.7:40000", "198.51.100.9:23", "TCP", "[SYN] seq 1 ack 2, 0 octets")),
        (Seen(flags=0x12, payload=9), FrameLine("192.0.2.7:40000", "198.51.100.9:23", "TCP", "[SYN ACK] seq 1 ack 2, 9 octets")),
        (Seen(protocol=17, payload=5), FrameLine("192.0.2.7:40000", "198.51.100.9:23", "UDP", "5 octets")),
        (Seen(protocol=1), FrameLine("192.0.2.7", "198.51.100.9", "ICMP", "echo request, code 0")),
        (Seen(source="2001:db8::1", destination="2001:db8::2"), FrameLine("[2001:db8::1]:40000", "[2001:db8::2]:23", "TCP", "[SYN] seq 1 ack 2, 0 octets")),
        (Seen(source="2001:db8::1", destination="2001:db8::2", fragment=4), FrameLine("2001:db8::1", "2001:db8::2", "TCP", "fragment at 32")),
        (Seen(fragment=4), FrameLine("192.0.2.7", "198.51.100.9", "TCP", "fragment at 32")),
    ],
)  # fmt: skip
def test_what_the_headers_say(seen: Seen, line: FrameLine) -> None:
    assert frame_line(seen.ip(), RAW) == line
    assert frame_line(seen.ethernet(), ETHERNET) == line
    assert frame_line(seen.ethernet(b"\x81\x00\x00\x07"), ETHERNET) == line
    assert (
        frame_line(bytes(14) + struct.pack(">H", 0x86DD if ":" in seen.source else 0x0800) + seen.ip(), 113)
        == line
    )


def test_text_is_shown_and_what_is_no_text_is_not() -> None:
    head = Seen(payload=0).ip()
    assert frame_line(head + b"GET / HTTP/1.1\r\nHost: x", RAW).says.endswith(": GET / HTTP/1.1")
    assert frame_line(head + b"\x1b[2J<script>\r\n", RAW).says.endswith("octets")


def test_arp() -> None:
    asked = (
        struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1)
        + bytes(6)
        + bytes([192, 0, 2, 1])
        + bytes(6)
        + bytes([192, 0, 2, 9])
    )
    assert frame_line(bytes(12) + b"\x08\x06" + asked, ETHERNET) == FrameLine(
        "192.0.2.1", "192.0.2.9", "ARP", "who has 192.0.2.9?"
    )


@given(st.binary(max_size=120), st.sampled_from([0, 1, 12, 101, 104, 108, 113, 276, 999]))
def test_any_frame_has_a_line(data: bytes, link: int) -> None:
    line = frame_line(data, link)
    assert all(one.isprintable() for one in (line.source, line.destination, line.protocol, line.says))
