"""The registry of assessments: pages, filters, the matrix of terminals and duties, on both engines."""

from __future__ import annotations

import msgspec
import pytest

from sekisho.errors import DescriptionError
from sekisho.model.registry import AssessmentRow, Registered, State
from sekisho.model.verdict import Verdict
from sekisho.ports.registry import AssessmentFilter
from sekisho.stores.database import Database, SqlAssessments

P, F, I = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741 - as in the matrix
EVERY = AssessmentFilter()


@pytest.fixture
def registry(database: Database) -> SqlAssessments:
    return SqlAssessments(database)


def one(
    name: str, terminal: str, began: int, duties: dict[str, dict[str, Verdict]], **more: object
) -> Registered:
    verdicts = {catalogue: max(found.values()) for catalogue, found in duties.items()}
    row = AssessmentRow(
        name, terminal, "ACME", terminal.removeprefix("ACME "), began=began, ended=began + 5, person="佐藤",
        state=State.COMPLETE, verdicts=verdicts, mark="1.2", unit="SN-" + name,
    )  # fmt: skip
    return Registered(msgspec.structs.replace(row, **more), duties)


def some() -> list[Registered]:
    return [
        one("a1", "ACME R1", 100, {"law": {"1": P, "2": F}, "jc": {"x": P}}),
        one("a2", "ACME R1", 200, {"law": {"1": P, "2": P}}),
        one("a3", "ACME R2", 200, {"law": {"1": I, "2": P}}),
        one("a4", "ACME R3", 50, {}, state=State.STOPPED, ended=0),
        one("a5", "ACME R2", 300, {}, state=State.DAMAGED, problem="chain.jsonl:7"),
    ]


def names(registry: SqlAssessments, wanted: AssessmentFilter = EVERY, limit: int = 2) -> list[str]:
    found, after = [], ""
    while True:
        page = registry.find(wanted, after=after, limit=limit)
        found += [row.id for row in page.assessments]
        after = page.next
        if not after:
            return found


def test_they_are_listed_newest_first_by_pages(registry: SqlAssessments) -> None:
    registry.put(some())
    assert names(registry) == ["a5", "a2", "a3", "a1", "a4"]
    assert registry.one("a1") == some()[0].row
    assert registry.one("zz") is None
    assert registry.known()["a4"].state is State.STOPPED
    with pytest.raises(DescriptionError):
        registry.find(EVERY, after="?")


@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        (AssessmentFilter(terminal="ACME R1"), ["a2", "a1"]),
        (AssessmentFilter(maker="ACME", model="R2"), ["a5", "a3"]),
        (AssessmentFilter(states=(State.STOPPED, State.DAMAGED)), ["a5", "a4"]),
        (AssessmentFilter(catalogue="law"), ["a2", "a3", "a1"]),
        (AssessmentFilter(catalogue="law", verdict=F), ["a1"]),
        (AssessmentFilter(verdict=P), ["a2", "a1"]),
        (AssessmentFilter(catalogue="jc", verdict=F), []),
        (AssessmentFilter(since=100, until=300), ["a2", "a3", "a1"]),
        (AssessmentFilter(text="SN-a3"), ["a3"]),
        (AssessmentFilter(text="佐"), ["a5", "a2", "a3", "a1", "a4"]),
        (AssessmentFilter(text="100%_"), []),
    ],
)
def test_filters(registry: SqlAssessments, wanted: AssessmentFilter, right: list[str]) -> None:
    registry.put(some())
    assert names(registry, wanted) == right


def test_the_matrix_shows_the_newest_judgement_of_each_catalogue(registry: SqlAssessments) -> None:
    registry.put(some())
    first, second = registry.matrix()
    # The newer assessment was judged by the law alone: what is known of the other catalogue stays.
    assert (first.terminal, first.assessments) == ("ACME R1", {"law": "a2", "jc": "a1"})
    assert first.verdicts == {"law/1": P, "law/2": P, "jc/x": P}
    assert first.whole == {"law": P, "jc": P}
    # A damaged one says nothing about a duty, and one that was never judged has no row.
    assert (second.terminal, second.assessments) == ("ACME R2", {"law": "a3"})
    assert [row.terminal for row in registry.matrix("law", limit=1)] == ["ACME R1"]
    assert [row.terminal for row in registry.matrix("law", after="ACME R1")] == ["ACME R2"]
    assert registry.matrix("none") == ()
    assert registry.catalogues() == ("jc", "law")


def test_the_newest_of_each_terminal(registry: SqlAssessments) -> None:
    registry.put(some())
    assert [(row.id, count) for row, count in registry.newest()] == [("a2", 2), ("a5", 2), ("a4", 1)]


def test_what_is_put_again_or_dropped_leaves_nothing_behind(registry: SqlAssessments) -> None:
    registry.put(some())
    registry.put([one("a2", "ACME R1", 200, {"law": {"1": F}})])
    assert registry.matrix("law")[0].verdicts == {"law/1": F}
    registry.drop(["a1", "a2", "a3"])
    assert names(registry) == ["a5", "a4"]
    assert registry.matrix() == ()
    registry.put([])
