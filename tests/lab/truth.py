"""The truth about the lab's devices: for each planted flaw or virtue, how it is seen. True means: it is really there."""

import socket
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .flavours import FIRST_VERSION, NEWER_VERSION, OLDER_VERSION
from .machine import Machine
from .network import LAN4, TESTER_LAN4, TESTER_WAN4, TESTER_WAN6, WAN4, WAN6
from .services import ROOT_PASSWORD
from .talk import Answer, Web, connects, snmp, ssh_login, telnet_login

_SYS_DESCR = bytes((0x2B, 6, 1, 2, 1, 1, 1, 0))
_SYS_LOCATION = bytes((0x2B, 6, 1, 2, 1, 1, 6, 0))
_MOST_MAPPINGS = 100
_WELL_KNOWN = (22, 23, 80, 161, 199, 443, 1883, 5000, 8080)


def web(machine: Machine) -> Web:
    """Return the device's web interface, from the LAN, without a session."""
    return Web(machine.flavour)


def session(machine: Machine) -> Web:
    """Return the web interface with a session of the device's own account."""
    entered = web(machine).log_in(machine.flavour.password)
    assert entered is not None, "the device's own password does not open it"
    return entered


def _telnet(machine: Machine) -> bool:
    return "uid=0" in telnet_login(LAN4, TESTER_LAN4[0], "root", ROOT_PASSWORD)


def _ssh(machine: Machine) -> bool:
    return not ssh_login(LAN4, "root", "wrong") and "uid=0" in ssh_login(LAN4, "root", ROOT_PASSWORD)


def _basic(machine: Machine) -> bool:
    place = web(machine)
    return place.ask("GET", "/admin/").status == 401 and place.basic("admin", "/admin/").status == 200


def _digest(machine: Machine) -> bool:
    place, right = web(machine), machine.flavour.password
    return (
        place.digest("wrong").status == 401
        and place.digest(right).status == 200
        and place.basic(right).status == 401
    )


def _form(machine: Machine) -> bool:
    return web(machine).log_in("wrong") is None and web(machine).log_in("admin") is not None


def _no_default(machine: Machine) -> bool:
    return web(machine).log_in("admin") is None and web(machine).log_in(machine.flavour.password) is not None


def _open_setting(machine: Machine) -> bool:
    place, value = web(machine), f"192.168.77.{int(time.time()) % 200 + 20}"
    place.ask("GET", f"/cgi-bin/set?dns={value}")
    return place.setting() == value


def _guarded_setting(machine: Machine) -> bool:
    """A write without a session changes nothing; the same write with one does, so the path is right."""
    place, flavour = web(machine), machine.flavour
    if flavour.settings_path == "/cgi-bin/":
        ask = place.digest if flavour.login == "digest" else place.basic
        refused = place.ask("GET", "/cgi-bin/set?dns=9.9.9.9").status == 401
        before = ask(flavour.password, "/cgi-bin/get?dns").body
        ask(flavour.password, "/cgi-bin/set?dns=192.168.77.77")
        return (
            refused
            and before != "9.9.9.9"
            and ask(flavour.password, "/cgi-bin/get?dns").body == "192.168.77.77"
        )
    place.post("/settings", dns="9.9.9.9")
    inside = session(machine)
    before = inside.setting()
    inside.post("/settings", dns="192.168.77.77")
    return before == LAN4 and inside.setting() == "192.168.77.77"


def _no_authentication(machine: Machine) -> bool:
    place = web(machine)
    place.post("/settings", dns="192.168.77.88")
    return place.setting() == "192.168.77.88"


def _lockout(machine: Machine) -> bool:
    """Five wrong tries, from two addresses and at once, lock the right password out, too."""
    with ThreadPoolExecutor(5) as pool:
        places = [Web(machine.flavour, source=TESTER_LAN4[number % 2]) for number in range(5)]
        list(pool.map(lambda place: place.log_in("wrong"), places))
    answer = web(machine).post("/login", username="admin", password=machine.flavour.password)
    return answer.status == 429 and "set-cookie" not in answer.headers


def _lock_by_source(machine: Machine) -> bool:
    """Five wrong tries at once lock the right password out where they came from, and nowhere else."""
    here, there = TESTER_LAN4[0], TESTER_LAN4[1]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: Web(machine.flavour, source=here).log_in("wrong"), range(5)))
    owner = {"username": "admin", "password": machine.flavour.password}
    locked = Web(machine.flavour, source=here).post("/login", **owner)
    other = Web(machine.flavour, source=there).post("/login", **owner)
    return locked.status == 429 and "set-cookie" not in locked.headers and "set-cookie" in other.headers


