"""Telling the service manager how the server stands: the datagram of sd_notify(3), without its library."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell(state: str) -> bool:
    """Send a state such as ``READY=1`` to who started us with ``NOTIFY_SOCKET``; False when nobody asked."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return False
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
        wire.settimeout(1)
        wire.connect(f"\0{where[1:]}" if where.startswith("@") else where)
        wire.sendall(state.encode())
        return True
    return False
