"""Protocols told by what they say; look-alikes are kept apart."""

from __future__ import annotations

import pytest

from sekisho.formats import adb, cwmp, mqtt
from sekisho.formats.first_words import read_words, shown


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (b'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n\r\nPassword: ', "http"),
        (b"HTTP/1.1 200 OK\r\n\r\n\xff\xfb\x01", "http"),
        (b"220 FTP\r\n", "ftp"),
        (b"220-mail ESMTP\r\n", "smtp"),
        (b"\xff\xfd\x1f", "telnet"),
        (b"router login: ", "telnet"),
        (b"~ # ", "telnet"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "tls"),
        (b"\x15\x04\x01", ""),
        (b"CNXN" + b"\0" * 20, ""),
        (b"", ""),
        (b"hello", ""),
    ],
)
def test_first_words(data, protocol):
    assert read_words(data).protocol == protocol


def test_what_http_says_of_itself():
    words = read_words(
        b'HTTP/1.1 401 No\r\nServer: RomPager/4.07\r\nWWW-Authenticate: Digest realm="R"\r\n\r\n<TITLE>\n Log in </TITLE>'
    )
    assert (words.status, words.product, words.title) == (401, "RomPager/4.07", "Log in")
    assert words.challenge.startswith("Digest")


def test_adb_needs_its_check_word():
    good = adb.connect()
    assert adb.read_message(good).connected
    assert adb.read_message(good[:20] + b"\0\0\0\0" + good[24:]) is None


def test_connack():
    assert mqtt.read_connack(b"\x20\x02\x00\x00").accepted
    assert mqtt.read_connack(b"\x20\x02\x00\x05").code in mqtt.REFUSED_FOR_CREDENTIALS
    assert mqtt.read_connack(b"\x20\x02\x07\x00") is None


def test_tr069_by_its_own_words_only():
    assert cwmp.speaks("", 'Digest realm="cwmp"', "")
    assert cwmp.speaks("TR069-Client", "", "")
    assert not cwmp.speaks("lighttpd", 'Basic realm="admin"', "Router")


def test_shown_is_printable():
    assert shown(b"\x00\x01ab\x1b[31m") == "ab·[31m"
