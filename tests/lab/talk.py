"""Speak to lab devices with nothing but plain sockets: the lab's own witness, independent of the product's clients."""

import asyncio
import base64
import contextlib
import hashlib
import http.client
import re
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from .flavours import Flavour
from .network import LAN4, TESTER_LAN4

TIMEOUT_S = 15.0
_IAC, _DONT, _DO, _WONT, _WILL = 255, 254, 253, 252, 251


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status (0: the connection ended without one), headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Web:
    """A device's web interface as seen from one place."""

    flavour: Flavour
    address: str = LAN4
    source: str = TESTER_LAN4[0]
    port: int = 0
    cookie: str = ""

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send one request on a connection of its own."""
        port, source = self.port or self.flavour.web_port, (self.source, 0)
        if self.flavour.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.address, port, timeout=TIMEOUT_S, source_address=source, context=context
            )
        else:
            connection = http.client.HTTPConnection(
                self.address, port, timeout=TIMEOUT_S, source_address=source
            )
        with contextlib.closing(connection):
            connection.connect()
            try:
                connection.request(method, path, body or None, {"Cookie": self.cookie, **(headers or {})})
                answer = connection.getresponse()
                content = answer.read()
            except (ConnectionError, http.client.HTTPException):
                return Answer(0, {}, "")
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, content.decode("utf-8", "replace"))

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields).encode(), kind)

    def basic(self, password: str, path: str = "/", user: str = "admin") -> Answer:
        """Ask with Basic credentials."""
        code = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.ask("GET", path, headers={"Authorization": f"Basic {code}"})

    def digest(self, password: str, path: str = "/", user: str = "admin") -> Answer:
        """Ask, and ask again with the answer to the Digest challenge (RFC 7616, MD5, qop=auth)."""
        challenge = dict(
            re.findall(r'(\w+)="([^"]*)"', self.ask("GET", path).headers.get("www-authenticate", ""))
        )
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        first, second = _md5(f"{user}:{realm}:{password}"), _md5(f"GET:{path}")
        response = _md5(f"{first}:{nonce}:00000001:0a4f113b:auth:{second}")
        fields = (
            f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{path}", response="{response}", '
            'algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"'
        )
        return self.ask("GET", path, headers={"Authorization": f"Digest {fields}"})

    def log_in(self, password: str, user: str = "admin") -> "Web | None":
        """Log in by the form; return the same place with a session, or None when refused."""
        answer = self.post("/login", username=user, password=password)
        cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return Web(self.flavour, self.address, self.source, self.port, cookie) if cookie else None

    def setting(self, key: str = "dns") -> str:
        """Read a setting: through the CGI where it is open, else with the session of this place."""
        if self.flavour.settings_path == "/cgi-bin/":
            return self.ask("GET", f"/cgi-bin/get?{key}").body
        found = re.search(f'"{key}": "([^"]*)"', self.ask("GET", "/settings").body)
        return found[1] if found else ""

    def version(self) -> str:
        """Read the installed version."""
        return self.ask("GET", "/version").body.strip()

    def upload(self, image: bytes) -> Answer:
        """Send an update image the way that this device takes it."""
        if self.flavour.update_port != 8080:
            return self.ask("POST", "/update", image)
        body = (
            b'--sekisho-lab\r\nContent-Disposition: form-data; name="file"; filename="x.swu"\r\n\r\n'
            + image
            + b"\r\n--sekisho-lab--\r\n"
        )
        place = Web(self.flavour, self.address, self.source, 8080)
        return place.ask(
            "POST", "/upload", body, {"Content-Type": "multipart/form-data; boundary=sekisho-lab"}
        )


def connects(address: str, port: int, source: str) -> bool:
    """Say whether a TCP connection opens."""
    try:
        with socket.create_connection((address, port), 2.0, (source, 0)):
            return True
    except OSError:
        return False


def telnet_login(address: str, source: str, user: str, password: str) -> str:
    """Log in by telnet, run ``id``, and return all that the device said."""
    with socket.create_connection((address, 23), TIMEOUT_S, (source, 0)) as stream:
        stream.settimeout(0.3)
        said = _listen(stream, "login: ") + _say(stream, user, "assword: ") + _say(stream, password, "#")
        return said + _say(stream, "id", "gid=")


def _say(stream: socket.socket, line: str, until: str) -> str:
    stream.sendall(line.encode() + b"\r\n")
    return _listen(stream, until)


def _listen(stream: socket.socket, until: str) -> str:
    said, deadline = b"", time.monotonic() + TIMEOUT_S
    while until.encode() not in said and time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError):
            heard = stream.recv(4096)
            if not heard:
                break
            for match in re.finditer(rb"\xff([\xfb-\xfe])(.)", heard, re.DOTALL):
                refusal = _WONT if match[1][0] in (_DO, _DONT) else _DONT
                stream.sendall(bytes((_IAC, refusal, match[2][0])))
            said += heard
    return said.decode("latin-1")


def ssh_login(address: str, user: str, password: str) -> str:
    """Log in by SSH and return what ``id`` says; empty when refused."""
    import asyncssh

    async def ask() -> str:
        try:
            async with asyncssh.connect(
                address, username=user, password=password, known_hosts=None, config=None
            ) as client:
                return str((await client.run("id")).stdout)
        except asyncssh.PermissionDenied:
            return ""

    return asyncio.run(ask())


def snmp(community: str, oid: bytes, value: str | None = None) -> bytes:
    """Read (or, with a value, write) one SNMPv1 variable (RFC 1157); return the device's answer, empty for silence."""
    content = _ber(0x04, value.encode()) if value is not None else _ber(0x05, b"")
    variable = _ber(0x30, _ber(0x30, _ber(0x06, oid) + content))
    header = _ber(0x02, b"\x01") + _ber(0x02, b"\x00") + _ber(0x02, b"\x00")
    request = _ber(0xA0 if value is None else 0xA3, header + variable)
    message = _ber(0x30, _ber(0x02, b"\x00") + _ber(0x04, community.encode()) + request)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(2.0)
        asker.connect((LAN4, 161))
        asker.send(message)
        try:
            return asker.recv(2048)
        except OSError:
            return b""


def _ber(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
