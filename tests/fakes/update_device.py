"""A terminal in memory with an updater, a setting and a power cord: right or wrong on purpose.

It has no sockets: `DeviceAccess` and `DeviceNet` have the shapes of the ports. Its clock is the tester's
fake one, so that waits and lazy writes cost no time. Signatures (Ed25519) and checksums are real.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.wire import FakeClock
from sekisho.errors import PeerFailure
from sekisho.model.terminal import Code, Login, Recipe
from sekisho.ports import Endpoint, Reading, Scan, Session, SignIn

MAGIC = b"FAKE"
MAKER = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)


def image(version: str, key: Ed25519PrivateKey | None = MAKER, payload: bytes = b"software ") -> bytes:
    """Magic, CRC-32 of the rest (little-endian), signature of what follows it, a JSON line, payload."""
    body = json.dumps({"version": version}).encode() + b"\n" + payload * 40
    signature = key.sign(body) if key else bytes(64)
    return MAGIC + zlib.crc32(signature + body).to_bytes(4, "little") + signature + body


class Device:
    """``check``: signature, crc, none, dead (refuses all), brittle (dies of a bad image), late (says nothing
    and installs anything after 8 s). ``lazy`` seconds pass before a written setting is safe."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        check: str = "signature",
        downgrade: bool = False,
        version: str = "1.0.0",
        lazy: float = 0.0,
        boot: float = 3.0,
        answers: str = "200",
        opens: tuple[int, ...] = (),
        forgets_code: bool = False,
        rolls_back: bool = False,
        bricks: bool = False,
    ) -> None:
        self.clock = clock
        self.check, self.downgrade, self.lazy, self.boot = check, downgrade, lazy, boot
        self.version = self.factory_version = version
        self.answers = answers
        self.opens, self.forgets_code, self.rolls_back, self.bricks = opens, forgets_code, rolls_back, bricks
        self.code, self.factory_code = "secret-of-this-unit", "admin"
        self.setting = self.stored = "192.0.2.1"
        self.written = -1e9
        self.ready = -1e9
        self.on = True
        self.dead = False
        self.opened: tuple[int, ...] = ()
        self.installs: list[tuple[float, str]] = []
        self.uploads: list[str] = []
        self.cuts = 0
        self.updating = False

    def up(self) -> bool:
        for at, version in list(self.installs):
            if self.clock.seconds >= at:
                self.installs.remove((at, version))
                self.version = version
        return self.on and not self.dead and self.clock.seconds >= self.ready

    def write(self, value: str) -> None:
        self.flush()
        self.setting, self.written = value, self.clock.seconds

    def flush(self) -> None:
        if self.clock.seconds - self.written >= self.lazy:
            self.stored = self.setting

    def cut(self) -> None:
        self.flush()
        self.on, self.cuts = False, self.cuts + 1
        self.setting = self.stored
        if self.forgets_code:
            self.code = self.factory_code
        if self.rolls_back:
            self.version = self.factory_version
        if self.bricks and self.updating:
            self.dead = True

    def restore(self) -> None:
        self.on = True
        self.opened = self.opens
        self.ready = self.clock.seconds + self.boot

    def install(self, data: bytes, name: str) -> int:
        self.uploads.append(name)
        try:
            version = self.judge(data)
        except ValueError:
            if self.check == "brittle":
                self.dead = True
            return int(self.answers)
        if not self.downgrade and tuple(version.split(".")) < tuple(self.version.split(".")):
            return int(self.answers)
        delay = 8.0 if self.check == "late" else 0.5
        self.installs.append((self.clock.seconds + delay, version))
        if self.check != "late":
            self.ready = self.clock.seconds + self.boot
        return 200

    def judge(self, data: bytes) -> str:
        if self.check == "dead" or not data.startswith(MAGIC) or len(data) < 80:
            raise ValueError("refused")
        body = data[72:]
        summed = zlib.crc32(data[8:]).to_bytes(4, "little")
        if self.check in {"crc", "signature", "brittle"} and summed != data[4:8]:
            raise ValueError("checksum")
        if self.check in {"signature", "brittle"}:
            try:
                MAKER.public_key().verify(data[8:72], body)
            except InvalidSignature as error:
                raise ValueError("signature") from error
        return str(json.loads(body.partition(b"\n")[0])["version"])