def _lock_ends(machine: Machine) -> bool:
    assert machine.flavour.lock is not None
    for _ in range(5):
        web(machine).log_in("wrong")
    locked = web(machine).log_in(machine.flavour.password) is None
    time.sleep(machine.flavour.lock[1] + 0.5)
    return locked and web(machine).log_in(machine.flavour.password) is not None


def _serial_delay(machine: Machine) -> bool:
    begin = time.monotonic()
    statuses = [web(machine).basic("wrong").status for _ in range(3)]
    return statuses == [401] * 3 and time.monotonic() - begin > 2.7


def _parallel(machine: Machine) -> bool:
    path = "/admin/" if machine.flavour.name == "all_weak" else "/"
    begin = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda number: web(machine).basic(f"wrong{number}", path).status, range(60)))
    return statuses == [401] * 60 and 60 / (time.monotonic() - begin) > 5


def _forced_change(machine: Machine) -> bool:
    inside = session(machine)
    inside.post("/settings", dns="192.168.77.66")
    refused = inside.setting() != "192.168.77.66"
    inside.post("/password", old="admin", new="Some-9-new-words")
    inside.post("/settings", dns="192.168.77.66")
    return refused and inside.setting() == "192.168.77.66" and web(machine).log_in("admin") is None


def _login_page_everywhere(machine: Machine) -> bool:
    answers = [web(machine).ask("GET", path) for path in ("/", "/settings", "/setup/3.html", "/nowhere")]
    return all(answer.status == 200 and 'action="/login"' in answer.body for answer in answers)


def _hidden_open_page(machine: Machine) -> bool:
    place = web(machine)
    is_open = ["/login" not in place.ask("GET", f"/setup/{number}.html").body for number in range(1, 31)]
    place.post("/setup/16.html", dns="192.168.77.16")
    place.post("/setup/17.html", dns="192.168.77.17")
    return is_open.index(True) == 16 and sum(is_open) == 1 and session(machine).setting() == "192.168.77.17"


def _crash(machine: Machine) -> bool:
    statuses = [web(machine).post("/login", username="admin", password="wrong").status for _ in range(3)]
    time.sleep(0.2)
    return (
        statuses == [401, 401, 0]
        and not connects(LAN4, 80, TESTER_LAN4[0])
        and connects(LAN4, 22, TESTER_LAN4[0])
    )


def _snmp_write(machine: Machine) -> bool:
    snmp("public", _SYS_LOCATION, "by-public")
    snmp("private", _SYS_LOCATION, "by-private")
    return b"by-private" in snmp("public", _SYS_LOCATION)


def _upnp(machine: Machine) -> bool:
    """A mapping that one host asks for another is made, and read back.

    It cannot be walked here: the tester is both the WAN and the other host, so the way back would be short-cut.
    """
    port = {"NewRemoteHost": "", "NewExternalPort": "4444", "NewProtocol": "TCP"}
    mapping = {"NewInternalPort": "4445", "NewInternalClient": TESTER_LAN4[1], "NewEnabled": "1",
               "NewPortMappingDescription": "x", "NewLeaseDuration": "0"}  # fmt: skip
    made = _soap(machine, "AddPortMapping", port | mapping)
    return made.status == 200 and TESTER_LAN4[1] in _soap(machine, "GetSpecificPortMappingEntry", port).body


def mappings(machine: Machine) -> list[tuple[str, str, str, str]]:
    """Return the port mappings that the device's port mapper lists: external port, protocol, host, internal port."""
    listed: list[tuple[str, str, str, str]] = []
    while len(listed) < _MOST_MAPPINGS:
        answer = _soap(machine, "GetGenericPortMappingEntry", {"NewPortMappingIndex": str(len(listed))})
        if answer.status != 200:
            # 713 SpecifiedArrayIndexInvalid: the end of the list (WANIPConnection:1, 2.4.14).
            assert "<errorCode>713</errorCode>" in answer.body, answer
            return listed
        names = ("NewExternalPort", "NewProtocol", "NewInternalClient", "NewInternalPort")
        port, protocol, host, inner = (answer.body.partition(f"<{n}>")[2].partition("<")[0] for n in names)
        listed.append((port, protocol, host, inner))
    raise AssertionError(f"a list of mappings without an end: {listed}")


def _soap(machine: Machine, action: str, fields: dict[str, str]) -> Answer:
    service = "urn:schemas-upnp-org:service:WANIPConnection:1"
    content = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service}">{content}</u:{action}></s:Body></s:Envelope>'
    )
    headers = {"SOAPAction": f'"{service}#{action}"', "Content-Type": "text/xml"}
    return Web(machine.flavour, port=5000).ask("POST", "/ctl/IPConn", body.encode(), headers)


