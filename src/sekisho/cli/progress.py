"""Progress on the screen: stage, count, what is being waited for; on stderr, quiet when nobody looks."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import click

from sekisho.cli.speech import LANGUAGE, t
from sekisho.model.evidence import ATTEMPT_REASONS, Attempt, AttemptStatus, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Progress:
    """A `ports.Watcher` for a person: a live line on a terminal, plain lines anywhere else."""

    def __init__(self, titles: Mapping[str, str], label: str = "") -> None:
        """Say what each probe is called."""
        self._titles = titles
        self._label = f"{label} " if label else ""
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()
        self._steps = 0
        self._head = ""
        self._status: Any = None
        self._asking = False

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live:
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        if self._status:
            self._status.stop()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Draw nothing while a person types: a redraw would wipe the line that the answer stands on."""
        if self._status:
            self._status.stop()
        self._asking = True
        try:
            yield
        finally:
            self._asking = False
            if self._status:
                self._status.start()

    def probe_began(self, probe: str, number: int, count: int) -> None:
        """Show which question is asked."""
        self._steps = 0
        self._began = time.monotonic()
        self._head = f"{self._label}[{number}/{count}] {self._titles.get(probe, probe)}"
        self._say("")

    def probe_ended(self, probe: str, attempt: Attempt) -> None:  # noqa: ARG002 - the head names it already
        """Leave one line per probe: how it ended and how long it took."""
        seconds = time.monotonic() - self._began
        reason = ATTEMPT_REASONS.get(attempt.reason)
        word = reason.say(LANGUAGE) if reason else attempt.reason
        sign = {AttemptStatus.DONE: "✓", AttemptStatus.SKIPPED: "–"}.get(attempt.status, "!")
        steps = t(f"{self._steps} 手順", f"{self._steps} steps")
        click.echo(f"{sign} {self._head}: {word} ({steps}, {seconds:.1f} s)", err=True)

    def step_began(self, probe: str, step: str) -> None:  # noqa: ARG002 - the head names it already
        """Show the step that is waited for."""
        self._say(step)

    def step_ended(self, probe: str, record: Record) -> None:  # noqa: ARG002 - the count is enough
        """Count it."""
        self._steps += 1

    def scanned(self, address: str, done: int, asked: int) -> None:
        """Show how far a port scan of ``address`` is (told some times a second)."""
        self._say(t(f"{address} の {done}/{asked} ポート", f"{address}: {done} of {asked} ports"))

    def _say(self, step: str) -> None:
        if self._status and not self._asking:
            from rich.markup import escape

            self._status.update(escape(f"{self._head}  {step}"))
