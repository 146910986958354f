"""Write a device's terminal description (and the consent to test it) as a user would: TOML for ``sekisho assess``.

The description says what the maker would say: its services, codes, recipes, images, lock rule, power. It does not say
which flaws are planted. A device that was built careless declares its LAN services only, as a careless maker would.
"""

import json
import sys
from pathlib import Path
from typing import Any

from .flavours import FIRST_VERSION, UNIT_PASSWORD, Flavour
from .machine import Machine
from .network import (
    LAN4,
    LAN6,
    LAN_MAC,
    TESTER_LAN4,
    TESTER_LAN6,
    TESTER_WAN4,
    TESTER_WAN6,
    WAN4,
    WAN6,
    WAN_MAC,
)
from .services import ROOT_PASSWORD

_SETTING = "dns"
_VALUES = (LAN4, "192.168.77.53")
_CODE_SPACE = 62.0**12  # the letters and digits of UNIT_PASSWORD

# What each service is to its maker: protocol, and whether the device is managed through it.
_DECLARED = {
    "telnet": ("telnet", True),
    "ssh": ("ssh", True),
    "http": ("http", True),
    "https": ("https", True),
    "snmp": ("snmp", True),
    "upnp": ("upnp", False),
    "mqtt": ("mqtt", False),
    "update": ("http", False),
}


def description(machine: Machine) -> str:
    """Return the terminal description of a device of the lab, as TOML."""
    flavour = machine.flavour
    table: dict[str, Any] = {
        "maker": "Sekisho lab",
        "model": flavour.name,
        "kind": "router",
        "hardware": "user-mode-linux" if machine.own_kernel else "chroot",
        "software": FIRST_VERSION,
        "services_complete": True,
        "units": _units(flavour),
        "interfaces": [
            {"name": "lan", "role": "lan", "addresses": [LAN4, LAN6], "sources": [*TESTER_LAN4, *TESTER_LAN6],
             "mac": LAN_MAC, "device": "lan"},
            {"name": "wan", "role": "wan", "addresses": [WAN4, WAN6], "sources": [TESTER_WAN4, TESTER_WAN6],
             "mac": WAN_MAC, "device": "wan"},
        ],
        "services": _services(flavour),
        "logins": _logins(flavour),
        "settings": [_setting(flavour)] if flavour.web_port else [],
        "applicability": {
            "digital_data_line": True, "internet_protocol": True, "settings_over_line": True, "free_software": False,
            "connection": "direct",
        },
        "power": _power(machine),
    }  # fmt: skip
    if flavour.reset_button and machine.own_kernel:
        command = [sys.executable, str(Path(__file__).parent), "reset", machine.name]
        table["reset"] = {"driver": "command", "command": command, "ready_seconds": 40.0}
    if flavour.update:
        table["update"] = _update(machine)
    return "".join(_toml(table))


def authorisation() -> str:
    """Return the consent record for every device of the lab: its two networks, all risks."""
    prefixes = [f"{address}/32" for address in (LAN4, WAN4)] + [f"{address}/128" for address in (LAN6, WAN6)]
    dates = "signed_on = 2026-01-01\nvalid_from = 2026-01-01\nvalid_until = 2099-12-31\n"
    table = {
        "allowed_by": "Lab", "role": "owner", "statement": "These devices were made to be tested.",
        "addresses": prefixes, "risks": ["read", "factory", "login", "write", "update", "power", "lockout"],
    }  # fmt: skip
    return dates + "".join(_toml(table))


def _units(flavour: Flavour) -> list[dict[str, str]]:
    if not flavour.password:
        return []
    other = "aB3x-77Qz-kP9d" if flavour.password == UNIT_PASSWORD else flavour.password
    return [
        {"id": "first", "serial": "0001", "mac": LAN_MAC, "code": flavour.password},
        {"id": "second", "serial": "0002", "mac": "52:54:00:5e:10:01", "code": other},
    ]


def _services(flavour: Flavour) -> list[dict[str, Any]]:
    declared = []
    for service in flavour.services:
        for port in service.ports:
            transport, _, number = port.partition("/")
            protocol, manages = _DECLARED[service.name]
            declared.append(
                {"name": "web" if protocol.startswith("http") and service.name != "update" else service.name,
                 "protocol": protocol, "transport": transport, "port": int(number), "interface": "lan",
                 "tls": protocol == "https", "manages": manages}
            )  # fmt: skip
    return declared


