"""Is it the device that was meant? MAC address and SSH host key against the authorisation, before all else.

An address can come to another device (DHCP, a swapped cable). When the authorisation names MAC addresses or
host keys, nothing but this question is sent until it is answered: ARP (RFC 826) or the kernel's own
neighbour table for the MAC, the key exchange of SSH (RFC 4253) for the host key.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from sekisho.errors import AuthorisationError
from sekisho.language import Text
from sekisho.model.assessment import Authorisation
from sekisho.model.terminal import Terminal
from sekisho.ports import Endpoint

_ARP = 0x0806
_WAIT_SECONDS = 2.0
_KEY_SECONDS = 15.0
_SSH = 22
_REMEDY = Text(
    ja="機器とアドレスを確かめ、許可の記録を作り直す",
    en="check the device and its address, then make the authorisation again",
)


Connect = Callable[[Endpoint], Awaitable[socket.socket]]


async def confirm(authorisation: Authorisation, terminal: Terminal, connect: Connect) -> None:
    """Raise AuthorisationError unless every address is the authorised device; nothing named: nothing asked."""
    if authorisation.macs:
        allowed = {_mac(text) for text in authorisation.macs}
        for interface in terminal.interfaces:
            for address in interface.addresses:
                seen = await asyncio.to_thread(neighbour, address)
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


def neighbour(address: str) -> str:
    """Return the MAC address behind ``address``: from the kernel's table, else by asking (ARP; needs root)."""
    if ip_address(address).version == 4:  # noqa: PLR2004 - IPv4
        return _from_table(address) or _ask(address)
    with suppress(OSError, ValueError):
        return _from_netlink(address)
    return ""


def _from_table(address: str) -> str:
    with suppress(OSError):
        for line in Path("/proc/net/arp").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if len(fields) >= 4 and fields[0] == address and fields[2] != "0x0":  # noqa: PLR2004 - columns
                return _mac(fields[3])
    return ""


def _from_netlink(address: str) -> str:
    import subprocess

    done = subprocess.run(  # noqa: S603 - fixed arguments and a parsed address
        ["ip", "-j", "neigh", "show", "to", str(ip_address(address))],  # noqa: S607 - found on the PATH
        capture_output=True,
        timeout=5,
        check=False,
    )
    entries = json.loads(done.stdout or b"[]")
    return _mac(entries[0].get("lladdr", "")) if entries else ""


def _ask(address: str) -> str:
    """Send one ARP request on the interface that routes to ``address``."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # a route look-up; nothing is sent
            own = probe.getsockname()[0]
        device = _device_of(own)
        if not device:
            return ""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as raw:
            raw.settimeout(_WAIT_SECONDS)
            raw.bind((device, _ARP))
            mac = raw.getsockname()[4]
            head = b"\xff" * 6 + mac + struct.pack("!H", _ARP)
            body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(own)
            raw.send(head + body + b"\0" * 6 + socket.inet_aton(address))
            for _ in range(64):
                frame = raw.recv(2048)
                if frame[20:22] == b"\0\x02" and frame[28:32] == socket.inet_aton(address):
                    return _mac(frame[22:28].hex())
    except OSError:
        return ""
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
