"""The processes of runs: how one is started, found again and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import msgspec

from sekisho.errors import SekishoError, StoreError
from sekisho.language import Language, Text
from sekisho.model.assess_run import (
    AUTHORISATION,
    LIMITS,
    LOG,
    OUTCOME,
    PROCESS,
    Order,
    Process,
    RunRules,
)
from sekisho.stores.run_papers import RunPapers


def spawn(
    papers: RunPapers, data: Path, order: Order, language: Language, rules: RunRules, ports: tuple[int, ...],
    *, resume: bool = False,
) -> None:  # fmt: skip
    """Start the process of a run; it never lives without a paper that says which one it is.

    :raises StoreError: it can't be started, or the disk doesn't take its paper
    :raises ConflictError: it runs already
    """
    folder, evidence = (papers.root / order.id).resolve(), (papers.evidence / order.id).resolve()
    lock = papers.hold(order.id)
    try:
        with (folder / LOG).open("ab") as log, (folder / OUTCOME).open("wb") as outcome:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                _words(order, folder, evidence, language, rules, ports, resume=resume),
                stdin=subprocess.DEVNULL, stdout=outcome, stderr=log, cwd=data.resolve(),
                start_new_session=True, pass_fds=(lock,),
            )  # fmt: skip
    except OSError as error:
        raise StoreError(
            Text(ja="評価の処理を始められない", en="the run can't be started"), f"{error.strerror}"
        ) from error
    finally:
        os.close(lock)  # the process holds it now
    try:
        papers.put(order.id, PROCESS, msgspec.json.encode(Process(process.pid, _started(process.pid))))
    except SekishoError:
        process.kill()  # it has only begun to load, and nobody could stop it later
        process.wait()
        raise
    # Whoever has started it must take note of its end, or its number stays taken.
    Thread(target=process.wait, name=f"run {order.id}", daemon=True).start()


def _words(
    order: Order, folder: Path, evidence: Path, language: Language, rules: RunRules, ports: tuple[int, ...],
    *, resume: bool,
) -> list[str]:  # fmt: skip
    """Return the command line of a run."""
    words = [sys.executable, "-m", "sekisho", "assess"]
    if resume:
        words += ["--resume", str(evidence)]
    else:
        words += ["-a", str(folder / AUTHORISATION), "--limits", str(folder / LIMITS), "-o", str(evidence)]
    words += ["--json", "--lang", language.value, "--desk", str(folder), "--tester", order.by]
    words += ["--answer-seconds", str(rules.answer_seconds if order.ask else 0)]
    for option, values in (
        ("-c", order.catalogues), ("--only", order.only), ("--format", order.formats),
        ("--capture-without", tuple(str(port) for port in ports)),
    ):  # fmt: skip
        words += [word for value in values for word in (option, value)]
    for option, value in (("--place", order.place), ("--number", order.number), ("--method", order.method)):
        words += [option, value] if value else []
    # What a person typed is never read as an option.
    return words if resume else [*words, "--", order.target]


def _started(pid: int) -> int:
    """Return when a process began, in clock ticks since boot; 0 when it is gone (proc(5): field 22 of stat)."""
    try:
        return int(
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[19]
        )
    except (OSError, IndexError, ValueError):
        return 0


def interrupt(process: Process) -> bool:
    """Send SIGINT to exactly this process, never to a stranger that has its number; say whether it was sent."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if _started(process.pid) != process.started:
            return False
        signal.pidfd_send_signal(handle, signal.SIGINT)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
