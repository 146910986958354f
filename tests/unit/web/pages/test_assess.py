"""Assessments as pages: verdicts down to conversations, nothing altered is shown, hostile devices stay text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.assessed import assessed
from fakes.casework import queries
from fakes.console_day import Day, day
from sekisho.model.registry import State
from sekisho.ports.registry import AssessmentFilter


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def real(life: Day) -> dict[str, str]:
    made = assessed(life.folder / "assessments")
    life.console.terminals.catch_up()
    return made


def test_the_list_and_its_filters(life: Day, real: dict[str, str]) -> None:
    every = life.browser().get("/assess?format=json").json()["rows"]
    assert len(every) == 25
    shown = life.browser().get("/assess")
    assert shown.status_code == 200
    assert 'class="matrix' in shown.text
    for state in State:
        rows = life.browser().get(f"/assess?state={state.value}&format=json").json()["rows"]
        expected = life.console.terminals.assessments(
            AssessmentFilter(states=(state,)), limit=100
        ).assessments
        assert {row["id"] for row in rows} == {one.id for one in expected}
    assert [row["id"] for row in life.browser().get("/assess?text=R%3C1%3E&format=json").json()["rows"]] == [
        "real"
    ]
    assert "No assessment fits" in life.browser().get("/assess?text=nothing+here").text
    assert life.browser().get("/assess?state=fine").status_code == 400
    assert life.browser().get("/assess?verdict=GOOD").status_code == 400


def test_the_matrix_never_shows_absence_as_a_pass(life: Day, real: dict[str, str]) -> None:
    shown = life.browser().get("/assess/matrix?catalogue=jp-2020").text
    row = shown[shown.index("R&lt;1&gt;") :]
    row = row[: row.index("</tr>")]
    # One duty was judged, and failed; the others were not.
    assert row.count("Not run") >= 3
    assert "Pass" not in row
    told = life.browser().get("/assess/matrix?catalogue=jp-2020&format=json").json()["rows"]
    assert next(one for one in told if one["terminal"] == "A/B Works R<1>")["JP20-1"] == "FAIL"


def test_every_state_of_an_assessment_is_a_page(life: Day) -> None:
    states = set()
    for one in life.console.terminals.assessments(limit=100).assessments:
        answer = life.browser().get(f"/assess/{one.id}")
        assert answer.status_code == 200, one.id
        states.add(one.state)
        if one.state is State.DAMAGED:
            assert "don&#39;t trust the verdicts" in answer.text
        if one.state is State.STOPPED:
            assert "Not judged yet" in answer.text
    assert {State.COMPLETE, State.STOPPED, State.DAMAGED} <= states


@pytest.mark.parametrize(
    ("path", "most"),
    [("/assess", 10), ("/assess/matrix?catalogue=jp-2020", 8), ("/assess/real", 4), ("/terminals", 5)],
)
def test_a_page_asks_the_database_few_questions(
    life: Day, real: dict[str, str], path: str, most: int
) -> None:
    life.browser().get(path)
    with queries(life.office) as asked:
        assert life.browser().get(path).status_code == 200
    assert len(asked) <= most, asked
