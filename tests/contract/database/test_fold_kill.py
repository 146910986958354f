"""Folding killed with SIGKILL in the middle, on either engine: repeated, it ends as if nothing had happened."""

from __future__ import annotations

import time
from typing import Any

from contract.database.places import ended, kill, opened, program
from sekisho.ports.cases import CaseFilter
from sekisho.stores.database import SqlCases
from sekisho.stores.database.case_lives import SqlLives

LINES = 4000
FOLD = f"""
from sekisho.model.detection import Detection, Grade
from sekisho.stores.database.case_lives import SqlLives
from sekisho.workflows.cases import fold_detections
NOW = 1_795_000_000_000
found = [
    Detection(f"{{line}}-{{n}}", "known_cc", line, NOW + n, NOW + n + 1, Grade.LIKELY, "r", family="mirai")
    for n in range(2) for line in range(1, {LINES} + 1)
]
print("begins", flush=True)
done = fold_detections(SqlCases(database), SqlLives(database).of_lines, found, window=86_400_000, at=NOW)
print(done.opened, done.changed, flush=True)
"""


def kept(address: str) -> dict[int, tuple[Any, ...]]:
    database = opened(address)
    try:
        lives = SqlLives(database).of_lines(range(1, LINES + 1))
    finally:
        database.close()
    assert all(len(of_line) == 1 for of_line in lives.values())
    return {line: (one.case.id, one.case.detections, sorted(one.sightings), len(one.events))
            for line, (one,) in lives.items()}  # fmt: skip


def test_a_killed_folding_is_repeated(address: str) -> None:
    running = program(FOLD, address)
    assert running.stdout is not None
    assert running.stdout.readline() == "begins\n"
    database = opened(address)
    try:
        while not SqlCases(database).find(CaseFilter(), limit=1).cases:
            time.sleep(0.01)
    finally:
        database.close()
    kill(running)
    before = kept(address)
    assert 0 < len(before) < LINES
    _, told = ended(program(FOLD, address))
    assert told == f"{LINES - len(before)} 0"
    after = kept(address)
    assert after.keys() == set(range(1, LINES + 1))
    assert before.items() <= after.items()
    assert all(one[1:] == (2, [f"{line}-0", f"{line}-1"], 1) for line, one in after.items())
    _, told = ended(program(FOLD, address))
    assert told == "0 0"
