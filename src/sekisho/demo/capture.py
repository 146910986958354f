"""A quarter of an hour at a small provider, as a packet capture: a dozen homes, and one camera that was hijacked.

Made, not recorded: nobody's traffic. The formats are real (pcap, Ethernet, IPv4, TCP, UDP), the other ends are addresses
that RFC 5737 keeps for documentation. The camera asks its C&C server once a minute and looks for open telnet.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

CUSTOMERS = "100.64.0.0/24"
HOMES = 12
CAMERA = "100.64.0.9"
CC_ADDRESS, CC_PORT = "198.51.100.23", 48_101
SECONDS = 900
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_SITES = tuple(f"203.0.113.{number}" for number in range(10, 60))
_MACS = bytes.fromhex("02000000000202000000000108" + "00")


def write(folder: Path, start: float, seed: int = 20) -> tuple[Path, Path]:
    """Write ``capture.pcap`` that begins at ``start`` (epoch seconds) and ``cc-list.csv``; return both paths.

    The same seed gives the same capture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    packets = sorted(
        (at, packet) for line in range(1, HOMES + 1) for at, packet in _home(f"100.64.0.{line}", chance)
    )
    packets = sorted([*packets, *_camera(chance)])
    capture = folder / "capture.pcap"
    with capture.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for at, packet in packets:
            whole = start + at
            out.write(struct.pack("<IIII", int(whole), int(whole % 1 * 1e6), len(packet), len(packet)))
            out.write(packet)
    listed = folder / "cc-list.csv"
    listed.write_text(
        "# A list as the world ships them; the address is for documentation (RFC 5737), nobody's server.\n"
        "first_seen_utc,dst_ip,dst_port,c2_status,last_online,malware\n"
        f'2026-11-01 00:00:00,{CC_ADDRESS},{CC_PORT},online,2026-11-20,"Mirai"\n'
        "2026-11-01 00:00:00,198.51.100.77,8443,online,2026-11-20,Gafgyt\n",
        encoding="utf-8",
    )
    return capture, listed


def settings() -> str:
    """Return the ``watch.toml`` for it: whose lines, and that nobody's communication is in it."""
    return f'customers = ["{CUSTOMERS}"]\nbasis = "not-communication"\n'


def _home(line: str, chance: random.Random) -> Iterator[tuple[float, bytes]]:
    """People at home: a few sites a minute, both ways, closed in order."""
    at = chance.uniform(0, 20)
    while at < SECONDS:
        site, port = chance.choice(_SITES), chance.randrange(30_000, 60_000)
        yield from _connection(line, site, port, 443, at, chance.randrange(3, 25), chance)
        at += chance.expovariate(1 / 25)


def _camera(chance: random.Random) -> Iterator[tuple[float, bytes]]:
    """The hijacked camera: a word to its C&C server each minute, and telnet probes that nobody answers."""
    for minute in range(SECONDS // 60):
        at = 60 * minute + chance.uniform(0, 2)
        yield from _connection(CAMERA, CC_ADDRESS, 40_000 + minute, CC_PORT, at, 2, chance)
    for number in range(1500):
        target = f"192.0.2.{number % 254 + 1}" if number % 3 else f"198.51.100.{number % 200 + 30}"
        port = 2323 if number % 10 == 9 else 23
        yield 30 + number * 0.5, _tcp(CAMERA, target, chance.randrange(1024, 65_000), port, SYN)


def _connection(
    line: str, site: str, own: int, port: int, at: float, exchanges: int, chance: random.Random
) -> Iterator[tuple[float, bytes]]:
    yield at, _tcp(line, site, own, port, SYN)
    yield at + 0.01, _tcp(site, line, port, own, SYN | ACK)
    yield at + 0.02, _tcp(line, site, own, port, ACK)
    for number in range(exchanges):
        moment = at + 0.03 + number * 0.05
        yield moment, _tcp(line, site, own, port, PSH | ACK, chance.randrange(40, 300))
        yield moment + 0.02, _tcp(site, line, port, own, PSH | ACK, chance.randrange(200, 1400))
    end = at + 0.05 + exchanges * 0.05
    yield end, _tcp(line, site, own, port, FIN | ACK)
    yield end + 0.01, _tcp(site, line, port, own, FIN | ACK)


@cache
def _packed(address: str) -> bytes:
    return IPv4Address(address).packed


def _tcp(source: str, destination: str, own: int, port: int, flags: int, payload: int = 0) -> bytes:
    segment = struct.pack(">HHIIBBHHH", own, port, 1, 1, 0x50, flags, 14_600, 0, 0) + bytes(payload)
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0,
        _packed(source), _packed(destination),
    )  # fmt: skip
    return _MACS + header + segment
