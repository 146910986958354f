"""SSDP (UPnP Device Architecture 2.0, section 1): a search sent to one device, and its answers."""

from __future__ import annotations

import msgspec

ALL = "ssdp:all"
ROOT = "upnp:rootdevice"
_LINES = 64


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to a search: where the description is, what was found, what software says so."""

    location: str
    target: str
    server: str


def search(host: str, target: str = ALL, seconds: int = 1) -> bytes:
    """Return an M-SEARCH; a device answers within ``seconds``."""
    lines = (
        "M-SEARCH * HTTP/1.1",
        f"HOST: {host}",
        'MAN: "ssdp:discover"',
        f"MX: {seconds}",
        f"ST: {target}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def read_answer(data: bytes) -> Found | None:
    """Return what an answer says; None when ``data`` is no answer to a search."""
    lines = data.decode("latin-1").splitlines()[:_LINES]
    if not lines or not lines[0].upper().startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip()[:500])
    if "st" not in headers and "location" not in headers:
        return None
    return Found(headers.get("location", ""), headers.get("st", ""), headers.get("server", ""))
