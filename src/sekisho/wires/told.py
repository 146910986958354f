"""What a run tells a console: how far it is, in one small file that is always whole.

The file is written anew and never grows. A disk that takes no more costs the news, never the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sekisho.errors import SekishoError
from sekisho.language import Text
from sekisho.model.assess_run import PROGRESS, Ended, ProbeGoes, Progress
from sekisho.model.evidence import Attempt, Record
from sekisho.ports import Event

_EVERY_SECONDS = 0.25
_LOOK_SECONDS = 1.0
_FAULT = 70
_MOST_SIGNS = 300


class Told:
    """A `ports.Watcher` that writes ``progress.json`` of a run's folder, at most some times a second."""

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        """Keep where to write; ``now`` gives milliseconds."""
        self._file = folder / PROGRESS
        self._now = now
        self._state = Progress(now(), now())
        self._written = 0.0
        self._began = 0.0
        self._write()

    def planned(self, names: Sequence[str], events: Iterable[Event] = ()) -> None:
        """Tell which probes the plan holds; ``events`` of a resumed run say what was done before."""
        done = {name: ProbeGoes(name) for name in names}
        for event in events:
            name = str(event.body.get("probe", ""))
            if name in done and event.kind == "step":
                done[name] = msgspec.structs.replace(done[name], steps=done[name].steps + 1)
            elif name in done and event.kind == "probe":
                attempt = msgspec.convert(event.body["attempt"], Attempt)
                done[name] = msgspec.structs.replace(
                    done[name],
                    status=attempt.status.value,
                    reason=attempt.reason,
                    detail=attempt.detail[:_MOST_SIGNS],
                )
        self._change(probes=tuple(done.values()))
        self._write()

    def probe_began(self, probe: str, number: int, count: int) -> None:  # noqa: ARG002 - the plan is known
        """Tell which question is asked."""
        self._began = time.monotonic()
        self._change(probe=probe, step="", scanned=0, ports=0)
        self._one(probe, began=self._now())
        self._write()

    def probe_ended(self, probe: str, attempt: Attempt) -> None:
        """Tell how it ended."""
        self._one(
            probe,
            seconds=round(time.monotonic() - self._began, 1),
            status=attempt.status.value,
            reason=attempt.reason,
            detail=attempt.detail[:_MOST_SIGNS],
        )
        self._change(probe="", step="", scanned=0, ports=0)
        self._write()

    def step_began(self, probe: str, step: str) -> None:  # noqa: ARG002 - `probe_began` named it
        """Tell the step that is waited for."""
        self._change(step=step[:_MOST_SIGNS])
        self._now_and_then()

    def step_ended(self, probe: str, record: Record) -> None:  # noqa: ARG002 - the count is enough
        """Count it."""
        steps = next((one.steps for one in self._state.probes if one.name == probe), 0)
        self._one(probe, steps=steps + 1, seconds=round(time.monotonic() - self._began, 1))
        self._now_and_then()

    def scanned(self, address: str, done: int, asked: int) -> None:  # noqa: ARG002 - the step names it
        """Tell how far a port scan is."""
        self._change(scanned=done, ports=asked)
        self._now_and_then()

    def ended(self, code: int, error: BaseException | None = None) -> None:
        """Tell the end; of several, the first one counts."""
        if self._state.ended is not None:
            return
        if isinstance(error, SekishoError):
            told = Ended(self._now(), code, error.what, error.where[:_MOST_SIGNS], error.todo)
        elif error is not None and not isinstance(error, KeyboardInterrupt):  # which is a stop, no fault
            fault = Text(ja="内部の誤りで終わった", en="it ended by an internal fault")
            told = Ended(self._now(), _FAULT, fault, repr(error)[:_MOST_SIGNS])
        else:
            told = Ended(self._now(), code)
        self._change(ended=told, probe="", step="")
        self._write()

    def _one(self, name: str, **changed: object) -> None:
        probes = tuple(
            msgspec.structs.replace(one, **changed) if one.name == name else one for one in self._state.probes
        )
        self._change(probes=probes)

    def _change(self, **changed: object) -> None:
        self._state = msgspec.structs.replace(self._state, **changed)

    def _now_and_then(self) -> None:
        if time.monotonic() - self._written >= _EVERY_SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        self._change(at=self._now())
        with contextlib.suppress(OSError):
            put_whole(self._file, msgspec.json.encode(self._state))


def put_whole(file: Path, octets: bytes) -> None:
    """Make ``file`` hold ``octets``, for its owner alone; a reader sees the old ones or the new ones, never a half."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(octets)
    part.replace(file)


def heeding(
    work: Callable[[], Coroutine[Any, Any, None]], paper: Path
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return ``work`` that is interrupted when ``paper`` asks for it: a console may not know which process to interrupt."""

    def asked() -> bool:
        return paper.exists()

    async def look() -> None:
        while not asked():  # noqa: ASYNC110 - another process rings no bell here
            await asyncio.sleep(_LOOK_SECONDS)
        # As a rule whoever wrote it has interrupted us before, and then this is not reached.
        await asyncio.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)

    async def both() -> None:
        looking = asyncio.create_task(look())
        try:
            await work()
        finally:
            looking.cancel()

    return both


class Both:
    """Two watchers that are told the same."""

    def __init__(self, first: Told, second: object) -> None:
        """Keep them; the second is any `ports.Watcher`."""
        self._all = (first, second)

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return what tells both."""

        def tell(*said: object) -> None:
            for one in self._all:
                getattr(one, name)(*said)

        return tell
