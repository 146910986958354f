"""The baseline router does what the law of 2020 asks, and really not a step more."""

import re
import socket

import pytest

from sekisho import exemplar
from sekisho.demo import baseline, hijackable
from sekisho.demo.firmware import BASELINE

LAN, WAN = "127.62.0.1", "127.62.0.2"


@pytest.fixture
def router(start, ports, tmp_path):
    return start("sekisho.demo.baseline", tmp_path, lan=LAN, wan=WAN, web_port=ports(), telnet_port=ports())


@pytest.fixture
def web(router, browser):
    return browser(f"http://{LAN}:{router.said['web_port']}")


def sign_in(web, password="password"):
    return web.ask("/login", {"user": "admin", "password": password})


def version(web):
    return re.search(r'id="version">([^<]+)', web.ask("/status")[2])[1].strip()


@pytest.mark.parametrize("path", ["/", "/status", "/settings", "/welcome", "/update", "/nowhere"])
def test_every_path_wants_a_login(web, path):
    status, _, text = web.ask(path)
    assert 'type="password"' in text
    assert "version" not in text
    assert status == 200


def test_a_write_without_login_changes_nothing(web):
    web.ask("/settings", {"dns_server": "198.51.100.1"})
    sign_in(web)
    assert "198.51.100.1" not in web.ask("/settings")[2]


def test_the_change_is_prompted_and_can_be_skipped(web):
    status, path, text = sign_in(web)
    assert (status, path) == (200, "/welcome")
    assert 'href="/status"' in text
    web.ask("/settings", {"dns_server": "198.51.100.2"})
    assert "198.51.100.2" in web.ask("/settings")[2]


def test_a_new_password_works_the_old_one_does_not_and_the_same_is_accepted(web, browser):
    sign_in(web)
    web.ask("/password", {"new": "password"})
    web.ask("/password", {"new": "river-bank-9"})
    other = browser(web.base)
    assert sign_in(other)[0] == 401
    assert sign_in(other, "river-bank-9")[1] == "/status"


def test_settings_password_and_version_survive_a_cut_at_once(router, web, browser):
    sign_in(web)
    web.ask("/settings", {"dns_server": "198.51.100.3"})
    web.ask("/password", {"new": "river-bank-9"})
    web.ask("/update", BASELINE.build("1.1.0", b"x" * 500), "application/octet-stream")
    router.cut()
    router.boot()
    again = browser(web.base)
    assert sign_in(again, "river-bank-9")[1] == "/status"
    assert "198.51.100.3" in again.ask("/settings")[2]
    assert version(again) == "1.1.0"


def test_a_changed_byte_is_refused_a_repaired_and_an_older_image_are_not(web):
    image = bytearray(BASELINE.build("1.1.0", bytes(500)))
    image[300] ^= 1
    repaired = bytes(image[:4] + BASELINE.checksum(bytes(image[36:])) + image[36:])
    for tried, want in (
        (bytes(image), "1.0.0"),
        (repaired, "1.1.0"),
        (BASELINE.build("0.9.0", b"x"), "0.9.0"),
    ):
        sign_in(web)
        web.ask("/update", tried, "application/octet-stream")
        sign_in(web)
        assert version(web) == want


def test_nothing_brakes_guessing(web):
    assert [sign_in(web, f"guess{number}")[0] for number in range(30)] == [401] * 30
    assert sign_in(web)[0] == 200


def test_telnet_wants_the_same_password_and_the_line_side_is_closed(router):
    for port in (router.said["web_port"], router.said["telnet_port"]):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((WAN, port), 2)
    with socket.create_connection((LAN, router.said["telnet_port"]), 5) as stream:
        stream.sendall(b"admin\npassword\nid\nexit\n")
        read = b""
        while data := stream.recv(1024):
            read += data
        assert b"uid=0" in read


def test_sigterm_ends_it(router):
    assert router.stop() == 0


def test_all_three_terminals_answer_the_same_questions():
    assert baseline.VIRTUES.keys() == hijackable.VIRTUES.keys() == exemplar.VIRTUES.keys()
