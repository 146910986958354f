"""The terminal under test and what its maker declares: DUT, ICS and IXIT (ETSI TS 103 701).

A terminal description is one TOML file with exactly these tables; `workflows` loads it, resolves its
secrets, and hands a `Terminal` without open references to the probes. Unknown keys are errors.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class Noun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the tables of a description: frozen, no unknown keys."""


class Role(StrEnum):
    """Which side of the terminal an interface is: WAN is the line side (電気通信回線設備側)."""

    LAN = "lan"
    WAN = "wan"
    WLAN = "wlan"
    MANAGEMENT = "management"


class SecretRef(Noun, frozen=True):
    """A secret kept out of the file: an environment variable, a file, or the unit's own label code."""

    env: str = ""
    file: str = ""
    unit: str = ""


class Code(Noun, frozen=True):
    """A pair of codes (識別符号): user name and password. Either may be empty."""

    user: str = ""
    password: str | SecretRef = ""


class Interface(Noun, frozen=True):
    """A network interface: our way to it (``source`` addresses) and its addresses, IPv4 or IPv6."""

    name: str
    role: Role = Role.LAN
    addresses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    mac: str = ""
    device: str = ""


class Service(Noun, frozen=True):
    """A declared service (IXIT SoftServ/LogIntf); ``protocol`` is http, https, telnet, ssh, upnp, snmp …."""

    name: str
    protocol: str
    port: int
    interface: str = "lan"
    transport: str = "tcp"
    purpose: str = ""
    needed: bool = True
    tls: bool = False
    manages: bool = False


class Recipe(Noun, frozen=True):
    """How to do one thing to the device: data, not code.

    HTTP: ``method`` ``path``, ``fields`` sent by ``encoding`` (form json query multipart raw),
    ``headers``; ``page`` is fetched first and its hidden inputs are sent along. A shell: ``command``.
    ``{value}``, ``{user}``, ``{password}``, ``{old}``, ``{new}`` are filled in; in a multipart or raw
    upload ``{file}`` is the image. The answer is read by ``json`` (a JSON pointer, RFC 6901) or by
    ``pattern`` (a regular expression with one group); with neither, the whole body is the value.
    """

    method: str = "GET"
    path: str = "/"
    page: str = ""
    encoding: str = "form"
    fields: dict[str, str] = {}
    headers: dict[str, str] = {}
    command: str = ""
    json: str = ""
    pattern: str = ""


class LockRule(Noun, frozen=True):
    """The maker's declared rule against repeated login: after ``tries``, wait or lock ``seconds``."""

    tries: int
    seconds: float
    forever: bool = False


class SetUp(Noun, frozen=True):
    """How the first user makes the code where none is preset (EN 303 645 5.1-1: set by the user).

    ``make`` sends ``{user}`` and ``{password}``; ``{link}`` in its path is the path of the one-time link
    that the argument list ``link`` prints on our side (what the program shows when it is started). ``after``
    is an argument list run once the code stands: it makes what else the description speaks of, such as the account of
    lesser right; each line ``name=value`` that it prints fills ``{name}`` in the recipes from then on. ``lifetime`` is the link's in seconds; 0: not stated.
    """

    make: Recipe
    link: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lifetime: float = 0.0


class Login(Noun, frozen=True):
    """A way to sign in (IXIT AuthMech). ``kind``: form basic digest json telnet ssh none.

    ``preset`` is the code at delivery; with ``no_preset`` there is none, and the first user makes it by
    ``set_up``. ``current`` is a code that works now (given by the maker); ``low`` one of lesser right. ``sign_in`` posts the code (form, json). ``proof`` reads something that
    only a signed-in user sees; ``guarded`` are paths of settings pages that must not open without.
    ``change`` sets a new code (``{old}``, ``{new}``). ``equivalents`` name further means (passkey).
    """

    name: str
    service: str
    kind: str
    preset: Code | None = None
    current: Code | None = None
    low: Code | None = None
    sign_in: Recipe | None = None
    proof: Recipe | None = None
    guarded: tuple[str, ...] = ()
    change: Recipe | None = None
    lock: LockRule | None = None
    equivalents: tuple[str, ...] = ()
    unique_per_unit: bool = False
    code_space: float | None = None
    prompt: str = ""
    no_preset: bool = False
    set_up: SetUp | None = None


class Setting(Noun, frozen=True):
    """A setting of the 電気通信の機能 (a DNS server, a route …) and two harmless values for it."""

    name: str
    login: str
    read: Recipe
    write: Recipe
    values: tuple[str, str]
    telecom: bool = True


class Repair(Noun, frozen=True):
    """How a mutant's cheap checksum is made good again, so that the signature is what refuses it.

    ``algorithm``: crc32 (RFC 1952), sum32, sha256, md5, cpio-crc (new ASCII cpio, format 070702).
    Bytes ``start`` to ``end`` (negative counts from the end, 0 is the end) are covered; the result goes
    to ``at`` in ``order`` (little, big, hex). cpio-crc finds its fields by itself.
    """

    algorithm: str
    start: int = 0
    end: int = 0
    at: int = 0
    order: str = "little"