class DeviceSession:
    """Runs recipes by their path."""

    def __init__(self, device: Device, signed: bool) -> None:
        self.device, self.signed = device, signed

    async def run(self, recipe: Recipe, values: Mapping[str, str] | None = None) -> Reading:
        if not self.device.up():
            return Reading(None, failure="refused")
        if recipe.path == "/newest":
            return Reading(f"newest is {self.device.version}", status=200)
        if recipe.path == "/nothing":
            return Reading("404 not found", status=404)
        if recipe.path == "/version":
            return Reading(self.device.version + "\n", status=200)
        if recipe.path == "/setting" and self.signed:
            if recipe.method == "POST":
                self.device.write(str((values or {})["value"]))
            return Reading(self.device.setting, status=200)
        return Reading(None, status=200, title="login")

    async def upload(self, recipe: Recipe, image: bytes, name: str) -> Reading:
        if not self.device.up():
            return Reading(None, failure="refused")
        self.device.updating = True
        await self.device.clock.sleep(0)
        status = self.device.install(image, name)
        return Reading("", status=status, excerpt="Upload complete")

    async def close(self) -> None:
        return None


class DeviceAccess:
    """`ports.Access` of the device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.wrong = 0

    async def sign_in(
        self,
        login: Login,
        code: Code | None,
        *,
        source: str = "",
        measuring: bool = False,
        listed: bool = False,
    ) -> tuple[SignIn, Session]:
        if not self.device.up():
            nothing = Reading(None, failure="refused")
            return SignIn(None, "", 0.0, nothing, failure="refused"), DeviceSession(self.device, False)
        right = code is not None and code.password == self.device.code
        self.wrong += not right
        return SignIn(right, "proof", 0.1, Reading("")), DeviceSession(self.device, right)

    async def visit(self, login: Login, *, source: str = "") -> Session:
        return DeviceSession(self.device, signed=False)

    def discovered(self, endpoint: Endpoint, pages: Any) -> tuple[Login, ...]:
        return ()


class _Open:
    async def send(self, data: bytes) -> None:
        return None

    async def receive(self, limit: int = 65_536, seconds: float | None = None) -> bytes:
        return b""

    async def close(self) -> None:
        return None


class DeviceNet:
    """`ports.Net` of the device: port 80 and whatever opens by itself."""

    def __init__(
        self, device: Device, ports: tuple[int, ...] = (80,), slow: Mapping[int, float] | None = None
    ) -> None:
        self.device, self.ports, self.slow = device, ports, dict(slow or {})

    def answers(self, port: int) -> bool:
        late = self.device.ready + self.slow.get(port, 0.0)
        return (
            self.device.up()
            and self.device.clock.seconds >= late
            and port in {*self.ports, *self.device.opened}
        )

    async def open(self, endpoint: Endpoint) -> _Open:
        if not self.device.on:
            raise PeerFailure("timed-out")
        if not self.answers(endpoint.port):
            raise PeerFailure("refused")
        return _Open()

    async def ask(
        self, endpoint: Endpoint, payload: bytes, *, seconds: float = 2.0, most: int = 16
    ) -> tuple[Any, ...]:
        return ()

    async def scan(self, endpoint: Endpoint, ports: Sequence[int]) -> Scan:
        found = tuple(port for port in ports if self.answers(port))
        asked = len(ports)
        return Scan(endpoint.address, "tcp", found, (), (), asked - len(found), asked, asked, 0.01)

    async def fetch(self, endpoint: Endpoint, request: Any) -> Any:
        raise PeerFailure("refused")


class DevicePower:
    """`ports.Power` of the device."""

    def __init__(self, device: Device, failure: str = "") -> None:
        self.device, self.failure = device, failure

    async def cut(self) -> None:
        if self.failure:
            raise PeerFailure("unsupported", self.failure)
        self.device.cut()

    async def restore(self) -> None:
        self.device.restore()
