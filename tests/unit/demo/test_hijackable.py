"""Every planted flaw of the hijackable router is really there."""

import re
import socket
import time

import pytest

from sekisho.demo import hijackable
from sekisho.demo.firmware import HIJACKABLE

LAN, WAN = "127.61.0.1", "127.61.0.2"


@pytest.fixture
def router(start, ports, tmp_path):
    names = ("web_port", "telnet_port", "upnp_port", "ssdp_port", "backdoor_port")
    return start("sekisho.demo.hijackable", tmp_path, lan=LAN, wan=WAN, **{name: ports() for name in names})


def expect(stream, ending):
    read = b""
    while ending not in read:
        data = stream.recv(1024)
        assert data, read
        read += data
    return read


@pytest.mark.parametrize("side", [LAN, WAN])
def test_telnet_opens_with_a_code_of_mirai(router, side):
    with socket.create_connection((side, router.said["telnet_port"]), 5) as stream:
        assert b"\xff\xfd\x18" in expect(stream, b"login: ")
        # a client that negotiates: DO ECHO, WILL NAWS with a subnegotiation, DO STATUS (refused)
        stream.sendall(b"\xff\xfd\x01\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfd\x05")
        stream.sendall(b"root\r\n")
        assert b"\xff\xfc\x05" in expect(stream, b"Password: ")
        stream.sendall(b"xc3511\r\0")
        expect(stream, b"# ")
        stream.sendall(b"id; cat /proc/version\r\n")
        assert b"uid=0(root)" in (said := expect(stream, b"# "))
        assert b"Linux version" in said
        stream.sendall(b"/bin/busybox ECCHI\r\n")
        assert b"ECCHI: applet not found" in expect(stream, b"# ")
        stream.sendall(b"echo sekisho-7\r\n")
        assert b"\r\nsekisho-7\r\n" in expect(stream, b"# ")


def test_telnet_refuses_other_codes_without_delay(router):
    with socket.create_connection((LAN, router.said["telnet_port"]), 5) as stream:
        begun = time.monotonic()
        expect(stream, b"login: ")
        for ending in (b"login: ", b"login: ", b"incorrect"):
            stream.sendall(b"root\n")
            expect(stream, b"Password: ")
            stream.sendall(b"no\n")
            expect(stream, ending)
        assert time.monotonic() - begun < 2


def test_the_backdoor_asks_for_nothing(router):
    with socket.create_connection((WAN, router.said["backdoor_port"]), 5) as stream:
        expect(stream, b"# ")
        stream.sendall(b"id\n")
        assert b"uid=0" in expect(stream, b"# ")


def test_web_has_one_code_for_all_and_asks_for_no_change(router, browser):
    web = browser(f"http://{LAN}:{router.said['web_port']}")
    status, _, text = web.ask("/settings")
    assert status == 200, "a guarded page answers 200 with the login page"
    assert 'type="password"' in text
    assert "Wrong" in web.ask("/login", {"user": "admin", "password": "no"})[2]
    _, path, text = web.ask("/login", {"user": "admin", "password": "admin"})
    assert path == "/status"
    assert "Signed in" in text
    assert "initial" not in text
    assert hijackable.WEB_CODE == ("admin", "admin")


def test_settings_are_written_without_login_and_lost_by_an_early_cut(router, browser):
    web = browser(f"http://{WAN}:{router.said['web_port']}")
    web.ask("/cgi-bin/set?dns_server=198.51.100.7")
    assert "198.51.100.7" in web.ask("/cgi-bin/get")[2]
    router.cut()
    router.boot()
    assert "198.51.100.7" not in web.ask("/cgi-bin/get")[2]


@pytest.mark.slow
def test_a_late_cut_keeps_the_setting(router, browser):
    web = browser(f"http://{LAN}:{router.said['web_port']}")
    web.ask("/cgi-bin/set?dns_server=198.51.100.8")
    time.sleep(hijackable.LAZY_SECONDS + 1)
    router.cut()
    router.boot()
    assert "198.51.100.8" in web.ask("/cgi-bin/get")[2]


def test_firmware_with_a_repaired_checksum_and_an_older_one_are_taken(router, browser):
    web = browser(f"http://{LAN}:{router.said['web_port']}")
    web.ask("/login", {"user": "admin", "password": "admin"})

    def version():
        return re.search(r'id="version">([^<]+)', web.ask("/status")[2])[1]

    def upload(image):
        return web.ask("/upgrade", image, "application/octet-stream")

    image = bytearray(HIJACKABLE.build("1.1.0", bytes(1000)))
    image[500] ^= 1
    assert upload(bytes(image))[0] == 200
    assert version() == "1.0.0", "the CRC finds a changed byte"
    upload(image[:4] + HIJACKABLE.checksum(bytes(image[8:])) + image[8:])
    assert version() == "1.1.0", "and nothing finds it once the CRC is repaired"
    upload(HIJACKABLE.build("0.9.0", bytes(1000)))
    assert version() == "0.9.0"
    router.cut()
    router.boot()
    web.ask("/login", {"user": "admin", "password": "admin"})
    assert version() == "0.9.0"


def test_upnp_answers_and_maps_for_anybody(router, browser):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        ask = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
        asking.sendto(ask, (LAN, router.said["ssdp_port"]))
        location = re.search(rb"LOCATION: (\S+)", asking.recv(2048))[1].decode()
    web = browser(location.removesuffix("/rootDesc.xml"))
    assert "WANIPConnection:1" in web.ask("/rootDesc.xml")[2]
    call = (
        '<s:Body><u:AddPortMapping xmlns:u="urn:schemas-upnp-org:service:WANIPConnection:1"><NewExternalPort>2022'
        "</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>22</NewInternalPort>"
        "<NewInternalClient>192.0.2.9</NewInternalClient></u:AddPortMapping></s:Body>"
    )
    assert web.ask("/ctl/IPConn", call.encode(), "text/xml")[0] == 200
    entry = call.replace("AddPortMapping", "GetGenericPortMappingEntry")
    assert "192.0.2.9" in web.ask("/ctl/IPConn", entry.encode(), "text/xml")[2]


def test_sigterm_ends_it(router):
    assert router.stop() == 0


def test_virtues_and_flaws_agree():
    assert len(hijackable.FLAWS) == 11
    assert not hijackable.VIRTUES["settings_guarded_on_every_path"]
    assert hijackable.VIRTUES["wan_listener"]
