"""Terminals as pages: what is known of a model, and that what was never assessed has not passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.assessed import assessed
from fakes.console_day import Day, day


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with day(tmp_path_factory.mktemp("day") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def real(life: Day) -> dict[str, str]:
    made = assessed(life.folder / "assessments")
    life.console.terminals.catch_up()
    return made


def test_terminals_and_one_of_them(life: Day, real: dict[str, str]) -> None:
    every = life.browser().get("/terminals?format=json").json()["rows"]
    assert "A/B Works R<1>" in {row["terminal"] for row in every}
    shown = life.browser().get("/terminals").text
    assert 'href="/terminals/A/B%20Works%20R%3C1%3E"' in shown
    one = life.browser().get("/terminals/A/B%20Works%20R%3C1%3E").text
    assert "cert-1" in one
    assert "a person weighs it" in one
    assert 'href="/assess/real"' in one
    assert life.browser().get("/terminals/none").status_code == 404
    failed = life.browser().get("/terminals?verdict=FAIL&format=json").json()["rows"]
    assert failed
    assert all("FAIL" in row["verdicts"] for row in failed)


def test_a_terminal_that_was_never_assessed_has_not_passed(life: Day) -> None:
    (life.folder / "terminals" / "new.toml").write_text('maker = "New"\nmodel = "N-1"\n', encoding="utf-8")
    (life.folder / "terminals" / "broken.toml").write_text("maker = ", encoding="utf-8")
    life.console.terminals.catch_up()
    shown = life.browser().get("/terminals/New%20N-1").text
    assert "Not assessed yet" in shown
    assert "broken.toml" in life.browser().get("/terminals").text
