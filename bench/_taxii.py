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
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        more = {"Content-Type": MEDIA} if body else {}
        wire.request(method, f"{self.path}objects/{query}", body, self._headers | more)
        answer = wire.getresponse()
        told = answer.read()
        wire.close()
        if answer.status not in {200, 202}:
            raise SystemExit(f"{answer.status}: {told[:300]!r}")
        return json.loads(told)

    def take(self, count: int) -> None:
        """Add so many objects, 1,000 a request."""
        for first in range(0, count, 1_000):
            told = self.post(objects(min(1_000, count - first), first))
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
def hub(database: str = "") -> Iterator[Served]:
    """Our hub with one collection that one member reads and writes.

    :param database: URL of PostgreSQL; empty for SQLite
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
        command = [sys.executable, "-m", "sekisho", "hub", "serve", "--port", "0", "--json"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
        try:
            assert process.stdout
            port = int(json.loads(process.stdout.readline())["url"].split(":")[2].split("/")[0])
            yield Served(process, port, f"/sharing/collections/{name}/", f"Bearer {token}")
        finally:
            process.terminate()
            process.wait(20)


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
