"""Two TAXII servers as processes of their own, the same objects, and what each costs in CPU-seconds of its process."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

MEDIA = "application/taxii+json;version=2.1"
_TOO_MANY = 429
_TICKS = os.sysconf("SC_CLK_TCK")
PEER = f"medallion {version('medallion')} (memory)"


def objects(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return indicators of some 750 octets."""
    return [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{UUID(int=number + 1, version=4)}",
            "created": "2026-11-18T10:00:00.000Z", "modified": "2026-11-18T10:00:00.000Z", "name": f"C&C {number}",
            "description": "x" * 230, "indicator_types": ["malicious-activity"], "pattern_type": "stix", "pattern_version": "2.1",
            "pattern": f"[ipv4-addr:value = '198.51.{number >> 8 & 255}.{number & 255}']", "valid_from": "2026-11-18T10:00:00Z",
            "object_marking_refs": ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"], "confidence": 50,
            "labels": ["mirai", "flow"],
        }
        for number in range(first, first + count)
    ]  # fmt: skip


_SMALL = (
    '{"type":"indicator","spec_version":"2.1","id":"indicator--%s","created":"2026-11-18T10:00:00.000Z",'
    '"modified":"2026-11-18T10:00:00.000Z","pattern":"[ipv4-addr:value = \'198.51.%d.%d\']","pattern_type":"stix",'
    '"valid_from":"2026-11-18T10:00:00Z","object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}'
)
_AT_ONCE = 1_000


def small(count: int, first: int = 0) -> bytes:
    """Return an envelope of indicators of some 370 octets, written already: making them must not be what is measured."""
    some = (
        _SMALL % (UUID(int=number + 1, version=4), number >> 8 & 255, number & 255)
        for number in range(first, first + count)
    )
    return f'{{"objects":[{",".join(some)}]}}'.encode()


class Served:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[Any], port: int, path: str, authorization: str) -> None:
        self.process, self.port, self.path = process, port, path
        self._headers = {"Accept": MEDIA, "Authorization": authorization}

    def cpu(self) -> float:
        """CPU-seconds of the process up to now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident(self) -> float:
        """MiB."""
        line = next(
            one for one in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if "VmRSS" in one
        )
        return int(line.split()[1]) / 1024

    def ask(self, method: str, query: str = "", body: bytes | None = None) -> Any:
        """Ask for the objects, or add some."""
        return json.loads(self.octets(method, query, body))

    def octets(self, method: str, query: str = "", body: bytes | None = None) -> bytes:
        """Ask, and return the answer as it came."""
        more = {"Content-Type": MEDIA} if body else {}
        while True:
            wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
            wire.request(method, f"{self.path}objects/{query}", body, self._headers | more)
            answer = wire.getresponse()
            told = answer.read()
            wire.close()
            if answer.status != _TOO_MANY:
                break
            time.sleep(1)  # one address may ask so often and no oftener
        if answer.status not in {200, 202}:
            raise SystemExit(f"{answer.status}: {told[:300]!r}")
        return told

    def take_small(self, begin: int, end: int) -> None:
        """Add small objects of these numbers, 1,000 a request; tell every million on the way."""
        for first in range(begin, end, _AT_ONCE):
            told = self.ask("POST", body=small(min(_AT_ONCE, end - first), first))
            if told["failure_count"]:
                raise SystemExit(f"{told['failure_count']} failed")
            if (first - begin) % 1_000_000 == 0:
                print(
                    f"{first:,} objects, {self.cpu():,.0f} CPU s, {self.resident():.0f} MiB", file=sys.stderr
                )

    def take(self, end: int, begin: int = 0) -> None:
        """Add the objects of these numbers, 1,000 a request."""
        for first in range(begin, end, 1_000):
            told = self.post(objects(min(1_000, end - first), first))
            if told["failure_count"]:
                raise SystemExit(f"{told['failure_count']} failed")

    def post(self, some: list[dict[str, Any]]) -> Any:
        """Add objects and wait until they are there."""
        return self.ask("POST", body=json.dumps({"objects": some}).encode())

    def timed(self, *args: Any) -> tuple[float, Any]:
        """CPU-seconds of a question, and the answer."""
        begin = self.cpu()
        told = self.ask(*args)
        return self.cpu() - begin, told


class Engine:
    """A PostgreSQL of our own, and what its processes cost."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.url = cluster, cluster.database()

    def cpu(self) -> float:
        """CPU-seconds of the server and all its processes up to now, those that ended with them."""
        total, server = 0, str(self.cluster.pid)
        for one in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = one.read_text().rpartition(")")
            except OSError:  # it ended meanwhile
                continue
            fields = rest.split()
            if name.partition(" ")[0] == server:
                total += sum(int(field) for field in fields[11:15])
            elif fields[1] == server:
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS


