"""UPnP device descriptions and the port mapping action (UPnP Device Architecture; WANIPConnection:1)."""

from __future__ import annotations

import re

import msgspec

from sekisho.formats.loose_xml import escape, first, read_elements

WAN_CONNECTIONS = ("WANIPConnection", "WANPPPConnection")
MOST_SERVICES = 64
NO_SUCH_ENTRY = 714
ONLY_PERMANENT = 725


_ADDRESS = re.compile(r"http://(\[[0-9A-Fa-f:.%]+\]|[^/:?#\s\[\]]+)(?::(\d{1,5}))?(/\S*)?", re.IGNORECASE)
_MOST_PORT = 65_535


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where something is: host (IPv6 without brackets), port and path."""

    host: str
    port: int
    path: str


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service of a description: its type and where it is controlled."""

    type: str
    control: Address


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device says of itself."""

    friendly: str
    maker: str
    model: str
    services: tuple[Service, ...]

    def wan(self) -> Service | None:
        """Return the service that maps ports, when the device is an Internet gateway."""
        return next((one for one in self.services if any(name in one.type for name in WAN_CONNECTIONS)), None)


def read_description(document: str, location: str) -> Description | None:
    """Return the description in ``document`` fetched from ``location``; None when it is none.

    Control addresses of another host than the description's are dropped: nothing is sent there.
    """
    texts: dict[str, str] = {}
    services: list[tuple[str, str]] = []
    kind = control = ""
    inside = False
    for one in read_elements(document):
        if one.name == "service":
            if inside and kind and control and len(services) < MOST_SERVICES:
                services.append((kind, control))
            inside, kind, control = not one.closes, "", ""
        elif inside and not one.closes and one.name == "serviceType":
            kind = one.text
        elif inside and not one.closes and one.name == "controlURL":
            control = one.text
        elif not one.closes:
            texts.setdefault(one.name, one.text)
    if "deviceType" not in texts and not services:
        return None
    here = read_address(location)
    if here is None:
        return None
    base = read_address(texts.get("URLBase", "")) or here
    whole = ((kind, _joined(base, control)) for kind, control in services)
    same = tuple(Service(kind, one) for kind, one in whole if one is not None and one.host == here.host)
    return Description(
        texts.get("friendlyName", ""), texts.get("manufacturer", ""), texts.get("modelName", ""), same
    )


def action(service: str, name: str, arguments: dict[str, str]) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Return headers and body of a SOAP call."""
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in arguments.items())
    body = (
        '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{name} xmlns:u="{escape(service)}">{inner}</u:{name}></s:Body></s:Envelope>'
    )
    headers = (("Content-Type", 'text/xml; charset="utf-8"'), ("SOAPAction", f'"{service}#{name}"'))
    return headers, body.encode()


def error_code(document: str) -> int:
    """Return the UPnP error of a fault; 0 when there is none."""
    code = first(document, "errorCode")
    return int(code) if code.isdecimal() and len(code) < 6 else 0  # noqa: PLR2004 - codes have three digits


def read_address(text: str) -> Address | None:
    """Return an ``http:`` address taken apart; None for any other text."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or not 1 <= int(match[2] or 80) <= _MOST_PORT:
        return None
    return Address(match[1].strip("[]").lower(), int(match[2] or 80), match[3] or "/")


def _joined(base: Address, path: str) -> Address | None:
    """Return where ``path`` (absolute, rooted or relative) leads from ``base``."""
    if "://" in path:
        return read_address(path)
    if not path.startswith("/"):
        path = base.path.rpartition("/")[0] + "/" + path
    return Address(base.host, base.port, "".join(path.split()))
