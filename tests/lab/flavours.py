"""The lab's devices as data: what runs on each, and the truth about it. A new device is one more ``Flavour`` here.

``planted`` names the flaws and virtues that are really there; ``truth.py`` shows how each is seen.
"""

from dataclasses import dataclass
from typing import Any

from .services import (
    MAPPED_MANAGEMENT,
    MQTT,
    SNMP,
    SSH,
    TELNET,
    UPNP,
    WAN_DROP,
    WAN_FILTER,
    Service,
    lighttpd,
    updater_port,
    web,
)

UNIT_PASSWORD = "q7Vd-93mK-wT2x"  # the sound devices' own: on the label of this one unit
FIRST_VERSION, NEWER_VERSION, OLDER_VERSION = "1.1.0", "1.2.0", "1.0.0"


@dataclass(frozen=True, slots=True)
class Flavour:
    """One kind of device.

    :ivar purpose: which question it answers
    :ivar services: in the order in which they start
    :ivar planted: what is true of it, as names of checks in truth.py
    :ivar user, password: the web interface's account at delivery (both empty: there is none)
    :ivar login: how one signs in to the web interface: form, basic, digest, or none
    :ivar settings_path: where the setting is read and written: "/settings" (web.py) or "/cgi-bin/" (lighttpd)
    :ivar lock: declared lock rule: wrong tries, seconds
    :ivar update: the updater: "", "crc" or "signed", and by which port images come in
    :ivar reset_button: whether its maker declares a way back to the factory state; needs a kernel of its own
    :ivar own_kernel: True for devices that mean something only with a power cord, that is on user-mode-linux
    """

    name: str
    purpose: str
    services: tuple[Service, ...]
    planted: frozenset[str]
    user: str = "admin"
    password: str = UNIT_PASSWORD
    login: str = "form"
    settings_path: str = "/settings"
    lock: tuple[int, float] | None = None
    update: str = ""
    update_port: int = 0
    own_kernel: bool = False
    web_pages: int = 3
    reset_button: bool = False

    @property
    def tls(self) -> bool:
        """Whether the web interface speaks HTTPS only."""
        return any(service.name == "https" for service in self.services)

    @property
    def web_port(self) -> int:
        """The web interface's port; 0 when there is none."""
        ports = [service.ports[0] for service in self.services if service.name in ("http", "https")]
        return int(ports[0].partition("/")[2]) if ports else 0


def _sound(**habits: Any) -> Service:
    """Return a web interface without planted flaws, but for the habits given."""
    settings: dict[str, Any] = {"password": UNIT_PASSWORD, "lock_after": 5, "lock_seconds": 60}
    return web(**(settings | habits))


