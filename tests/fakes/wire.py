"""A `Wire` in memory: the real desk over a store that keeps everything in lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sekisho.model.assessment import Limits
from sekisho.ports import Answer, Event, Question
from sekisho.wires.desk import Bench, Desk


class MemoryStore:
    """An `EvidenceStore` without a disk."""

    def __init__(self) -> None:
        self.head = "0" * 64
        self.blobs: dict[str, bytes] = {}
        self._events: list[Event] = []

    def append(self, kind: str, body: Mapping[str, Any]) -> Event:
        body = msgspec.json.decode(msgspec.json.encode(dict(body)))
        event = Event(len(self._events), "2026-11-21T00:00:00+00:00", kind, body, self.head)
        self.head = hashlib.sha256(msgspec.json.encode(event)).hexdigest()
        self._events.append(msgspec.structs.replace(event, hash=self.head))
        return self._events[-1]

    def keep(self, content: bytes, *, kind: str, name: str = "") -> str:
        identifier = hashlib.sha256(content).hexdigest()
        if identifier not in self.blobs:
            self.blobs[identifier] = content
            self.append("blob", {"sha256": identifier, "size": len(content), "kind": kind, "name": name})
        return identifier

    def read(self, identifier: str) -> bytes:
        return self.blobs[identifier]

    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)

    def close(self) -> None:
        return None


class FakeClock:
    """A clock that moves only when somebody sleeps (or by `tick` at each look)."""

    def __init__(self, tick: float = 0.0) -> None:
        self.seconds = 0.0
        self.tick = tick

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        self.seconds += self.tick
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Nobody:
    """A `Person` who is not there, or who answers from a dictionary."""

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.answers = dict(answers or {})

    async def ask(self, question: Question) -> Answer | None:
        choice = self.answers.get(question.id)
        if choice is None:
            return None
        return Answer(question.id, choice, "tester", "2026-11-21T00:00:00+00:00")


def fake_wire(
    probe: Any,
    *,
    net: Any = None,
    access: Any = None,
    person: Any = None,
    clock: Any = None,
    limits: Limits | None = None,
    store: Any = None,
    found: tuple[Any, ...] = (),
    **more: Any,
) -> Desk:
    """Return a desk for ``probe``; whatever is not given is absent. ``more``: power, reset, taken, redact."""
    more.setdefault("risks", ("read", "login", "write", "update", "power", "factory", "lockout"))
    bench = Bench(
        store=store or MemoryStore(),
        net=net,
        access=access,
        person=person or Nobody(),
        clock=clock or FakeClock(),
        limits=limits or Limits(),
        **more,
    )
    return Desk(bench, probe.name, probe.version, found)