@contextmanager
def postgresql() -> Iterator[Engine]:
    """A server in a temporary folder, with its settings as they come."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from contract.database.cluster import Cluster

    cluster = Cluster()
    try:
        cluster.start()
        yield Engine(cluster)
    finally:
        cluster.remove()


@contextmanager
def hub(database: str = "", members: int = 0) -> Iterator[Served]:
    """Our hub with one collection that one member reads and writes.

    :param database: URL of PostgreSQL; empty for SQLite
    :param members: so many others, each with a token, a network, and the right to read it
    """
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"SEKISHO_HUB": f"{folder}/hub"}

        def said(*words: str) -> Any:
            done = subprocess.run(
                [sys.executable, "-m", "sekisho", "hub", *words, "--json"],
                env=env,
                capture_output=True,
                check=True,
            )
            return json.loads(done.stdout)

        said("init", *(["--database", database] if database else []))
        name = said("collection", "bench", "--title", "Bench")["collection"]["id"]
        said("member", "add", "peer", "--ja", "甲", "--en", "Peer")
        said("right", "peer", "bench", "--read", "--write", "--ceiling", "AMBER")
        token = said("token", "make", "peer")["token"]
        if members:
            _join(Path(folder, "hub"), name, members)
        command = [sys.executable, "-m", "sekisho", "hub", "serve", "--port", "0", "--json"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        try:
            assert process.stdout
            port = int(json.loads(process.stdout.readline())["url"].split(":")[2].split("/")[0])
            yield Served(process, port, f"/sharing/collections/{name}/", f"Bearer {token}")
        finally:
            process.terminate()
            process.wait(20)


def _join(folder: Path, collection: str, count: int) -> None:
    from sekisho.model.indicator import Tlp
    from sekisho.model.membership import Member, MemberRole, MemberState, Right
    from sekisho.wiring.hub import open_hub
    from sekisho.workflows.hub import enter, grant, hold, make_token, standard_rights

    with open_hub(folder) as desk:
        for number in range(count):
            name = f"m{number}"
            one = Member(
                name, name, name, MemberRole.RECEIVE_ONLY, MemberState.ACTIVE, name, desk.books.now()
            )
            standard_rights(desk.books, enter(desk.books, one, "bench"), "bench")
            grant(desk.books, Right(name, collection, True, False, Tlp.GREEN), "bench")
            hold(desk.books, name, f"10.{number >> 8}.{number & 255}.0/24", 1, 0, "bench")
            make_token(desk.books, name, "bench", 30, "bench")


@contextmanager
def medallion() -> Iterator[Served]:
    """The reference server of OASIS with its store in memory."""
    name = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
    root = {"information": {"title": "Root", "versions": [MEDIA], "max_content_length": 100 << 20}, "status": [],
            "collections": [{"id": name, "title": "Bench", "can_read": True, "can_write": True, "media_types": [MEDIA],
                             "objects": [], "manifest": []}]}  # fmt: skip
    data = {"/discovery": {"title": "x", "api_roots": ["/base/"]}, "base": root}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "data.json").write_text(json.dumps(data))
        config = {"backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
                              "filename": f"{folder}/data.json"},
                  "users": {"peer": "secret"}, "taxii": {"max_page_size": 10_000}}  # fmt: skip
        Path(folder, "config.json").write_text(json.dumps(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "medallion.scripts.run",
            "--port",
            str(port),
            f"{folder}/config.json",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                time.sleep(0.05)
                with socket.socket() as wire:
                    if wire.connect_ex(("127.0.0.1", port)) == 0:
                        break
            basic = b64encode(b"peer:secret").decode()
            yield Served(process, port, f"/base/collections/{name}/", f"Basic {basic}")
        finally:
            process.terminate()
            process.wait(20)


def ids(told: Any) -> set[str]:
    """The ids of an envelope."""
    return {one["id"] for one in told.get("objects", [])}


def shown(line: dict[str, Any], *, as_json: bool) -> None:
    """Print one result."""
    line |= {"load": round(os.getloadavg()[0], 1)}
    print(json.dumps(line) if as_json else "  ".join(f"{key}={value}" for key, value in line.items()))
