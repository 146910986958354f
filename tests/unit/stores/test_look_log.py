"""What was looked at: whole hours, of every method asked for, and nothing else."""

from __future__ import annotations

from pathlib import Path

from sekisho.model.detection import Window
from sekisho.stores.look_log import LookLog

HOUR = 3_600_000


def test_only_whole_hours_of_every_method_count(tmp_path: Path) -> None:
    log = LookLog(tmp_path / "looks.jsonl")
    assert log.hours(("a",), Window(0, 10 * HOUR)) == []
    log.add(("a", "b"), Window(HOUR // 2, 3 * HOUR))
    log.add(("a",), Window(3 * HOUR, 5 * HOUR + 1))
    log.add(("a",), Window(7 * HOUR, 8 * HOUR - 1))
    wide = Window(0, 10 * HOUR)
    assert log.hours(("a",), wide) == [1 * HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]
    assert log.hours(("a", "b"), wide) == [1 * HOUR, 2 * HOUR]
    assert log.hours(("a", "c"), wide) == []
    assert log.hours((), wide) == []
    assert log.hours(("a",), Window(2 * HOUR + 1, 5 * HOUR)) == [3 * HOUR, 4 * HOUR]


def test_a_half_line_harms_nobody_and_nothing_is_noted_twice(tmp_path: Path) -> None:
    file = tmp_path / "looks.jsonl"
    log = LookLog(file)
    log.add(("a",), Window(0, HOUR))
    with file.open("ab") as out:
        out.write(b'{"method":"a","beg')
    LookLog(file).add(("a",), Window(HOUR, 2 * HOUR))
    size = file.stat().st_size
    log.add(("a",), Window(0, HOUR))
    log.add(("a",), Window(HOUR, HOUR))
    assert file.stat().st_size == size
    assert LookLog(file).hours(("a",), Window(0, 9 * HOUR)) == [0, HOUR]
