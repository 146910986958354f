"""Is it the device that was meant? MAC address and SSH host key against the authorisation, before all else.

An address can come to another device (DHCP, a swapped cable). When the authorisation names MAC addresses or
host keys, nothing but this question is sent until it is answered: ARP (RFC 826) or the kernel's neighbour
discovery (RFC 4861) for the MAC, the key exchange of SSH (RFC 4253) for the host key. A program can't ask the
kernel to discover a neighbour; it can give it something to deliver. So where we may not speak ARP, and in IPv6,
empty datagrams to the discard port (RFC 863), at most five, go out through the run's own net (scope, rate, record).
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address

from sekisho.errors import AuthorisationError, PeerFailure
from sekisho.language import Text
from sekisho.model.assessment import Authorisation
from sekisho.model.terminal import Terminal
from sekisho.ports import Endpoint

_ARP = 0x0806
_WAIT_SECONDS = 2.0
_ARP_TRIES = 3
# A stale entry is asked again after 5 s, three times a second apart, and only then given up (RFC 4861 section 10):
# what is sent after that is delivered to whoever has the address now.
_LONGEST_SECONDS = 12.0
_NUDGE_SECONDS = 2.5
_POLL_SECONDS = 0.1
_DISCARD = 9
_SURE = frozenset({"REACHABLE", "PERMANENT"})
_KEY_SECONDS = 15.0
_SSH = 22
_REMEDY = Text(
    ja="機器とアドレスを確かめ、許可の記録を作り直す",
    en="check the device and its address, then make the authorisation again",
)


Connect = Callable[[Endpoint], Awaitable[socket.socket]]
Nudge = Callable[[Endpoint], Awaitable[object]]


async def confirm(authorisation: Authorisation, terminal: Terminal, connect: Connect, nudge: Nudge) -> None:
    """Raise AuthorisationError unless every address is the authorised device; nothing named: nothing asked.

    ``connect`` opens a TCP connection and ``nudge`` sends a datagram, both within the scope.
    """
    if authorisation.macs:
        allowed = {_mac(text) for text in authorisation.macs}
        for interface in terminal.interfaces:
            for address in interface.addresses:
                seen = await neighbour(address, nudge)
                if seen not in allowed:
                    shown = seen or "unknown"
                    raise AuthorisationError(
                        Text(
                            ja="許可された機器ではない（MACアドレスが違うか確かめられない）",
                            en="not the authorised device (its MAC address differs or can't be learnt)",
                        ),
                        f"{address}: {shown}",
                        _REMEDY,
                    )
    if authorisation.host_keys:
        await _confirm_keys(authorisation, terminal, connect)


async def _confirm_keys(authorisation: Authorisation, terminal: Terminal, connect: Connect) -> None:
    declared = [service for service in terminal.services if service.protocol == "ssh"]
    ends = [
        Endpoint(address, service.port)
        for service in declared
        for interface in terminal.interfaces
        if interface.name == service.interface
        for address in interface.addresses
    ] or [Endpoint(address, _SSH) for one in terminal.interfaces for address in one.addresses]
    for end in ends:
        seen = await host_key(connect, end)
        if seen not in authorisation.host_keys:
            raise AuthorisationError(
                Text(
                    ja="許可された機器ではない（SSHホスト鍵が違う）",
                    en="not the authorised device (another SSH host key)",
                ),
                f"{end.address}:{end.port}: {seen or 'no key'}",
                _REMEDY,
            )


async def host_key(connect: Connect, endpoint: Endpoint) -> str:
    """Return the fingerprint (``SHA256:…``) of the host key at ``endpoint``; empty when there is none."""
    import asyncssh  # at import it runs ldconfig: only a run that asks for a key pays for that

    sock = await connect(endpoint)
    try:
        async with asyncio.timeout(_KEY_SECONDS):
            key = await asyncssh.get_server_host_key(sock=sock, config=[])
    except (asyncssh.Error, OSError, TimeoutError):
        return ""
    finally:
        with suppress(OSError):
            sock.close()
    return str(key.get_fingerprint()) if key else ""


async def neighbour(address: str, nudge: Nudge) -> str:
    """Return the MAC address behind ``address`` as it is now, or an empty string after `_LONGEST_SECONDS`.

    What the kernel remembers counts only while it holds it for true: a stale entry may be of the device that
    had the address before.
    """
    if ip_address(address).version == 4 and (seen := await asyncio.to_thread(_ask, address)):  # noqa: PLR2004 - IPv4
        return seen
    clock = asyncio.get_running_loop().time
    end, again = clock() + _LONGEST_SECONDS, 0.0
    while clock() < end:
        if clock() >= again:
            again = clock() + _NUDGE_SECONDS
            with suppress(PeerFailure):  # a refusal is as good as an answer
                await nudge(Endpoint(address, _DISCARD, transport="udp"))
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            if seen := await asyncio.to_thread(_remembered, address):
                return seen
        await asyncio.sleep(_POLL_SECONDS)
    return ""


def _remembered(address: str) -> str:
    """Return the neighbour's MAC address from the kernel's table when it is confirmed (RFC 4861 section 7.3.2)."""
    plain, _, zone = address.partition("%")
    place = ["dev", zone] if zone else []
    done = subprocess.run(  # noqa: S603 - fixed arguments and a parsed address
        ["ip", "-j", "neigh", "show", "to", str(ip_address(plain)), *place],  # noqa: S607 - found on the PATH
        capture_output=True,
        timeout=5,
        check=False,
    )
    for entry in json.loads(done.stdout or b"[]"):
        if _SURE & set(entry.get("state", ())) and entry.get("lladdr"):
            return _mac(str(entry["lladdr"]))
    return ""


def _ask(address: str) -> str:
    """Send ARP requests, up to three, on the interface that routes to ``address``."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # a route look-up; nothing is sent
            own = probe.getsockname()[0]
        device = _device_of(own)
        if not device:
            return ""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as raw:
            raw.settimeout(_WAIT_SECONDS / _ARP_TRIES)
            raw.bind((device, _ARP))
            mac = raw.getsockname()[4]
            head = b"\xff" * 6 + mac + struct.pack("!H", _ARP)
            body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(own)
            for _ in range(_ARP_TRIES):
                raw.send(head + body + b"\0" * 6 + socket.inet_aton(address))
                with suppress(TimeoutError):
                    if seen := _answer(raw, socket.inet_aton(address)):
                        return seen
    except OSError:
        return ""
    return ""


def _answer(raw: socket.socket, wanted: bytes) -> str:
    """Return who answered for the address ``wanted``; TimeoutError when nothing at all is heard any more."""
    for _ in range(64):
        frame = raw.recv(2048)
        if frame[20:22] == b"\0\x02" and frame[28:32] == wanted:
            return _mac(frame[22:28].hex())
    return ""


def _device_of(own: str) -> str:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(handle.fileno(), 0x8915, request)  # SIOCGIFADDR
                if socket.inet_ntoa(answer[20:24]) == own:
                    return name
    return ""


def _mac(text: str) -> str:
    digits = "".join(sign for sign in text.lower() if sign in "0123456789abcdef")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2)) if len(digits) == 12 else ""  # noqa: PLR2004
