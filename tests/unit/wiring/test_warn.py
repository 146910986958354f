"""Taking logs of assignment: many small ones don't stay many files, and nothing of them is lost by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekisho.errors import StoreError
from sekisho.language import Language, Text
from sekisho.stores.assignments import AssignmentStore
from sekisho.wiring.moment import milliseconds
from sekisho.wiring.warn import assignments, take_logs


def logs(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = []
    for number in range(count):
        file = folder / f"fixed-{number}.csv"
        file.write_text(
            f"account,network,begin\nacc-{number},203.0.113.{number}/32,2026-11-01T00:00:00+09:00\n",
            encoding="utf-8",
        )
        files.append(file)
    return files


def take(data: Path, files: list[Path]) -> list[str]:
    return [one.outcome for one in take_logs(data, files, {}, kind="", language=Language.EN)]


def names(data: Path, count: int) -> list[str]:
    now = milliseconds()
    asked = [(f"203.0.113.{number}", 0, now) for number in range(count)]
    return [one.account for one in assignments(data).look_up(asked)]


def test_many_small_logs_become_few_files(tmp_path: Path) -> None:
    files, data = logs(tmp_path / "logs", 10), tmp_path / "data"
    assert take(data, files[:3]) == ["taken"] * 3
    assert assignments(data).held()["files"] == 3
    assert take(data, files) == ["again"] * 3 + ["taken"] * 7
    held = assignments(data).held()
    assert held["files"] <= 2  # two when the hour of the label changed in between
    assert held["rows"] == 10
    assert names(data, 10) == [f"acc-{number}" for number in range(10)]


def test_what_was_taken_is_said_though_it_cant_be_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise StoreError(Text(ja="満杯", en="full"))

    monkeypatch.setattr(AssignmentStore, "compact", full)
    assert take(tmp_path / "data", logs(tmp_path / "logs", 9)) == ["taken"] * 9
    assert assignments(tmp_path / "data").held()["rows"] == 9
