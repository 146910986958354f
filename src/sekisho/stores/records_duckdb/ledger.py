"""Append-only lists of JSON lines: refusals and receipts. A torn last line is left behind and passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

REFUSALS = "refusals.jsonl"
RECEIPTS = "receipts.jsonl"


def add(path: Path, row: Any) -> None:
    """Add one line and force it to the disk; OSError when the disk refuses."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        os.write(file, (b"\n" if torn else b"") + msgspec.json.encode(row, order="deterministic") + b"\n")
        os.fsync(file)
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
