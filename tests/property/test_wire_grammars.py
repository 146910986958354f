"""Whatever a peer sends, a grammar gives a value or nothing: never an error, never much work."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.formats import adb, cwmp, dns, loose_xml, mqtt, onvif, rtsp, snmp, ssdp, upnp
from sekisho.formats.first_words import read_words, shown

STARTS = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", b"RTSP/1.0 200\r\n", b"\x30\x20\x02\x01\x01", b"\x20\x02\x00\x00", b"CNXN", b"\xff\xfb\x01",
     b"220 ", b"SSH-2.0-", b"\x16\x03\x01", b"\x5e\x4b\x81\x80", b"<?xml version='1.0'?><root>", b"\x30\x82\xff\xff"]
)  # fmt: skip
BYTES = st.builds(lambda start, rest: start + rest, STARTS, st.binary(max_size=300))


@given(BYTES)
def test_no_bytes_break_a_reader(data):
    read_words(data)
    shown(data)
    dns.read_response(data)
    snmp.read_answer(data)
    mqtt.read_connack(data)
    rtsp.read_answer(data)
    adb.read_message(data)
    ssdp.read_answer(data)


@given(st.text(max_size=400).map(lambda text: "<root><service><serviceType>" + text))
def test_no_text_breaks_xml(text):
    list(loose_xml.read_elements(text))
    upnp.read_description(text, "http://127.0.0.1/x")
    upnp.read_address(text)
    upnp.error_code(text)
    onvif.answers(text, "X")
    cwmp.speaks(text, text, text)


@given(st.integers(0, 2**31 - 1), st.binary(max_size=400), st.sampled_from([snmp.V1, snmp.V2C]))
def test_what_we_write_in_ber_we_read(number, value, version):
    """A request and a response differ in one byte only."""
    request = snmp.set_string("public", snmp.SYS_CONTACT, value, number, version)
    at = request.index(b"public") + len(b"public")
    response = request[:at] + b"\xa2" + request[at + 1 :]
    assert request[at] == 0xA3
    answer = snmp.read_answer(response)
    assert answer == snmp.Answer(version, number, 0, value)
    assert snmp.read_answer(response[:-1]) is None
    assert snmp.read_answer(request) is None, "a request that is sent back is no answer"


def test_entities_are_never_expanded():
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
        + "]><root><friendlyName>&j;</friendlyName><x>&#x41;&amp;&#0;&#x110000;</x></root>"
    )
    assert loose_xml.first(bomb, "friendlyName") == "&j;"
    assert loose_xml.first(bomb, "x") == "A&\ufffd\ufffd"


def test_an_external_entity_opens_no_file():
    text = '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r><a>&f;</a></r>'
    assert loose_xml.first(text, "a") == "&f;"


@pytest.mark.parametrize(
    "text",
    [
        "<" * 600_000,
        "<a " * 200_000,
        "<a>" * 300_000,
        "<!--" * 150_000,
        "<a" + " x" * 300_000,
        "&#" * 300_000,
    ],
)
def test_hostile_xml_is_bounded(text):
    began = time.perf_counter()
    assert len(list(loose_xml.read_elements(text))) <= loose_xml.MOST_TAGS
    assert time.perf_counter() - began < 3


def test_an_address_elsewhere_is_dropped():
    text = (
        "<root><deviceType>x</deviceType><service><serviceType>a</serviceType><controlURL>{}</controlURL>"
        "</service></root>"
    )
    here = "http://192.168.1.1:5000/d/rootDesc.xml"
    for control, path in {"/ctl": "/ctl", "ctl": "/d/ctl", "http://192.168.1.1:81/c": "/c"}.items():
        (service,) = upnp.read_description(text.format(control), here).services
        assert (service.control.host, service.control.path) == ("192.168.1.1", path)
    for control in ("http://10.0.0.1/c", "ftp://192.168.1.1/c", "//10.0.0.1/c\r\nX: 1"):
        services = upnp.read_description(text.format(control), here).services
        assert all(one.control.host == "192.168.1.1" and "\n" not in one.control.path for one in services)


def test_ipv6_addresses():
    assert upnp.read_address("http://[fe80::1]:80/x") == upnp.Address("fe80::1", 80, "/x")
    assert upnp.read_address("http://host:0/") is None
    assert upnp.read_address("http://host:70000/") is None
