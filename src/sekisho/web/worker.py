"""One of several processes that serve a console: ``python -m sekisho.web.worker``, started by `workers`."""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

from sekisho.web.application import application
from sekisho.web.installation import office_of
from sekisho.web.measures import Gathered
from sekisho.web.recording import json_line, no_line
from sekisho.web.serving import OF_ONE_OFFICE, serve
from sekisho.web.shared_rate import SharedRate
from sekisho.web.workers import RATE, told_by
from sekisho.wiring.console import Console


def main() -> None:
    """Read what to do, and serve until told to end, or until who started us is gone."""
    work = told_by(sys.stdin.buffer.readline())
    gathered = Gathered(Path(work.shared), work.worker)
    bound = socket.socket(fileno=work.socket)
    with Console(Path(work.data), create=True, hub=Path(work.hub) if work.hub else None) as console:
        made = office_of(
            console, work.listening, work.proxies, log=json_line if work.log else no_line,
            workers=work.workers,
        )  # fmt: skip
        rate = SharedRate(Path(work.shared) / RATE, 50, 200)
        office = replace(made, rate=rate, measures=gathered.measures, gathered=gathered)
        gathered.start()
        console.warm()
        console.keep_on()
        Thread(target=_orphaned, name="parent", daemon=True).start()
        try:
            serve(
                application(office),
                work.listening,
                [bound],
                office.leaving,
                ready=lambda: os.write(1, b"\n"),
                proxies=work.proxies,
                per_source=OF_ONE_OFFICE,
            )
        finally:
            gathered.end()


def _orphaned() -> None:
    """End with who started us: nobody else would."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
