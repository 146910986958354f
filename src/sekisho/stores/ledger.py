"""Append-only lists of JSON lines: refusals and receipts. A torn last line is left behind and passed over."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sekisho.stores.durable import add_lines

REFUSALS = "refusals.jsonl"
RECEIPTS = "receipts.jsonl"


def add(path: Path, row: Any) -> None:
    """Add one line and force it to the disk; OSError when the disk refuses, and then there is no half line."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        add_lines(file, msgspec.json.encode(row, order="deterministic") + b"\n")
    finally:
        os.close(file)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a list."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.splitlines():
        try:
            found = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(found, dict):
            yield found


def drain(path: Path, hand: Callable[[dict[str, Any]], object]) -> None:
    """Hand on each whole line, then empty the list; who adds to it meanwhile waits.

    When ``hand`` raises, all lines stay, and those handed on already come again. OSError when there is no such list.
    """
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        for row in lines(path):
            hand(row)
        os.ftruncate(file, 0)
        os.fsync(file)
    finally:
        os.close(file)
