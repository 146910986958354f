"""Lists of refusals and receipts: a line is there as a whole or not at all, also when the disk fills up."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.refusing import full_at
from sekisho.stores.durable import replace
from sekisho.stores.ledger import add, lines


def test_a_disk_that_fills_up_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    add(path, {"at": 1})
    with full_at(path.stat().st_size + 3), pytest.raises(OSError):
        add(path, {"at": 2})
    assert list(lines(path)) == [{"at": 1}]
    assert path.read_bytes() == b'{"at":1}\n'
    add(path, {"at": 3})
    assert list(lines(path)) == [{"at": 1}, {"at": 3}]


def test_a_half_line_of_a_killed_writer_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    path.write_bytes(b'{"at":1}\n{"at"')
    add(path, {"at": 2})
    assert list(lines(path)) == [{"at": 1}, {"at": 2}]


def test_a_file_that_cant_be_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "prefixes.json"
    replace(path, b"old")
    with full_at(2), pytest.raises(OSError):
        replace(path, b"newer")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
