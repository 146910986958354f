"""What IPsec would refuse to a socket, which a packet ring in its place doesn't see: policies, and how often they refused.

The kernel asks its policies (xfrm) behind the ring and before it gives a socket its datagram, and counts a refused one
as it counts one that the socket's own filter stopped: the sockets' count doesn't show it (`sekisho.wires.ears`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

# linux/netlink.h, linux/xfrm.h.
_NETLINK_XFRM, _NEW_POLICY, _GET_POLICY = 6, 0x13, 0x15
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST, NLM_F_ROOT, NLM_F_MATCH
_ERROR, _DONE = 2, 3
_MESSAGE = struct.Struct("=IHHII")
_POLICY_ID_OCTETS = 64  # struct xfrm_userpolicy_id
# struct xfrm_selector: address and port (with mask) here; family, prefix, protocol.
_ADDRESS, _PORT, _REST = slice(0, 16), struct.Struct("!32xHH"), struct.Struct("=40xHBxB")
_DIRECTION, _IN = 160, 0  # in struct xfrm_userpolicy_info
_WAIT_SECONDS = 2.0
_OF_THIS_NETWORK = Path("/proc/thread-self/net")
# What asking the policies for a datagram ends with when it is refused (net/xfrm/xfrm_policy.c).
_REFUSED = frozenset({b"XfrmInNoPols", b"XfrmInTmplMismatch", b"XfrmInPolBlock", b"XfrmInPolError", b"XfrmInStateMismatch"})  # fmt: skip


def refusals() -> int:
    """Return how many packets IPsec policies refused so far; 0 where nothing counts it."""
    with contextlib.suppress(OSError):
        table = [line.split() for line in (_OF_THIS_NETWORK / "xfrm_stat").read_bytes().splitlines()]
        return sum(int(row[1]) for row in table if row[0] in _REFUSED)
    return 0


def policies_for(places: Sequence[tuple[str, int]]) -> bool:
    """Return whether a policy on what comes in may concern datagrams to one of some (address, port), of one family.

    Whoever may not ask (CAP_NET_ADMIN) is told no, and has `refusals`.
    """
    with contextlib.suppress(OSError, struct.error):
        return any(_concerns(one, places) for one in _policies())
    return False


def _policies() -> list[bytes]:
    """Return the policies on what comes in: their ``xfrm_userpolicy_info``. :raises OSError: they can't be asked."""
    # Asking loads the kernel's module, where nobody uses it.
    rows = [line.split() for line in (_OF_THIS_NETWORK / "netlink").read_bytes().splitlines()]
    if not any(row[1] == b"%d" % _NETLINK_XFRM for row in rows):
        return []
    found: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_XFRM) as asked:
        asked.settimeout(_WAIT_SECONDS)
        asked.send(
            _MESSAGE.pack(_MESSAGE.size + _POLICY_ID_OCTETS, _GET_POLICY, _REQUEST_DUMP, 1, 0)
            + bytes(_POLICY_ID_OCTETS)
        )
        while True:
            told, place = asked.recv(1 << 17), 0
            while place < len(told):
                octets, kind, *_ = _MESSAGE.unpack_from(told, place)
                body = told[place + _MESSAGE.size : place + octets]
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    raise OSError(number, os.strerror(number))
                if kind == _DONE:
                    return found
                if kind == _NEW_POLICY and body[_DIRECTION] == _IN:
                    found.append(body)
                place += max(_MESSAGE.size, octets + 3 & ~3)


def _concerns(policy: bytes, places: Sequence[tuple[str, int]]) -> bool:
    port, mask = _PORT.unpack_from(policy)
    family, prefix, protocol = _REST.unpack_from(policy)
    if protocol not in (0, socket.IPPROTO_UDP):
        return False
    for text, mine in places:
        address = ip_address(text.partition("%")[0])
        if family not in (0, socket.AF_INET6 if ":" in text else socket.AF_INET):
            continue
        width = address.max_prefixlen
        theirs = int.from_bytes(policy[_ADDRESS][: width // 8])
        same = (int(address) ^ theirs) >> (width - min(prefix, width)) == 0
        if (address.is_unspecified or same) and not (mine ^ port) & mask:
            return True
    return False
