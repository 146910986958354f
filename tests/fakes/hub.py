"""A TAXII server over stores in memory, and requests to it."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fakes.shared import PlainSharing
from sekisho.exchange.taxii import Answer, Caller, Description, Limits, Request, Root, TaxiiServer
from sekisho.model.sharing import Collection, Rights

MEDIA = "application/taxii+json;version=2.1"
NOW = 1_795_000_000_000_000
BOTH, READ, WRITE = Rights(read=True, write=True), Rights(read=True), Rights(write=True)
ALICE = Caller("alice", {"both": BOTH, "read": READ, "write": WRITE})
BOB = Caller("bob", {"both": BOTH})
DESCRIPTION = Description("Hub", (Root("first", "Root", "words"), Root("other", "Other", collections=())))


class Hub:
    """One server; each request is a microsecond later."""

    def __init__(self, **limits: int) -> None:
        self.stores = PlainSharing()
        for name in ("both", "read", "write", "hidden"):
            self.stores.found(Collection(name, name.title(), alias=f"{name}-alias"))
        self.ticks = itertools.count(NOW)
        self.limits = Limits(**limits)
        self.server = self.again()

    def again(self) -> TaxiiServer:
        """The server after a restart."""
        numbers = itertools.count(next(self.ticks))
        return TaxiiServer(
            DESCRIPTION, self.stores, self.stores, self.stores, clock=lambda: next(self.ticks),
            fresh=lambda: str(UUID(int=next(numbers))), key=b"k" * 32, limits=self.limits,
        )  # fmt: skip

    def ask(
        self, path: str, caller: Caller | None = ALICE, method: str = "GET", body: bytes = b"",
        headers: dict[str, str] | None = None, query: str | None = None, **asked: Any,
    ) -> Answer:  # fmt: skip
        given = {"accept": MEDIA} | ({"content-type": MEDIA} if method == "POST" else {}) | (headers or {})
        words = urlencode(asked) if query is None else query
        return self.server.answer(Request(method, path, words, given, body), caller)

    def get(self, path: str, caller: Caller | None = ALICE, **asked: Any) -> Any:
        found = self.ask(path, caller, **asked)
        assert found.status == 200, found
        return json.loads(found.body)

    def post(self, *objects: Any, collection: str = "both", caller: Caller = ALICE) -> Any:
        body = json.dumps({"objects": objects}, ensure_ascii=False).encode()
        found = self.ask(f"/first/collections/{collection}/objects/", caller, "POST", body)
        assert found.status == 202, found
        return json.loads(found.body)


def indicator(number: int = 1, day: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--{UUID(int=number, version=4)}",
        "created": "2026-01-01T00:00:00.000Z", "modified": f"2026-01-{day:02}T00:00:00.000Z",
        "pattern": "[ipv4-addr:value = '198.51.100.7']", "pattern_type": "stix",
        "valid_from": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip


def address(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "ipv4-addr", "id": f"ipv4-addr--{UUID(int=number, version=5)}", "value": f"198.51.100.{number % 256}", **more
    }  # fmt: skip