def _logins(flavour: Flavour) -> list[dict[str, Any]]:
    logins = [
        {"name": kind, "service": kind, "kind": kind, "preset": {"user": "root", "password": ROOT_PASSWORD}}
        for kind in ("telnet", "ssh")
        if any(service.name == kind for service in flavour.services)
    ]
    return [*logins, _web_login(flavour)] if flavour.web_port else logins


def _web_login(flavour: Flavour) -> dict[str, Any]:
    login: dict[str, Any] = {"name": "web", "service": "web", "kind": flavour.login}
    if flavour.user:
        login["preset"] = {"user": flavour.user, "password": flavour.password}
        login["unique_per_unit"] = flavour.password == UNIT_PASSWORD
    if flavour.password == UNIT_PASSWORD:
        login["code_space"] = _CODE_SPACE
    if flavour.lock:
        login["lock"] = {"tries": flavour.lock[0], "seconds": flavour.lock[1]}
    if flavour.settings_path == "/cgi-bin/":
        login["guarded"] = ["/admin/"]
        login["proof"] = {"path": "/admin/", "pattern": "<h1>(Settings of the router)</h1>"}
        return login
    login["guarded"] = ["/settings", *(f"/setup/{number}.html" for number in range(1, flavour.web_pages + 1))]
    login["proof"] = {"path": "/", "pattern": "<h1>(Status|Choose a new password)</h1>"}
    if flavour.login == "form":
        login["sign_in"] = {
            "method": "POST", "path": "/login", "fields": {"username": "{user}", "password": "{password}"},
        }  # fmt: skip
        login["change"] = {"method": "POST", "path": "/password", "fields": {"old": "{old}", "new": "{new}"}}
    return login


def _setting(flavour: Flavour) -> dict[str, Any]:
    if flavour.settings_path == "/cgi-bin/":
        read: dict[str, Any] = {"path": f"/cgi-bin/get?{_SETTING}"}
        write: dict[str, Any] = {"path": f"/cgi-bin/set?{_SETTING}={{value}}"}
    else:
        read = {"path": "/settings", "json": f"/{_SETTING}"}
        write = {"method": "POST", "path": "/settings", "fields": {_SETTING: "{value}"}}
    return {"name": _SETTING, "login": "web", "read": read, "write": write, "values": list(_VALUES)}


def _update(machine: Machine) -> dict[str, Any]:
    flavour, images = machine.flavour, machine.images
    own_port = flavour.update_port == 8080
    upload = {"method": "POST", "path": "/upload", "encoding": "multipart", "fields": {"file": "{file}"}} if own_port else {
        "method": "POST", "path": "/update", "encoding": "raw"}  # fmt: skip
    repair = (
        {"algorithm": "cpio-crc"}
        if flavour.update == "signed"
        else {"algorithm": "crc32", "start": 10, "at": 6, "order": "big"}
    )
    known = {
        name: str(images[name]) for name in ("newer", "older", "other_key", "unsigned") if name in images
    }
    return {
        "login": "web",
        "version_service": "web",
        "upload_service": "update" if own_port else "web",
        "version": {"path": "/version"},
        "upload": upload,
        "images": known,
        "repair": [repair],
        "settle_seconds": 12.0,
    }


def _power(machine: Machine) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).parent)]
    return {
        "driver": "command", "cut": [*command, "cut", machine.name], "restore": [*command, "restore", machine.name],
        "delays": [0.5, 8.0], "ready_seconds": 40.0,
    }  # fmt: skip


def _toml(table: dict[str, Any], path: str = "") -> list[str]:
    """Write a table: its plain values first, then its tables, as TOML wants it (JSON's strings are TOML's)."""
    lines = [f"{key} = {_value(value)}\n" for key, value in table.items() if not _is_tables(value)]
    for key, value in table.items():
        if _is_tables(value):
            for one in value:
                lines += [f"\n[[{path}{key}]]\n", *_toml(one, f"{path}{key}.")]
    return lines


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
