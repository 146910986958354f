"""Figures of a running watch: left once a second, read by others, old ones are told as such."""

from __future__ import annotations

from pathlib import Path

from sekisho.language import Text
from sekisho.model.detection import Detection, Grade
from sekisho.model.pipeline import Fault, StageCount, Step
from sekisho.wiring.figures import FILE, Leaving, last_figures
from sekisho.workflows.receive import Told
from sekisho.workflows.watch import Figures

TOLD = Told(
    7, "s", ("udp 127.0.0.1:2055",), 1.0, (), (StageCount("192.0.2.1", Step.RECEIVER, "received", 5),)
)
FULL = Fault("store", Text(ja="満杯", en="disk full"))


def figures(records: int) -> Figures:
    found = Detection("d", "m", 1, 0, 1, Grade.LIKELY, "r", remotes=("198.51.100.7:23/6",))
    count = StageCount("192.0.2.1#0", Step.DECODER, "records", records)
    return Figures(
        1,
        (count,),
        ({"exporter": "192.0.2.1#0", "gaps": 2},),
        3,
        4,
        (found,),
        9,
        (FULL,),
        found=1,
        new=(found,),
    )


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def test_figures_are_left_and_read_back(tmp_path: Path) -> None:
    told: list[Figures] = []
    clock = Clock()
    leave = Leaving(tmp_path, lambda: TOLD, told.append, clock)
    leave(figures(100))
    clock.now += 2_000
    leave(figures(700))
    found = last_figures(tmp_path)
    assert found is not None
    assert (found.written, found.told, found.figures.faults) == (clock.now, TOLD, (FULL,))
    assert found.rates == {"192.0.2.1#0": 300.0}
    assert {one.name for one in found.counts()} == {"received", "records"}
    assert len(told) == 2
    # Lines and their peers are nobody's business here.
    assert found.figures.detections == found.figures.new == ()
    assert b"198.51.100.7" not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o77 == 0


def test_it_is_written_once_a_second_at_most(tmp_path: Path) -> None:
    clock = Clock()
    leave = Leaving(tmp_path, lambda: None, lambda _: None, clock)
    leave(figures(1))
    clock.now += 300
    leave(figures(2))
    found = last_figures(tmp_path)
    assert found is not None
    assert found.figures.counts[0].count == 1


def test_old_figures_are_of_a_watch_that_no_longer_runs(tmp_path: Path) -> None:
    clock = Clock()
    Leaving(tmp_path, lambda: None, lambda _: None, clock)(figures(1))
    found = last_figures(tmp_path)
    assert found is not None
    assert found.running(clock.now + 1_000)
    assert not found.running(clock.now + 60_000)


def test_no_watch_and_a_damaged_file_give_nothing(tmp_path: Path) -> None:
    assert last_figures(tmp_path) is None
    (tmp_path / FILE).write_bytes(b'{"written": 1')
    assert last_figures(tmp_path) is None


def test_a_folder_that_takes_nothing_does_not_end_the_watch(tmp_path: Path) -> None:
    told: list[Figures] = []
    Leaving(tmp_path / "gone", lambda: None, told.append)(figures(1))
    assert len(told) == 1