class Images(Noun, frozen=True):
    """Files of update images, relative to the description: only the vendor's own images."""

    current: str = ""
    newer: str = ""
    older: str = ""
    other_key: str = ""
    unsigned: str = ""


class Newest(Noun, frozen=True):
    """How a user confirms that the newest software is installed: on the device and/or by Web."""

    device: Recipe | None = None
    web: str = ""
    manual: str = ""


class Update(Noun, frozen=True):
    """The update mechanism (IXIT UpdMech). ``login`` signs in for ``upload`` and ``version``.

    ``version`` reads the installed version back: the only thing that is believed. ``activate`` restarts
    when an upload alone does not. Software that is updated on its host and not over its network interface has
    ``install`` instead of ``upload``: an argument list with the image's file in the place of ``{file}``.
    ``settle_seconds`` bounds the wait until the version can be read again.
    """

    version: Recipe
    upload: Recipe = Recipe()
    images: Images = Images()
    login: str = ""
    version_service: str = ""
    upload_service: str = ""
    activate: Recipe | None = None
    repair: tuple[Repair, ...] = ()
    settle_seconds: float = 30.0
    newest: Newest | None = None
    automatic: bool = False
    install: tuple[str, ...] = ()


class Power(Noun, frozen=True):
    """The power cord. ``driver``: command (``cut`` and ``restore`` are argument lists) or person.

    ``delays`` are the seconds between 'saved' and the cut, each one a separate cut; ``ready_seconds``
    bounds the wait for every declared service to answer again.
    """

    driver: str = "person"
    cut: tuple[str, ...] = ()
    restore: tuple[str, ...] = ()
    delays: tuple[float, ...] = (0.5, 10.0)
    off_seconds: float = 1.0
    ready_seconds: float = 60.0


class Reset(Noun, frozen=True):
    """The way back to the factory state: a command, or a person who presses the button."""

    driver: str = "person"
    command: tuple[str, ...] = ()
    ready_seconds: float = 60.0


class Unit(Noun, frozen=True):
    """One specimen: what is printed on it, so that codes of several units can be compared."""

    id: str
    serial: str = ""
    mac: str = ""
    ssid: str = ""
    code: str | SecretRef = ""


class Equivalent(Noun, frozen=True):
    """A claim of 「これと同等以上のもの」 such as a CC certificate: shown as a claim, weighed by a person."""

    scheme: str
    certificate: str
    expires: date | None = None
    scope: str = ""


class Applicability(Noun, frozen=True):
    """①–④ of 第34条の10 as declared; None means not answered. ``connection``: direct, indirect, none."""

    digital_data_line: bool | None = None
    internet_protocol: bool | None = None
    settings_over_line: bool | None = None
    free_software: bool | None = None
    free_software_reason: str = ""
    connection: str = ""
    equivalent: Equivalent | None = None


class Documents(Noun, frozen=True):
    """Files or addresses of what a person checks: manual, vulnerability contact, support period."""

    manual: str = ""
    vulnerability_contact: str = ""
    support_period: str = ""
    model_label: str = ""


class Exclusion(Noun, frozen=True):
    """A port to which nothing is sent, with the reason that the report prints.

    :ivar host: it is no port of the terminal: a socket that the testing machine itself has at every address, while the
        terminal is on loopback and has its own addresses. Taken only where the kernel says the same when a run begins.
    """

    transport: str
    port: int
    reason: str
    host: bool = False


class Terminal(Noun, frozen=True):
    """A whole description."""

    maker: str = ""
    model: str = ""
    kind: str = ""
    hardware: str = ""
    software: str = ""
    units: tuple[Unit, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    services: tuple[Service, ...] = ()
    services_complete: bool = False
    logins: tuple[Login, ...] = ()
    settings: tuple[Setting, ...] = ()
    update: Update | None = None
    power: Power | None = None
    reset: Reset | None = None
    applicability: Applicability = Applicability()
    documents: Documents = Documents()
    exclusions: tuple[Exclusion, ...] = ()

    def excludes(self, transport: str, port: int) -> bool:
        """Tell whether a port is left out on purpose: nothing is sent there by any probe."""
        return any((one.transport, one.port) == (transport, port) for one in self.exclusions)

    def interface(self, name: str) -> Interface | None:
        """Return the interface called ``name``."""
        return next((one for one in self.interfaces if one.name == name), None)

    def service(self, name: str) -> Service | None:
        """Return the service called ``name``."""
        return next((one for one in self.services if one.name == name), None)

    def login(self, name: str) -> Login | None:
        """Return the login path called ``name``."""
        return next((one for one in self.logins if one.name == name), None)
