"""A run in several processes: everything is loaded and collected once, then the run forks.

A process asks for a file when it has none left, so no file waits behind a long one. A file stays in one process; what a
session shares is in each process once. A process that dies fails the test it was at, and another one goes on.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import itertools
import os
import sys
import threading
import traceback
import warnings
from collections import deque
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

import pytest

#: Files with the same key are one piece of work; without it a file is one by itself.
TOGETHER = pytest.StashKey[str]()
_PATIENCE = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--processes", type=int, default=0, help="run the files in this many processes (0: in this one)"
    )


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    count: int = session.config.option.processes
    if not count or session.config.option.collectonly or session.testsfailed:
        return None
    Spread(session).run(count)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True


class Hand:
    """A process, as the one that gives out the work sees it.

    :ivar left: the numbers of the tests it was given and has not begun
    :ivar at: the number of the test it is at
    """

    def __init__(self, pid: int, wire: Connection) -> None:
        self.pid = pid
        self.wire = wire
        self.ended = os.pidfd_open(pid)
        self.left: deque[int] = deque()
        self.at: int | None = None
        self.done = False

    def give(self, numbers: list[int]) -> None:
        """Give it tests, or none: then it goes. One that has gone is not asked; what it said last is still to be read."""
        with contextlib.suppress(ConnectionError):
            self.wire.send(numbers)


class Spread:
    """Gives out the work and hears what came of it."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session
        keyed = enumerate(one.stash.get(TOGETHER, str(one.path)) for one in session.items)
        pieces: dict[str, list[int]] = {}
        for number, key in keyed:
            pieces.setdefault(key, []).append(number)
        self.pieces = deque(pieces.values())
        self.hands: list[Hand] = []
        self.names = itertools.count()

    def run(self, count: int) -> None:
        """Run all tests in at most ``count`` processes."""
        self.session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        # What was loaded and collected stays: nobody's collector of garbage need look at it again.
        gc.collect()
        gc.freeze()
        try:
            for _ in range(min(count, len(self.pieces))):
                self._start()
            while self.hands:
                self._hear()
        finally:
            gc.unfreeze()
            self._let_go()

    def _start(self) -> None:
        ours, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        name = next(self.names)
        pid = os.fork()
        if pid == 0:
            for other in (ours, *(one.wire for one in self.hands)):
                other.close()
            _work(self.session, theirs, str(name))
        theirs.close()
        self.hands.append(Hand(pid, ours))

    def _hear(self) -> None:
        awake = set(wait([*(one.wire for one in self.hands), *(one.ended for one in self.hands)]))
        for hand in list(self.hands):
            if hand.wire in awake or hand.ended in awake:
                self._hear_of(hand)
            if hand.ended in awake:
                self._bury(hand)

    def _hear_of(self, hand: Hand) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while hand.wire.poll():
                kind, what = hand.wire.recv()
                getattr(self, f"_{kind}")(hand, what)

    def _next(self, hand: Hand, _: object) -> None:
        stop = self.session.shouldfail or self.session.shouldstop
        hand.left = deque(self.pieces.popleft() if self.pieces and not stop else ())
        hand.give(list(hand.left))

    def _begins(self, hand: Hand, number: int) -> None:
        hand.at = number
        hand.left.remove(number)

    def _report(self, hand: Hand, data: dict[str, Any]) -> None:
        config = self.session.config
        report = config.hook.pytest_report_from_serializable(config=config, data=data)
        config.hook.pytest_runtest_logreport(report=report)
        if self.session.shouldfail or self.session.shouldstop:
            # Who looks between two tests finds that there is something, and goes.
            hand.give([])

    def _warning(self, _: Hand, what: tuple[str, str, int, str, str]) -> None:
        said, file, line, when, test = what
        message = warnings.WarningMessage(Warning(said), Warning, file, line)
        self.session.config.hook.pytest_warning_recorded.call_historic(
            kwargs={"warning_message": message, "when": when, "nodeid": test, "location": None}
        )

    def _done(self, hand: Hand, _: object) -> None:
        hand.done = True

    def _bury(self, hand: Hand) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(hand.pid, 0)[1])
        self.hands.remove(hand)
        os.close(hand.ended)
        hand.wire.close()
        if hand.done:
            return
        if hand.at is None:
            raise RuntimeError(f"a process of the run ended before its first test ({status})")
        item = self.session.items[hand.at]
        report = _failed(item, f"the process ended at this test, or soon after it ({status})")
        self.session.config.hook.pytest_runtest_logreport(report=report)
        if hand.left:
            self.pieces.appendleft(list(hand.left))
        if self.pieces:
            self._start()

    def _let_go(self) -> None:
        """End whoever is still there: each takes down what it has set up."""
        for hand in self.hands:
            with contextlib.suppress(OSError):
                hand.wire.send([])
            hand.wire.close()
        for hand in self.hands:
            wait([hand.ended], _PATIENCE)
            with contextlib.suppress(ProcessLookupError):
                os.kill(hand.pid, 9)
            os.waitpid(hand.pid, 0)


class Teller:
    """What the plug-ins of a process tell the one that gives out the work."""

    def __init__(self, config: pytest.Config, wire: Connection) -> None:
        self.config = config
        self.wire = wire

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.wire.send(("report", data))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str
    ) -> None:
        said = f"{warning_message.category.__name__}: {warning_message.message}"
        what = (said, warning_message.filename, warning_message.lineno, when, nodeid)
        self.wire.send(("warning", what))


def _failed(item: pytest.Item, why: str) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="failed",
        longrepr=why,
        when="teardown",
    )


def _work(session: pytest.Session, wire: Connection, name: str) -> NoReturn:
    code = 1
    try:
        _settle_in(session, wire, name)
        last = _run(session, wire)
        _take_down(session, wire, last)
        wire.send(("done", None))
        code = 0
    except (KeyboardInterrupt, EOFError, ConnectionError):
        with contextlib.suppress(BaseException):
            session._setupstate.teardown_exact(None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle_in(session: pytest.Session, wire: Connection, name: str) -> None:
    """Part from what the processes would share: files of caught output, the folder for files, the screen."""
    config = session.config
    atexit._clear()
    # Looking for circles every 700 objects takes a tenth of the time of tests that never have many.
    gc.set_threshold(20_000, 10, 10)
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    folders = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._basetemp = Path(folders.getbasetemp()) / f"process-{name}"
    folders._basetemp.mkdir(mode=0o700)
    screen = config.pluginmanager.getplugin("terminalreporter")
    if screen is not None:
        screen._tw._file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until it ends
    config.pluginmanager.register(Teller(config, wire))


def _run(session: pytest.Session, wire: Connection) -> pytest.Item | None:
    """Run what is given, until nothing is; return the last test."""
    item = None
    wire.send(("next", None))
    while numbers := wire.recv():
        for place, number in enumerate(numbers, 1):
            if wire.poll():
                return item
            item = session.items[number]
            # Behind the last of a file only what the session shares is kept.
            follows = session.items[numbers[place]] if place < len(numbers) else session
            wire.send(("begins", number))
            item.ihook.pytest_runtest_protocol(item=item, nextitem=follows)
        wire.send(("next", None))
    return item


def _take_down(session: pytest.Session, wire: Connection, last: pytest.Item | None) -> None:
    try:
        session._setupstate.teardown_exact(None)
    except Exception:
        if last is None:
            raise
        report = _failed(last, f"what the session shares could not be taken down\n{traceback.format_exc()}")
        data = session.config.hook.pytest_report_to_serializable(config=session.config, report=report)
        wire.send(("report", data))
