"""A hub with members, asked in this process through its whole application, or served on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import uvicorn

from sekisho.formats.stix_marking import WRITTEN
from sekisho.model.indicator import Tlp
from sekisho.model.membership import Member, MemberRole, MemberState, Proof
from sekisho.web.doors import Rate
from sekisho.web.hub.application import Door, application
from sekisho.web.serving import Listening, bind
from sekisho.wiring.hub import init_hub, open_hub
from sekisho.workflows.hub import enter, grant, hold, make_token, publish, standard_rights

MEDIA = "application/taxii+json;version=2.1"
NOW = 1_795_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
MOMENT = "2026-11-18T10:00:00.000Z"
PROOFS = (
    Proof("conditions", "conditions of use", "2026-01-01"),
    Proof("terms", "terms of service", "2026-02-01"),
)
__all__ = [
    "DAY",
    "HOUR",
    "MOMENT",
    "NOW",
    "Got",
    "Ring",
    "enter",
    "evidence",
    "grant",
    "hold",
    "indicator",
    "opened_ring",
]


class Got(NamedTuple):
    """An answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Ring:
    """A hub, its clock, its members' tokens."""

    def __init__(self, desk: Any, clock: list[int], runner: asyncio.Runner | None = None) -> None:
        self._runner, self._thread = runner, threading.get_ident()
        self.desk, self.books, self.clock = desk, desk.books, clock
        self.tokens: dict[str, str] = {}
        self.ids = {one.alias: one.id for one in self.books.visible()}
        wide = Rate(1e9, 1e9)
        self.app = application(
            Door(desk, frozenset({"hub.test", "127.0.0.1"}), False, sources=wide, members=wide)
        )

    def join(self, name: str, role: str = "full", *networks: str, **more: Any) -> Ring:
        proofs = PROOFS if role == "full" else ()
        made = Member(name, f"会社{name}", f"Company {name}", MemberRole(role), MemberState.ACTIVE, more.pop("group", name),
                      self.clock[0], proofs=proofs, **more)  # fmt: skip
        standard_rights(self.books, enter(self.books, made, "op"), "op")
        for network in networks:
            hold(self.books, name, network, 1, 0, "op")
        self.tokens[name] = make_token(self.books, name, "test", 300, "op")
        self.books.forget()
        return self

    def ask(
        self,
        member: str,
        method: str,
        path: str,
        body: Any = b"",
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Got:
        given = {"host": "hub.test", "accept": MEDIA} | ({"content-type": MEDIA} if method == "POST" else {})
        if member:
            given["authorization"] = f"Bearer {self.tokens.get(member, member)}"
        octets = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        asked = self._asked(method, path, urlencode(query, doseq=True), given | dict(headers or {}), octets)
        if self._runner is None or threading.get_ident() != self._thread:
            return asyncio.run(asked)
        # The same loop for all: a loop of its own costs a request a sixth of its time.
        return self._runner.run(asked, context=contextvars.copy_context())

    async def _asked(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Got:
        pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)] or [b""]
        if "content-length" not in headers and "transfer-encoding" not in headers:
            headers = {**headers, "content-length": str(len(body))}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("hub.test", 80),
        }  # fmt: skip
        self.pieces_read = read = 0
        told: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            nonlocal read
            at, read = read, read + 1
            self.pieces_read = read
            if at >= len(pieces):
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": pieces[at], "more_body": at + 1 < len(pieces)}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                told["headers"] = {
                    name.decode().lower(): value.decode() for name, value in message["headers"]
                }
            else:
                told["body"] += message.get("body", b"")

        await self.app(scope, receive, send)
        return Got(told["status"], told["headers"], told["body"])

    def at(self, alias: str, *more: str) -> str:
        return "/".join(["/sharing/collections", self.ids[alias], *more]) + "/"

    def post(self, member: str, alias: str, *objects: Any) -> Any:
        got = self.ask(member, "POST", self.at(alias, "objects"), {"objects": objects})
        assert got.status == 202, got
        return got.json

    def objects(self, member: str, alias: str, **query: Any) -> list[Any]:
        """All objects of a walk."""
        found: list[Any] = []
        while True:
            got = self.ask(member, "GET", self.at(alias, "objects"), **query)
            assert got.status == 200, got
            found += got.json.get("objects", [])
            if not got.json.get("more"):
                return found
            query["next"] = got.json["next"]

    def published(self, member: str) -> dict[str, Any]:
        """Pattern → indicator of the list, after a release."""
        publish(self.books, b"x")
        return {one["pattern"]: one for one in self.objects(member, "list") if one["type"] == "indicator"}

    def standing(self, value: str) -> Any:
        keys = self.books.reports.keys()
        return next(one for one in self.books.reports.standings(keys) if one.value.startswith(value))

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Serve it on loopback; give its address."""
        bound = bind(Listening(port=0))
        server = uvicorn.Server(uvicorn.Config(self.app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            bound.close()

    def basic(self, member: str) -> str:
        return "Basic " + b64encode(f"{member}:{self.tokens[member]}".encode()).decode()


@contextlib.contextmanager
def opened_ring(folder: Path, database: str = "", **sharing: Any) -> Iterator[Ring]:
    clock = [NOW]
    if not (folder / "hub.toml").exists():
        init_hub(folder, "試験ハブ", "noc@example.jp", database, ("documentation",))
        if sharing:
            lines = [f"{name} = {value}" for name, value in sharing.items()]
            with (folder / "hub.toml").open("a") as file:
                file.write("[sharing]\n" + "\n".join(lines) + "\n")
    # Every object a microsecond later: worlds can be compared octet by octet.
    with open_hub(folder, lambda: clock[0], lambda: 1) as desk, asyncio.Runner() as runner:
        yield Ring(desk, clock, runner)


def indicator(
    address: str = "198.51.100.7", port: int = 23, *, number: int = 1, tlp: Tlp | None = Tlp.AMBER, seen: str = "flow",
    family: str = "mirai", moment: str = MOMENT, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{UUID(int=number, version=4)}", "created": moment,
        "modified": moment, "pattern_type": "stix", "valid_from": moment, "labels": [f"evidence:{seen}", f"family:{family}"],
        "pattern": f"[network-traffic:dst_ref.value = '{address}' AND network-traffic:dst_port = {port}]",
        **({"object_marking_refs": [WRITTEN[tlp]]} if tlp is not None else {}), **more,
    }  # fmt: skip


def evidence(
    source: str = "203.0.113.50", *, number: int = 1, moment: str = MOMENT, **more: Any
) -> dict[str, Any]:
    return {
        "type": "observed-data", "spec_version": "2.1", "id": f"observed-data--{UUID(int=number, version=4)}",
        "created": moment, "modified": moment, "first_observed": moment, "last_observed": moment, "number_observed": 3,
        "objects": {
            "0": {"type": "ipv4-addr", "value": source},
            "1": {"type": "ipv4-addr", "value": "198.51.100.200"},
            "2": {"type": "network-traffic", "src_ref": "0", "dst_ref": "1", "src_port": 40_000, "dst_port": 23,
                  "protocols": ["ipv4", "tcp"]},
        },
        **more,
    }  # fmt: skip


def path_of(url: str) -> str:
    return urlsplit(url).path
