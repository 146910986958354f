"""Where a database can be: a file or a URL; and some cases to put there."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path
from typing import Any

import msgspec

from fakes.command import Running
from sekisho.language import Language
from sekisho.model.case import Case, CaseEvent, CaseState
from sekisho.model.detection import Grade
from sekisho.model.notice import Channel, Notice, NoticeState
from sekisho.stores.database import Database, open_postgres, open_sqlite

TESTS = Path(__file__).resolve().parents[2]
NOW = 1_795_000_000_000
HEAD = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from contract.database.places import case, event, notice, opened
from sekisho.errors import StoreError
from sekisho.stores.database import SqlAudit, SqlCases, SqlNotices
"""
OPENED = "database = opened(sys.argv[1])\n"


def opened(address: str, **more: Any) -> Database:
    if address.startswith("postgresql:"):
        return open_postgres(address, **more)
    return open_sqlite(Path(address), **more)


def case(identifier: str = "c1", **more: Any) -> Case:
    made = Case(
        identifier, 4711, "family:mirai", CaseState.NEW, Grade.LIKELY, opened=NOW, updated=NOW,
        first_seen=NOW - 5000, last_seen=NOW - 1000,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def event(identifier: str = "c1", kind: str = "comment", **body: Any) -> CaseEvent:
    return CaseEvent(identifier, 0, NOW, "sato", kind, body)


def notice(identifier: str = "n1", **more: Any) -> Notice:
    made = Notice(
        identifier, "c1", Channel.EMAIL, Language.JA, "mirai", "重要なお知らせ", "本文\n二行目", "d" * 64,
        f"once-{identifier}", NoticeState.DRAFT, NOW, NOW,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def program(code: str, *words: object, head: str = HEAD + OPENED) -> Running:
    """Start a program with a database of its own; its first word is the address."""
    return Running(head + textwrap.dedent(code), words)


def ended(running: Running) -> list[str]:
    """Wait for a program that must end well; return its lines."""
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    return out.splitlines()


def kill(running: Running) -> list[str]:
    """Kill a program that must still be running; return its whole lines."""
    running.send_signal(signal.SIGKILL)
    # Not `communicate`: it reads the pipe itself and would miss what an earlier readline left in the buffer.
    assert running.stdout is not None
    assert running.stderr is not None
    with running.stdout as stdout, running.stderr as stderr:
        out, err = stdout.read(), stderr.read()
    assert running.wait(timeout=30) == -signal.SIGKILL, err
    return out[: out.rfind("\n") + 1].splitlines()
