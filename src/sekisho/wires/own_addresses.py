"""Whether an address is this machine's own: what is sent there meets our own servers, and whatever passes between them."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address


def is_own(address: str) -> bool:
    """Say whether this machine itself answers at ``address`` (an IP address, with or without a zone).

    An address that the kernel lets us bind is ours; so is all of loopback, and an unspecified one, which leads there.
    """
    bare, _, zone = address.partition("%")
    parsed = ip_address(bare)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback or parsed.is_unspecified:
        return True
    family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    # A link-local address is only ours on one link: without its zone every link is tried.
    zones = [zone or number for number, _ in socket.if_nameindex()] if parsed.is_link_local else [0]
    for one in {_index(link) for link in zones}:
        target = (str(parsed), 0) if family == socket.AF_INET else (str(parsed), 0, 0, one)
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as tried:
                tried.bind(target)
        except OSError:
            continue
        return True
    return False


def _index(zone: str | int) -> int:
    if isinstance(zone, int):
        return zone
    try:
        return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError:
        return 0
