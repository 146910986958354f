"""Several processes that serve one console: they share the listening socket, the limit of requests, and the figures.

Accounts, sessions and the waits after wrong passwords stand in the database, so they hold for all workers. The limit
of requests a second stands in memory that they share. Each worker asks once a second for the live pages of its own
browsers, and has caches and connections of its own. A worker that dies is replaced; its counters go on.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import msgspec

from sekisho.errors import StoreError
from sekisho.language import Text
from sekisho.web.installation import office_of, set_up_link
from sekisho.web.listening import listening_at
from sekisho.web.readiness import tell
from sekisho.web.serving import Listening
from sekisho.web.shared_rate import SharedRate
from sekisho.wiring.console import Console

RATE = "rate"
_LEAVING_S, _LOOK_S = 15.0, 0.1
# So many deaths in so many seconds are no accident of one request.
_DEATHS, _WITHIN_S = 5, 30.0


class Work(msgspec.Struct, frozen=True):
    """What a worker is told on its standard input, in one line."""

    data: str
    listening: Listening
    proxies: tuple[str, ...]
    socket: int
    shared: str
    worker: int
    workers: int
    log: bool
    hub: str = ""


def told_to(work: Work) -> bytes:
    """Return the line that says it."""
    return msgspec.json.encode(work, enc_hook=str) + b"\n"


def told_by(line: bytes) -> Work:
    """Return what a line says."""
    return msgspec.json.decode(line, type=Work, dec_hook=lambda kind, text: kind(text))


@dataclass
class Crew:
    """The workers of one console.

    :ivar set_up: the one-time link while no administrator exists; empty afterwards
    """

    work: Work
    bound: socket.socket
    set_up: str
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    _deaths: list[float] = field(default_factory=list)
    _told: bool = False

    @property
    def url(self) -> str:
        """Where the first page is."""
        return self.work.listening.url()

    def serve(self) -> None:
        """Serve until told to end. :raises StoreError: the workers die again and again."""
        before = {one: signal.signal(one, self._leave) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            for number in range(self.work.workers):
                self.running[number] = self._begin(number)
            for worker in self.running.values():
                if worker.stdout:
                    worker.stdout.read(1)  # nothing comes of one that died: it is replaced below
            tell("READY=1")
            while not self._told:
                time.sleep(_LOOK_S)
                self._look()
            tell("STOPPING=1")
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _leave(self, _signal: int, _frame: FrameType | None) -> None:
        self._told = True

    def _begin(self, number: int) -> subprocess.Popen[bytes]:
        made = subprocess.Popen(
            [sys.executable, "-m", "sekisho.web.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=(self.work.socket,),
            start_new_session=True,  # Ctrl-C reaches us alone; we pass it on
        )  # fmt: skip
        if made.stdin is None or made.stdout is None:
            raise AssertionError
        with suppress(BrokenPipeError):
            made.stdin.write(told_to(msgspec.structs.replace(self.work, worker=number)))
            made.stdin.flush()
        return made

    def _look(self) -> None:
        """Replace who died."""
        now = time.monotonic()
        self._deaths = [one for one in self._deaths if now - one < _WITHIN_S]
        for number, one in self.running.items():
            if one.poll() is None or self._told:
                continue
            self._deaths.append(now)
            if len(self._deaths) >= _DEATHS:
                raise StoreError(
                    Text(ja="作業プロセスが何度も落ちる", en="the workers die again and again"),
                    f"exit {one.returncode}",
                    Text(ja="標準エラーの記録を見る", en="look at what they said on standard error"),
                )
            _close(one)
            self.running[number] = self._begin(number)

    def _end(self) -> None:
        for one in self.running.values():
            with suppress(ProcessLookupError):
                one.terminate()
        until = time.monotonic() + _LEAVING_S
        for one in self.running.values():
            try:
                one.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
            _close(one)


def _close(one: subprocess.Popen[bytes]) -> None:
    for pipe in (one.stdin, one.stdout):
        if pipe:
            with suppress(OSError):
                pipe.close()


@contextmanager
def crew(
    data: Path, *, address: str, port: int, tls: bool = False, certificate: Path | None = None,
    key: Path | None = None, names: tuple[str, ...] = (), proxies: tuple[str, ...] = (), log: bool = False,
    workers: int, hub: Path | None = None,
) -> Iterator[Crew]:  # fmt: skip
    """Open a data folder once (it is made, or brought up to date, before any worker), and listen.

    :raises SekishoError: as `listening.listening_at`
    """
    place = listening_at(
        data, address=address, port=port, tls=tls, certificate=certificate, key=key, names=names
    )
    with place as (there, bound):
        with Console(data, create=True) as console:
            link = set_up_link(office_of(console, there, proxies), there)
        shared = Path(tempfile.mkdtemp(prefix="sekisho-serve-"))
        try:
            SharedRate.make(shared / RATE)
            work = Work(str(data.absolute()), there, proxies, bound.fileno(), str(shared), 0, workers, log,
                        str(hub.absolute()) if hub else "")  # fmt: skip
            yield Crew(work, bound, link)
        finally:
            shutil.rmtree(shared, ignore_errors=True)
