"""``sekisho healing`` as its user types it: two operators side by side, and what it says of a wrong word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from sekisho.cli.healing import command
from sekisho.model.case import Case, CaseState
from sekisho.model.detection import Grade
from sekisho.stores.database import SqlCases, open_sqlite

DAY = 86_400_000
NOW = 1_795_000_000_000
#: Days until each line healed; None for one that is still ill.
EAST = {f"E{number}": 1 for number in range(20)}
WEST = {f"W{number}": 30 if number < 5 else None for number in range(20)}


def operator(folder: Path, lines: dict[str, int | None]) -> Path:
    folder.mkdir()
    (folder / "watch.toml").write_text('customers = ["198.51.100.0/24"]\n', encoding="utf-8")
    database = open_sqlite(folder / "cases.db")
    store = SqlCases(database)
    for line, (name, days) in enumerate(lines.items()):
        begin, end = NOW - 60 * DAY, NOW - (60 - days) * DAY if days else NOW
        state = CaseState.HEALED if days else CaseState.CONFIRMED
        healed = {"healed_at": end} if days else {}
        store.save(
            Case(
                name,
                line,
                "family:mirai",
                state,
                Grade.LIKELY,
                begin,
                end,
                begin,
                end,
                family="mirai",
                **healed,
            ),
            [],
        )
    database.close()
    return folder


def measured(*words: object, code: int = 0) -> Any:
    done = CliRunner().invoke(command, [*map(str, words), "--json"], standalone_mode=False)
    assert done.exception is None, done.output
    assert done.return_value == code
    return json.loads(done.stdout)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return operator(tmp_path / "east", EAST), operator(tmp_path / "west", WEST)


def test_operators_side_by_side(two: tuple[Path, Path], tmp_path: Path) -> None:
    east, west = two
    page = tmp_path / "isp.html"
    found = measured(
        "--by", "isp", "--data", east, "--name", "East Net", "--also", f"西ネット={west}", "-o", page
    )
    by_name = {one["group"]: one for one in found["curves"]}
    assert {name: (one["cases"], one["healed"]) for name, one in by_name.items()} == {
        "East Net": (20, 20), "西ネット": (20, 5),
    }  # fmt: skip
    assert found["comparison"] is not None
    text = page.read_text(encoding="utf-8")
    assert "East Net" in text
    assert "西ネット" in text


def test_the_folder_names_an_operator_that_nobody_named(two: tuple[Path, Path]) -> None:
    east, west = two
    found = measured("--by", "isp", "--data", east, "--also", f"west={west}")
    assert {one["group"] for one in found["curves"]} == {"east", "west"}
    # Alone it is one group; by family both are one.
    assert [one["cases"] for one in measured("--by", "isp", "--data", east)["curves"]] == [20]
    together = measured("--by", "family", "--data", east, "--also", f"west={west}")
    assert [(one["group"], one["cases"]) for one in together["curves"]] == [("mirai", 40)]


@pytest.mark.parametrize("word", ["west", "=folder", ""])
def test_an_operator_without_a_name_is_refused(two: tuple[Path, Path], word: str) -> None:
    with pytest.raises(click.UsageError, match="NAME=FOLDER"):
        command.main(["--by", "isp", "--data", str(two[0]), "--also", word], standalone_mode=False)


def test_a_page_of_nothing_says_why(two: tuple[Path, Path], tmp_path: Path) -> None:
    """By channel time runs from a notice, and no notice went out."""
    words = ["--by", "channel", "--data", str(two[0]), "-o", str(tmp_path / "page.html")]
    done = CliRunner().invoke(command, words, standalone_mode=False)
    assert done.return_value == 3
    assert "20" in done.stderr
    assert len(done.stderr.splitlines()) >= 3
