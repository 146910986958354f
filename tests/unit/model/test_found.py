"""Doings are counted and told once, however many windows and looks show them."""

from __future__ import annotations

from sekisho.model.detection import Detection, Grade
from sekisho.model.found import Found

HOUR = 3_600_000


def seen(
    name: str, line: int = 1, *, begin: int = 0, rows: int = 1, grade: Grade = Grade.LIKELY, remote: str = "a"
) -> Detection:
    return Detection(name, "m", line, begin, begin + 10, grade, "r", remotes=(remote,), rows=rows)


def test_the_same_again_and_a_second_view_of_it_are_one() -> None:
    found = Found(5)
    found.add(seen("x"))
    assert [one.id for one in found.new()] == ["x"]
    found.add(seen("x", rows=3))
    found.add(seen("y", begin=5, rows=2))  # another window, which saw less of it
    assert found.new() == ()
    assert (found.count, [(one.id, one.rows) for one in found.latest]) == (1, [("x", 3)])
    found.add(seen("z", begin=5, rows=9))
    assert (found.count, [one.id for one in found.latest]) == (1, ["z"])


def test_what_becomes_surer_is_told_again_and_not_counted_again() -> None:
    found = Found(5)
    for grade in (Grade.WATCH, Grade.CONFIRMED, Grade.LIKELY):
        found.add(seen("x", grade=grade))
    assert [one.grade for one in found.new()] == [Grade.WATCH, Grade.CONFIRMED]
    assert found.count == 1


def test_more_than_are_shown_are_counted() -> None:
    found = Found(3)
    for line in range(200):
        found.add(seen(f"{line}", line))
    for line in range(200):
        found.add(seen(f"{line}", line))
    assert (found.count, len(found.new()), len(found.latest)) == (200, 200, 3)


def test_memory_is_bounded() -> None:
    found = Found(3, most=10)
    for line in range(100):
        found.add(seen(f"{line}", line, begin=line * HOUR))
    assert len(found._known) == 10
    found.forget(95 * HOUR)
    assert len(found._known) == 5
    found.add(seen("later", 99, begin=99 * HOUR + 5, remote="b"))
    assert found.count == 101
