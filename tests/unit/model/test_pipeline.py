from __future__ import annotations

from sekisho.model.pipeline import NOBODY, StageCount, Step, added, by_exporter, unexplained


def count(exporter: str, step: Step, name: str, number: int) -> StageCount:
    return StageCount(exporter, step, name, number)


FIGURES = (
    count("192.0.2.1", Step.RECEIVER, "received", 10),
    count("192.0.2.1", Step.RECEIVER, "too-long", 1),
    count("192.0.2.1", Step.SPOOL, "spooled", 7),
    count("192.0.2.1", Step.SPOOL, "spool-full", 2),
    count(NOBODY, Step.RECEIVER, "received", 3),
    count(NOBODY, Step.RECEIVER, "not-allowed", 3),
)


def test_every_datagram_has_a_fate() -> None:
    assert unexplained(FIGURES) == 0
    assert unexplained(FIGURES[:-1]) == 3
    assert unexplained(FIGURES[1:]) == -10


def test_figures_of_several_processes_add_up() -> None:
    twice = added((*FIGURES, *FIGURES))
    assert len(twice) == len(FIGURES)
    assert by_exporter(twice)["192.0.2.1"]["receiver received"] == 20
    assert by_exporter((*FIGURES, *FIGURES)) == by_exporter(twice)
    assert list(by_exporter(FIGURES)) == ["", "192.0.2.1"]