def _mapped_web(machine: Machine) -> bool:
    deadline = time.monotonic() + 15
    while not connects(WAN4, 8080, TESTER_WAN4) and time.monotonic() < deadline:
        time.sleep(0.2)
    answer = Web(machine.flavour, WAN4, TESTER_WAN4, 8080).ask("GET", "/login")
    return answer.status == 200 and not connects(WAN4, 80, TESTER_WAN4)


def _mqtt(machine: Machine) -> bool:
    """CONNECT without user name gets CONNACK with return code 0 (MQTT 3.1.1, 3.2)."""
    with socket.create_connection((LAN4, 1883), 5) as stream:
        stream.sendall(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x0a\x00\x03lab")
        return stream.recv(4) == b"\x20\x02\x00\x00"


def _wan_silent(machine: Machine) -> bool:
    """No service of the device opens from the WAN, neither by its WAN nor by its LAN address; from the LAN they do."""
    targets = ((WAN4, TESTER_WAN4), (WAN6, TESTER_WAN6), (LAN4, TESTER_WAN4))
    attempts = [(address, port, source) for address, source in targets for port in _WELL_KNOWN]
    with ThreadPoolExecutor(len(attempts)) as pool:
        opened = any(pool.map(lambda attempt: connects(*attempt), attempts))
    mine = [
        int(port[4:])
        for service in machine.flavour.services
        for port in service.ports
        if port.startswith("tcp")
    ]
    return not opened and all(connects(LAN4, port, TESTER_LAN4[0]) for port in mine)


def _install(machine: Machine, image: bytes) -> str:
    """Upload an image and return the version that the device then says it has."""
    inside = session(machine)
    before = inside.version()
    inside.upload(image)
    deadline = time.monotonic() + 3  # an image that it takes is in place after 1.5 s at most
    while inside.version() == before and time.monotonic() < deadline and machine.flavour.update_port == 8080:
        time.sleep(0.2)
    return inside.version()


def _installs(name: str, version: str) -> Callable[[Machine], bool]:
    return lambda machine: _install(machine, machine.images[name].read_bytes()) == version


def _refuses(*names: str, version: str) -> Callable[[Machine], bool]:
    return lambda machine: all(
        _install(machine, machine.images[name].read_bytes()) == version for name in names
    )


def _takes_repaired(machine: Machine) -> bool:
    image = machine.images["repaired"].read_bytes()
    assert zlib.crc32(image[10:]) == int.from_bytes(image[6:10], "big")
    _install(machine, machine.images["older"].read_bytes())
    return _install(machine, image) == NEWER_VERSION


# In the order in which they may be asked of one device: what locks, crashes or updates it comes late.
CHECKS: dict[str, Callable[[Machine], bool]] = {
    "wan-silent": _wan_silent,
    "wan-telnet": lambda machine: connects(WAN4, 23, TESTER_WAN4),
    "wan-web": lambda machine: Web(machine.flavour, WAN4, TESTER_WAN4).ask("GET", "/").status == 200,
    "web-on-wan-by-mapping": _mapped_web,
    "telnet-default-login": _telnet,
    "ssh-default-login": _ssh,
    "basic-default-login": _basic,
    "digest-login": _digest,
    "form-default-login": _form,
    "no-default-login": _no_default,
    "open-setting": _open_setting,
    "guarded-setting": _guarded_setting,
    "no-authentication": _no_authentication,
    "login-page-everywhere": _login_page_everywhere,
    "hidden-open-page": _hidden_open_page,
    "snmp-public-read": lambda machine: b"Linux" in snmp("public", _SYS_DESCR),
    "snmp-private-write": _snmp_write,
    "upnp-maps-for-others": _upnp,
    "mqtt-anonymous": _mqtt,
    "serial-delay": _serial_delay,
    "parallel-guessing": _parallel,
    "forced-change": _forced_change,
    "update-refuses-forged": _refuses("other_key", "unsigned", "flipped", "cut_short", version=FIRST_VERSION),
    "update-refuses-flipped": _refuses("flipped", version=FIRST_VERSION),
    "update-refuses-older": _refuses("older", version=FIRST_VERSION),
    "update-refuses-newer": _refuses("newer", version=FIRST_VERSION),
    "update-takes-newer": _installs("newer", NEWER_VERSION),
    "update-takes-older": _installs("older", OLDER_VERSION),
    "update-takes-repaired": _takes_repaired,
    "lock-ends": _lock_ends,
    "lockout": _lockout,
    "lock-by-source": _lock_by_source,
    "crash-on-third": _crash,
}
