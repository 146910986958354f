"""The tester's desk: one probe's `Wire`, which journals every step before and after it is done.

Resuming is replaying: a step that the journal holds is not done again. A ``once`` step that had begun but
never ended (the run died in it) is not repeated either; its record says ``interrupted``.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sekisho.errors import PeerFailure
from sekisho.model.assessment import Limits
from sekisho.model.evidence import Attempt, Evidence, Failure, Record
from sekisho.ports import Access, Clock, EvidenceStore, Found, Host, Net, Person, Power, Watcher
from sekisho.wires.power import CommandHost

T = TypeVar("T")
S = TypeVar("S")
Action = Callable[[], Awaitable[Mapping[str, Any]]]


class Bench(msgspec.Struct):
    """What all probes of a run share."""

    store: EvidenceStore
    net: Net
    access: Access
    person: Person
    clock: Clock
    limits: Limits
    power: Power | None = None
    reset: Callable[[], Awaitable[None]] | None = None
    host: Host = CommandHost()
    taken: Callable[[], tuple[str, ...]] = tuple
    redact: Callable[[bytes], bytes] = bytes
    watcher: Watcher | None = None
    risks: tuple[str, ...] = ()


class Desk:
    """A `ports.Wire` for one probe."""

    def __init__(self, bench: Bench, probe: str, version: str, found: tuple[Found, ...] = ()) -> None:
        """Read from the store what this probe has done already."""
        self.net = bench.net
        self.access = bench.access
        self.power = bench.power
        self.reset = bench.reset
        self.host = bench.host
        self.person = bench.person
        self.clock = bench.clock
        self.limits = bench.limits
        self.found = found
        self.risks = bench.risks
        self._bench = bench
        self._probe = probe
        self._version = version
        self._records: dict[str, Record] = {}
        self._done: dict[str, Record] = {}
        self._begun: set[str] = set()
        for event in bench.store.events():
            if event.body.get("probe") != probe:
                continue
            if event.kind == "step":
                record = msgspec.convert(event.body["record"], Record)
                self._done[record.step] = record
            elif event.kind == "began":
                self._begun.add(event.body["step"])

    async def step(
        self,
        name: str,
        action: Action,
        *,
        once: bool = False,
        undo: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Record:
        """Do, or remember, one step; see `ports.Wire.step`."""
        if name in self._done:
            self._records[name] = self._done[name]
            return self._done[name]
        began = self.clock.now().isoformat()
        if once and name in self._begun:
            failure = Failure("interrupted", "begun in an earlier run that died")
            return self._journal(Record(name, began, began, 0.0, {}, failure))
        if undo is not None:
            self._bench.store.append("undo", {"probe": self._probe, **undo})
        if once:
            self._bench.store.append("began", {"probe": self._probe, "step": name})
        if self._bench.watcher:
            self._bench.watcher.step_began(self._probe, name)
        self._bench.taken()
        start = self.clock.monotonic()
        data, failure_of = await self._attempt(action, seconds or self.limits.step_seconds)
        record = Record(
            step=name,
            began=began,
            ended=self.clock.now().isoformat(),
            seconds=round(self.clock.monotonic() - start, 6),
            data=data,
            failure=failure_of,
            transcripts=self._bench.taken(),
        )
        return self._journal(record)

    async def together(self, actions: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Do ``actions`` at the same time; results in order."""
        return list(await asyncio.gather(*(action() for action in actions)))

    async def beside(
        self, action: Callable[[], Awaitable[T]], other: Callable[[], Awaitable[S]], grace: float
    ) -> tuple[T | None, S]:
        """Do both at once; ``action`` is given up ``grace`` seconds after ``other`` has ended."""
        first = asyncio.ensure_future(action())
        try:
            done = await other()
            await asyncio.wait([first], timeout=grace)
            return (first.result() if first.done() else None), done
        finally:
            if not first.done():
                first.cancel()
                await asyncio.wait([first])

    def restored(self, setting: str) -> None:
        """Journal that ``setting`` is back."""
        self._bench.store.append("restored", {"probe": self._probe, "setting": setting})

    def attach(self, name: str, content: bytes) -> str:
        """Keep a file as evidence."""
        return self._bench.store.keep(content, kind="attachment", name=name)

    def seal(self, attempt: Attempt) -> Evidence:
        """End the probe: journal its attempt and return its evidence."""
        self._bench.store.append(
            "probe",
            {"probe": self._probe, "version": self._version, "attempt": msgspec.to_builtins(attempt)},
        )
        return Evidence(self._probe, self._version, attempt, tuple(self._records.values()))

    def records(self) -> tuple[Record, ...]:
        """Return what was journalled so far, for a probe that ended by a fault of its own."""
        return tuple(self._records.values())

    async def _attempt(self, action: Action, seconds: float) -> tuple[dict[str, Any], Failure | None]:
        try:
            async with asyncio.timeout(seconds):
                return dict(await action()), None
        except PeerFailure as failure:
            return {}, Failure(failure.reason, failure.detail)
        except TimeoutError:
            return {}, Failure("timed-out", f"the step took more than {seconds:g} s")
        except (ArithmeticError, LookupError, TypeError, ValueError, OSError) as fault:
            # A fault of ours is data as well: it is judged INCONCLUSIVE and the run goes on.
            return {}, Failure("tool", "".join(traceback.format_exception(fault))[-2000:])

    def _journal(self, record: Record) -> Record:
        raw = self._bench.redact(msgspec.json.encode(record))
        record = msgspec.json.decode(raw, type=Record)
        self._bench.store.append("step", {"probe": self._probe, "record": msgspec.to_builtins(record)})
        self._records[record.step] = self._done[record.step] = record
        if self._bench.watcher:
            self._bench.watcher.step_ended(self._probe, record)
        return record
