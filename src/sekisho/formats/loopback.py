"""Whether a host is this machine: what is spoken to it in the clear is heard by nobody else."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str, *, by_name: bool = False) -> bool:
    """Say whether ``host`` is a loopback address; ``by_name`` takes ``localhost`` as well, whatever it resolves to."""
    if by_name and host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
