"""Counting, and the text format that it is told in, read by its peer."""

from pathlib import Path

from sekisho.web.measures import Figures, Gathered, Measures, added, exposed, series


def test_a_histogram_is_cumulative_and_in_order() -> None:
    made = Measures()
    for seconds in (0.004, 0.2, 20):
        made.took("/x", seconds)
    lines = [one for one in exposed(made.figures()).splitlines() if "_bucket" in one]
    assert [float(one.split()[-1]) for one in lines] == [1, 1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert 'le="0.005"' in lines[0]
    assert 'le="+Inf"' in lines[-1]


def test_labels_are_escaped() -> None:
    assert series("a", b='x"\\\n') == 'a{b="x\\"\\\\\\n"}'


def test_each_family_has_one_head_however_many_series() -> None:
    made = Measures()
    for status in (200, 404):
        made.count("sekisho_requests_total", route="/", status=status)
    assert exposed(made.figures()).count("# TYPE sekisho_requests_total counter") == 1


def test_workers_are_added_up_and_a_successor_goes_on_without_the_gauges(tmp_path: Path) -> None:
    first, second = Gathered(tmp_path, 0), Gathered(tmp_path, 1)
    first.measures.count("sekisho_rate_limited_total", 3)
    first.measures.move("sekisho_live_clients", 2)
    second.measures.count("sekisho_rate_limited_total")
    first._write(first.measures.figures())
    assert second() == Figures({"sekisho_rate_limited_total": 4}, {"sekisho_live_clients": 2})
    after = Gathered(tmp_path, 0)
    assert after.measures.figures() == Figures({"sekisho_rate_limited_total": 3}, {})


def test_nothing_added_is_nothing() -> None:
    assert added([]) == Figures()
    assert exposed(Figures()) == "\n"
