"""The page about people, days and logs says what the program does: its settings are taken, its numbers are the catalogue's."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from fakes.command import typed
from sekisho.catalogues.handling import read_handling
from sekisho.model.identity import Role
from sekisho.model.purpose import Stage
from sekisho.wiring.settings import read_settings

PAGE = (Path(__file__).parents[3] / "docs" / "30-warn" / "people.md").read_text(encoding="utf-8")


def test_its_settings_are_taken(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "watch.toml"
    file.write_text(text, encoding="utf-8")
    read = read_settings(file)
    assert read.four_eyes
    assert read.people["佐藤 花子"] is Role.SENDER
    assert read_handling(dict(read.keep))[Stage.CASE].days == 90


@pytest.mark.parametrize(
    ("word", "stage"),
    [("days", Stage.RAW_FLOW), *((one.value, one) for one in (Stage.CANDIDATE, Stage.CASE, Stage.ASSIGNMENT, Stage.CONTACT, Stage.AUDIT))],
)  # fmt: skip
def test_its_days_are_the_catalogues(word: str, stage: Stage) -> None:
    found = re.search(rf"^\| `{word}`.*\| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert found
    rule = read_handling()[stage]
    assert (float(found[1]), float(found[2])) == (rule.days, rule.most_days)


@pytest.mark.parametrize("kind", ["csv_assignments", "cgn_blocks", "static_prefixes"])
def test_its_columns_are_read(tmp_path: Path, kind: str) -> None:
    found = re.search(rf"^\| `{kind}` \| `([a-z_,]+)` \|", PAGE, re.MULTILINE)
    assert found
    values = {
        "account": "line-1", "network": "192.0.2.1/32", "begin": "2026-11-21T09:00:00+09:00", "end": "1795300000",
        "port_begin": "1024", "port_end": "2047",
    }  # fmt: skip
    log = tmp_path / "log.csv"
    log.write_text(f"{found[1]}\n{','.join(values[name] for name in found[1].split(','))}\n")
    done = typed(("assignments", "add", log, "--kind", kind, "--data", tmp_path / "data", "--json"))
    assert done.returncode == 0, done.stdout
    (one,) = msgspec.json.decode(done.stdout)
    assert (one["reader"], one["rows"]) == (kind, 1)


def test_its_example_of_other_headings_is_taken(tmp_path: Path) -> None:
    (line,) = re.findall(r"^sekisho (assignments add .*)$", PAGE, re.MULTILINE)
    (tmp_path / "export.csv").write_text("ip,user,from,to\n192.0.2.1,line-1,2026-11-21 09:00:00,\n")
    done = typed((*line.split(), "--data", "data"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
