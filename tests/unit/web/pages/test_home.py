"""The first page over a folder as days of work leave it."""

from pathlib import Path

from starlette.testclient import TestClient

from fakes.console import browsing, first_admin, quick
from sekisho.demo.console_day import Wanted, fill, leave_figures
from sekisho.web.installation import office_of
from sekisho.web.serving import Listening
from sekisho.wiring.console import Console
from sekisho.wiring.moment import milliseconds

FEW = Wanted(detections=60, cases=12, assessments=2, terminals=2, flows=200, audit=5)


def _home(folder: Path, written: int) -> str:
    leave_figures(folder, written)
    with Console(folder) as console:
        office = quick(office_of(console, Listening(port=8443)))
        browser: TestClient = browsing(office, first_admin(office).token)
        answer = browser.get("/")
        assert answer.status_code == 200
        return answer.text


def test_a_watch_that_has_stopped_is_told_with_the_time_of_its_last_figures(tmp_path: Path) -> None:
    fill(tmp_path / "data", FEW, now=milliseconds())
    assert "フローの監視が止まっている（最後の値" in _home(tmp_path / "data", milliseconds() - 3_600_000)
