"""Conversation with one TCP port: wait for it to speak, then say something in one language after another.

What came back is kept as it was; what it means is read from it again whenever facts are derived.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sekisho.errors import PeerFailure
from sekisho.formats import adb, dns, mqtt, rtsp
from sekisho.formats.first_words import Words, read_words
from sekisho.ports import Clock, Connection, Endpoint, Net

#: Seconds: for a greeting to come unasked, for an answer, and of silence that ends an answer.
GREETING = 2.0
ANSWER = 3.0
IDLE = 0.5
MOST = 8192
KEPT = 2048
_MOST_CHUNKS = 64
#: A port number only decides what is tried first.
_FIRST = {
    53: "dns",
    554: "rtsp",
    1883: "mqtt",
    5555: "adb",
    8554: "rtsp",
    8883: "tls",
    443: "tls",
    8443: "tls",
}
_ORDER = ("http", "tls", "rtsp", "mqtt", "adb", "dns")


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked, in which way, and what came back (bytes as Latin-1 text) or went wrong.

    ``opened`` when the connection (with TLS, the session too) was made.
    """

    asked: str
    tls: bool = False
    opened: bool = True
    said: str = ""
    failure: str = ""

    def words(self) -> Words:
        """Return what the answer means."""
        return read_words(self.said.encode("latin-1"))


def host_of(endpoint: Endpoint) -> str:
    """Return address and port as they stand in URLs and Host headers."""
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{address}:{endpoint.port}"


def first_message(asked: str, endpoint: Endpoint) -> bytes:
    """Return the first message of a language."""
    host = host_of(endpoint)
    if asked == "http":
        return f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sekisho\r\nConnection: close\r\n\r\n".encode()
    if asked == "rtsp":
        return rtsp.request("OPTIONS", f"rtsp://{host}/", 1)
    if asked == "mqtt":
        return mqtt.connect("sekisho-probe")
    if asked == "adb":
        return adb.connect()
    return dns.over_tcp(dns.query(0x5E4B, "version.bind", dns.TXT, dns.CHAOS))


async def converse(net: Net, clock: Clock, endpoint: Endpoint) -> list[Exchange]:
    """Return the exchanges up to the first one that tells the protocol, or all of them."""
    greeting = await _exchange(net, clock, endpoint, "nothing", b"", GREETING)
    done = [greeting]
    if greeting.words().protocol or not greeting.opened:
        return done
    first = _FIRST.get(endpoint.port, "http")
    for asked in dict.fromkeys((first, *_ORDER)):
        if asked == "tls":
            done += await _inside_tls(net, clock, endpoint)
        else:
            done.append(await _exchange(net, clock, endpoint, asked, first_message(asked, endpoint), ANSWER))
        words = done[-1].words()
        if words.protocol and words.protocol != "tls" and words.status != 400:  # noqa: PLR2004 - may want TLS
            break
        if asked != "http" and any(one.words().protocol == "http" for one in done):
            # A 400 to plain HTTP, and nothing behind TLS either: it is an HTTP server all the same.
            break
    return done


async def _inside_tls(net: Net, clock: Clock, endpoint: Endpoint) -> list[Exchange]:
    done: list[Exchange] = []
    for asked in ("http", "mqtt"):
        inside = msgspec.structs.replace(endpoint, tls=True)
        done.append(await _exchange(net, clock, inside, asked, first_message(asked, endpoint), ANSWER))
        if not done[-1].opened or done[-1].words().protocol:
            break
    return done


async def _exchange(
    net: Net, clock: Clock, endpoint: Endpoint, asked: str, payload: bytes, seconds: float
) -> Exchange:
    try:
        connection = await net.open(endpoint)
    except PeerFailure as failure:
        return Exchange(asked, endpoint.tls, opened=False, failure=failure.reason)
    try:
        if payload:
            await connection.send(payload)
        said, failed = await gather(connection, clock, seconds)
    except PeerFailure as failure:
        said, failed = b"", failure.reason
    finally:
        await connection.close()
    return Exchange(asked, endpoint.tls, said=said[:KEPT].decode("latin-1"), failure="" if said else failed)


async def gather(connection: Connection, clock: Clock, seconds: float) -> tuple[bytes, str]:
    """Return what comes within ``seconds`` (and the reason id of what ended it), bounded in every way.

    Silence of half a second after something was said ends it; a dripping peer is cut off at the end.
    """
    end = clock.monotonic() + seconds
    data = bytearray()
    for _ in range(_MOST_CHUNKS):
        left = end - clock.monotonic()
        if left <= 0 or len(data) >= MOST:
            return bytes(data[:MOST]), "timed-out"
        try:
            chunk = await connection.receive(MOST, min(left, IDLE) if data else left)
        except PeerFailure as failure:
            return bytes(data), failure.reason
        if not chunk:
            return bytes(data), "closed"
        data += chunk
    return bytes(data[:MOST]), "too-slow"


def kept(exchanges: list[Exchange]) -> list[dict[str, Any]]:
    """Return exchanges as plain data for a record."""
    return [msgspec.to_builtins(one) for one in exchanges]
