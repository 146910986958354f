"""Small real servers on loopback, one per protocol, good ones, weak ones and hostile ones.

Each runs in the test's own event loop on an address of its own, so nothing else on the machine is talked to.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.77.3.5"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answerer = Callable[[bytes], list[bytes]]


class Services:
    """Starts servers and knows their ports; all end with the context."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()

    async def tcp(self, handler: Handler, *, tls: bool = False, port: int = 0) -> int:
        async def serve(reader, writer):
            try:
                await handler(reader, writer)
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                pass
            finally:
                writer.close()

        context = _certificate() if tls else None
        server = await asyncio.start_server(serve, ADDRESS, port, ssl=context)
        self.stack.callback(server.close)
        return server.sockets[0].getsockname()[1]

    async def udp(self, answer: Answerer) -> int:
        class Protocol(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, address):
                for one in answer(data):
                    self.transport.sendto(one, address)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=(ADDRESS, 0))
        self.stack.callback(transport.close)
        return transport.get_extra_info("sockname")[1]


@asynccontextmanager
async def services():
    """Yield `Services`; everything is closed afterwards."""
    room = Services()
    async with room.stack:
        yield room


def _certificate() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=9000))
    signed = made.sign(key, hashes.SHA256())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
    return context


def says(data: bytes) -> Handler:
    """Speak first, then listen until the other side goes."""

    async def handle(reader, writer):
        writer.write(data)
        await writer.drain()
        await reader.read()

    return handle


def answers(reply: Callable[[bytes], bytes]) -> Handler:
    """Answer each message that comes by ``reply``; nothing to say means closing."""

    async def handle(reader, writer):
        while data := await reader.read(4096):
            said = reply(data)
            if not said:
                return
            writer.write(said)
            await writer.drain()

    return handle


