"""Which ports this machine itself answers at every one of its addresses, as the kernel tells it (proc_net_tcp, proc_net_udp)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_STATES = (("tcp", "0A"), ("udp", "07"))
_NET = Path("/proc/net")


def bound(net: Path = _NET) -> Iterator[tuple[str, int, bool]]:
    """Yield (transport, port, whether at every address) of each socket that waits for others; nothing where none is told."""
    for transport, state in _STATES:
        for file in (net / transport, net / f"{transport}6"):
            with suppress(OSError):
                for line in file.read_text(encoding="ascii").splitlines()[1:]:
                    fields = line.split()
                    address, _, port = fields[1].partition(":")
                    if fields[3] == state:
                        yield transport, int(port, 16), not address.strip("0")


def everywhere(net: Path = _NET) -> frozenset[tuple[str, int]]:
    """Return (transport, port) at which this machine listens at every address, and nobody at a single one.

    On loopback they answer at a terminal's address too, and are not those of a terminal that binds its own.
    """
    found = set(bound(net))
    single = {(transport, port) for transport, port, every in found if not every}
    return frozenset((transport, port) for transport, port, every in found if every) - single
