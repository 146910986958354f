"""Around every request: its number, its time, its line in the log, and for live pages the news that the server ends.

A line tells the pattern of the route and a pseudonym of the account, so that neither an address that was asked for
(cases, lines, what was searched) nor a name is in the log. The pseudonym is keyed by the data folder's own key.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sekisho.web.leaving import Leaving
from sekisho.web.measures import Measures

TRACE = "sekisho.trace"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_STREAM = b"text/event-stream"
NOBODY = "none"
Log = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Trace:
    """What is known of one request; the pages fill in what only they know.

    :ivar route: the pattern of its path, ``none`` for a path that isn't there
    :ivar account: the account's identifier; ``statements`` what its handler asked of the database
    """

    id: str = field(default_factory=lambda: secrets.token_hex(4))
    route: str = NOBODY
    account: str = ""
    statements: int = 0
    status: int = 0
    streaming: bool = False


def trace_of(scope: Scope) -> Trace:
    """Return the trace of a request; a new one where nobody records (tests of a part)."""
    found = scope.setdefault(TRACE, Trace())
    return found if isinstance(found, Trace) else Trace()


def json_line(row: dict[str, Any]) -> None:
    """Write one line to standard error, whole also when several processes write."""
    try:
        os.write(2, msgspec.json.encode(row) + b"\n")
    except OSError:
        return  # a log that nobody takes ends no request


def no_line(_: dict[str, Any]) -> None:
    """Write nothing."""


def pseudonym(key: bytes, account: str) -> str:
    """Return a stable name for an account that leads back to it only with the key; empty for nobody."""
    if not account:
        return ""
    return hashlib.blake2b(account.encode(), key=key, person=b"sekisho log", digest_size=6).hexdigest()


def fault(log: Log, mark: str, method: str) -> None:
    """Write down an internal fault: where it happened; in the JSON log without its words, which may quote data."""
    kind, error, _ = sys.exc_info()
    if log is no_line:
        print(f"console: {mark} {method}", file=sys.stderr)  # noqa: T201 - the server's log
        traceback.print_exc()
        return
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    log(
        {
            "at": _now(), "event": "fault", "id": mark, "kind": kind.__name__ if kind else "",
            "frames": [f"{one.filename.rpartition('/')[2]}:{one.lineno}:{one.name}" for one in frames],
        }
    )  # fmt: skip


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


class Recorded:
    """Wraps the whole application."""

    def __init__(
        self, application: ASGIApp, *, measures: Measures, leaving: Leaving, log: Log, key: bytes
    ) -> None:
        """Count into ``measures``, write to ``log``, end live pages when ``leaving`` begins."""
        self._application = application
        self._measures, self._leaving, self._log, self._key = measures, leaving, log, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        trace = scope[TRACE] = Trace()
        began = time.perf_counter()
        self._measures.move("sekisho_requests_running", 1)
        try:
            await self._application(scope, self._receiving(trace, receive), self._sending(trace, send))
            if trace.streaming and self._leaving.begun:
                await send({"type": "http.response.body", "body": b"event: leaving\ndata: \n\n"})
        finally:
            self._measures.move("sekisho_requests_running", -1)
            if trace.streaming:
                self._measures.move("sekisho_live_clients", -1)
            self._ended(trace, scope, time.perf_counter() - began)

    def _sending(self, trace: Trace, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                headers = list(message["headers"])
                if any(name.lower() == b"content-type" and _STREAM in value for name, value in headers):
                    trace.streaming = True
                    self._measures.move("sekisho_live_clients", 1)
                message["headers"] = [*headers, (b"x-request-id", trace.id.encode())]
            await send(message)

        return sending

    def _receiving(self, trace: Trace, receive: Receive) -> Receive:
        taken = False

        async def receiving() -> Message:
            nonlocal taken
            if not taken:
                message = await receive()
                taken = message["type"] == "http.request" and not message.get("more_body", False)
                return message
            # Everything was sent: who asks now waits for the browser to go.
            gone, leaves = asyncio.ensure_future(receive()), asyncio.ensure_future(self._leaving.come())
            try:
                await asyncio.wait((gone, leaves), return_when=asyncio.FIRST_COMPLETED)
                if trace.streaming and not gone.done():
                    return {"type": "http.disconnect"}
                return await gone
            finally:
                gone.cancel()
                leaves.cancel()

        return receiving

    def _ended(self, trace: Trace, scope: Scope, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = "/static" if scope["path"].startswith("/static/") else trace.route
        told = {"route": route, "method": method, "status": trace.status or 499}
        self._measures.count("sekisho_requests_total", **told)
        if not trace.streaming:
            self._measures.took(route, seconds)
        if trace.statements:
            self._measures.count("sekisho_database_statements_total", trace.statements, route=route)
        if self._log is not no_line:
            self._log(
                {"at": _now(), "event": "request", "id": trace.id, **told, "ms": round(seconds * 1000, 1),
                 "statements": trace.statements, "account": pseudonym(self._key, trace.account)}
            )  # fmt: skip