def page(status: str = "200 OK", body: str = "<title>Router</title>", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nServer: boa/0.94\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def web(reply: bytes) -> Handler:
    """An HTTP server that knows one answer and refuses other protocols."""
    return answers(
        lambda data: reply if data.split(b" ")[0] in {b"GET", b"POST"} else page("400 Bad Request", "")
    )


def rtsp_camera(describe: str) -> Handler:
    def reply(data: bytes) -> bytes:
        if b"RTSP/1.0" not in data:
            return b""
        if data.startswith(b"OPTIONS"):
            return b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Cam/1\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n"
        body = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\n" if describe.startswith("200") else ""
        return f"RTSP/1.0 {describe}\r\nCSeq: 2\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    return answers(reply)


def broker(codes: dict[int, int]) -> Handler:
    """MQTT: the code to answer by protocol level."""

    def reply(data: bytes) -> bytes:
        if data[:1] != b"\x10" or data[4:8] != b"MQTT":
            return b""
        code = codes.get(data[8])
        if code is None:
            return b""
        return bytes([0x20, 3, 0, code, 0]) if data[8] == 5 else bytes([0x20, 2, 0, code])

    return answers(reply)


def adb_daemon(command: bytes) -> Handler:
    def reply(data: bytes) -> bytes:
        if data[:4] != b"CNXN":
            return b""
        text = b"device::ro.product.name=cam;\0" if command == b"CNXN" else b"\x01" * 20
        word = int.from_bytes(command, "little")
        head = struct.pack("<6I", word, 0x01000000, 4096, len(text), sum(text), word ^ 0xFFFFFFFF)
        return head + text

    return answers(reply)


def dns_answer(data: bytes) -> bytes:
    return data[:2] + b"\x81\x80" + data[4:6] + b"\0\0\0\0\0\0" + data[12:]


def dns_over_tcp(data: bytes) -> bytes:
    if len(data) < 14 or int.from_bytes(data[:2], "big") != len(data) - 2:
        return b""
    answer = dns_answer(data[2:])
    return len(answer).to_bytes(2, "big") + answer


class Agent:
    """An SNMP agent of three variables; its BER is written here by hand, apart from the tested one."""

    def __init__(self, read: str, write: str = "", *, v1: bool = False) -> None:
        self.read, self.write, self.v1 = read, write, v1
        self.contact = b"ops@example.jp"
        self.sets = 0

    def __call__(self, data: bytes) -> list[bytes]:
        version = data[4] if data[1] < 128 else -1
        if version == 3:
            inner = bytes.fromhex("020103300e02012a020300ffff040100020103") + b"\x04\x02\x30\x00\x30\x00"
            return [b"\x30" + bytes([len(inner)]) + inner]
        if self.v1 and version != 0:
            return []
        size = data[6]
        community, pdu = data[7 : 7 + size].decode(), data[7 + size :]
        if community not in {self.read, self.write}:
            return []
        head, tail = pdu[:2], pdu[2:]
        size = tail[1]
        identifier, rest = tail[: 2 + size], tail[2 + size :]
        bindings = rest[6:]
        oid_at = 4
        oid = bindings[oid_at : oid_at + 2 + bindings[oid_at + 1]]
        error = 0
        if head[0] == 0xA3:
            value = bindings[oid_at + len(oid) :]
            if community == self.write:
                self.sets += 1
                self.contact = value[2:]
            else:
                error = 6
        value = self.contact if oid[2:].startswith(bytes.fromhex("2b060102010104")) else b"Acme RT"
        pair = oid + b"\x04" + bytes([len(value)]) + value
        variables = b"\x30" + bytes([len(pair)]) + pair
        variables = b"\x30" + bytes([len(variables)]) + variables
        body = identifier + b"\x02\x01" + bytes([error]) + b"\x02\x01\x00" + variables
        body = b"\xa2" + bytes([len(body)]) + body
        body = b"\x02\x01" + bytes([version]) + b"\x04" + bytes([len(community)]) + community.encode() + body
        return [b"\x30" + bytes([len(body)]) + body]


class Gateway:
    """A UPnP Internet gateway: SSDP, description and port mappings; ``secure`` refuses other hosts."""

    def __init__(
        self, *, secure: bool, forgets: bool = False, location: str = "", permanent: bool = False
    ) -> None:
        self.secure, self.forgets, self.location, self.permanent = secure, forgets, location, permanent
        self.mappings: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self.port = 0

    def ssdp(self, data: bytes) -> list[bytes]:
        if not data.startswith(b"M-SEARCH"):
            return []
        location = self.location or f"http://{ADDRESS}:{self.port}/rootDesc.xml"
        return [
            f"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:1\r\nSERVER: Acme UPnP/1.1\r\nLOCATION: {location}\r\n\r\n".encode()
        ]

    def http(self) -> Handler:
        async def handle(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (
                    int(line.split(":")[1])
                    for line in head.split("\r\n")
                    if line.lower().startswith("content-length")
                ),
                0,
            )
            body = (await reader.readexactly(length)).decode()
            writer.write(self.reply(head, body))

        return handle

    def reply(self, head: str, body: str) -> bytes:
        if head.startswith("GET /rootDesc.xml"):
            return page(body=DESCRIPTION)
        if not head.startswith("POST /ctl"):
            return page("404 Not Found", "")
        name = head.split("#")[1].split('"', maxsplit=1)[0]
        self.calls.append(name)
        field = {
            key: body.split(f"<{key}>")[1].split("<", maxsplit=1)[0] for key in FIELDS if f"<{key}>" in body
        }
        key = field.get("NewExternalPort", "")
        if name == "AddPortMapping":
            if self.permanent and field["NewLeaseDuration"] != "0":
                return fault(725)
            if self.secure and field["NewInternalClient"] != "127.0.0.1":
                return fault(606)
            if not self.forgets:
                self.mappings[key] = field
            return page(body="<r/>")
        if key not in self.mappings:
            return fault(714)
        if name == "DeletePortMapping":
            del self.mappings[key]
            return page(body="<r/>")
        found = self.mappings[key]
        return page(
            body=f"<u:R><NewInternalClient>{found['NewInternalClient']}</NewInternalClient>"
            f"<NewPortMappingDescription>{found['NewPortMappingDescription']}</NewPortMappingDescription></u:R>"
        )


FIELDS = ("NewExternalPort", "NewInternalClient", "NewPortMappingDescription", "NewLeaseDuration")
DESCRIPTION = """<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><manufacturer>Acme & Co</manufacturer>
<modelName>RT-200</modelName><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl/IPConn</controlURL>
</service></serviceList></device></root>"""


def fault(code: int) -> bytes:
    return page(
        "500 Internal Server Error",
        f"<s:Fault><UPnPError><errorCode>{code}</errorCode></UPnPError></s:Fault>",
    )


def onvif_camera(device: str, status: str) -> Handler:
    """An ONVIF device service; ``device`` is what GetDeviceInformation answers."""

    async def handle(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length")
            ),
            0,
        )
        body = (await reader.readexactly(length)).decode()
        if "GetSystemDateAndTime" in body:
            writer.write(page(body="<s:Body><tds:GetSystemDateAndTimeResponse/></s:Body>"))
        elif "GetDeviceInformation" in body:
            writer.write(page(status, device))
        else:
            writer.write(page())

    return handle


async def drips(reader, writer):
    for _ in range(600):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def floods(reader, writer):
    while True:
        writer.write(b"A" * 65_536)
        await writer.drain()


async def resets(reader, writer):
    import socket

    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silent(reader, writer):
    await reader.read()
    await asyncio.sleep(30)


async def endless_tls(reader, writer):
    """Answer a TLS hello with a handshake record that never ends."""
    data = await reader.read(4096)
    if data[:1] == b"\x16":
        writer.write(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc")
        await drips(reader, writer)