_FLAVOURS = (
    Flavour(
        "all_weak",
        "Is every planted fault found?",
        (TELNET, SSH, lighttpd("basic", guarded="/admin/"), SNMP, UPNP, MQTT),
        frozenset(
            {
                "telnet-default-login",
                "ssh-default-login",
                "basic-default-login",
                "open-setting",
                "snmp-public-read",
                "snmp-private-write",
                "upnp-maps-for-others",
                "mqtt-anonymous",
                "wan-telnet",
                "wan-web",
                "parallel-guessing",
            }
        ),
        password="admin",
        login="basic",
        settings_path="/cgi-bin/",
    ),
    Flavour(
        "hardened",
        "Is nothing found where nothing is?",
        (
            WAN_FILTER,
            _sound(
                lan_only=True,
                tls=True,
                update="signed",
                no_downgrade=True,
                public_version=False,
                strict_codes=True,
                lock_seconds=40,
                lock_by="source",  # locking the account would let a stranger keep its owner out
            ),
        ),
        frozenset({"wan-silent", "no-default-login", "lock-by-source", "guarded-setting"}),
        lock=(5, 40.0),
        update="signed",
        update_port=443,
        reset_button=True,
    ),
    Flavour(
        "serial_delay",
        "Is a delay that parallel connections escape taken for a throttle?",
        (WAN_FILTER, lighttpd("basic", password=UNIT_PASSWORD)),
        frozenset({"serial-delay", "parallel-guessing", "wan-silent", "guarded-setting"}),
        login="basic",
        settings_path="/cgi-bin/",
    ),
    Flavour(
        "digest",
        "The same with Digest authentication (RFC 7616)",
        (WAN_FILTER, lighttpd("digest", password=UNIT_PASSWORD)),
        frozenset({"digest-login", "wan-silent", "guarded-setting"}),
        login="digest",
        settings_path="/cgi-bin/",
    ),
    Flavour(
        "lockout5",
        "Is the default password still found, and the lock waited out?",
        (WAN_FILTER, web(password="admin", lock_after=5, lock_seconds=8)),
        frozenset({"form-default-login", "lockout", "lock-ends", "wan-silent", "guarded-setting"}),
        password="admin",
        lock=(5, 8.0),
    ),
    Flavour(
        "first_use",
        "Is a forced change of the first password seen?",
        (WAN_FILTER, _sound(password="admin", force_change=True)),
        frozenset({"forced-change", "lockout", "wan-silent"}),
        password="admin",
        lock=(5, 60.0),
    ),
    Flavour(
        "open_page",
        "Is a missing password reported as such, and not as a default password?",
        (web(guarded=False),),
        frozenset({"no-authentication", "wan-web"}),
        user="",
        password="",
        login="none",
    ),
    Flavour(
        "everything_200",
        "Are guarded pages that answer 200 taken for open ones?",
        (WAN_FILTER, _sound(always_200=True, pages=30)),
        frozenset({"login-page-everywhere", "guarded-setting", "lockout", "wan-silent"}),
        lock=(5, 60.0),
        web_pages=30,
    ),
    Flavour(
        "hidden_open_page",
        "Is the one unguarded page among 30 found?",
        (_sound(always_200=True, pages=30, unguarded=["/setup/17.html"]),),
        frozenset({"login-page-everywhere", "hidden-open-page", "lockout", "wan-web"}),
        lock=(5, 60.0),
        web_pages=30,
    ),
    Flavour(
        "crash_on_third",
        "Is a crash taken for a lock?",
        (WAN_FILTER, SSH, web(password=UNIT_PASSWORD, crash_on=3)),
        frozenset({"crash-on-third", "wan-silent"}),
        lock=(5, 8.0),  # the maker says so; it dies before that
    ),
    Flavour(
        "snmp_only",
        "Are weak communities found where there is no web interface?",
        (WAN_FILTER, SNMP),
        frozenset({"snmp-public-read", "snmp-private-write", "wan-silent"}),
        user="",
        password="",
        login="none",
    ),
    Flavour(
        "upnp_mapping",
        "Is management found that reaches the WAN only by a port mapping?",
        (WAN_FILTER, UPNP, _sound(), MAPPED_MANAGEMENT),
        frozenset({"upnp-maps-for-others", "web-on-wan-by-mapping", "lockout"}),
        lock=(5, 60.0),
    ),
    Flavour(
        "wan_telnet",
        "Is telnet found on the WAN side?",
        (TELNET, _sound(lan_only=True)),
        frozenset({"telnet-default-login", "wan-telnet", "lockout"}),
        lock=(5, 60.0),
    ),
    Flavour(
        "wan_filtered",
        "Is a filtered WAN side passed, with the same services on the LAN?",
        (WAN_DROP, SSH, _sound()),
        frozenset({"ssh-default-login", "wan-silent", "lockout", "guarded-setting"}),
        lock=(5, 60.0),
    ),
    Flavour(
        "lazy_writer",
        "Is a setting that a power cut loses found?",
        (WAN_FILTER, _sound(save="lazy")),
        frozenset({"guarded-setting", "wan-silent"}),
        lock=(5, 60.0),
        own_kernel=True,
    ),
    Flavour(
        "fsync_writer",
        "Does a setting that outlives the cut pass?",
        (WAN_FILTER, _sound(save="fsync")),
        frozenset({"guarded-setting", "wan-silent"}),
        lock=(5, 60.0),
        own_kernel=True,
    ),
    Flavour(
        "swupdate_signed",
        "Does a signed updater pass, and is its downgrade seen?",
        (WAN_FILTER, _sound(), updater_port(no_downgrade=False)),
        frozenset({"update-takes-newer", "update-refuses-forged", "update-takes-older", "wan-silent"}),
        lock=(5, 60.0),
        update="signed",
        update_port=8080,
        own_kernel=True,
    ),
    Flavour(
        "swupdate_norollback",
        "Is the refusal of an older image seen?",
        (WAN_FILTER, _sound(), updater_port(no_downgrade=True)),
        frozenset({"update-takes-newer", "update-refuses-forged", "update-refuses-older", "wan-silent"}),
        lock=(5, 60.0),
        update="signed",
        update_port=8080,
        own_kernel=True,
    ),
    Flavour(
        "crc_only",
        "Is an updater that trusts a checksum found?",
        (WAN_FILTER, _sound(update="crc")),
        frozenset({"update-takes-newer", "update-refuses-flipped", "update-takes-repaired", "wan-silent"}),
        lock=(5, 60.0),
        update="crc",
        update_port=80,
        own_kernel=True,
    ),
    Flavour(
        "dead_updater",
        "Does an updater that refuses everything pass for a careful one?",
        (WAN_FILTER, _sound(update="dead")),
        frozenset({"update-refuses-newer", "wan-silent"}),
        lock=(5, 60.0),
        update="crc",
        update_port=80,
        own_kernel=True,
    ),
)

FLAVOURS = {flavour.name: flavour for flavour in _FLAVOURS}
