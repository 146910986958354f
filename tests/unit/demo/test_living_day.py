"""A folder of invented data that goes on: filled once, taken up again, never mixed with somebody's own."""

import time
from pathlib import Path

import pytest

from sekisho.demo.console_day import Wanted
from sekisho.demo.living_day import living_day
from sekisho.errors import DescriptionError
from sekisho.web.journey import journey
from sekisho.wiring.console import Console
from sekisho.wiring.figures import FILE, last_figures
from sekisho.wiring.moment import milliseconds

FEW = Wanted(detections=60, cases=12, assessments=2, terminals=2, flows=200, audit=5, runs=2)


def test_it_fills_an_empty_folder_once_and_its_watch_runs(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with living_day(folder, FEW):
        first = last_figures(folder)
        assert first is not None
        assert first.running(milliseconds())
        assert journey(first).unexplained == 0
        for _ in range(60):
            time.sleep(0.05)
            later = last_figures(folder)
            if later and later.written > first.written:
                break
        assert later is not None
        assert journey(later).unexplained == 0, "what comes in goes somewhere"
    left = (folder / FILE).read_bytes()
    time.sleep(0.1)
    assert (folder / FILE).read_bytes() == left, "nobody writes any more"
    with living_day(folder, FEW), Console(folder) as console:
        assert len(console.runs.runs()) == 2
        assert len(console.accidents.find()) == 2, "it was not filled again"


def test_a_folder_with_somebodys_data_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "watch.toml").write_text("days = 3\n", encoding="utf-8")
    with pytest.raises(DescriptionError), living_day(tmp_path):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["watch.toml"]
