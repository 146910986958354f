"""A model of a disk whose plug can be pulled, a maker, units, and clients."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sekisho.exemplar.access.credentials import digest, normal_preset
from sekisho.exemplar.software.image import make_image
from sekisho.exemplar.software.slots import Slots
from sekisho.exemplar.terminal import Terminal

CODE = "ABCD-EFGH-JKMN"
PASSWORD = "tsuki no kirei na yoru"  # a test's own
PRESET = digest(normal_preset(CODE))


class ModelDisk:
    """A disk that keeps only what was fsynced.

    Names point at inodes. An inode has the bytes that were made durable and the bytes written since; a change
    of names waits until the directory is fsynced. After every operation all states that a power cut could
    leave are noted: any subset of the waiting name changes (a file system may reorder them), and for each
    inode with unsynced bytes: nothing, the durable ones, a first half, or all of them.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.inodes: list[list[bytes]] = [[data, data] for data in (files or {}).values()]
        self.durable: dict[str, int] = {name: index for index, name in enumerate(files or {})}
        self.names = dict(self.durable)
        self.waiting: list[tuple[str, ...]] = []
        self.history: list[str] = []
        self.after_cut: list[dict[str, bytes]] = []

    def read(self, name: str) -> bytes | None:
        return self.inodes[self.names[name]][1] if name in self.names else None

    def write(self, name: str, data: bytes) -> None:
        # A file that exists is truncated in place, one that does not gets a new inode.
        if name in self.names:
            self.inodes[self.names[name]][1] = b""
            self._note(f"truncate {name}")
        else:
            self.inodes.append([b"", b""])
            self.names[name] = len(self.inodes) - 1
            self.waiting.append(("link", name, str(len(self.inodes) - 1)))
            self._note(f"create {name}")
        self.inodes[self.names[name]][1] = data
        self._note(f"write {name}")

    def fsync(self, name: str) -> None:
        inode = self.inodes[self.names[name]]
        inode[0] = inode[1]
        self._note(f"fsync {name}")

    def rename(self, old: str, new: str) -> None:
        self.names[new] = self.names.pop(old)
        self.waiting.append(("link", new, str(self.names[new])))
        self.waiting.append(("unlink", old))
        self._note(f"rename {old} {new}")

    def remove(self, name: str) -> None:
        if self.names.pop(name, None) is not None:
            self.waiting.append(("unlink", name))
        self._note(f"remove {name}")

    def fsync_directory(self, name: str) -> None:
        self.durable = dict(self.names)
        self.waiting.clear()
        self._note(f"fsync-directory {name}")

    def _note(self, operation: str) -> None:
        self.history.append(operation)
        self.after_cut += self._states()

    def _states(self) -> Iterator[dict[str, bytes]]:
        for kept in itertools.product((False, True), repeat=len(self.waiting)):
            names = dict(self.durable)
            for done, change in zip(kept, self.waiting, strict=True):
                if done and change[0] == "link":
                    names[change[1]] = int(change[2])
                elif done:
                    names.pop(change[1], None)
            choices = []
            for inode in names.values():
                durable, now = self.inodes[inode]
                choices.append({durable, now, b"", now[: len(now) // 2]} if durable != now else {now})
            for contents in itertools.product(*choices):
                yield dict(zip(names, contents, strict=True))


@dataclass
class Maker:
    """A maker with one key, and one that is not ours."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    other: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    model: str = "SK-1"

    def image(self, version: str, payload: bytes = b"software " * 40, **changes: object) -> bytes:
        key = changes.get("key", self.key)
        return make_image(payload, str(changes.get("model", self.model)), version, key)

    def unit(self) -> ModelDisk:
        disk = ModelDisk()
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        record = {
            "maker": "Sekisho Works",
            "model": self.model,
            "serial": "A1",
            "mac": "02:00:00:00:00:01",
            "ssid": "SK-1-0001",
            "preset": PRESET,
            "trust": pem,
        }
        disk.write("factory.json", json.dumps(record).encode())
        Slots(disk, self.key.public_key(), self.model).provision(self.image("1.0.0"))
        return ModelDisk({name: disk.read(name) for name in disk.names if not name.endswith(".new")})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def maker() -> Maker:
    return Maker()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model_disk() -> type[ModelDisk]:
    return ModelDisk


@pytest.fixture
def terminal_on(clock) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def boot(disk: ModelDisk, **options: object) -> Terminal:
        made.append(Terminal(disk, clock=clock, origins=("http://localhost:8080",), **options))
        return made[-1]

    yield boot
    for one in made:
        one.close()


@dataclass
class Client:
    """A caller over HTTP: cookies, JSON or forms, no redirects followed."""

    address: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    source: str = ""

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, object, dict[str, str]]:
        """Return status, body (JSON or text), headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body
        if isinstance(body, dict):
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10, source_address=source)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            for line in answer.headers.get_all("Set-Cookie") or ():
                name, _, rest = line.partition("=")
                self.cookies[name] = rest.partition(";")[0]
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(text) if is_json else text, dict(answer.headers)
        finally:
            connection.close()

    def sign_in(self, password: str, user: str = "admin") -> int:
        return self.ask("POST", "/api/login", {"user": user, "password": password})[0]

    def claim(self, code: str, password: str = PASSWORD) -> None:
        """Go through the first use."""
        assert self.sign_in(code) == 200
        assert self.ask("POST", "/api/first-use", {"password": password})[0] == 200


@dataclass
class Unit:
    """A unit as a process."""

    state: Path
    label: dict
    options: list[str]
    process: subprocess.Popen = field(init=False)
    ready: dict = field(init=False)

    def boot(self) -> None:
        words = [sys.executable, "-m", "sekisho.exemplar", "--state", str(self.state), *self.options]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def cut(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()

    @property
    def port(self) -> int:
        return int(self.options[self.options.index("--port") + 1])

    def client(self, source: str = "") -> Client:
        return Client("127.63.0.1", self.port, source=source)


def tool(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sekisho.exemplar", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def works(tmp_path_factory) -> Path:
    """The maker's room: keys and images, made by the maker's own commands."""
    room = tmp_path_factory.mktemp("works")
    (room / "payload").write_bytes(b"software " * 5000)
    for name in ("maker", "other"):
        tool("keygen", "--key", room / f"{name}.key", "--public", room / f"{name}.pub")
    for name, version, key in (
        ("current", "1.0.0", "maker"),
        ("newer", "1.1.0", "maker"),
        ("older", "0.9.0", "maker"),
        ("other", "1.1.0", "other"),
    ):
        words = ("--version", version, "--payload", room / "payload", "--out", room / f"{name}.img")
        tool("sign", "--key", room / f"{key}.key", *words)
    return room


@pytest.fixture
def unit(works, tmp_path) -> Iterator[Callable[..., Unit]]:
    started: list[Unit] = []

    def make(*options: str) -> Unit:
        state = tmp_path / f"unit{len(started)}"
        words = (
            "--serial",
            f"A{len(started)}",
            "--trust",
            works / "maker.pub",
            "--image",
            works / "current.img",
        )
        label = json.loads(tool("factory", "--state", state, *words))
        with socket.socket() as probe:
            probe.bind(("127.63.0.1", 0))
            port = probe.getsockname()[1]
        one = Unit(state, label, ["--lan", "127.63.0.1", "--port", str(port), *options])
        started.append(one)
        one.boot()
        return one

    yield make
    for one in started:
        if one.process.poll() is None:
            one.cut()
        one.process.stdout.close()
