"""The settings of the 電気通信の機能, and everything else that the owner decides: one small file.

Settings, password hash, passkeys and known browsers stand in one JSON document that is replaced as a
whole. Two files could disagree after a power cut; one cannot. No document means the factory state.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sekisho.exemplar.access.passkey import Passkey
from sekisho.exemplar.storage import Disk, erase, replace

FILE: Final = "owner.json"
KNOWN_BROWSERS: Final = 8
PASSKEYS: Final = 8


class SettingError(ValueError):
    """A value is not acceptable; `args` are the setting's name and the rule it breaks."""


def _host(text: str) -> bool:
    return re.fullmatch(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", text) is not None


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# name → (value in the factory state, allowed values or a test). All values are text or true/false.
SETTINGS: Final[Mapping[str, tuple[str | bool, Any]]] = {
    "hostname": ("sekisho-exemplar", _host),
    "wan_mode": ("dhcp", ("dhcp", "pppoe", "map-e", "bridge")),
    "dns_server": ("192.0.2.53", _address),
    "ntp_server": ("ntp.example", lambda text: all(map(_host, text.split(".")))),
    "wifi_ssid": ("", lambda text: 1 <= len(text.encode()) <= 32 and text.isprintable()),
    "firewall": (True, bool),
    # duty: JP25-5 discovery by SSDP is off and stays off: no code for it is in this build
    "ssdp": (False, (False,)),
}


def checked(changes: Mapping[str, object]) -> dict[str, str | bool]:
    """Return the changes as clean values, or raise SettingError for the first that is not acceptable."""
    clean: dict[str, str | bool] = {}
    for name, value in changes.items():
        if name not in SETTINGS:
            raise SettingError(name, "unknown")
        factory, rule = SETTINGS[name]
        if not isinstance(value, str | bool) or type(value) is not type(factory):
            raise SettingError(name, "type")
        if isinstance(rule, tuple):
            accepted = value in rule
        else:
            accepted = rule is bool or (isinstance(value, str) and len(value) <= 253 and rule(value))
        if not accepted:
            raise SettingError(name, "value")
        clean[name] = value
    return clean


@dataclass(frozen=True)
class Owner:
    """What the owner decided. `password` is None in the factory state: the label's code is in force."""

    password: dict[str, str] | None = None
    handle: str = ""
    passkeys: list[Passkey] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    settings: dict[str, str | bool] = field(default_factory=dict)

    def value(self, name: str) -> str | bool:
        """Return one setting as it is in force."""
        return self.settings.get(name, SETTINGS[name][0])


@dataclass(frozen=True, slots=True)
class Factory:
    """What the factory wrote into this one unit; `preset` is the hash of the label's code."""

    maker: str
    model: str
    serial: str
    mac: str
    ssid: str
    preset: dict[str, str]
    trust: str

    @classmethod
    def load(cls, disk: Disk) -> Factory:
        """Read the unit's record; raises FileNotFoundError for a unit that has not been to the factory."""
        raw = disk.read("factory.json")
        if raw is None:
            raise FileNotFoundError("factory.json: run `python -m sekisho.exemplar factory` first")
        return cls(**json.loads(raw))


def load(disk: Disk) -> Owner:
    """Read the owner's document. None there: factory state. An unreadable one raises ValueError.

    Falling back to the factory state here would turn a damaged medium into an open door.
    """
    raw = disk.read(FILE)
    if raw is None:
        return Owner()
    try:
        owner = Owner(**json.loads(raw))
    except TypeError as error:
        raise ValueError("owner.json is damaged; use the reset button") from error
    return owner


def save(disk: Disk, owner: Owner) -> None:
    """Replace the owner's document; on return it is durable."""
    # duty: JP20-4 settings and codes are durable, all together, before the caller is told "saved"
    replace(disk, FILE, json.dumps(vars(owner), ensure_ascii=False).encode())


def forget(disk: Disk) -> None:
    """Return to the factory state: one unlink, so that no half-erased state exists."""
    erase(disk, FILE)
