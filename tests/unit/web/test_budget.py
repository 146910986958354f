"""Each page asks the database a fixed number of questions, however much is in it.

A question more for each row is what makes a page slow on the day on which there is much; such a page fails here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from fakes.console import browsing, first_admin, quick
from sekisho.demo.console_day import Wanted, fill
from sekisho.ports.detections import DetectionFilter
from sekisho.web.installation import office_of
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds

SIZES = {
    "few": Wanted(detections=60, cases=12, assessments=3, terminals=2, flows=100, audit=8),
    "many": Wanted(detections=2_000, cases=300, assessments=40, terminals=30, flows=100, audit=80),
}
# Statements besides BEGIN. One of each is for finding out who asks.
BUDGET = {
    "/": 15,
    "/search?q=203.0.113.7": 12,
    "/assess": 6,
    "/assess?verdict=FAIL": 2,
    "/assess/matrix": 5,
    "/assess/{assessment}": 1,
    "/assess/{assessment}/verify": 2,
    "/assess/{assessment}/changes": 1,
    "/assess/new": 2,
    "/assess/runs": 1,
    "/terminals": 2,
    "/terminals/new": 1,
    "/terminals/{terminal}": 3,
    "/watch": 1,
    "/watch/detections": 7,
    "/watch/detections?method=known_cc&grade=confirmed": 7,
    "/watch/detections?line={line}": 7,
    "/watch/detections?case={case}": 8,
    "/watch/detections/{detection}": 7,
    "/cases": 3,
    "/cases?state=open&family=mirai": 3,
    "/cases/{case}": 13,  # the newest detections are shown with their rows, each asked for by itself: three at most
    "/notices": 3,
    "/notices?state=all": 3,
    "/notices/{notice}": 5,
    "/notices/batch": 2,
    "/healing": 1,
    "/healing?by=channel": 1,
    "/accidents": 3,
    "/accidents/statistics": 3,
    "/accidents/{accident}": 6,
    "/accidents/{accident}/first/2": 6,
    "/duties": 5,
    "/duties/calendar.ics": 5,
    "/duties/people": 3,
    "/duties/checks": 7,
    "/duties/checks/2026": 13,
    "/duties/checks/2026/since/2025": 5,
    "/duties/drills": 3,
    "/duties/drills/{drill}": 3,
    "/duties/reminders": 7,
    "/duties/names": 3,
    "/duties/learning": 5,
    "/duties/learning/{accident}": 9,
    "/audit": 2,
    "/audit?act=sign-in": 2,
    "/audit?check=1": 4,  # the chain and its checkpoints
    "/held": 1,
    "/people": 2,
    "/account": 4,
    "/help": 1,
    "/settings": 4,
    "/settings/days": 2,
    "/healthz": 0,
    "/readyz": 1,
    "/metrics": 2,
    "/api/v1/openapi.json": 1,
}
# What a page may stay below its budget where there is little to show.
SLACK = 4


class Counted:
    """A console over data of one size, and what its database is asked meanwhile."""

    def __init__(self, browser: TestClient, names: dict[str, str]) -> None:
        self.browser, self.names = browser, names

    def ask(self, path: str) -> list[str]:
        """Return the statements of one request, the second of its kind: what is read once is not counted."""
        asked = path.format(**self.names)
        assert self.browser.get(asked).status_code == 200, asked
        with _statements() as found:
            self.browser.get(asked)
        return found


@contextmanager
def _statements() -> Iterator[list[str]]:
    found: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        # The indices follow their logs on threads of their own, whoever asks.
        if statement != "BEGIN" and not threading.current_thread().name.startswith(("refreshing", "warming")):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(scope="module", params=SIZES)
def counted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    folder = tmp_path_factory.mktemp("budget") / "data"
    fill(folder, SIZES[request.param], now=milliseconds())
    with Console(folder) as console:
        console.watch.catch_up()
        console.terminals.catch_up()
        detection = console.watch.detections(DetectionFilter(), limit=1).listed[0]
        assessment = console.terminals.assessments(limit=1).assessments[0]
        names = {
            "assessment": assessment.id,
            "terminal": quote(assessment.terminal),
            "line": f"{detection.subscriber:x}",
            "detection": detection.id,
            "drill": console.drills.drills()[0].id,
            "accident": console.accidents.find(limit=1)[0].id,
            "case": console.casework.cases(limit=1).cases[0].id,
            "notice": console.casework.notices(limit=1)[0].id,
        }
        office = quick(office_of(console, Listening(port=8443)))
        yield Counted(browsing(office, first_admin(office).token), names)


@pytest.mark.parametrize("path", BUDGET)
def test_a_page_keeps_to_its_budget_of_statements(counted: Counted, path: str) -> None:
    found = counted.ask(path)
    assert len(found) <= BUDGET[path], "\n".join(found)


def test_no_budget_is_loose(counted: Counted) -> None:
    """A budget that nobody needs hides the next question that is one too many."""
    loose = {path: len(counted.ask(path)) for path in BUDGET}
    assert {path: count for path, count in loose.items() if count < BUDGET[path] - SLACK} == {}
